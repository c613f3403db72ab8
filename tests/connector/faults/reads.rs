//! A broker that ends the connection after each byte that it reads. What it has read, the client cannot know: what counts
//! is whether the message had left the client whole.

use std::time::Duration;

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Step};
use serde_json::json;

use super::transport::{Transport, lost, sent, side_by_side, uncertain};
use super::{connected, publish, script};
use crate::support::assert_meta;

const CONNECT: &[u8] = b"\x10\x12\x00\x04MQTT\x04\x02\x00\x3c\x00\x06sender";
const PUBLISH: [&[u8]; 3] =
    [b"\x30\x04\x00\x01tx", b"\x32\x06\x00\x01t\x00\x01x", b"\x34\x06\x00\x01t\x00\x01x"];
const PUBREL: &[u8] = b"\x62\x02\x00\x01";

/// Lets a broker read `bytes` one by one after `before`, and ends the connection after each number of them, from
/// `least`; asserts the answer.
fn read_and_cut(qos: u8, before: &[Step], bytes: &[u8], least: usize, exit_code: i32, message: &str) {
    let tcp = &Transport::tcp();
    side_by_side((least..=bytes.len()).flat_map(|count| {
        [Step::close(), Step::reset()].map(|end| {
            // A byte at a time: what the broker has not read when it resets the connection never reached it.
            let bytewise = Step::read_slowly(1, Duration::ZERO);
            let read = if count == bytes.len() { Step::expect_bytes(bytes) } else { Step::receive(count) };
            let steps = script([vec![bytewise], before.to_vec(), vec![read, end]]);
            move || {
                let played = tcp.play([steps], json!({ "qos": qos }));
                assert_meta(&played.meta, exit_code, message);
            }
        })
    }));
}

#[test]
fn a_cut_after_each_byte_of_connect_leaves_the_message_unsent() {
    for qos in 0..=2 {
        let message = lost("…, while waiting for CONNACK (a broker behind TLS is named with ssl://)");
        read_and_cut(qos, &[], CONNECT, 1, 74, &message);
    }
}

#[test]
fn a_cut_after_each_byte_of_publish_leaves_it_uncertain() {
    let reason = "…, while waiting for the acknowledgement";
    for qos in [1, 2] {
        let message = uncertain(qos, "the connection was lost", reason);
        read_and_cut(qos, &connected(false), PUBLISH[usize::from(qos)], 1, 79, &message);
    }
    read_and_cut(0, &connected(false), PUBLISH[0], 1, 0, &sent(0));
}

#[test]
fn a_cut_after_each_byte_of_pubrel_leaves_it_uncertain() {
    let before =
        script([connected(false), vec![Step::expect(publish(2)), Step::respond(PacketType::PubRec)]]);
    let message = uncertain(2, "the connection was lost", "…, while waiting for the acknowledgement");
    read_and_cut(2, &before, PUBREL, 0, 79, &message);
}

#[test]
fn a_cut_after_each_byte_of_disconnect_changes_nothing() {
    let before = [
        vec![Step::expect(publish(0))],
        vec![Step::expect(publish(1)), Step::respond(PacketType::PubAck)],
        vec![
            Step::expect(publish(2)),
            Step::respond(PacketType::PubRec),
            Step::expect(Expect::pubrel()),
            Step::respond(PacketType::PubComp),
        ],
    ];
    for (qos, exchange) in (0..).zip(before) {
        read_and_cut(qos, &script([connected(false), exchange]), &[0xe0, 0x00], 0, 0, &sent(qos));
    }
}
