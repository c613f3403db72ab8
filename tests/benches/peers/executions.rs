//! Executions: how fast they are accepted and carried out, what a backlog takes of memory, and of another tenant's time.

mod append_log;
mod nats;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mqtt_connector::{Connector, Limits, Tenant};
use mqtt_connector_service::{Executions, Query, Request, SqliteStore, Status, Submission};
use mqtt_connector_tests::Mosquitto;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::http::server::Calls;
use crate::http::{self, TOKEN, fresh};
use crate::measure::{Bound, Case, Target, Unit, Way, quantile};
use crate::report::Section;
use crate::service::multi_thread;
use crate::settings::{Settings, directory};
use append_log::AppendLog;
use nats::Nats;

/// Who submits at one time; each waits for its answer before it submits again.
const SUBMITTERS: usize = 16;

/// What a tenant has waiting while another one's executions are timed.
const BACKLOG: usize = 100_000;

/// How often an execution is timed, in a round.
const TIMED: usize = 200;

const PATIENCE: Duration = Duration::from_secs(300);

const ACCEPTED: &str = "accepted";
const CARRIED_OUT: &str = "accepted and carried out";
const STORE: &str = "mqtt-connector, SQLite";
const LOG: &str = "append log, fdatasync";
const NATS: &str = "NATS, sync always";
const BESIDE: &str = "beside 100,000 of another tenant";
const ALONE: &str = "alone";

pub(crate) fn measure(settings: &Settings) -> Section {
    let home = fresh(&directory().join("executions"));
    let cases = [accepted(settings, &home), carried_out(settings, &home), fairness(settings, &home)];
    let [resident, most, waiting] = memory(settings, &home);
    let [accepted, carried_out, fairness] = &cases;
    let targets = [
        Target::ratio(accepted, STORE, LOG, Bound::AtLeast(0.7)),
        Target::ratio(accepted, STORE, NATS, Bound::AtLeast(3.0)),
        // Those that are under way when the last one is accepted end after it.
        Target::ratio(carried_out, CARRIED_OUT, ACCEPTED, Bound::AtLeast(0.95)),
        Target::ratio(fairness, BESIDE, ALONE, Bound::AtMost(2.0)),
        Some(Target {
            what: format!("MB of memory at most, {waiting:.0} executions waiting"),
            measured: most,
            bound: Bound::AtMost(200.0),
        }),
    ];
    Section {
        name: "executions",
        title: "Executions",
        about: format!(
            "{SUBMITTERS} submitters, each of which waits for its answer before it submits again; messages of 64 bytes with QoS 1. Accepted: \
             what they submit waits for its broker, which has stopped; the append log has the same requests, and makes durable together \
             what has come together; the publishers of NATS 2.15.1 have a connection each."
        ),
        targets: targets.into_iter().flatten().collect(),
        notes: vec![format!(
            "{waiting:.0} executions accepted over HTTP and waiting: {resident:.0} MB resident, {most:.0} MB at most"
        )],
        cases: cases.into(),
    }
}

/// A service without HTTP, and its tenants.
struct Service {
    runtime: Runtime,
    connector: Arc<Connector>,
    executions: Executions,
    broker: Mosquitto,
}

impl Service {
    fn start(store: &Path) -> Self {
        let runtime = multi_thread();
        let broker = Mosquitto::builder().quiet_log().start();
        let connector = Arc::new(Connector::new().unwrap());
        let guard = runtime.enter();
        let executions =
            Executions::builder(Arc::clone(&connector), Arc::new(SqliteStore::open(store).unwrap())).start();
        drop(guard);
        Self { runtime, connector, executions, broker }
    }

    fn tenant(&self, name: &str) -> Tenant {
        let broker = format!("tcp://127.0.0.1:{}", self.broker.port());
        let limits = Limits::builder().messages_per_second(u32::MAX).concurrent_sends(10_000).build();
        let tenant = Tenant::builder(name).broker(broker.parse().unwrap()).topics("#".parse().unwrap());
        let config = json!({"broker": broker, "client-id": name, "topic": "bench", "qos": 1});
        self.connector.tenants().replace(tenant.limits(limits).config(config.to_string()).build())
    }

    /// Submits so many, from [`SUBMITTERS`] tasks.
    fn submit(&self, tenant: &Tenant, count: usize) {
        let submitters = (0..SUBMITTERS).map(|_| {
            let (executions, tenant) = (self.executions.clone(), tenant.clone());
            async move {
                for _ in 0..count / SUBMITTERS {
                    executions.submit(&tenant, submission()).await.unwrap();
                }
            }
        });
        self.runtime.block_on(async { submitters.collect::<JoinSet<_>>().join_all().await });
    }

    /// Waits until nothing of `tenant` waits any more.
    fn wait_until_ended(&self, tenant: &Tenant) {
        let deadline = Instant::now() + PATIENCE;
        let has = |status| {
            let query = Query {
                tenant: Some(tenant.name().to_owned()),
                status: Some(status),
                limit: std::num::NonZeroU32::new(1),
                ..Query::default()
            };
            !self.runtime.block_on(self.executions.list(query)).unwrap().executions.is_empty()
        };
        while has(Status::Accepted) || has(Status::Running) {
            assert!(Instant::now() < deadline, "the executions of {} do not end", tenant.name());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Milliseconds from the submission of an execution until it has ended, one after the other.
    fn times(&self, tenant: &Tenant) -> Vec<f64> {
        let (executions, tenant) = (self.executions.clone(), tenant.clone());
        let timed = self.runtime.spawn(async move {
            let mut times = Vec::with_capacity(TIMED);
            for _ in 0..TIMED {
                let started = Instant::now();
                let submitted = executions.submit(&tenant, submission()).await.unwrap();
                let ended = executions.wait(tenant.name(), submitted.execution.id, PATIENCE).await.unwrap();
                times.push(started.elapsed().as_secs_f64() * 1e3);
                assert_eq!(ended.unwrap().meta.unwrap().exit_code, 0);
            }
            times
        });
        self.runtime.block_on(timed).unwrap()
    }

    fn end(self) {
        let Self { runtime, connector, executions, broker } = self;
        broker.resume();
        assert!(runtime.block_on(executions.drain(PATIENCE)));
        runtime.block_on(connector.close());
    }
}

fn request() -> String {
    json!({"content": "x".repeat(64)}).to_string()
}

fn submission() -> Submission {
    Submission::new(Request::parse(request()).unwrap())
}

/// Thousand executions in a second that are accepted and wait, beside two others that make records durable.
fn accepted(settings: &Settings, home: &Path) -> Case {
    const COUNT: usize = 16_000;
    /// NATS is slower: its rounds would take longer than those of all the others.
    const FEW: usize = 4_000;

    let service = Service::start(&home.join("accepted.db"));
    let tenant = service.tenant("a");
    service.broker.pause();
    let log = AppendLog::create(&home.join("append.log"));
    let nats = Nats::start();
    let mut clients: Vec<_> = (0..SUBMITTERS).map(|_| nats.client()).collect();
    let append = || {
        let submitters = (0..SUBMITTERS).map(|_| {
            let (log, record) = (log.clone(), request().into_bytes());
            async move {
                for _ in 0..COUNT / SUBMITTERS {
                    log.append(record.clone()).await;
                }
            }
        });
        service.runtime.block_on(async { submitters.collect::<JoinSet<_>>().join_all().await });
    };
    let mut publish = || {
        let record = request().into_bytes();
        std::thread::scope(|scope| {
            for client in &mut clients {
                scope.spawn(|| (0..FEW / SUBMITTERS).for_each(|_| client.publish(&record)));
            }
        });
    };
    let case = Case::measure(
        format!("accepted, {SUBMITTERS} submitters"),
        Unit::Rate,
        settings.few_rounds(),
        vec![
            (STORE, Box::new(|values| values.push(rate(COUNT, || service.submit(&tenant, COUNT))))),
            (NATS, Box::new(|values| values.push(rate(FEW, &mut publish)))),
            (LOG, Box::new(|values| values.push(rate(COUNT, append)))),
        ],
    );
    service.end();
    case
}

/// Thousand executions in a second, from the first submission until the last one is accepted, and until the last one has ended.
fn carried_out(settings: &Settings, home: &Path) -> Case {
    const COUNT: usize = 16_000;

    let service = Service::start(&home.join("carried-out.db"));
    let tenant = service.tenant("a");
    let (mut accepted, mut ended) = (Vec::new(), Vec::new());
    eprintln!("bench: {CARRIED_OUT}");
    for round in 0..=settings.few_rounds() {
        let mut taken = 0.0;
        let all = rate(COUNT, || {
            taken = rate(COUNT, || service.submit(&tenant, COUNT));
            service.wait_until_ended(&tenant);
        });
        if round > 0 {
            accepted.push(taken);
            ended.push(all);
        }
    }
    service.end();
    let ways = vec![
        Way { name: CARRIED_OUT.to_owned(), values: ended },
        Way { name: ACCEPTED.to_owned(), values: accepted },
    ];
    Case { name: format!("carried out meanwhile, {SUBMITTERS} submitters"), unit: Unit::Rate, ways }
}

/// The time of one tenant's execution, with and without another tenant's backlog, which is carried out meanwhile.
fn fairness(settings: &Settings, home: &Path) -> Case {
    let service = Service::start(&home.join("fairness.db"));
    let (a, b) = (service.tenant("a"), service.tenant("b"));
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    eprintln!("bench: {BESIDE}");
    for round in 0..=settings.few_rounds() / 2 {
        let one = service.times(&b);
        service.broker.pause();
        service.submit(&a, BACKLOG);
        service.broker.resume();
        let other = service.times(&b);
        service.wait_until_ended(&a);
        if round > 0 {
            alone.extend(one);
            beside.extend(other);
        }
    }
    service.end();
    eprintln!("bench: p99 {:.1} and {:.1} ms", quantile(&beside, 0.99), quantile(&alone, 0.99));
    let ways =
        vec![Way { name: BESIDE.to_owned(), values: beside }, Way { name: ALONE.to_owned(), values: alone }];
    Case { name: "an execution, from submission to its end".to_owned(), unit: Unit::Milliseconds, ways }
}

/// Megabytes of the service's process, now and at most, while so many executions wait that it has accepted over HTTP.
fn memory(settings: &Settings, home: &Path) -> [f64; 3] {
    const CONNECTIONS: u32 = 64;

    let home = fresh(&home.join("memory"));
    let broker = Mosquitto::builder().quiet_log().start();
    let server = http::service(&home, broker.port());
    broker.pause();
    let body = format!("{{\"request\": {}}}", request());
    let calls = Calls::post(&home, "/v1/executions", TOKEN, &body);
    eprintln!("bench: {} executions that wait", settings.executions);
    let mut waiting = 0;
    while waiting < settings.executions {
        waiting += calls.make(&server, CONNECTIONS, 5).calls;
    }
    let [resident, most] = server.memory().map(megabytes);
    drop(server);
    broker.resume();
    fs::remove_dir_all(home).unwrap();
    [resident, most, real(waiting)]
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn real(number: u64) -> f64 {
    number as f64
}

fn megabytes(bytes: u64) -> f64 {
    real(bytes) / 1e6
}

/// Thousand in a second, of `count` that `what` does.
fn rate(count: usize, what: impl FnOnce()) -> f64 {
    let started = Instant::now();
    what();
    real(count as u64) / 1e3 / started.elapsed().as_secs_f64()
}
