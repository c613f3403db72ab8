//! What sends that share a connection owe each other: nothing. Each has its own retries, and connections close when they
//! are to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mqtt_connector::{Limits, Tenant};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::port::SilentPort;
use mqtt_connector_tests::{Expect, Gate, Mosquitto, ScriptedBroker, Step, encode};
use serde_json::{Value, json};

use crate::faults::{connected, goodbye, publish, script};
use crate::sharing::{LONG, Platform};
use crate::support::{PATIENCE, config, with};

/// A connection on which the broker hangs up instead of accepting it.
fn refuses() -> Vec<Step> {
    vec![Step::expect(Expect::connect()), Step::close()]
}

fn accepts(messages: usize) -> Vec<Step> {
    let message = || [Step::expect(publish(1)), Step::respond(PacketType::PubAck)];
    script([connected(false), (0..messages).flat_map(|_| message()).collect(), goodbye()])
}

#[test]
fn a_send_is_tried_again_at_its_own_pace_beside_one_that_waits_for_long() {
    // After five connections an old send waits 0.8 to 1.6 s, after six 1.6 to 3.2 s.
    let mut broker = ScriptedBroker::builder();
    for _ in 0..6 {
        broker = broker.connection(refuses());
    }
    let broker = broker.connection(accepts(2)).start();
    let platform = Platform::new(LONG);
    let old = platform.start(&config(broker.port()), json!({ "qos": 1, "retries": 10, "timeout": 30_000 }));
    broker.wait_until(PATIENCE, |all| all.len() == 5 && all[4].ended.is_some());
    let began = Instant::now();
    let new = platform.start(&config(broker.port()), json!({ "qos": 1, "retries": 2, "timeout": 1000 }));
    let meta = platform.wait(new);
    assert_eq!(meta.exit_code, 0, "after {:?}: {}", began.elapsed(), meta.message);
    assert_eq!(platform.wait(old).exit_code, 0);
    platform.close();
    broker.finish();
}

#[test]
fn connections_that_others_are_in_a_hurry_for_cost_no_retry() {
    let mut broker = ScriptedBroker::builder();
    for _ in 0..7 {
        broker = broker.connection(refuses());
    }
    let broker = broker.connection(accepts(1)).start();
    let platform = Platform::new(LONG);
    // Five connections have failed, and one more may be tried for it, in 0.8 to 1.6 s.
    let patient =
        platform.start(&config(broker.port()), json!({ "qos": 1, "retries": 5, "timeout": 30_000 }));
    broker.wait_until(PATIENCE, |all| all.len() == 5 && all[4].ended.is_some());
    while broker.connections() < 7 {
        platform.send(&config(broker.port()), json!({ "qos": 1, "retries": 0 }), 74);
    }
    let meta = platform.wait(patient);
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    platform.close();
    broker.finish();
}

#[test]
fn a_connection_is_not_idle_while_messages_of_qos_0_go_over_it() {
    let broker = Mosquitto::start();
    let platform = Platform::new(Duration::from_millis(600));
    let until = Instant::now() + Duration::from_millis(1500);
    while Instant::now() < until {
        platform.send(&config(broker.port()), json!({ "qos": 0 }), 0);
    }
    platform.close();
    assert_eq!(broker.log().matches(" as sender (").count(), 1, "{}", broker.log());
}

#[test]
fn to_close_ends_while_others_go_on_sending() {
    let silent = SilentPort::open();
    let platform = Platform::new(LONG);
    // At no moment is there nobody who waits for CONNACK.
    let sending: Vec<_> = (0..4)
        .map(|n| {
            let (connector, tenant) = (Arc::clone(&platform.connector), Arc::clone(&platform.tenant));
            let configuration = with(&config(silent.port()), json!({ "client-id": format!("c{n}") }));
            let mut timeout = 200 + 50 * n;
            platform.runtime.spawn(async move {
                loop {
                    let request = json!({ "topic": "t", "content": "x", "timeout": timeout }).to_string();
                    let meta = connector.send(&tenant, &configuration.to_string(), &request).await.meta;
                    assert_eq!(meta.exit_code, 75, "{}", meta.message);
                    timeout = 200;
                }
            })
        })
        .collect();
    platform.send(&config(silent.port()), json!({ "timeout": 100 }), 75);
    let close = async { tokio::time::timeout(PATIENCE, platform.connector.close()).await };
    platform.runtime.block_on(close).unwrap();
    for one in sending {
        one.abort();
        let ended = platform.runtime.block_on(one).unwrap_err();
        assert!(ended.is_cancelled(), "a send was not answered with 75: {ended}");
    }
}

/// One message to a client identifier's connection, and the end of it; `ending` begins where DISCONNECT is due.
fn serves(connect: Expect, qos: u8, ending: Vec<Step>) -> Vec<Step> {
    let acknowledged = (qos == 1).then(|| Step::respond(PacketType::PubAck));
    let sent = [Step::expect(publish(qos))].into_iter().chain(acknowledged).collect();
    script([vec![Step::expect(connect), Step::send(encode::connack(false, 0))], sent, ending])
}

/// A broker that closes its side only when the gate opens.
fn closes_behind(gate: &Gate) -> Vec<Step> {
    vec![Step::expect(Expect::disconnect()), Step::wait_for(gate), Step::expect_end()]
}

/// Sends again with a client identifier whose last connection the broker has not closed: the next one is there, as the
/// broker's `connection`, and nothing is said on it until the gate opens. One with another identifier does not wait.
#[track_caller]
fn waits_in_silence(
    platform: &Platform,
    broker: &ScriptedBroker,
    configuration: &Value,
    gate: &Gate,
    connection: usize,
) {
    let again = platform.start(configuration, json!({ "qos": 1 }));
    broker.wait_until(PATIENCE, |all| all.len() == connection + 1);
    platform.send(&with(configuration, json!({ "client-id": "other" })), json!({ "qos": 1 }), 0);
    assert_eq!(broker.record().conversations[connection].bytes, b"");
    gate.open();
    assert_eq!(platform.wait(again).exit_code, 0);
    platform.close();
}

#[test]
fn a_client_identifier_is_used_again_when_the_broker_has_closed_its_side() {
    // What the broker might not have read yet: nothing, a message that it owes no answer, that there is to be no will.
    let will = json!({ "topic": "t", "content": "x" });
    for (qos, more) in [(1, json!({})), (0, json!({})), (1, json!({ "will": will }))] {
        let gate = Gate::new();
        let connect = |client_id| Expect::connect().client_id(client_id);
        let broker =
            ScriptedBroker::builder().connection(serves(connect("sender"), qos, closes_behind(&gate)));
        let broker = broker.connection(serves(connect("sender"), 1, goodbye()));
        let broker = broker.connection(serves(connect("other"), 1, goodbye())).start();
        let platform = Platform::new(LONG);
        let configuration = with(&config(broker.port()), more);
        platform.send(&configuration, json!({ "qos": qos }), 0);
        // It does not wait for the broker's side.
        platform.close();
        waits_in_silence(&platform, &broker, &configuration, &gate, 1);
        broker.finish();
    }
}

#[test]
fn who_gives_up_waiting_for_a_client_identifier_does_not_make_it_free() {
    let gate = Gate::new();
    let connect = |client_id| Expect::connect().client_id(client_id);
    let broker = ScriptedBroker::builder().connection(serves(connect("sender"), 1, closes_behind(&gate)));
    let broker = broker.connection([Step::expect_end()]);
    let broker = broker.connection(serves(connect("sender"), 1, goodbye()));
    let broker = broker.connection(serves(connect("other"), 1, goodbye())).start();
    let platform = Platform::new(LONG);
    let configuration = config(broker.port());
    platform.send(&configuration, json!({ "qos": 1 }), 0);
    platform.close();
    let hasty = platform.send(&configuration, json!({ "qos": 1, "timeout": 50 }), 75);
    assert!(
        hasty.message.contains("while waiting for another send with the same client-id"),
        "{}",
        hasty.message
    );
    waits_in_silence(&platform, &broker, &configuration, &gate, 2);
    broker.finish();
}

#[test]
fn a_session_that_goes_on_is_not_dialled_before_the_last_connection_is_closed() {
    let gate = Gate::new();
    let connect = |client_id| Expect::connect().client_id(client_id).clean_session(false);
    let broker = ScriptedBroker::builder().connection(serves(connect("sender"), 1, closes_behind(&gate)));
    let broker = broker.connection(serves(connect("other"), 1, goodbye()));
    let broker = broker.connection(serves(connect("sender"), 1, goodbye())).start();
    let platform = Platform::new(LONG);
    let configuration = with(&config(broker.port()), json!({ "clean-session": false }));
    platform.send(&configuration, json!({ "qos": 1 }), 0);
    platform.close();
    let again = platform.start(&configuration, json!({ "qos": 1 }));
    platform.send(&with(&configuration, json!({ "client-id": "other" })), json!({ "qos": 1 }), 0);
    assert_eq!(broker.connections(), 2);
    gate.open();
    assert_eq!(platform.wait(again).exit_code, 0);
    platform.close();
    broker.finish();
}

#[test]
fn a_connection_that_takes_the_place_of_its_last_one_takes_no_others() {
    let gate = Gate::new();
    let idle = Expect::connect().client_id("idle");
    let sender = |keep_alive| Expect::connect().client_id("sender").keep_alive(keep_alive);
    let broker = ScriptedBroker::builder().connection(serves(idle, 1, goodbye()));
    let broker = broker.connection(serves(sender(60), 1, closes_behind(&gate)));
    let broker = broker.connection(serves(sender(7), 1, goodbye())).start();
    let mut limits = Limits::default();
    limits.connections = 2;
    let tenant = Tenant::builder("acme").broker("*://127.0.0.0/8:*".parse().unwrap());
    let tenant = tenant.topics("#".parse().unwrap()).limits(limits).build();
    let platform = Platform::of(LONG, Arc::new(tenant));
    for client_id in ["idle", "sender"] {
        platform.send(&config(broker.port()), json!({ "client-id": client_id, "qos": 1 }), 0);
    }
    let other_options = platform.start(&config(broker.port()), json!({ "keep-alive": 7, "qos": 1 }));
    broker.wait_until(PATIENCE, |all| all[1].packets.len() == 3);
    gate.open();
    assert_eq!(platform.wait(other_options).exit_code, 0);
    assert_eq!(broker.record().conversations[0].packets.len(), 2, "CONNECT and PUBLISH, no DISCONNECT");
    platform.close();
    broker.finish();
}

#[test]
fn connections_may_be_closed_by_many_at_once() {
    let broker = Mosquitto::start();
    let platform = Platform::new(LONG);
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        let send = platform.start(&config(broker.port()), json!({ "qos": 0 }));
        let closing: Vec<_> = (0..8)
            .map(|_| {
                let connector = Arc::clone(&platform.connector);
                platform.runtime.spawn(async move { connector.close().await })
            })
            .collect();
        assert_eq!(platform.wait(send).exit_code, 0);
        for one in closing {
            platform.runtime.block_on(async { tokio::time::timeout(PATIENCE, one).await }).unwrap().unwrap();
        }
    }
}
