//! `serve`: the connector as a service behind HTTP, from its start to its graceful end.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware::from_fn;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use mqtt_connector::{Connector, Response};
use mqtt_connector_contract::exit_code::{FAULT, UNUSABLE_FILE};
use mqtt_connector_service::Executions;
use mqtt_connector_service::http::{Address, Api, Listener, Server, TlsFiles};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use mqtt_connector_cli::component::{self, Calls};
use mqtt_connector_cli::output::note;
use mqtt_connector_cli::response::response;
use mqtt_connector_cli::{shortage, tenants};

use crate::arguments::serve::ServeArguments;
use crate::traces::traced;

/// How long brokers may take to hear that their connections end.
const GOODBYE: Duration = Duration::from_secs(5);

/// How often what was measured is made smaller.
const UPKEEP: Duration = Duration::from_secs(5);

/// The upper ends of the buckets of what is measured in seconds.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// Serves until SIGTERM or SIGINT, and then until what runs has ended.
///
/// # Errors
///
/// The response: the service cannot be started.
pub(crate) fn serve(arguments: &ServeArguments) -> Result<String, Response> {
    shortage::check_descriptors()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| response(FAULT, format!("The runtime cannot be started: {error}.")))?;
    let served = runtime.block_on(run(arguments));
    // A name look-up that still hangs has no say any more.
    runtime.shutdown_background();
    served.map(|()| String::new())
}

async fn run(arguments: &ServeArguments) -> Result<(), Response> {
    // Before anything else, so that nothing is ended half done.
    let mut signals = Signals::listen()?;
    let metrics = install_metrics().map_err(|error| response(FAULT, format!("Metrics: {error}.")))?;
    let connector =
        Arc::new(component::connector(&arguments.connector, Calls::Any { places: Connector::POOL })?);
    connector.tenants().replace_all(tenants::read(&arguments.tenants)?);
    let tls = arguments.tls.as_ref().map(|(certificate, key)| TlsFiles::read(certificate, key)).transpose();
    let tls = tls.map_err(|error| response(UNUSABLE_FILE, format!("{error}.")))?.map(Arc::new);
    let store = arguments.store.open(arguments.store_size, arguments.retention).await?;
    let listener = bind(&arguments.listen).await?;
    let operation = match &arguments.metrics {
        Some(address) => Some(bind(address).await?),
        None => None,
    };

    let executions = Executions::builder(Arc::clone(&connector), store).start();
    let api = Api::builder(Arc::clone(&connector), executions)
        .largest_body(arguments.largest_body)
        .metrics(move || metrics.render());
    let api = match arguments.console {
        Some(cookies) => api.console(cookies).build(),
        None => api.build(),
    };
    let mut router = api.router(operation.is_none());
    if arguments.is_traced {
        router = router.layer(from_fn(traced));
    }
    say_where(&listener, tls.is_some());
    let stop = CancellationToken::new();
    let mut server = Server::new(listener, router).connections(arguments.connections.min(most_connections()));
    if let Some(tls) = tls {
        server = server.tls(tls);
    }
    let server = tokio::spawn(server.serve(stop.clone().cancelled_owned()));
    let operation = operation.map(|listener| {
        let server = Server::new(listener, api.operation_router());
        tokio::spawn(server.serve(stop.clone().cancelled_owned()))
    });

    signals.until_the_end(async || reload(arguments, &connector).await).await;
    let drain = api.drain(arguments.drain);
    let was_whole = signals.unless_a_second_one(async || reload(arguments, &connector).await, drain).await;
    if !was_whole {
        note("mqtt-connector: what still ran after --drain was broken off");
    }
    stop.cancel();
    // A task that has panicked has ended, too.
    let _ = server.await;
    if let Some(operation) = operation {
        let _ = operation.await;
    }
    if tokio::time::timeout(GOODBYE, connector.close()).await.is_err() {
        note("mqtt-connector: not all brokers could be told that their connections end");
    }
    Ok(())
}

/// Lets the process have as many descriptors as the system allows it, and answers how many connections leave half of them to brokers.
fn most_connections() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // Where it is not allowed, there are as many as before.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let descriptors = getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok());
    descriptors.map_or(usize::MAX, |descriptors| descriptors / 2)
}

async fn bind(address: &Address) -> Result<Listener, Response> {
    Listener::bind(address).await.map_err(|error| response(FAULT, format!("{address}: {error}.")))
}

fn say_where(listener: &Listener, is_tls: bool) {
    let address = listener.address();
    let scheme = match (address, is_tls) {
        (Address::Unix(_), _) => "",
        (Address::Tcp(_), false) => "http://",
        (Address::Tcp(_), true) => "https://",
    };
    note(&format!("mqtt-connector: listening on {scheme}{address}"));
}

/// Reads the file of tenants again. What is wrong with it is said, and changes nothing.
async fn reload(arguments: &ServeArguments, connector: &Connector) {
    let file = arguments.tenants.clone();
    let path = Path::new(file.path()).display().to_string();
    match tokio::task::spawn_blocking(move || tenants::read(&file)).await {
        Ok(Ok(read)) => {
            let count = read.iter().len();
            connector.tenants().replace_all(read);
            note(&format!("mqtt-connector: {path}: read again; tenants: {count}"));
        }
        Ok(Err(wrong)) => note(&format!("mqtt-connector: {} Nothing has changed.", wrong.meta.message)),
        Err(_) => note(&format!("mqtt-connector: {path}: reading it has panicked. Nothing has changed.")),
    }
}

/// What `/metrics` shows.
fn install_metrics() -> Result<PrometheusHandle, BuildError> {
    let builder = PrometheusBuilder::new();
    let builder = builder.set_buckets_for_metric(Matcher::Suffix("duration".to_owned()), &SECONDS)?;
    let builder = builder.set_buckets_for_metric(Matcher::Suffix("create_time".to_owned()), &SECONDS)?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(BuildError::FailedToSetGlobalRecorder)?;
    mqtt_connector::telemetry::describe();
    mqtt_connector_service::http::describe_metrics();
    let kept = handle.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            kept.run_upkeep();
        }
    });
    Ok(handle)
}

/// SIGTERM and SIGINT end the service, SIGHUP has the tenants read again.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Response> {
        let listen = |kind| {
            signal(kind).map_err(|error| response(FAULT, format!("Signals cannot be heard: {error}.")))
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for a signal that ends the service, and answers which it was; `reload` is called for each other one.
    async fn until_the_end(&mut self, reload: impl AsyncFn()) -> SignalKind {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return SignalKind::terminate(),
                _ = self.interrupt.recv() => return SignalKind::interrupt(),
                _ = self.hangup.recv() => reload().await,
            }
        }
    }

    /// Waits for what has to be done at the end. A second signal that ends the service ends the process at once.
    async fn unless_a_second_one<T>(&mut self, reload: impl AsyncFn(), work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            kind = self.until_the_end(reload) => std::process::exit(128 + kind.as_raw_value()),
        }
    }
}
