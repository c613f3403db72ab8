//! Time: silence at each stage, a broker that is not there, keep-alive.

use std::time::{Duration, Instant};

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::port::{BlackHole, ClosedPort, SilentPort};
use mqtt_connector_tests::{Expect, ScriptedBroker, Step, encode};
use serde_json::json;

use crate::faults::{connected, goodbye, play, publish, script};
use crate::support::{assert_meta, config, send};

#[test]
fn a_broker_that_is_not_there_is_unreachable_or_times_out() {
    let request = json!({ "topic": "t", "content": "x", "timeout": 300 });
    let closed = ClosedPort::open();
    let meta = send(&config(closed.port()), &request);
    let address = closed.address();
    assert_meta(
        &meta,
        69,
        &format!(
            "Not sent, the broker tcp://{address} could not be reached: {address}: the connection was refused."
        ),
    );
    let silent = SilentPort::open();
    let meta = send(&config(silent.port()), &request);
    assert_eq!(meta.exit_code, 75, "{}", meta.message);
    assert!(meta.message.contains("while waiting for CONNACK"), "{}", meta.message);
    let hole = BlackHole::open();
    let meta = send(&config(hole.port()), &request);
    assert_eq!(meta.exit_code, 75, "{}", meta.message);
    assert!(meta.message.contains("while connecting to the broker"), "{}", meta.message);
}

#[test]
fn the_client_is_heard_of_within_the_keep_alive() {
    let steps = script([
        connected(false),
        vec![
            Step::expect(publish(1)),
            Step::expect(Expect::pingreq()),
            Step::send(encode::pingresp()),
            Step::expect(Expect::pingreq()),
            Step::send([encode::pingresp(), encode::puback(1)].concat()),
        ],
        goodbye(),
    ]);
    let started = Instant::now();
    assert_eq!(play([steps], json!({ "qos": 1, "keep-alive": 1 })).exit_code, 0);
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_broker_that_does_not_answer_a_ping_is_lost() {
    let steps = script([
        connected(false),
        vec![Step::expect(publish(1)), Step::expect(Expect::pingreq()), Step::expect_end()],
    ]);
    let meta = play([steps], json!({ "qos": 1, "keep-alive": 1 }));
    assert_eq!(meta.exit_code, 79, "{}", meta.message);
    assert!(meta.message.contains("did not answer PINGREQ"), "{}", meta.message);
}

#[test]
fn a_client_that_is_still_writing_owes_no_ping() {
    let steps = script([
        connected(false),
        vec![
            Step::pause(Duration::from_millis(2500)),
            Step::expect(Expect::publish().qos(1)),
            Step::respond(PacketType::PubAck),
        ],
        goodbye(),
    ]);
    let broker = ScriptedBroker::builder().receive_buffer(4096).connection(steps).start();
    let request =
        json!({ "topic": "t", "content": "x".repeat(8 << 20), "qos": 1, "keep-alive": 1, "timeout": 9000 });
    let meta = send(&config(broker.port()), &request);
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    broker.finish();
}
