//! A service that sends one message at a time, through the library: over a warm connection, and over one connection for
//! each message.

use std::future::Future;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use mqtt_connector::{Connector, Limits, Tenant};
use mqtt_connector_tests::{Mosquitto, encode};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::measure::{Bound, Case, Target, Unit};
use crate::raw::Raw;
use crate::report::Section;
use crate::settings::Settings;

/// Sends in a round.
const SENDS: usize = 50;

/// What is between the sends of a service that is not busy: its processor falls asleep, and the broker's.
const PAUSE: Duration = Duration::from_millis(1);

const MULTI: &str = "library, multi-thread runtime";
const SINGLE: &str = "library, current-thread runtime";
const ANSWER: &str = "library, until the answer";
const CLOSED: &str = "library, until it is closed";
const RAW: &str = "raw socket";

/// A runtime, a connector that is used only there, and a tenant.
struct Service {
    runtime: Runtime,
    connector: Arc<Connector>,
    tenant: Arc<Tenant>,
    config: String,
}

impl Service {
    fn start(runtime: Runtime, port: u16, client_id: &str, idle: Duration) -> Self {
        let broker = format!("tcp://127.0.0.1:{port}");
        let mut limits = Limits::default();
        limits.messages_per_second = u32::MAX;
        let tenant = Tenant::builder("service").broker(broker.parse().unwrap());
        let tenant = tenant.topics("bench".parse().unwrap()).limits(limits).build();
        Self {
            runtime,
            connector: Arc::new(Connector::builder().idle(idle).build().unwrap()),
            tenant: Arc::new(tenant),
            config: json!({ "broker": broker, "client-id": client_id, "topic": "bench" }).to_string(),
        }
    }

    /// Sends as a task of the runtime, as a service does, and hands the times to `round`, in microseconds: until the
    /// answer, and until the connection is closed.
    fn round(&self, request: &str, sends: usize, pause: Duration, close: bool) -> Vec<[f64; 2]> {
        let (connector, tenant) = (Arc::clone(&self.connector), Arc::clone(&self.tenant));
        let (config, request) = (self.config.clone(), request.to_owned());
        self.wait(async move {
            let mut times = Vec::with_capacity(sends);
            for _ in 0..sends {
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                let started = Instant::now();
                let response = connector.send(&tenant, &config, &request).await;
                let answered = started.elapsed();
                assert_eq!(response.meta.exit_code, 0, "{}", response.meta.message);
                if close {
                    connector.close().await;
                }
                times.push([answered, started.elapsed()].map(|time| time.as_secs_f64() * 1e6));
            }
            times
        })
    }

    fn wait<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> T {
        self.runtime.block_on(self.runtime.spawn(future)).unwrap()
    }
}

/// Over a connection that is there.
pub(crate) fn warm(settings: &Settings) -> Section {
    let broker = Mosquitto::builder().quiet_log().start();
    let idle = Duration::from_secs(600);
    let multi = Service::start(multi_thread(), broker.port(), "multi", idle);
    let single = Service::start(current_thread(), broker.port(), "single", idle);
    let mut raw = Raw::connect(broker.port(), "raw");
    let mut cases = Vec::new();
    for (qos, pause) in [(0, Duration::ZERO), (1, Duration::ZERO), (2, Duration::ZERO), (1, PAUSE)] {
        let (request, publish) = message(qos);
        let (name, count) = match pause {
            Duration::ZERO => (format!("QoS {qos}"), SENDS),
            _ => (format!("QoS {qos}, after a pause of 1 ms"), SENDS / 5),
        };
        let sends = |service: &Service, values: &mut Vec<f64>| {
            values.extend(service.round(&request, count, pause, false).iter().map(|[answered, _]| *answered));
        };
        let mut exchange = |_| {
            if !pause.is_zero() {
                thread::sleep(pause);
            }
            timed(|| raw.exchange(&publish, qos))
        };
        let case = Case::measure(
            name,
            Unit::Microseconds,
            settings.rounds,
            vec![
                (MULTI, Box::new(|values| sends(&multi, values))),
                (SINGLE, Box::new(|values| sends(&single, values))),
                (RAW, Box::new(|values| values.extend((0..count).map(&mut exchange)))),
            ],
        );
        cases.push(case);
    }
    for service in [&multi, &single] {
        let connector = Arc::clone(&service.connector);
        service.wait(async move { connector.close().await });
    }
    raw.close();
    let targets = [MULTI, SINGLE].map(|way| Target::ratio(&cases[1], way, RAW, Bound::AtMost(1.5)));
    Section {
        name: "service",
        title: "A service's send",
        about: format!(
            "One message of 64 bytes at a time over a connection that is there, a fresh instance of the component for each; \
             {SENDS} in a round. The raw socket writes prepared bytes and waits for PUBACK, or PUBREC and PUBCOMP, in one \
             thread that blocks; at QoS 0 it only writes, which takes no round trip to compare with."
        ),
        cases,
        targets: targets.into_iter().flatten().collect(),
        notes: Vec::new(),
    }
}

/// Over a connection that is made for it.
pub(crate) fn connections(settings: &Settings) -> Section {
    let broker = Mosquitto::builder().quiet_log().start();
    let service = Service::start(current_thread(), broker.port(), "connections", Duration::ZERO);
    let mut cases = Vec::new();
    for qos in 0..=2 {
        let (request, publish) = message(qos);
        let mut answered = Vec::new();
        let mut case = Case::measure(
            format!("QoS {qos}"),
            Unit::Microseconds,
            settings.rounds,
            vec![
                (
                    CLOSED,
                    Box::new(|values| {
                        // A round that does not count comes first.
                        if values.is_empty() {
                            answered.clear();
                        }
                        for [answer, closed] in service.round(&request, SENDS / 5, Duration::ZERO, true) {
                            answered.push(answer);
                            values.push(closed);
                        }
                    }),
                ),
                (
                    RAW,
                    Box::new(|values| {
                        values.extend((0..SENDS / 5).map(|_| {
                            timed(|| {
                                let mut raw = Raw::connect(broker.port(), "raw");
                                raw.exchange(&publish, qos);
                                raw.close();
                            })
                        }));
                    }),
                ),
            ],
        );
        case.ways.insert(0, crate::measure::Way { name: ANSWER.to_owned(), values: answered });
        cases.push(case);
    }
    let targets =
        cases.iter().filter_map(|case| Target::ratio(case, CLOSED, RAW, Bound::AtMost(1.5))).collect();
    Section {
        name: "connections",
        title: "A connection for each message",
        about: "`ConnectorBuilder::idle(Duration::ZERO)`, current-thread runtime, and `Connector::close` after each answer; \
                the raw socket connects, sends CONNECT, waits for CONNACK, sends PUBLISH, waits for its acknowledgements, \
                sends DISCONNECT and closes the connection. 64 bytes."
            .to_owned(),
        cases,
        targets,
        notes: Vec::new(),
    }
}

pub(crate) fn multi_thread() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub(crate) fn current_thread() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A request, and the same message as a packet with identifier 1.
fn message(qos: u8) -> (String, Vec<u8>) {
    let content = "x".repeat(64);
    let publish = encode::publish("bench", qos, false, 1, content.as_bytes());
    (json!({ "qos": qos, "content": content }).to_string(), publish)
}

/// Microseconds.
fn timed(what: impl FnOnce()) -> f64 {
    let started = Instant::now();
    what();
    started.elapsed().as_secs_f64() * 1e6
}
