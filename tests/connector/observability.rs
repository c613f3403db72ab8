//! What an operator sees of a send: its span, its metrics.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use mqtt_connector::publisher::telemetry;
use mqtt_connector::{Limits, Tenant};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::port::ClosedPort;
use mqtt_connector_tests::{Gate, Mosquitto, Pki, ScriptedBroker, Step};
use serde_json::{Value, json};
use tracing::Dispatch;
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::fmt::MakeWriter;

use crate::faults::{connected, goodbye, publish, script};
use crate::support::{PATIENCE, block_on, config, connector, with};

/// A place to log to.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    /// Runs `send` with everything of this library logged here, and gives what was logged.
    fn of(send: impl FnOnce()) -> Vec<Value> {
        // While there is only one subscriber, tracing asks that of the current thread what it wants of a new event: the
        // thread of another test has none, and the event would be lost for all.
        static SECOND: OnceLock<Dispatch> = OnceLock::new();
        SECOND.get_or_init(|| Dispatch::new(NoSubscriber::new()));
        let log = Self::default();
        let logging = tracing_subscriber::fmt().json().with_current_span(false);
        let logging = logging.with_env_filter("mqtt_connector=debug").with_writer(log.clone()).finish();
        tracing::subscriber::with_default(logging, send);
        let bytes = log.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn acme() -> Arc<Tenant> {
    let tenant = Tenant::builder("acme").broker("*://127.0.0.0/8:*".parse().unwrap());
    Arc::new(tenant.topics("acme/#".parse().unwrap()).build())
}

fn send(tenant: &Arc<Tenant>, config: &Value, request: &Value) -> i32 {
    block_on(connector().send(tenant, &config.to_string(), &request.to_string())).meta.exit_code
}

/// The spans around the event with this message, the outermost first.
fn spans<'a>(log: &'a [Value], message: &str) -> &'a [Value] {
    let event = log.iter().find(|event| event["fields"]["message"] == message);
    event.unwrap_or_else(|| panic!("no event {message:?} in {log:#?}"))["spans"].as_array().unwrap()
}

#[test]
fn span_says_who_sent_what_where_and_how_long_each_part_took() {
    let pki = Pki::new();
    let broker = Mosquitto::builder().tls(&pki.server(&["localhost"])).start();
    let url = format!("ssl://localhost:{}", broker.port());
    let configuration = json!({ "broker": url, "client-id": "c", "root-ca-crt": pki.authority().text() });
    let request = json!({ "topic": "acme/door", "content": "x", "qos": 1 });
    let tenant = Tenant::builder("acme").broker("ssl://localhost:*".parse().unwrap()).private_networks(true);
    let tenant = Arc::new(tenant.topics("acme/#".parse().unwrap()).build());
    let log = Log::of(|| assert_eq!(send(&tenant, &configuration, &request), 0));

    let [request, send] = spans(&log, "sent") else { panic!("{log:#?}") };
    assert_eq!((&request["name"], &request["action"]), (&json!("request"), &json!("send")));
    for (field, value) in [
        ("name", json!("send")),
        ("tenant", json!("acme")),
        ("broker", json!(url)),
        ("server.address", json!("localhost")),
        ("server.port", json!(broker.port())),
        ("messaging.system", json!("mqtt")),
        ("messaging.operation.name", json!("send")),
        ("messaging.operation.type", json!("send")),
        ("messaging.destination.name", json!("acme/door")),
        ("messaging.batch.message_count", Value::Null),
        ("qos", json!(1)),
        ("attempts", json!(1)),
        ("error.type", Value::Null),
        ("otel.kind", json!("client")),
        ("otel.status_code", Value::Null),
    ] {
        assert_eq!(send[field], value, "{field} in {send:#}");
    }
    for duration in ["look_up_us", "dial_us", "tls_us", "connect_us", "ack_us"] {
        assert!(send[duration].as_u64().is_some_and(|time| time > 0), "{duration} in {send:#}");
    }
    let [request] = spans(&log, "answered") else { panic!("{log:#?}") };
    assert_eq!((&request["tenant"], &request["exit_code"]), (&json!("acme"), &json!(0)));
}

#[test]
fn span_says_what_went_wrong() {
    let closed = ClosedPort::open();
    let configuration = with(&config(closed.port()), json!({ "retries": 1 }));
    let log = Log::of(|| {
        assert_eq!(send(&acme(), &configuration, &json!({ "topic": "acme/a", "content": "x" })), 69);
    });
    let send = &spans(&log, "not sent")[1];
    assert_eq!(
        (&send["error.type"], &send["otel.status_code"], &send["attempts"]),
        (&json!("unreachable"), &json!("ERROR"), &json!(2)),
        "{send:#}"
    );
    assert!(send["tls_us"].is_null() && send["ack_us"].is_null(), "{send:#}");
    assert_eq!(spans(&log, "answered")[0]["exit_code"], 69);
    assert_eq!(spans(&log, "another connection will be tried").len(), 2, "the retry belongs to the send");
}

#[test]
fn batch_has_one_span() {
    let broker = Mosquitto::start();
    let requests = ["acme/1", "other/2", "acme/3"].map(|topic| json!({ "topic": topic, "content": "x" }));
    let requests = requests.map(|request| request.to_string());
    let log = Log::of(|| {
        block_on(connector().send_batch(&acme(), &config(broker.port()).to_string(), &requests));
    });
    let send = &spans(&log, "not sent")[1];
    assert_eq!(
        (&send["messaging.batch.message_count"], &send["messaging.destination.name"], &send["error.type"]),
        (&json!(3), &json!("acme/1"), &json!("denied")),
        "{send:#}"
    );
    assert_eq!(spans(&log, "answered")[0]["exit_code"], 77);
}

/// The smallest exporter: names with labels, counts, and how many values a histogram got.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meters(Arc<Mutex<BTreeMap<String, u64>>>);

struct Meter(Meters, String);

impl metrics::CounterFn for Meter {
    fn increment(&self, value: u64) {
        *self.0.0.lock().unwrap().entry(self.1.clone()).or_default() += value;
    }

    fn absolute(&self, _: u64) {}
}

impl HistogramFn for Meter {
    fn record(&self, seconds: f64) {
        assert!((0.0..60.0).contains(&seconds), "{} {seconds}", self.1);
        metrics::CounterFn::increment(self, 1);
    }
}

impl Meters {
    fn meter(&self, key: &Key) -> Arc<Meter> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        Arc::new(Meter(self.clone(), format!("{} {}", key.name(), labels.join(" "))))
    }
}

impl Recorder for Meters {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.0.lock().unwrap().insert(format!("described {}", name.as_str()), 1);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe_counter(name, unit, text);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        assert_eq!(unit, Some(Unit::Seconds));
        self.describe_counter(name, unit, text);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.meter(key))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.meter(key))
    }
}

#[test]
fn metrics_count_messages_connections_and_time() {
    let (broker, closed, meters) = (Mosquitto::start(), ClosedPort::open(), Meters::default());
    metrics::with_local_recorder(&meters, || {
        let tenant = acme();
        let request = |topic: &str| json!({ "topic": topic, "content": "x" });
        assert_eq!(send(&tenant, &config(broker.port()), &request("acme/a")), 0);
        assert_eq!(send(&tenant, &config(broker.port()), &request("acme/b")), 0);
        assert_eq!(send(&tenant, &config(broker.port()), &request("other")), 77);
        let retrying = with(&config(closed.port()), json!({ "retries": 1 }));
        assert_eq!(send(&tenant, &retrying, &request("acme/c")), 69);
    });
    let mut expected = BTreeMap::new();
    let operation = "tenant=acme messaging.system=mqtt messaging.operation.name=send";
    for name in [telemetry::SENT_MESSAGES, telemetry::OPERATION_DURATION] {
        expected.insert(format!("{name} {operation}"), 2);
        expected.insert(format!("{name} {operation} error.type=denied"), 1);
        expected.insert(format!("{name} {operation} error.type=unreachable"), 1);
    }
    expected.insert(format!("{} tenant=acme", telemetry::CONNECTION_ATTEMPTS), 4);
    expected.insert(format!("{} tenant=acme", telemetry::CONNECTIONS), 2);
    expected.insert(format!("{} tenant=acme", telemetry::CONNECTION_TIME), 2);
    for (exit_code, count) in [(0, 2), (77, 1), (69, 1)] {
        let name = mqtt_connector::telemetry::RESPONSES;
        expected.insert(format!("{name} tenant=acme action=send exit_code={exit_code}"), count);
    }
    assert_eq!(*meters.0.lock().unwrap(), expected);
}

#[test]
fn answers_that_publish_nothing_are_counted_too() {
    let meters = Meters::default();
    metrics::with_local_recorder(&meters, || {
        assert_eq!(send(&acme(), &json!({}), &json!({})), 64);
        block_on(connector().check(&acme(), "{}", "{}"));
        block_on(connector().send_as("nobody", "{}", "{}"));
        block_on(connector().send_batch(&acme(), "{}", &["{}".to_owned(), "[]".to_owned()]));
    });
    let counted = |labels: &str, count| (format!("{} {labels}", mqtt_connector::telemetry::RESPONSES), count);
    let expected = [
        counted("tenant=acme action=send exit_code=64", 1),
        counted("tenant=acme action=check exit_code=64", 1),
        counted("action=send exit_code=77", 1),
        counted("tenant=acme action=send-batch exit_code=64", 2),
    ];
    assert_eq!(*meters.0.lock().unwrap(), BTreeMap::from(expected));
}

/// What the gauges stand at, by name and labels, but for those at 0.
#[derive(Clone, Default)]
struct Gauges(Arc<Mutex<BTreeMap<String, i64>>>);

struct OneGauge(Gauges, String);

impl metrics::GaugeFn for OneGauge {
    fn increment(&self, by: f64) {
        let mut all = self.0.0.lock().unwrap();
        let stands = all.remove(&self.1).unwrap_or_default() + by as i64;
        if stands != 0 {
            all.insert(self.1.clone(), stands);
        }
    }

    fn decrement(&self, by: f64) {
        self.increment(-by);
    }

    fn set(&self, _: f64) {}
}

impl Recorder for Gauges {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        let labels: Vec<_> = key.labels().map(|label| label.value().to_owned()).collect();
        Gauge::from_arc(Arc::new(OneGauge(self.clone(), format!("{} {}", key.name(), labels.join(" ")))))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn gauges_say_what_is_under_way_what_waits_and_what_is_open() {
    let gate = Gate::new();
    let answer = || vec![Step::expect(publish(1)), Step::wait_for(&gate), Step::respond(PacketType::PubAck)];
    let broker = ScriptedBroker::builder()
        .connection(script([connected(false), answer(), goodbye()]))
        .connection(script([connected(false), answer(), goodbye()]))
        .start();
    let mut limits = Limits::default();
    limits.concurrent_sends = 1;
    let tenant = Tenant::builder("acme").broker("tcp://127.0.0.1:*".parse().unwrap()).limits(limits);
    let tenant = tenant.topics("t".parse().unwrap()).build();
    let config = config(broker.port()).to_string();
    let request = json!({ "topic": "t", "qos": 1, "content": "x" }).to_string();
    let gauges = Gauges::default();
    let expected = [
        (format!("{} acme", telemetry::SENDS_IN_FLIGHT), 1),
        (format!("{} acme concurrent-sends", telemetry::SENDS_WAITING), 1),
        (format!("{} acme", telemetry::OPEN_CONNECTIONS), 1),
    ];
    let expected = BTreeMap::from(expected);
    metrics::with_local_recorder(&gauges, || {
        block_on(async {
            let send = || connector().send(&tenant, &config, &request);
            let stands = async {
                let stands = async {
                    while *gauges.0.lock().unwrap() != expected {
                        tokio::task::yield_now().await;
                    }
                };
                let stood = tokio::time::timeout(PATIENCE, stands).await;
                gate.open();
                stood.is_ok()
            };
            let (first, second, stood) = tokio::join!(send(), send(), stands);
            assert!(stood, "the gauges never stood at {expected:?}");
            assert_eq!((first.meta.exit_code, second.meta.exit_code), (0, 0), "{}", second.meta.message);
        });
    });
    assert_eq!(*gauges.0.lock().unwrap(), BTreeMap::new());
    broker.finish();
}

#[test]
fn every_metric_is_described() {
    let meters = Meters::default();
    metrics::with_local_recorder(&meters, mqtt_connector::telemetry::describe);
    let described: Vec<_> = meters.0.lock().unwrap().keys().cloned().collect();
    let mut expected = [
        telemetry::SENT_MESSAGES,
        telemetry::OPERATION_DURATION,
        telemetry::CONNECTION_ATTEMPTS,
        telemetry::CONNECTIONS,
        telemetry::CONNECTION_TIME,
        telemetry::SENDS_IN_FLIGHT,
        telemetry::SENDS_WAITING,
        telemetry::OPEN_CONNECTIONS,
        mqtt_connector::telemetry::RESPONSES,
    ]
    .map(|name| format!("described {name}"));
    expected.sort_unstable();
    assert_eq!(described, expected);
}
