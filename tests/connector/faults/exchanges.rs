//! Whole exchanges, byte for byte, and what a broker may send unasked without disturbing them: with what mosquitto's own
//! tests ask of its client, as far as a client that only publishes has it.

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Step, encode};
use serde_json::{Value, json};

use super::transport::{Transport, sent, side_by_side};
use super::{connected, goodbye, publish, script};
use crate::support::assert_meta;

const CONNECT: &[u8] = b"\x10\x12\x00\x04MQTT\x04\x02\x00\x3c\x00\x06sender";
const DISCONNECT: &[u8] = b"\xe0\x00";

#[test]
fn every_byte_is_the_standards() {
    let puback = [(encode::puback(1), &b""[..])];
    let pubrec = [(encode::pubrec(1), &b"\x62\x02\x00\x01"[..]), (encode::pubcomp(1), b"")];
    type Exchange<'a> = (Value, &'a [u8], &'a [(Vec<u8>, &'a [u8])]);
    let exchanges: [Exchange<'_>; 9] = [
        (json!({ "qos": 0, "content": "hello" }), b"\x30\x08\x00\x01thello", &[]),
        (json!({ "qos": 0, "content": "" }), b"\x30\x03\x00\x01t", &[]),
        (json!({ "qos": 0, "content": "x", "retain": true }), b"\x31\x04\x00\x01tx", &[]),
        (json!({ "qos": 1, "content": "hello" }), b"\x32\x0a\x00\x01t\x00\x01hello", &puback),
        (json!({ "qos": 1, "content": "" }), b"\x32\x05\x00\x01t\x00\x01", &puback),
        (json!({ "qos": 1, "content": "x", "retain": true }), b"\x33\x06\x00\x01t\x00\x01x", &puback),
        (json!({ "qos": 2, "content": "hello" }), b"\x34\x0a\x00\x01t\x00\x01hello", &pubrec),
        (json!({ "qos": 2, "content": "" }), b"\x34\x05\x00\x01t\x00\x01", &pubrec),
        (json!({ "qos": 2, "content": "x", "retain": true }), b"\x35\x06\x00\x01t\x00\x01x", &pubrec),
    ];
    for transport in Transport::both() {
        for (request, bytes, answers) in &exchanges {
            let mut steps = vec![
                Step::expect_bytes(CONNECT),
                Step::send(encode::connack(false, 0)),
                Step::expect_bytes(*bytes),
            ];
            for (answer, then) in *answers {
                steps.push(Step::send(answer.as_slice()));
                steps.push(Step::expect_bytes(*then));
            }
            steps.push(Step::expect_bytes(DISCONNECT));
            steps.push(Step::expect_end());
            let played = transport.play([steps], request.clone());
            assert_meta(&played.meta, 0, &sent(u8::try_from(answers.len()).unwrap()));
            assert!(played.record.conversations[0].ended_in_order(), "{}", played.record);
        }
    }
}

/// What a broker sends unasked, and what it is answered.
fn unasked() -> [(Vec<u8>, Vec<Step>); 8] {
    let answered = |kind, id| vec![Step::expect(Expect::packet(kind).packet_id(id))];
    [
        (encode::puback(13423), vec![]),
        (encode::pubcomp(13423), vec![]),
        (encode::pubrec(13423), answered(PacketType::PubRel, 13423)),
        (encode::pubrel(1000), answered(PacketType::PubComp, 1000)),
        (encode::pingresp(), vec![]),
        (encode::publish("else", 0, true, 0, b"y"), vec![]),
        // Another program's subscription in the same session: the broker keeps it for that one.
        (encode::publish("else", 1, false, 56, b"y"), vec![]),
        (encode::publish("else", 2, false, 56, b"y"), vec![]),
    ]
}

#[test]
fn what_comes_unasked_with_connack_does_not_disturb_the_message() {
    let transports = Transport::both();
    side_by_side(transports.iter().flat_map(|transport| {
        unasked().into_iter().flat_map(move |(unasked, answered)| {
            (0..=2).map(move |qos| {
                let greeting = [encode::connack(false, 0), unasked.clone()].concat();
                let first = vec![Step::expect(Expect::connect()), Step::send(greeting)];
                let steps = script([first, answered.clone(), vec![Step::expect(publish(qos))], settled(qos)]);
                move || assert_meta(&transport.play([steps], json!({ "qos": qos })).meta, 0, &sent(qos))
            })
        })
    }));
}

#[test]
fn what_comes_unasked_instead_of_an_acknowledgement_does_not_disturb_the_message() {
    let transports = Transport::both();
    side_by_side(transports.iter().flat_map(|transport| {
        unasked().into_iter().flat_map(move |(unasked, answered)| {
            [1, 2].map(|qos| {
                let asked = vec![Step::expect(publish(qos).packet_id(1)), Step::send(unasked.as_slice())];
                let steps = script([connected(false), asked, answered.clone(), settled(qos)]);
                move || assert_meta(&transport.play([steps], json!({ "qos": qos })).meta, 0, &sent(qos))
            })
        })
    }));
}

/// The acknowledgements of the message with identifier 1, and the goodbye.
fn settled(qos: u8) -> Vec<Step> {
    let exchange = match qos {
        0 => vec![],
        1 => vec![Step::send(encode::puback(1))],
        _ => vec![
            Step::send(encode::pubrec(1)),
            Step::expect(Expect::pubrel().packet_id(1)),
            Step::send(encode::pubcomp(1)),
        ],
    };
    script([exchange, goodbye()])
}
