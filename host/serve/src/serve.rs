//! `serve`: the connector as a service behind HTTP, from its start to its graceful end.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::middleware::from_fn;
use metrics_exporter_prometheus::PrometheusHandle;
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
use crate::metrics;
use crate::otlp::Telemetry;
use crate::traces::traced;

/// How long brokers may take to hear that their connections end.
const GOODBYE: Duration = Duration::from_secs(5);

/// How often something is measured, and what was measured is made smaller.
const UPKEEP: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or SIGINT, and then until what runs has ended.
///
/// # Errors
///
/// The response: the service cannot be started.
pub(crate) fn serve(arguments: &ServeArguments, telemetry: Option<&Telemetry>) -> Result<String, Response> {
    shortage::check_descriptors()?;
    check_clock(SystemTime::now())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| response(FAULT, format!("The runtime cannot be started: {error}.")))?;
    let served = runtime.block_on(run(arguments, telemetry));
    // A name look-up that still hangs has no say any more.
    runtime.shutdown_background();
    served.map(|()| String::new())
}

/// Refuses a clock that nobody can date an answer by, or tell whether a certificate is valid.
fn check_clock(now: SystemTime) -> Result<(), Response> {
    let said = "The clock of this machine says a time before 1970: set it, and start the service again.";
    if now < UNIX_EPOCH { Err(response(FAULT, said.to_owned())) } else { Ok(()) }
}

async fn run(arguments: &ServeArguments, telemetry: Option<&Telemetry>) -> Result<(), Response> {
    // Before anything else, so that nothing is ended half done.
    let mut signals = Signals::listen()?;
    let metrics = metrics::install(telemetry.and_then(|telemetry| telemetry.metrics.as_ref()))?;
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
    let api =
        Api::builder(Arc::clone(&connector), executions).largest_body(arguments.largest_body).metrics({
            let metrics = metrics.clone();
            move || metrics.render()
        });
    let api = match arguments.console {
        Some(cookies) => api.console(cookies).build(),
        None => api.build(),
    };
    let mut router = api.router(operation.is_none());
    if telemetry.is_some_and(|telemetry| telemetry.traces.is_some()) {
        router = router.layer(from_fn(traced));
    }
    say_where(&listener, tls.is_some());
    let stop = CancellationToken::new();
    let upkeep = tokio::spawn(stop.clone().run_until_cancelled_owned(upkeep(api.clone(), metrics)));
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
    let _ = upkeep.await;
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
    let path = file.path().to_owned();
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

/// Measures what nobody counts, and makes what was measured smaller.
async fn upkeep(api: Api, metrics: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        api.measure();
        metrics.run_upkeep();
    }
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
        let Self { terminate, interrupt, hangup } = self;
        // Beside the others: a file that does not come, as from a server that is away, keeps nothing from ending.
        let reloads = async {
            loop {
                hangup.recv().await;
                reload().await;
            }
        };
        tokio::select! {
            _ = terminate.recv() => SignalKind::terminate(),
            _ = interrupt.recv() => SignalKind::interrupt(),
            never = reloads => never,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_1970_is_refused_with_a_sentence() {
        assert!(check_clock(SystemTime::now()).is_ok() && check_clock(UNIX_EPOCH).is_ok());
        let wrong = check_clock(UNIX_EPOCH - Duration::from_millis(1)).unwrap_err();
        assert_eq!(wrong.meta.exit_code, FAULT);
        let said = "The clock of this machine says a time before 1970: set it, and start the service again.";
        assert_eq!(wrong.meta.message, said);
    }
}
