//! The collector counts exactly, whatever the broker repeats.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Collector, Expect, Mosquitto, ScriptedBroker, Step, encode};

const SOON: Duration = Duration::from_secs(20);

/// A connection up to the subscription.
fn subscribed(session_present: bool) -> Vec<Step> {
    vec![
        Step::expect(Expect::connect()),
        Step::send(encode::connack(session_present, 0)),
        Step::expect(Expect::packet(PacketType::Subscribe)),
        Step::send(encode::suback(1, &[2])),
    ]
}

/// A QoS 2 message, and the answer to it.
fn publish(content: &str, again: bool) -> [Step; 2] {
    let mut bytes = encode::publish("t", 2, false, 1, content.as_bytes());
    bytes[0] |= u8::from(again) << 3;
    [Step::send(bytes), Step::expect(Expect::packet(PacketType::PubRec).packet_id(1))]
}

/// The end of its exchange.
fn release() -> [Step; 2] {
    [Step::send(encode::pubrel(1)), Step::expect(Expect::packet(PacketType::PubComp).packet_id(1))]
}

fn script(parts: impl IntoIterator<Item = Vec<Step>>) -> Vec<Step> {
    parts.into_iter().flatten().collect()
}

#[test]
fn a_message_that_is_repeated_on_a_new_connection_counts_once() {
    let first = script([subscribed(false), publish("first", false).into(), vec![Step::close()]]);
    let second = script([
        subscribed(true),
        publish("first", true).into(),
        release().into(),
        publish("second", false).into(),
        release().into(),
    ]);
    let broker = ScriptedBroker::builder().connection(first).connection(second).start();
    let (sender, contents) = mpsc::channel();
    let collector = Collector::start(broker.port(), "collector", "t", move |publish| {
        sender.send(publish.payload).expect("the test goes on");
    });
    assert_eq!(contents.recv_timeout(SOON).as_deref(), Ok(&b"first"[..]));
    assert_eq!(contents.recv_timeout(SOON).as_deref(), Ok(&b"second"[..]));
    assert_eq!(collector.subscriptions(), 2);
    assert_eq!(collector.problems(), [""; 0]);
    broker.finish();
}

#[test]
fn a_broker_that_forgets_the_session_is_a_problem() {
    let first = script([subscribed(false), vec![Step::close()]]);
    let broker = ScriptedBroker::builder().connection(first).connection(subscribed(false)).start();
    let collector = Collector::start(broker.port(), "collector", "t", |_| {});
    collector.wait_for_subscriptions(2, SOON);
    assert_eq!(collector.problems(), ["the broker forgot the session"]);
    broker.finish();
}

/// What a collector relies on: mosquitto 2.0.11 without a limit on messages in flight publishes the message again.
#[test]
fn over_a_restart_the_broker_goes_on_where_an_exchange_stood() {
    let broker = Mosquitto::builder().persistence_when_stopped().start();
    let connect = || {
        let mut stream = TcpStream::connect(broker.address()).expect("a broker");
        stream.set_read_timeout(Some(SOON)).expect("a time-out");
        stream.write_all(&encode::packet(0x10, b"\0\x04MQTT\x04\0\0\0\0\x01c")).expect("a connection");
        stream
    };
    let comes = |stream: &mut TcpStream, expected: &[u8]| {
        let mut bytes = vec![0; expected.len()];
        stream.read_exact(&mut bytes).expect("an answer");
        assert_eq!(bytes, expected);
    };
    let mut stream = connect();
    comes(&mut stream, &encode::connack(false, 0));
    stream.write_all(&encode::packet(0x82, b"\0\x01\0\x01t\x02")).expect("a connection");
    comes(&mut stream, &encode::suback(1, &[2]));
    let port = broker.port().to_string();
    let published =
        Command::new("mosquitto_pub").args(["-p", &port, "-q", "2", "-t", "t", "-m", "x"]).status();
    assert!(published.expect("mosquitto_pub is installed").success());
    comes(&mut stream, &encode::publish("t", 2, false, 1, b"x"));
    stream.write_all(&encode::pubrec(1)).expect("a connection");
    comes(&mut stream, &encode::pubrel(1));
    broker.restart();
    let mut stream = connect();
    comes(&mut stream, &encode::connack(true, 0));
    comes(&mut stream, &encode::pubrel(1));
}
