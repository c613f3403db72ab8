//! What is no MQTT, or not MQTT that a broker may send: at each stage, with the answer at once.

use std::time::Duration;

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Step, encode};
use serde_json::json;

use super::carrier::{Carrier, Play as _, Version, broken, side_by_side, uncertain};
use super::{connected, publish, script};

/// A broker that sends `answer` after `before`.
fn answered(before: &[Step], answer: &[u8]) -> Vec<Step> {
    script([before.to_vec(), vec![Step::send(answer), Step::expect_end()]])
}

/// A packet of type 4 with 84 bytes, if one takes it for MQTT.
const HTTP: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n400 Bad Request\r\n";

/// An answer that comes within the time-out of five seconds has not waited for it.
const AT_ONCE: Duration = Duration::from_secs(3);

/// What is no CONNACK of a version, and what is said of it.
fn not_a_connack(version: Version) -> Vec<(Vec<u8>, String)> {
    const NOT: &str = "its first packet is not CONNACK";
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
    ];
    let (mut ones, session) = match version {
        Version::V311 => (vec![0x20, 0x02, 0x00, 0x00], encode::connack(true, 0)),
        Version::V5 => (vec![0x20, 0x03, 0x00, 0x00, 0x00], encode::connack_v5(true, 0, &[])),
    };
    let present = "CONNACK says that a session is present, for a clean session";
    answers.push((session, present.to_owned()));
    for flags in 1..16 {
        ones[0] = 0x20 | flags;
        answers.push((ones.clone(), NOT.to_owned()));
    }
    ones[0] = 0x20;
    for bit in 1..8 {
        ones[2] = 1 << bit;
        answers.push((ones.clone(), "a malformed packet (…)".to_owned()));
    }
    answers.extend(match version {
        Version::V311 => too_long_or_short(),
        Version::V5 => no_connack_of_5(),
    });
    answers
}

fn too_long_or_short() -> Vec<(Vec<u8>, String)> {
    const LONG: &str = "its CONNACK is not two bytes long, as that of MQTT 3.1.1 is; see protocol-version";
    let mut answers: Vec<_> = [
        &[0x20, 0x00][..],
        &[0x20, 0x01, 0x00],
        &[0x20, 0x03, 0x00, 0x00, 0x00],
        &[0x20, 0xff, 0xff, 0xff, 0xff, 0x7f],
    ]
    .map(|bytes| (bytes.to_vec(), LONG.to_owned()))
    .into();
    answers.extend([6, 7, 128, 255].map(|code| {
        (
            vec![0x20, 0x02, 0x00, code],
            "a malformed packet (its return code is none that the standard has)".to_owned(),
        )
    }));
    answers
}

/// Whose properties are wrong is [`mqtt5`](crate::mqtt5)'s.
fn no_connack_of_5() -> Vec<(Vec<u8>, String)> {
    let malformed = |bytes: &[u8]| (bytes.to_vec(), "a malformed packet (…)".to_owned());
    vec![
        malformed(&[0x20, 0x00]),
        malformed(&[0x20, 0x01, 0x00]),
        malformed(&[0x20, 0x04, 0x00, 0x00, 0x00, 0x00]),
        malformed(&[0x20, 0x03, 0x00, 0x00, 0x01]),
        malformed(&[0x20, 0x03, 0x00, 0x01, 0x00]),
        malformed(&[0x20, 0x03, 0x00, 0x7f, 0x00]),
    ]
}

#[test]
fn what_is_not_a_connack_breaks_the_protocol() {
    let carriers = Carrier::all();
    side_by_side(carriers.iter().flat_map(|carrier| {
        not_a_connack(carrier.version()).into_iter().map(move |(answer, what)| {
            move || {
                let steps = answered(&[Step::expect(Expect::connect())], &answer);
                let played = carrier.play([steps], json!({}));
                played.assert(76, &broken(&what));
                assert!(played.took < AT_ONCE, "{carrier}: {answer:?} took {:?}", played.took);
            }
        })
    }));
}

#[test]
fn an_answer_in_tls_to_plain_mqtt_is_recognised() {
    let alert = [0x15, 0x03, 0x03, 0x00, 0x02];
    let played = Carrier::tcp().play([answered(&[Step::expect(Expect::connect())], &alert)], json!({}));
    played.assert(76, &broken("it answers in TLS; a broker behind TLS is named with ssl://"));
}

/// What ends a message's exchange in doubt, at each point where a broker owes an acknowledgement: the bytes are made from
/// that acknowledgement, or have nothing to do with it.
#[test]
fn what_no_broker_may_send_ends_the_connection_and_leaves_the_message_uncertain() {
    let asked = |qos| script([connected(false), vec![Step::expect(publish(qos))]]);
    let released = vec![Step::respond(PacketType::PubRec), Step::expect(Expect::pubrel())];
    let carriers = Carrier::all();
    let mut tests = Vec::new();
    for (qos, first_byte, before) in
        [(1, 0x40, asked(1)), (2, 0x50, asked(2)), (2, 0x70, script([asked(2), released]))]
    {
        for carrier in &carriers {
            for (answer, what) in not_from_a_broker(carrier, first_byte) {
                let steps = answered(&before, &answer);
                let message = uncertain(qos, "the broker broke the protocol", &what);
                tests.push(move || {
                    let played = carrier.play([steps], json!({ "qos": qos, "retries": 3 }));
                    played.assert(79, &message);
                    assert!(played.took < AT_ONCE, "{message} took {:?}", played.took);
                });
            }
        }
    }
    side_by_side(tests);
}

fn not_from_a_broker(carrier: &Carrier, acknowledgement: u8) -> Vec<(Vec<u8>, String)> {
    let malformed = |bytes: &[u8]| (bytes.to_vec(), "a malformed packet (…)".to_owned());
    let mut all = vec![
        (carrier.connack(false), "a second CONNACK".to_owned()),
        (encode::suback(1, &[0]), "a SUBACK without a SUBSCRIBE".to_owned()),
        (encode::unsuback(1), "an UNSUBACK without an UNSUBSCRIBE".to_owned()),
        (vec![0xc0, 0x00], "a packet that only a client sends".to_owned()),
        (b"\x82\x06\x00\x01\x00\x01t\x00".to_vec(), "a packet that only a client sends".to_owned()),
        (b"\xa2\x05\x00\x01\x00\x01t".to_vec(), "a packet that only a client sends".to_owned()),
        (
            b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01c".to_vec(),
            "a packet that only a client sends".to_owned(),
        ),
        (
            vec![0x30, 0xff, 0xff, 0xff, 0x7f],
            "a packet of 2684354… bytes, for a client that only publishes".to_owned(),
        ),
        malformed(&[0x00, 0x00]),
        malformed(HTTP),
        malformed(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28]),
        malformed(&[acknowledgement, 0x80, 0x80, 0x80, 0x80, 0x01]),
        malformed(&[acknowledgement, 0x00]),
        malformed(&[acknowledgement, 0x01, 0x01]),
        malformed(&[acknowledgement, 0x02, 0x00, 0x00]),
        malformed(&[0xd1, 0x00]),
        malformed(&[0x60, 0x02, 0x00, 0x01]),
        malformed(&[0x63, 0x02, 0x00, 0x01]),
        malformed(&[0x62, 0x02, 0x00, 0x00]),
    ];
    all.extend(match carrier.version() {
        Version::V311 => not_from_a_broker_of_3_1_1(acknowledgement),
        Version::V5 => not_from_a_broker_of_5(acknowledgement),
    });
    all.extend([1, 2, 4, 8, 15].map(|flags| malformed(&[acknowledgement | flags, 0x02, 0x00, 0x01])));
    all
}

/// Each fault has its sentence.
fn not_from_a_broker_of_3_1_1(acknowledgement: u8) -> Vec<(Vec<u8>, String)> {
    const FORMAT: &str = "it does not have the form of its type";
    const LENGTH: &str = "it is longer or shorter than such a packet is";
    let malformed = |why: &str| format!("a malformed packet ({why})");
    vec![
        (vec![0xe0, 0x00], "a packet that only a client sends".to_owned()),
        (vec![0xf0, 0x00], malformed("its type is none that MQTT has")),
        (vec![acknowledgement, 0x03, 0x00, 0x01, 0x00], malformed(LENGTH)),
        (vec![acknowledgement, 0x04, 0x00, 0x01, 0x00, 0x00], malformed(LENGTH)),
        (vec![0x62, 0x03, 0x00, 0x01, 0x00], malformed(LENGTH)),
        (b"\x32\x05\x00\x01t\x00\x00".to_vec(), malformed("its packet identifier is 0")),
        (b"\x30\x03\x00\x01\xff".to_vec(), malformed("its topic is not UTF-8")),
        (b"\x30\x03\x00\x01#".to_vec(), malformed(FORMAT)),
        (b"\x30\x03\x00\x09t".to_vec(), malformed("the length of a part goes beyond its end")),
        (
            b"\x36\x05\x00\x01t\x00\x01".to_vec(),
            malformed("its quality of service is 3, which MQTT does not have"),
        ),
    ]
}

/// Whose properties are wrong is [`mqtt5`](crate::mqtt5)'s.
fn not_from_a_broker_of_5(acknowledgement: u8) -> Vec<(Vec<u8>, String)> {
    let malformed = |bytes: &[u8]| (bytes.to_vec(), "a malformed packet (…)".to_owned());
    vec![
        (vec![0xf0, 0x00], "an AUTH without an authentication method".to_owned()),
        malformed(&[acknowledgement, 0x03, 0x00, 0x01, 0x01]),
        malformed(&[acknowledgement, 0x03, 0x00, 0x01, 0x7f]),
        malformed(&[acknowledgement, 0x05, 0x00, 0x01, 0x00, 0x00, 0x00]),
        malformed(&[acknowledgement, 0x04, 0x00, 0x01, 0x00, 0x01]),
        malformed(&[0x62, 0x03, 0x00, 0x01, 0x01]),
    ]
}
