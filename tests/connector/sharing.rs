//! Connections that sends share: how many there are, when they close, and what becomes of each send when one breaks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mqtt_connector::{Connector, Limits, Meta, Tenant};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Gate, Mosquitto, Observer, PacketId, ScriptedBroker, Step, encode};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::faults::{connected, goodbye, publish, script};
use crate::runtime::two_workers;
use crate::support::{PATIENCE, config, operator, with};

/// A platform: one connector, one runtime, one tenant.
pub(crate) struct Platform {
    pub(crate) runtime: Runtime,
    pub(crate) connector: Arc<Connector>,
    pub(crate) tenant: Arc<Tenant>,
}

impl Platform {
    pub(crate) fn new(idle: Duration) -> Self {
        Self::of(idle, operator())
    }

    pub(crate) fn of(idle: Duration, tenant: Arc<Tenant>) -> Self {
        let runtime = two_workers();
        let connector = Arc::new(Connector::builder().idle(idle).build().unwrap());
        Self { runtime, connector, tenant }
    }

    /// Starts a send of `request`, with topic `t` and content `x` unless it has others.
    pub(crate) fn start(&self, config: &Value, request: Value) -> JoinHandle<Meta> {
        let (connector, tenant) = (Arc::clone(&self.connector), Arc::clone(&self.tenant));
        let (config, request) =
            (config.to_string(), with(&json!({ "topic": "t", "content": "x" }), request).to_string());
        self.runtime.spawn(async move { connector.send(&tenant, &config, &request).await.meta })
    }

    pub(crate) fn wait(&self, send: JoinHandle<Meta>) -> Meta {
        self.runtime.block_on(send).unwrap()
    }

    /// Sends `request`, which is answered with `exit_code`.
    #[track_caller]
    pub(crate) fn send(&self, config: &Value, request: Value, exit_code: i32) -> Meta {
        let meta = self.wait(self.start(config, request));
        assert_eq!(meta.exit_code, exit_code, "{}", meta.message);
        meta
    }

    pub(crate) fn close(&self) {
        self.runtime.block_on(self.connector.close());
    }
}

/// Longer than any test: a connection that closes does so for another reason.
pub(crate) const LONG: Duration = Duration::from_secs(600);

#[test]
fn sends_one_after_the_other_share_a_connection() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let platform = Platform::new(LONG);
    for n in 0..30 {
        platform.send(&config(broker.port()), json!({ "content": n, "qos": n % 3 }), 0);
    }
    assert_eq!(observer.messages(30, PATIENCE).len(), 30);
    assert!(!broker.log().contains("Received DISCONNECT from sender"));
    platform.close();
    broker.wait_for_log("Received DISCONNECT from sender", PATIENCE);
    assert_eq!(broker.log().matches(" as sender (").count(), 1, "one connection");
}

#[test]
fn sends_at_one_moment_are_pipelined_on_one_connection() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let platform = Platform::new(LONG);
    let sends: Vec<_> = (0..200)
        .map(|n| platform.start(&config(broker.port()), json!({ "content": n, "qos": n % 3 })))
        .collect();
    for send in sends {
        let meta = platform.wait(send);
        assert_eq!(meta.exit_code, 0, "{}", meta.message);
    }
    let mut arrived: Vec<String> = observer
        .messages(200, PATIENCE)
        .into_iter()
        .map(|message| String::from_utf8(message.payload).unwrap())
        .collect();
    let mut expected: Vec<_> = (0..200).map(|n| n.to_string()).collect();
    arrived.sort();
    expected.sort();
    assert_eq!(arrived, expected);
    platform.close();
    assert_eq!(broker.log().matches(" as sender (").count(), 1, "one connection");
}

#[test]
fn an_idle_connection_closes_in_order_after_its_time() {
    let broker = ScriptedBroker::builder()
        .connection(script([
            connected(false),
            vec![Step::expect(publish(1)), Step::respond(PacketType::PubAck)],
            goodbye(),
        ]))
        .start();
    let platform = Platform::new(Duration::from_millis(300));
    platform.send(&config(broker.port()), json!({ "qos": 1 }), 0);
    let answered = Instant::now();
    broker.wait_for_packets(3, PATIENCE);
    let idle = answered.elapsed();
    assert!(idle > Duration::from_millis(250) && idle < Duration::from_secs(2), "{idle:?}");
    broker.finish();
}

#[test]
fn other_options_wait_until_the_connection_is_idle_and_open_their_own() {
    let gate = Gate::new();
    let first = script([
        vec![Step::expect(Expect::connect().keep_alive(60)), Step::send(encode::connack(false, 0))],
        vec![Step::expect(publish(1)), Step::wait_for(&gate), Step::respond(PacketType::PubAck)],
        goodbye(),
    ]);
    let second = script([
        vec![Step::expect(Expect::connect().keep_alive(7)), Step::send(encode::connack(false, 0))],
        vec![Step::expect(publish(1)), Step::respond(PacketType::PubAck)],
        goodbye(),
    ]);
    let third = script([
        vec![Step::expect(Expect::connect().keep_alive(60)), Step::send(encode::connack(false, 0))],
        vec![Step::expect(publish(1)), Step::respond(PacketType::PubAck)],
        goodbye(),
    ]);
    let broker = ScriptedBroker::builder().connection(first).connection(second).connection(third).start();
    let platform = Platform::new(LONG);
    let one = platform.start(&config(broker.port()), json!({ "qos": 1 }));
    broker.wait_for_packets(2, PATIENCE);
    let other = platform.start(&config(broker.port()), json!({ "qos": 1, "keep-alive": 7 }));
    // A send that would fit the first connection does not overtake the one that waits for it to close.
    let waits = json!({ "qos": 1, "keep-alive": 7, "timeout": 100 });
    assert_eq!(platform.send(&config(broker.port()), waits, 75).message.matches("same client-id").count(), 1);
    let late = platform.start(&config(broker.port()), json!({ "qos": 1 }));
    assert_eq!(broker.connections(), 1);
    gate.open();
    for send in [one, other, late] {
        let meta = platform.wait(send);
        assert_eq!(meta.exit_code, 0, "{}", meta.message);
    }
    platform.close();
    broker.finish();
}

#[test]
fn a_connection_that_breaks_settles_each_send_by_its_own_progress() {
    let gate = Gate::new();
    let first = script([
        connected(false),
        vec![
            Step::expect(publish(1).packet_id(1)),
            Step::expect(publish(2).packet_id(2)),
            Step::expect(publish(1).packet_id(3)),
            Step::expect(publish(0)),
            Step::respond_with_id(PacketType::PubAck, PacketId::Exactly(1)),
            Step::wait_for(&gate),
            Step::close(),
        ],
    ]);
    let second = script([
        connected(false),
        vec![Step::expect(publish(1).dup(true).packet_id(3)), Step::respond(PacketType::PubAck)],
        goodbye(),
    ]);
    let broker = ScriptedBroker::builder().connection(first).connection(second).start();
    let platform = Platform::new(LONG);
    let configuration = with(&config(broker.port()), json!({ "retries": 1 }));
    let mut sends = Vec::new();
    for (n, qos) in [1, 2, 1, 0].into_iter().enumerate() {
        sends.push(platform.start(&configuration, json!({ "qos": qos })));
        broker.wait_for_packets(n + 2, PATIENCE);
    }
    let mut metas = sends.into_iter();
    let mut next = || platform.wait(metas.next().unwrap());
    assert_eq!(next().exit_code, 0, "acknowledged before");
    gate.open();
    assert_eq!(next().exit_code, 79, "QoS 2, and the session was a clean one");
    assert_eq!(next().exit_code, 0, "QoS 1, sent again as a duplicate");
    assert_eq!(next().exit_code, 0, "QoS 0, written before");
    platform.close();
    broker.finish();
}

#[test]
fn retries_are_those_of_each_send() {
    let cut =
        script([connected(false), vec![Step::expect(publish(1)), Step::expect(publish(1)), Step::close()]]);
    let fine = script([
        connected(false),
        vec![Step::expect(publish(1).dup(true)), Step::respond(PacketType::PubAck)],
        goodbye(),
    ]);
    let broker = ScriptedBroker::builder().connection(cut).connection(fine).start();
    let platform = Platform::new(LONG);
    let once = platform.start(&config(broker.port()), json!({ "qos": 1, "retries": 0 }));
    broker.wait_for_packets(2, PATIENCE);
    let twice = platform.start(&config(broker.port()), json!({ "qos": 1, "retries": 1 }));
    assert_eq!(platform.wait(once).exit_code, 79);
    assert_eq!(platform.wait(twice).exit_code, 0);
    platform.close();
    broker.finish();
}

#[test]
fn a_connection_that_went_away_while_it_was_idle_costs_no_retry() {
    for ending in [Step::close(), Step::reset(), Step::half_close()] {
        let one = |ending: Vec<Step>| {
            script([
                connected(false),
                vec![Step::expect(publish(1)), Step::respond(PacketType::PubAck)],
                ending,
            ])
        };
        let broker =
            ScriptedBroker::builder().connection(one(vec![ending])).connection(one(goodbye())).start();
        let platform = Platform::new(LONG);
        platform.send(&config(broker.port()), json!({ "qos": 1 }), 0);
        broker.wait_until(PATIENCE, |all| all[0].ended.is_some());
        platform.send(&config(broker.port()), json!({ "qos": 1 }), 0);
        platform.close();
        broker.finish();
    }
}

#[test]
fn a_send_that_times_out_takes_no_other_with_it_and_nobody_joins_it() {
    let gate = Gate::new();
    let first = script([
        connected(false),
        vec![
            Step::expect(publish(1).packet_id(1)),
            Step::expect(publish(2).packet_id(2)),
            Step::wait_for(&gate),
            // What nobody waits for any more settles nobody's message.
            Step::respond_with_id(PacketType::PubAck, PacketId::Exactly(1)),
            Step::respond_with_id(PacketType::PubRec, PacketId::Exactly(2)),
            Step::expect(Expect::pubrel().packet_id(2)),
            Step::respond_with_id(PacketType::PubComp, PacketId::Exactly(2)),
        ],
        goodbye(),
    ]);
    let second = script([
        connected(false),
        vec![Step::expect(publish(1)), Step::respond(PacketType::PubAck)],
        goodbye(),
    ]);
    let broker = ScriptedBroker::builder().connection(first).connection(second).start();
    let platform = Platform::new(LONG);
    let short = platform.start(&config(broker.port()), json!({ "qos": 1, "timeout": 300 }));
    broker.wait_for_packets(2, PATIENCE);
    let patient = platform.start(&config(broker.port()), json!({ "qos": 2 }));
    assert_eq!(platform.wait(short).exit_code, 79);
    let new = platform.start(&config(broker.port()), json!({ "qos": 1 }));
    gate.open();
    assert_eq!(platform.wait(patient).exit_code, 0);
    assert_eq!(platform.wait(new).exit_code, 0);
    platform.close();
    broker.finish();
}

#[test]
fn an_idle_connection_gives_way_where_the_tenant_may_have_no_more() {
    let broker = Mosquitto::start();
    let tenant = Tenant::builder("acme").broker("*://127.0.0.0/8:*".parse().unwrap());
    let mut limits = Limits::default();
    limits.connections = 2;
    let tenant = tenant.topics("#".parse().unwrap()).limits(limits).build();
    let platform = Platform::of(LONG, Arc::new(tenant));
    for n in 0..6 {
        platform.send(&config(broker.port()), json!({ "client-id": format!("c{n}") }), 0);
    }
    assert!(broker.log().matches("Received DISCONNECT from c").count() >= 4);
    platform.close();
    for last in ["c4", "c5"] {
        broker.wait_for_log(&format!("Received DISCONNECT from {last}"), PATIENCE);
    }
}

#[test]
fn a_broker_chosen_client_id_is_shared_by_equal_options_alone() {
    let broker = Mosquitto::start();
    let platform = Platform::new(LONG);
    let configuration = with(&config(broker.port()), json!({ "client-id": "" }));
    for keep_alive in [60, 7, 60, 7, 60] {
        platform.send(&configuration, json!({ "keep-alive": keep_alive }), 0);
    }
    platform.close();
    assert_eq!(broker.log().matches("New client connected from").count(), 2, "{}", broker.log());
}

#[test]
fn dropping_the_connector_lets_its_connections_close() {
    let broker = Mosquitto::start();
    let Platform { runtime, connector, tenant } = Platform::new(LONG);
    let documents = (config(broker.port()).to_string(), json!({ "topic": "t", "content": "x" }).to_string());
    assert_eq!(runtime.block_on(connector.send(&tenant, &documents.0, &documents.1)).meta.exit_code, 0);
    drop(connector);
    broker.wait_for_log("Received DISCONNECT from sender", PATIENCE);
}

#[test]
fn a_connection_that_is_stuck_is_not_kept_for_what_was_given_up() {
    let gate = Gate::new();
    let first = script([
        connected(false),
        vec![
            Step::expect(publish(1)),
            Step::wait_for(&gate),
            Step::respond(PacketType::PubAck),
            Step::deaf(),
        ],
    ]);
    let second = script([
        connected(false),
        vec![Step::expect(publish(1)), Step::respond(PacketType::PubAck)],
        goodbye(),
    ]);
    let broker = ScriptedBroker::builder().receive_buffer(4096).connection(first).connection(second).start();
    let platform = Platform::new(LONG);
    let patient = platform.start(&config(broker.port()), json!({ "qos": 1 }));
    broker.wait_for_packets(2, PATIENCE);
    let large = json!({ "content": "x".repeat(16 << 20), "timeout": 400 });
    platform.send(&config(broker.port()), large, 79);
    gate.open();
    assert_eq!(platform.wait(patient).exit_code, 0);
    platform.send(&config(broker.port()), json!({ "qos": 1 }), 0);
    platform.close();
    broker.finish();
}
