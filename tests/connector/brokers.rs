//! A list of brokers: which one gets the message, and what a send says of the others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mqtt_connector::{Meta, Tenant};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::port::free_port;
use mqtt_connector_tests::{Expect, Mosquitto, Observer, ScriptedBroker, Step, encode};
use serde_json::{Value, json};

use crate::faults::carrier::after;
use crate::support::{PATIENCE, assert_meta, send, send_as, with};

/// A configuration for these brokers, with a message of QoS 1.
fn config(brokers: &[u16]) -> Value {
    let urls: Vec<_> = brokers.iter().map(|port| format!("tcp://127.0.0.1:{port}")).collect();
    json!({
        "broker": urls, "client-id": "sender", "topic": "t", "content": "x", "qos": 1, "timeout": 5000,
        "retries": 0,
    })
}

/// A broker that answers one connection with this CONNACK.
fn answering(code: u8) -> ScriptedBroker {
    let steps = [Step::expect(Expect::connect()), Step::send(encode::connack(false, code)), Step::close()];
    ScriptedBroker::builder().connection(steps).start()
}

/// The same, of MQTT 5.
fn answering_v5(code: u8) -> ScriptedBroker {
    let steps =
        [Step::expect(Expect::connect()), Step::send(encode::connack_v5(false, code, &[])), Step::close()];
    ScriptedBroker::builder().connection(steps).start()
}

fn serving() -> ScriptedBroker {
    ScriptedBroker::builder().connection([Step::serve()]).start()
}

/// Asserts that `broker` has the message, after so many connections.
#[track_caller]
fn assert_sent(meta: &Meta, broker: u16, connections: usize) {
    let message = format!("Sent with QoS 1 to topic \"t\" at tcp://127.0.0.1:{broker} in … ms.");
    assert_meta(meta, 0, &after(connections, &message));
}

#[test]
fn the_first_that_takes_the_connection_gets_the_message() {
    let (first, second) = (Mosquitto::start(), Mosquitto::start());
    let observer = Observer::start(first.port(), "#");
    let meta = send(&config(&[first.port(), second.port()]), &json!({}));
    assert_sent(&meta, first.port(), 1);
    assert_eq!(observer.messages(1, PATIENCE).len(), 1);
    assert!(!second.log().contains("as sender"));
}

#[test]
fn one_that_cannot_be_reached_or_is_busy_or_is_no_broker_does_not_end_the_search() {
    let no_broker = || {
        let steps = [Step::expect(Expect::connect()), Step::send("HTTP/1.1 200 OK\r\n\r\n"), Step::close()];
        ScriptedBroker::builder().connection(steps).start()
    };
    let hangs_up = || {
        let steps = [Step::expect(Expect::connect()), Step::close()];
        ScriptedBroker::builder().connection(steps).start()
    };
    for before in [answering(3), no_broker(), hangs_up()] {
        let unreachable = free_port();
        let last = serving();
        let meta = send(&config(&[unreachable, before.port(), last.port()]), &json!({}));
        assert_sent(&meta, last.port(), 3);
        before.finish();
        last.finish();
    }
}

#[test]
fn one_that_refuses_the_client_ends_the_search() {
    for (code, reason) in [
        (1, "it does not speak this version of MQTT. Look at protocol-version"),
        (2, "it does not allow the client identifier. Look at client-id"),
        (
            4,
            "the user name or the password is wrong. Look at username and password. No user name and no password were given",
        ),
        (
            5,
            "the client is not authorised to connect. Look at username, password and client-id. No user name and no \
             password were given",
        ),
    ] {
        let (unreachable, refusing, never) = (free_port(), answering(code), ScriptedBroker::untouched());
        let meta = send(&config(&[unreachable, refusing.port(), never.port()]), &json!({}));
        let port = refusing.port();
        let message = format!(
            "Not sent, the broker tcp://127.0.0.1:{port} refused the connection with return code {code}: {reason}."
        );
        assert_meta(&meta, code.into(), &after(2, &message));
        refusing.finish();
        never.finish();
    }
}

#[test]
fn one_that_says_nothing_has_its_share_of_the_time() {
    let silent = ScriptedBroker::builder().connection([Step::silence()]).start();
    let last = serving();
    let began = Instant::now();
    let meta = send(&config(&[silent.port(), last.port()]), &json!({ "timeout": 2000 }));
    assert_sent(&meta, last.port(), 2);
    let took = began.elapsed();
    assert!((Duration::from_millis(1000)..Duration::from_millis(1900)).contains(&took), "{took:?}");
    silent.finish();
    last.finish();
}

#[test]
fn when_all_fail_each_is_named_with_what_it_answered() {
    let (first, second) = (free_port(), free_port());
    let meta = send(&config(&[first, second]), &json!({}));
    let refused = |port| {
        format!(
            "127.0.0.1:{port}: the broker could not be reached: 127.0.0.1:{port}: the connection was refused"
        )
    };
    let brokers = format!("tcp://127.0.0.1:{first}, tcp://127.0.0.1:{second}");
    let message = format!(
        "Not sent, none of the brokers {brokers} could be reached: {}; {}.",
        refused(first),
        refused(second)
    );
    assert_meta(&meta, 69, &after(2, &message));

    let busy = answering(3);
    let meta = send(&config(&[first, busy.port()]), &json!({}));
    let port = busy.port();
    let message = format!(
        "Not sent, none of the brokers tcp://127.0.0.1:{first}, tcp://127.0.0.1:{port} could be reached: {}; \
         127.0.0.1:{port}: the broker refused the connection with return code 3: server unavailable.",
        refused(first)
    );
    assert_meta(&meta, 69, &after(2, &message));
    busy.finish();

    let (busy, also_busy) = (answering(3), answering(3));
    let meta = send(&config(&[busy.port(), also_busy.port()]), &json!({}));
    let message = format!(
        "Not sent, the broker tcp://127.0.0.1:{} refused the connection with return code 3: its MQTT service is \
         unavailable. Try again later.",
        also_busy.port()
    );
    assert_meta(&meta, 3, &after(2, &message));
    busy.finish();
    also_busy.finish();
}

#[test]
fn brokers_that_are_busy_in_different_ways_are_all_named() {
    let (busy, unavailable) = (answering_v5(137), answering_v5(136));
    let meta = send(&config(&[busy.port(), unavailable.port()]), &json!({ "protocol-version": "5" }));
    let (first, second) = (busy.port(), unavailable.port());
    let message = format!(
        "Not sent, none of the brokers tcp://127.0.0.1:{first}, tcp://127.0.0.1:{second} could be reached: \
         127.0.0.1:{first}: the broker refused the connection with reason code 137; \
         127.0.0.1:{second}: the broker refused the connection with reason code 136."
    );
    assert_meta(&meta, 69, &after(2, &message));
    busy.finish();
    unavailable.finish();
}

#[test]
fn the_list_is_gone_through_once_for_each_retry() {
    let down = free_port();
    let busy_then_fine = ScriptedBroker::builder()
        .connection([Step::expect(Expect::connect()), Step::send(encode::connack(false, 3)), Step::close()])
        .connection([Step::serve()])
        .start();
    let meta = send(&config(&[down, busy_then_fine.port()]), &json!({ "retries": 1 }));
    assert_sent(&meta, busy_then_fine.port(), 4);
    busy_then_fine.finish();
}

#[test]
fn every_broker_needs_a_grant() {
    let (granted, other) = (ScriptedBroker::untouched(), ScriptedBroker::untouched());
    let grant = format!("tcp://127.0.0.1:{}", granted.port()).parse().unwrap();
    let tenant = Arc::new(Tenant::builder("acme").broker(grant).topics("#".parse().unwrap()).build());
    let meta = send_as(&tenant, &config(&[granted.port(), other.port()]), &json!({}));
    let message = format!(
        "Not sent, it is not allowed: broker: tenant acme may not send to 127.0.0.1 port {}; no grant names it.",
        other.port()
    );
    assert_meta(&meta, 77, &message);
    granted.finish();
    other.finish();
}

#[test]
fn qos_1_goes_on_at_another_broker_when_its_own_does_not_come_back() {
    let first = ScriptedBroker::builder()
        .connection([
            Step::expect(Expect::connect()),
            Step::send(encode::connack(false, 0)),
            Step::expect(Expect::publish().qos(1).dup(false)),
            Step::close(),
        ])
        .further_connections([Step::close()])
        .start();
    let second = ScriptedBroker::builder()
        .connection([
            Step::expect(Expect::connect()),
            Step::send(encode::connack(false, 0)),
            Step::expect(Expect::publish().qos(1).dup(true)),
            Step::respond(PacketType::PubAck),
            Step::expect(Expect::disconnect()),
            Step::expect_end(),
        ])
        .start();
    let config = config(&[first.port(), second.port()]);
    let meta = send(&config, &json!({ "retries": 1 }));
    assert_sent(&meta, second.port(), 3);
    second.finish();
    first.finish();
}

#[test]
fn qos_2_does_not_go_on_at_another_broker_whatever_session_that_has() {
    let first = ScriptedBroker::builder()
        .connection([
            Step::expect(Expect::connect()),
            Step::send(encode::connack(true, 0)),
            Step::expect(Expect::publish().qos(2)),
            Step::respond(PacketType::PubRec),
            Step::expect(Expect::pubrel()),
            Step::close(),
        ])
        .further_connections([Step::close()])
        .start();
    let second = ScriptedBroker::builder()
        .connection([
            Step::expect(Expect::connect()),
            Step::send(encode::connack(true, 0)),
            Step::expect(Expect::disconnect()),
            Step::expect_end(),
        ])
        .start();
    let request = json!({ "retries": 1, "qos": 2, "clean-session": false });
    let meta = send(&config(&[first.port(), second.port()]), &request);
    assert_meta(
        &meta,
        79,
        &format!(
            "Sent to the broker tcp://127.0.0.1:{}, but not acknowledged: the connection was lost (the broker did not \
             keep the session). It may have arrived. Sending it again may duplicate it. 3 connections were tried.",
            second.port()
        ),
    );
    second.finish();
    first.finish();
}

#[test]
fn the_broker_that_took_the_last_connection_is_looked_for_first() {
    let down = free_port();
    let kept = ScriptedBroker::builder()
        .connection([
            Step::expect(Expect::connect()),
            Step::send(encode::connack(false, 0)),
            Step::expect(Expect::publish().qos(2)),
            Step::respond(PacketType::PubRec),
            Step::expect(Expect::pubrel()),
            Step::close(),
        ])
        .connection([
            Step::expect(Expect::connect()),
            Step::send(encode::connack(true, 0)),
            Step::expect(Expect::pubrel()),
            Step::respond(PacketType::PubComp),
            Step::expect(Expect::disconnect()),
            Step::expect_end(),
        ])
        .start();
    let never = ScriptedBroker::untouched();
    let request = json!({ "retries": 1, "qos": 2, "clean-session": false });
    let meta = send(&with(&config(&[down, kept.port(), never.port()]), request), &json!({}));
    let at = kept.port();
    let message = format!("Sent with QoS 2 to topic \"t\" at tcp://127.0.0.1:{at} in … ms.");
    assert_meta(&meta, 0, &after(3, &message));
    kept.finish();
    never.finish();
}
