//! What the tests share: one compiled connector, and sends that block.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use mqtt_connector::{Connector, ConnectorBuilder, Meta, Tenant};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::pattern::fits;
pub(crate) use mqtt_connector_tests::scenario::with;
use mqtt_connector_tests::{Expect, Step, encode};
use serde_json::{Value, json};

/// Long enough for anything that is going to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The built-in component, compiled once. Its connections are closed as soon as nobody needs them.
pub(crate) fn connector() -> &'static Connector {
    static CONNECTOR: OnceLock<Connector> = OnceLock::new();
    CONNECTOR.get_or_init(|| builder().build().unwrap())
}

/// Starts a connector whose connections are closed as soon as nobody needs them.
pub(crate) fn builder() -> ConnectorBuilder {
    Connector::builder().idle(Duration::ZERO)
}

/// A person at a command line: may do everything.
pub(crate) fn operator() -> Arc<Tenant> {
    Arc::new(Tenant::unrestricted("operator"))
}

/// A configuration for a broker on loopback; the request has the rest.
pub(crate) fn config(port: u16) -> Value {
    json!({ "broker": format!("tcp://127.0.0.1:{port}"), "client-id": "sender", "timeout": 5000, "retries": 0 })
}

/// Sends as the operator.
pub(crate) fn send(config: &Value, request: &Value) -> Meta {
    send_as(&operator(), config, request)
}

/// Sends as `tenant`. A dry run before it says the same, wherever the network is not what decides.
pub(crate) fn send_as(tenant: &Arc<Tenant>, config: &Value, request: &Value) -> Meta {
    let (config, request) = (config.to_string(), request.to_string());
    let checked = block_on(connector().check(tenant, &config, &request)).meta;
    let sent = block_on(connector().send(tenant, &config, &request)).meta;
    // A busy machine may need all the time of one of them for the files; what the send came to, the test judges.
    let are_in_time = checked.exit_code != 75 && sent.exit_code != 75;
    if are_in_time && (checked.exit_code != 0 || matches!(sent.exit_code, 64 | 66)) {
        assert_eq!(checked, sent, "what check says, and what send says");
    }
    sent
}

/// Sends a batch as the operator.
pub(crate) fn send_batch(config: &Value, requests: &[Value]) -> Vec<Meta> {
    let requests: Vec<String> = requests.iter().map(Value::to_string).collect();
    let responses = block_on(connector().send_batch(&operator(), &config.to_string(), &requests));
    responses.into_iter().map(|response| response.meta).collect()
}

/// A broker's part when the client `sender` sends "c" to topic "t" with quality of service 1.
pub(crate) fn exchange() -> [Step; 6] {
    [
        Step::expect(Expect::connect().client_id("sender")),
        Step::send(encode::connack(false, 0)),
        Step::expect(Expect::publish().topic("t").payload("c").qos(1)),
        Step::respond(PacketType::PubAck),
        Step::expect(Expect::disconnect()),
        Step::expect_end(),
    ]
}

/// Runs a future on a runtime of its own, and what it leaves behind: connections that say goodbye. All of it ends.
#[track_caller]
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let output = runtime.block_on(future);
    wait_until("the last task ends", || {
        // Tasks go on only in here.
        runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
        runtime.metrics().num_alive_tasks() == 0
    });
    output
}

/// Waits until `condition` holds: of what nobody tells when it happens, as in the kernel or in a broker's log.
#[track_caller]
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < PATIENCE, "within {PATIENCE:?} it did not happen that {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Asserts the exit code and the whole message, a [pattern](mqtt_connector_tests::pattern).
#[track_caller]
pub(crate) fn assert_meta(meta: &Meta, exit_code: i32, message: &str) {
    assert!(
        is_meta(meta, exit_code, message),
        "wanted exit code {exit_code} and: {message}\n   got exit code {} and: {}",
        meta.exit_code,
        meta.message
    );
}

/// Whether this is the exit code and the whole message, a [pattern](mqtt_connector_tests::pattern).
pub(crate) fn is_meta(meta: &Meta, exit_code: i32, message: &str) -> bool {
    meta.exit_code == exit_code && fits(&meta.message, message)
}
