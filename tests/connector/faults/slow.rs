//! A broker that reads slowly, or not at all: a message counts as sent once its last byte has left the process.

use std::time::Duration;

use mqtt_connector_tests::script::ScriptedBrokerBuilder;
use mqtt_connector_tests::{Expect, Step};
use serde_json::json;

use super::carrier::{Carrier, Play as _, Version, after, lost, sent, side_by_side, too_late, uncertain};
use super::{acknowledged, connected, goodbye, script};

/// More than the kernel buffers on loopback, on either side.
const TOO_MUCH: usize = 6 << 20;
/// Less than that, and more than a record of TLS.
const MUCH: usize = 40_000;

/// Milliseconds that are enough for that in small portions, beside other tests; and for a step of the broker's.
const ENOUGH: u32 = 40_000;
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a test on each carrier with one quality of service, and with every one with MQTT 3.1.1 over TCP and TLS: there is
/// much to carry.
fn each(test: impl Fn(&Carrier, u8) + Sync) {
    let (test, carriers) = (&test, Carrier::all());
    let all = |number: usize, carrier: &Carrier| {
        let every = carrier.version() == Version::V311 && !carrier.is_websocket();
        (0..=2).filter(move |qos| every || number % 3 == usize::from(*qos))
    };
    side_by_side(
        carriers
            .iter()
            .enumerate()
            .flat_map(|(number, carrier)| all(number, carrier).map(move |qos| move || test(carrier, qos))),
    );
}

#[test]
fn a_broker_that_reads_slowly_gets_the_message() {
    each(|carrier, qos| {
        let slowly = Step::read_slowly(16 << 10, Duration::from_millis(1));
        let payload = "x".repeat(1 << 20);
        let steps = script([
            vec![slowly],
            connected(false),
            vec![Step::expect(Expect::publish().qos(qos).payload(&payload))],
            acknowledged(qos),
            goodbye(),
        ]);
        let builder = carrier.broker().receive_buffer(4096).step_timeout(PATIENCE).connection(steps);
        let played = carrier.play_to(builder, json!({ "qos": qos, "content": payload, "timeout": ENOUGH }));
        played.assert(0, &sent(qos));
    });
}

#[test]
fn a_broker_that_stops_reading_for_a_while_gets_the_message() {
    each(|carrier, qos| {
        let payload = "x".repeat(TOO_MUCH);
        let steps = script([
            connected(false),
            // Longer than it takes the client to fill the buffers.
            vec![
                Step::pause(Duration::from_millis(200)),
                Step::expect(Expect::publish().qos(qos).payload(&payload)),
            ],
            acknowledged(qos),
            goodbye(),
        ]);
        let builder = carrier.broker().receive_buffer(4096).step_timeout(PATIENCE).connection(steps);
        let played = carrier.play_to(builder, json!({ "qos": qos, "content": payload, "timeout": ENOUGH }));
        played.assert(0, &sent(qos));
    });
}

#[test]
fn a_message_that_is_stuck_in_the_send_buffer_is_not_sent() {
    each(|carrier, qos| {
        let steps = script([connected(false), vec![Step::deaf()]]);
        let builder = carrier.broker().receive_buffer(4096).connection(steps);
        // Enough for a connection on a busy machine.
        let timeout = 5000;
        let request = json!({ "qos": qos, "content": "x".repeat(TOO_MUCH), "timeout": timeout });
        let played = carrier.play_to(builder, request);
        played.assert(75, &too_late(timeout, "writing the message"));
        // The broker never reads again. How late an answer may be, the families of scenarios say.
        assert!(played.took < PATIENCE, "{:?}", played.took);
    });
}

#[test]
fn a_message_that_fits_the_buffers_of_a_deaf_broker_may_arrive() {
    each(|carrier, qos| {
        let steps = script([connected(false), vec![Step::deaf()]]);
        let builder = carrier.broker().connection(steps);
        let request = json!({ "qos": qos, "content": "x".repeat(MUCH), "timeout": 500 });
        let played = carrier.play_to(builder, request);
        if qos == 0 {
            played.assert(0, &sent(0));
        } else {
            let reason = "no answer within 500 ms, while waiting for the acknowledgement";
            played.assert(79, &uncertain(qos, "the time was over", reason));
        }
    });
}

/// The message never left the client whole, so that it is lost for certain, however much of it the broker has read.
#[test]
fn a_connection_that_ends_in_the_midst_of_a_large_message_has_lost_it() {
    each(|carrier, qos| {
        let ends = [Step::reset(), Step::close_without_notify()];
        let end = ends[usize::from(qos % 2 == 0) ^ usize::from(carrier.is_tls())].clone();
        let steps = script([connected(false), vec![Step::receive(100_000), end]]);
        let builder = carrier.broker().receive_buffer(4096).connection(steps);
        let played = carrier.play_to(builder, json!({ "qos": qos, "content": "x".repeat(TOO_MUCH) }));
        played.assert(74, &lost("…, while …"));
    });
}

/// With as many connections as it takes, the same: and once it was whole, it is sent again only where that is safe.
#[test]
fn a_large_message_is_begun_again_on_the_next_connection() {
    each(|carrier, qos| {
        let payload = "x".repeat(TOO_MUCH);
        let cut = script([connected(false), vec![Step::receive(100_000), Step::reset()]]);
        let fine = script([
            connected(false),
            vec![Step::expect(Expect::publish().qos(qos).dup(false).payload(&payload))],
            acknowledged(qos),
            goodbye(),
        ]);
        let scripts = [cut, fine];
        let builder = scripts.into_iter().fold(
            carrier.broker().receive_buffer(4096).step_timeout(PATIENCE),
            ScriptedBrokerBuilder::connection,
        );
        let request = json!({ "qos": qos, "content": payload, "retries": 1, "timeout": ENOUGH });
        carrier.play_to(builder, request).assert(0, &after(2, &sent(qos)));
    });
}
