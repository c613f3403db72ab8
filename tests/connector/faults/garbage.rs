//! What is no MQTT, or not MQTT that a broker may send: at each stage, with the answer at once.

use std::time::Duration;

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Step, encode};
use serde_json::json;

use super::transport::{Transport, broken, side_by_side, uncertain};
use super::{connected, publish, script};
use crate::support::assert_meta;

/// A broker that sends `answer` after `before`.
fn answered(before: &[Step], answer: &[u8]) -> Vec<Step> {
    script([before.to_vec(), vec![Step::send(answer), Step::expect_end()]])
}

/// A packet of type 4 with 84 bytes, if one takes it for MQTT.
const HTTP: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n400 Bad Request\r\n";

/// An answer that comes within the time-out of five seconds has not waited for it.
const AT_ONCE: Duration = Duration::from_secs(3);

#[test]
fn what_is_not_a_connack_breaks_the_protocol() {
    const NOT: &str = "its first packet is not CONNACK";
    const LONG: &str = "its CONNACK is not two bytes long";
    let malformed = "a malformed packet (Incorrect packet format)";
    let mut answers = vec![
        (encode::puback(1), NOT.to_owned()),
        (encode::pubrec(1), NOT.to_owned()),
        (encode::pubcomp(1), NOT.to_owned()),
        (encode::pubrel(1), NOT.to_owned()),
        (encode::suback(1, &[0]), NOT.to_owned()),
        (encode::publish("t", 1, false, 1, b"x"), NOT.to_owned()),
        (encode::pingresp(), NOT.to_owned()),
        (vec![0x00], NOT.to_owned()),
        (vec![0xff, 0xff, 0xff, 0xff, 0xff], NOT.to_owned()),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec(), NOT.to_owned()),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            "it answers in HTTP; this is not an MQTT port".to_owned(),
        ),
        (vec![0x20, 0x00], LONG.to_owned()),
        (vec![0x20, 0x01, 0x00], LONG.to_owned()),
        (vec![0x20, 0x03, 0x00, 0x00, 0x00], LONG.to_owned()),
        (vec![0x20, 0xff, 0xff, 0xff, 0xff, 0x7f], LONG.to_owned()),
        (encode::connack(true, 0), "CONNACK says that a session is present, for a clean session".to_owned()),
    ];
    answers.extend((1..16).map(|flags| (vec![0x20 | flags, 0x02, 0x00, 0x00], NOT.to_owned())));
    answers.extend((1..8).map(|bit| (vec![0x20, 0x02, 1 << bit, 0x00], malformed.to_owned())));
    answers.extend([6, 7, 128, 255].map(|code| {
        (vec![0x20, 0x02, 0x00, code], format!("a malformed packet (Invalid Connect return code: {code})"))
    }));
    let transports = Transport::both();
    side_by_side(answers.iter().flat_map(|(answer, what)| {
        transports.iter().map(move |transport| {
            move || {
                let played =
                    transport.play([answered(&[Step::expect(Expect::connect())], answer)], json!({}));
                assert_meta(&played.meta, 76, &broken(what));
                assert!(played.took < AT_ONCE, "{answer:?} took {:?}", played.took);
            }
        })
    }));
}

#[test]
fn an_answer_in_tls_to_plain_mqtt_is_recognised() {
    let alert = [0x15, 0x03, 0x03, 0x00, 0x02];
    let meta = Transport::tcp().play([answered(&[Step::expect(Expect::connect())], &alert)], json!({})).meta;
    assert_meta(&meta, 76, &broken("it answers in TLS; a broker behind TLS is named with ssl://"));
}

/// What ends a message's exchange in doubt, at each point where a broker owes an acknowledgement: the bytes are made from
/// that acknowledgement, or have nothing to do with it.
#[test]
fn what_no_broker_may_send_ends_the_connection_and_leaves_the_message_uncertain() {
    let asked = |qos| script([connected(false), vec![Step::expect(publish(qos))]]);
    let released = vec![Step::respond(PacketType::PubRec), Step::expect(Expect::pubrel())];
    let transports = Transport::both();
    let mut tests = Vec::new();
    for (qos, first_byte, before) in
        [(1, 0x40, asked(1)), (2, 0x50, asked(2)), (2, 0x70, script([asked(2), released]))]
    {
        for (answer, what) in not_from_a_broker(first_byte) {
            for transport in &transports {
                let steps = answered(&before, &answer);
                let message = uncertain(qos, "the broker broke the protocol", &what);
                tests.push(move || {
                    let played = transport.play([steps], json!({ "qos": qos, "retries": 3 }));
                    assert_meta(&played.meta, 79, &message);
                    assert!(played.took < AT_ONCE, "{message} took {:?}", played.took);
                });
            }
        }
    }
    side_by_side(tests);
}

fn not_from_a_broker(acknowledgement: u8) -> Vec<(Vec<u8>, String)> {
    const FORMAT: &str = "Incorrect packet format";
    const LENGTH: &str = "Payload size is incorrect";
    let malformed = |why: &str| format!("a malformed packet ({why})");
    let mut all = vec![
        (encode::connack(false, 0), "a second CONNACK".to_owned()),
        (encode::suback(1, &[0]), "a SUBACK without a SUBSCRIBE".to_owned()),
        (encode::unsuback(1), "an UNSUBACK without an UNSUBSCRIBE".to_owned()),
        (vec![0xc0, 0x00], "a packet that only a client sends".to_owned()),
        (vec![0xe0, 0x00], "a packet that only a client sends".to_owned()),
        (b"\x82\x06\x00\x01\x00\x01t\x00".to_vec(), "a packet that only a client sends".to_owned()),
        (b"\xa2\x05\x00\x01\x00\x01t".to_vec(), "a packet that only a client sends".to_owned()),
        (
            b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01c".to_vec(),
            "a packet that only a client sends".to_owned(),
        ),
        (vec![0x00, 0x00], malformed("Invalid packet type: 0")),
        (vec![0xf0, 0x00], malformed("Invalid packet type: 15")),
        (HTTP.to_vec(), malformed(FORMAT)),
        (vec![0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28], malformed(FORMAT)),
        (vec![acknowledgement, 0x80, 0x80, 0x80, 0x80, 0x01], malformed("Malformed remaining length")),
        (vec![acknowledgement, 0x00], malformed("Payload required")),
        (vec![acknowledgement, 0x01, 0x01], malformed(LENGTH)),
        (vec![acknowledgement, 0x03, 0x00, 0x01, 0x00], malformed(LENGTH)),
        (vec![acknowledgement, 0x04, 0x00, 0x01, 0x00, 0x00], malformed(LENGTH)),
        (vec![acknowledgement, 0x02, 0x00, 0x00], malformed("Packet id Zero")),
        (
            vec![0x30, 0xff, 0xff, 0xff, 0x7f],
            "a packet of 268435455 bytes, for a client that only publishes".to_owned(),
        ),
        (vec![0xd1, 0x00], malformed(FORMAT)),
        (vec![0x60, 0x02, 0x00, 0x01], malformed(FORMAT)),
        (vec![0x63, 0x02, 0x00, 0x01], malformed(FORMAT)),
        (vec![0x62, 0x02, 0x00, 0x00], malformed("Packet id Zero")),
        (vec![0x62, 0x03, 0x00, 0x01, 0x00], malformed(LENGTH)),
        (b"\x32\x05\x00\x01t\x00\x00".to_vec(), malformed("Packet id Zero")),
        (
            b"\x30\x03\x00\x01\xff".to_vec(),
            malformed("Topic is not UTF-8: invalid utf-8 sequence of 1 bytes from index 0"),
        ),
        (b"\x30\x03\x00\x01#".to_vec(), malformed(FORMAT)),
        (b"\x30\x03\x00\x09t".to_vec(), malformed("Promised boundary crossed: 9")),
        (b"\x36\x05\x00\x01t\x00\x01".to_vec(), malformed("Invalid QoS level: 3")),
    ];
    all.extend(
        [1, 2, 4, 8, 15].map(|flags| (vec![acknowledgement | flags, 0x02, 0x00, 0x01], malformed(FORMAT))),
    );
    all
}
