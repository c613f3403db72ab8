//! Whole exchanges, byte for byte, and what a broker may send unasked without disturbing them: with what mosquitto's own
//! tests ask of its client, as far as a client that only publishes has it.

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{End, Expect, Step, encode};
use serde_json::{Value, json};

use super::carrier::{Carrier, Play as _, Version, sent, side_by_side};
use super::{connected, goodbye, publish, script};
use crate::support::with;

/// CONNECT in each version; that of MQTT 5 has no properties, and says so.
const CONNECT: [&[u8]; 2] = [
    b"\x10\x12\x00\x04MQTT\x04\x02\x00\x3c\x00\x06sender",
    b"\x10\x13\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x06sender",
];
const DISCONNECT: &[u8] = b"\xe0\x00";

/// What a client is to send for a request, in MQTT 3.1.1 and in MQTT 5, where text says that it is text.
type Published = (Value, [&'static [u8]; 2]);

fn published() -> [Published; 9] {
    [
        (
            json!({ "qos": 0, "content": "hello" }),
            [b"\x30\x08\x00\x01thello", b"\x30\x0b\x00\x01t\x02\x01\x01hello"],
        ),
        (json!({ "qos": 0, "content": "" }), [b"\x30\x03\x00\x01t", b"\x30\x06\x00\x01t\x02\x01\x01"]),
        (
            json!({ "qos": 0, "content": "x", "retain": true }),
            [b"\x31\x04\x00\x01tx", b"\x31\x07\x00\x01t\x02\x01\x01x"],
        ),
        (
            json!({ "qos": 1, "content": "hello" }),
            [b"\x32\x0a\x00\x01t\x00\x01hello", b"\x32\x0d\x00\x01t\x00\x01\x02\x01\x01hello"],
        ),
        (
            json!({ "qos": 1, "content-base64": "" }),
            [b"\x32\x05\x00\x01t\x00\x01", b"\x32\x06\x00\x01t\x00\x01\x00"],
        ),
        (
            json!({ "qos": 1, "content-base64": "/w==", "retain": true }),
            [b"\x33\x06\x00\x01t\x00\x01\xff", b"\x33\x07\x00\x01t\x00\x01\x00\xff"],
        ),
        (
            json!({ "qos": 2, "content": "hello" }),
            [b"\x34\x0a\x00\x01t\x00\x01hello", b"\x34\x0d\x00\x01t\x00\x01\x02\x01\x01hello"],
        ),
        (
            json!({ "qos": 2, "content-base64": "eA==" }),
            [b"\x34\x06\x00\x01t\x00\x01x", b"\x34\x07\x00\x01t\x00\x01\x00x"],
        ),
        (
            json!({ "qos": 2, "content": 1, "retain": true }),
            [b"\x35\x06\x00\x01t\x00\x011", b"\x35\x09\x00\x01t\x00\x01\x02\x01\x011"],
        ),
    ]
}

#[test]
fn every_byte_is_the_standards() {
    let carriers = Carrier::all();
    side_by_side(carriers.iter().flat_map(|carrier| {
        let version = usize::from(carrier.version() == Version::V5);
        published().into_iter().map(move |(request, bytes)| {
            let answers = match request["qos"].as_u64() {
                Some(0) => vec![],
                Some(1) => vec![Step::send(encode::puback(1))],
                _ => vec![
                    Step::send(encode::pubrec(1)),
                    Step::expect_bytes(b"\x62\x02\x00\x01"),
                    Step::send(encode::pubcomp(1)),
                ],
            };
            let steps = script([
                vec![
                    Step::expect_bytes(CONNECT[version]),
                    Step::send(carrier.connack(false)),
                    Step::expect_bytes(bytes[version]),
                ],
                answers,
                vec![Step::expect_bytes(DISCONNECT), Step::expect_end()],
            ]);
            move || {
                // A null in the request leaves out what `play` would add.
                let content =
                    if request["content-base64"].is_null() { json!({}) } else { json!({ "content": null }) };
                let played = carrier.play([steps], with(&request, content));
                played.assert(0, &sent(u8::try_from(request["qos"].as_u64().unwrap()).unwrap()));
                let seen = &played.record.conversations[0];
                assert!(seen.ended_in_order(), "{carrier}: {}", played.record);
                if carrier.is_websocket() {
                    assert_eq!(seen.ended.unwrap().1, End::Closed, "{carrier}: {}", played.record);
                }
            }
        })
    }));
}

/// What a broker sends unasked, and what it is answered.
fn unasked(carrier: &Carrier) -> [(Vec<u8>, Vec<Step>); 8] {
    let answered = |kind, id| vec![Step::expect(Expect::packet(kind).packet_id(id))];
    [
        (encode::puback(13423), vec![]),
        (encode::pubcomp(13423), vec![]),
        (encode::pubrec(13423), answered(PacketType::PubRel, 13423)),
        (encode::pubrel(1000), answered(PacketType::PubComp, 1000)),
        (encode::pingresp(), vec![]),
        (carrier.publish("else", 0, true, 0, b"y"), vec![]),
        // Another program's subscription in the same session: the broker keeps it for that one.
        (carrier.publish("else", 1, false, 56, b"y"), vec![]),
        (carrier.publish("else", 2, false, 56, b"y"), vec![]),
    ]
}

#[test]
fn what_comes_unasked_with_connack_does_not_disturb_the_message() {
    let carriers = Carrier::all();
    side_by_side(carriers.iter().flat_map(|carrier| {
        unasked(carrier).into_iter().flat_map(move |(unasked, answered)| {
            (0..=2).map(move |qos| {
                let greeting = [carrier.connack(false), unasked.clone()].concat();
                let first = vec![Step::expect(Expect::connect()), Step::send(greeting)];
                let steps = script([first, answered.clone(), vec![Step::expect(publish(qos))], settled(qos)]);
                move || carrier.play([steps], json!({ "qos": qos })).assert(0, &sent(qos))
            })
        })
    }));
}

#[test]
fn what_comes_unasked_instead_of_an_acknowledgement_does_not_disturb_the_message() {
    let carriers = Carrier::all();
    side_by_side(carriers.iter().flat_map(|carrier| {
        unasked(carrier).into_iter().flat_map(move |(unasked, answered)| {
            [1, 2].map(|qos| {
                let asked = vec![Step::expect(publish(qos).packet_id(1)), Step::send(unasked.as_slice())];
                let steps = script([connected(false), asked, answered.clone(), settled(qos)]);
                move || carrier.play([steps], json!({ "qos": qos })).assert(0, &sent(qos))
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
