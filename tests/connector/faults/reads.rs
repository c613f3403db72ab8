//! A broker that ends the connection after each byte that it reads. What it has read, the client cannot know: what counts
//! is whether the message had left the client whole.

use std::time::Duration;

use mqtt_connector_tests::Step;
use mqtt_connector_tests::packet::PacketType;
use serde_json::json;

use super::carrier::{Carrier, Play as _, TAKEN_OVER, lost, sent, side_by_side, uncertain};
use super::{acknowledged, connected, publish, script};

/// CONNECT, PUBLISH with each quality of service, and PUBREL, as the client sends them.
struct Bytes {
    connect: &'static [u8],
    publish: [&'static [u8]; 3],
    pubrel: &'static [u8],
}

const V311: Bytes = Bytes {
    connect: b"\x10\x12\x00\x04MQTT\x04\x02\x00\x3c\x00\x06sender",
    publish: [b"\x30\x04\x00\x01tx", b"\x32\x06\x00\x01t\x00\x01x", b"\x34\x06\x00\x01t\x00\x01x"],
    pubrel: b"\x62\x02\x00\x01",
};

const V5: Bytes = Bytes {
    connect: b"\x10\x13\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x06sender",
    publish: [
        b"\x30\x07\x00\x01t\x02\x01\x01x",
        b"\x32\x09\x00\x01t\x00\x01\x02\x01\x01x",
        b"\x34\x09\x00\x01t\x00\x01\x02\x01\x01x",
    ],
    pubrel: b"\x62\x02\x00\x01",
};

/// Over TCP and TLS: a frame of WebSocket is read as a whole, or not at all.
fn carriers() -> [(Carrier, Bytes); 4] {
    let version_5 = Carrier::version_5;
    [
        (Carrier::tcp(), V311),
        (Carrier::tls(), V311),
        (version_5(Carrier::tcp()), V5),
        (version_5(Carrier::tls()), V5),
    ]
}

/// Lets a broker read `bytes` one by one after `before`, and ends the connection after each number of them, from
/// `least`; asserts the answer.
fn read_and_cut(
    carrier: &Carrier,
    qos: u8,
    before: &[Step],
    (bytes, least): (&[u8], usize),
    (exit_code, message): (i32, &str),
) {
    side_by_side((least..=bytes.len()).flat_map(|count| {
        [Step::close(), Step::reset()].map(|end| {
            // A byte at a time: what the broker has not read when it resets the connection never reached it.
            let bytewise = Step::read_slowly(1, Duration::ZERO);
            let read = if count == bytes.len() { Step::expect_bytes(bytes) } else { Step::receive(count) };
            let steps = script([vec![bytewise], before.to_vec(), vec![read, end]]);
            move || carrier.play([steps], json!({ "qos": qos })).assert(exit_code, message)
        })
    }));
}

#[test]
fn a_cut_after_each_byte_of_connect_leaves_the_message_unsent() {
    for (carrier, bytes) in carriers() {
        let message = lost(&format!("…, while waiting for CONNACK{}", carrier.hint()));
        for qos in 0..=2 {
            read_and_cut(&carrier, qos, &[], (bytes.connect, 1), (74, &message));
        }
    }
}

#[test]
fn a_cut_after_each_byte_of_publish_leaves_it_uncertain() {
    let reason = format!("…, while waiting for the acknowledgement{TAKEN_OVER}");
    for (carrier, bytes) in carriers() {
        for qos in [1, 2] {
            let message = uncertain(qos, "the connection was lost", &reason);
            let publish = bytes.publish[usize::from(qos)];
            read_and_cut(&carrier, qos, &connected(false), (publish, 1), (79, &message));
        }
        read_and_cut(&carrier, 0, &connected(false), (bytes.publish[0], 1), (0, &sent(0)));
    }
}

#[test]
fn a_cut_after_each_byte_of_pubrel_leaves_it_uncertain() {
    let before =
        script([connected(false), vec![Step::expect(publish(2)), Step::respond(PacketType::PubRec)]]);
    let reason = format!("…, while waiting for the acknowledgement{TAKEN_OVER}");
    let message = uncertain(2, "the connection was lost", &reason);
    for (carrier, bytes) in carriers() {
        read_and_cut(&carrier, 2, &before, (bytes.pubrel, 0), (79, &message));
    }
}

#[test]
fn a_cut_after_each_byte_of_disconnect_changes_nothing() {
    for (carrier, _) in carriers() {
        for qos in 0..=2 {
            let before = script([connected(false), vec![Step::expect(publish(qos))], acknowledged(qos)]);
            read_and_cut(&carrier, qos, &before, (&[0xe0, 0x00], 0), (0, &sent(qos)));
        }
    }
}
