//! What CONNECT and PUBLISH carry, byte for byte against what section 3.1 and 3.3 of the standard write down.

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Step, encode};
use serde_json::json;

use super::{play, tcp};
use crate::faults::carrier::{Play as _, sent};
use crate::faults::{goodbye, script};
use crate::support::with;

fn greeting(connect: Step) -> Vec<Step> {
    vec![connect, Step::send(encode::connack_v5(false, 0, &[]))]
}

/// Sends bytes, which say nothing of themselves, so that each property stands alone: section 3.3.2.3.
#[test]
fn each_property_of_publish_is_the_standards() {
    for (property, bytes) in [
        (json!({}), &b""[..]),
        (json!({ "message-expiry-interval": 0 }), b"\x02\x00\x00\x00\x00"),
        (json!({ "message-expiry-interval": 1 }), b"\x02\x00\x00\x00\x01"),
        (json!({ "message-expiry-interval": 4_294_967_295_u32 }), b"\x02\xff\xff\xff\xff"),
        (json!({ "content-type": "text/plain" }), b"\x03\x00\x0atext/plain"),
        (json!({ "content-type": "ü" }), b"\x03\x00\x02\xc3\xbc"),
        (json!({ "response-topic": "a/b" }), b"\x08\x00\x03a/b"),
        (json!({ "user-properties": { "n": "v" } }), b"\x26\x00\x01n\x00\x01v"),
        (
            json!({ "user-properties": [["n", "2"], ["m", ""], ["n", "1"]] }),
            b"\x26\x00\x01n\x00\x012\x26\x00\x01m\x00\x00\x26\x00\x01n\x00\x011",
        ),
    ] {
        let length = u8::try_from(bytes.len()).unwrap();
        for qos in [0, 1] {
            let identifier: &[u8] = if qos == 1 { &[0, 1] } else { &[] };
            let body = [b"\x00\x01t", identifier, &[length], bytes, &[0xff]].concat();
            let publish = [&[0x30 | qos << 1, u8::try_from(body.len()).unwrap()], &body[..]].concat();
            let answer = if qos == 1 { vec![Step::respond(PacketType::PubAck)] } else { vec![] };
            let publish = vec![Step::expect_bytes(publish)];
            let steps = script([greeting(Step::expect(Expect::connect())), publish, answer, goodbye()]);
            // A null in the request leaves out what `play` would add.
            let bytes = json!({ "qos": qos, "content": null, "content-base64": "/w==" });
            play([steps], with(&bytes, property.clone())).assert(0, &sent(qos));
        }
    }
}

#[test]
fn correlation_data_is_the_standards() {
    let steps = script([
        greeting(Step::expect(Expect::connect())),
        vec![Step::expect_bytes(b"\x30\x0a\x00\x01t\x05\x09\x00\x02id\xff")],
        goodbye(),
    ]);
    let request = json!({ "qos": 0, "content": null, "content-base64": "/w==", "correlation-data": "id" });
    play([steps], request).assert(0, &sent(0));
}

/// Section 3.3.2.3.2: text says that it is text unless the request has it otherwise, and bytes the other way round.
#[test]
fn the_payload_format_indicator_is_the_requests() {
    for (request, publish) in [
        (json!({ "content": "x" }), &b"\x30\x07\x00\x01t\x02\x01\x01x"[..]),
        (json!({ "content": "x", "payload-format-indicator": true }), b"\x30\x07\x00\x01t\x02\x01\x01x"),
        (json!({ "content": "x", "payload-format-indicator": false }), b"\x30\x05\x00\x01t\x00x"),
        (json!({ "content": null, "content-base64": "eA==" }), b"\x30\x05\x00\x01t\x00x"),
        (
            json!({ "content": null, "content-base64": "eA==", "payload-format-indicator": true }),
            b"\x30\x07\x00\x01t\x02\x01\x01x",
        ),
    ] {
        let connect = greeting(Step::expect(Expect::connect()));
        let steps = script([connect, vec![Step::expect_bytes(publish)], goodbye()]);
        play([steps], with(&json!({ "qos": 0 }), request)).assert(0, &sent(0));
    }
}

/// Each of them, once, in any order, with that for text (section 3.3.2.3.2).
#[test]
fn all_properties_of_publish_go_together() {
    let steps = script([
        greeting(Step::expect(Expect::connect())),
        vec![Step::expect(Expect::publish().payload("x")), Step::respond(PacketType::PubAck)],
        goodbye(),
    ]);
    let request = json!({
        "qos": 1, "message-expiry-interval": 10, "content-type": "j", "response-topic": "r",
        "correlation-data": "c", "user-properties": [["n", "1"], ["n", "2"]],
    });
    let played = play([steps], request);
    played.assert(0, &sent(1));
    let mut rest = &played.record.conversations[0].packets[1].bytes[7..];
    let all: [&[u8]; 7] = [
        b"\x01\x01",
        b"\x02\x00\x00\x00\x0a",
        b"\x03\x00\x01j",
        b"\x08\x00\x01r",
        b"\x09\x00\x01c",
        b"\x26\x00\x01n\x00\x011",
        b"\x26\x00\x01n\x00\x012",
    ];
    assert_eq!(usize::from(rest[0]), all.concat().len());
    rest = &rest[1..];
    let mut left = all.to_vec();
    while rest != b"x" {
        // User properties keep their order.
        let found = left.iter().position(|property| rest.starts_with(property));
        let found = found.unwrap_or_else(|| panic!("{}", played.record));
        rest = &rest[left.remove(found).len()..];
    }
    assert!(left.is_empty(), "{left:?}");
}

/// Section 3.1.2.11 and 3.1.3: Session Expiry Interval, the will's properties, and a password without a user name, which
/// MQTT 5 allows.
#[test]
fn every_byte_of_connect_is_the_standards() {
    for (request, connect) in [
        (json!({}), &b"\x10\x13\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x06sender"[..]),
        (
            json!({ "client-id": "c", "keep-alive": 0, "session-expiry-interval": 10 }),
            b"\x10\x13\x00\x04MQTT\x05\x02\x00\x00\x05\x11\x00\x00\x00\x0a\x00\x01c",
        ),
        (
            json!({ "client-id": "c", "clean-session": false, "session-expiry-interval": 4_294_967_295_u32 }),
            b"\x10\x13\x00\x04MQTT\x05\x00\x00\x3c\x05\x11\xff\xff\xff\xff\x00\x01c",
        ),
        (
            json!({ "client-id": "c", "password": "p" }),
            b"\x10\x11\x00\x04MQTT\x05\x42\x00\x3c\x00\x00\x01c\x00\x01p",
        ),
        (
            json!({ "client-id": "c", "username": "u", "password": "p" }),
            b"\x10\x14\x00\x04MQTT\x05\xc2\x00\x3c\x00\x00\x01c\x00\x01u\x00\x01p",
        ),
        (
            json!({ "client-id": "c", "will": { "topic": "w", "content-base64": "/w==", "qos": 1, "retain": true } }),
            b"\x10\x15\x00\x04MQTT\x05\x2e\x00\x3c\x00\x00\x01c\x00\x00\x01w\x00\x01\xff",
        ),
        (
            json!({ "client-id": "c", "will": { "topic": "w", "content": "x", "qos": 2 } }),
            b"\x10\x17\x00\x04MQTT\x05\x16\x00\x3c\x00\x00\x01c\x02\x01\x01\x00\x01w\x00\x01x",
        ),
        (
            json!({ "client-id": "c", "will": { "topic": "w", "content": "x", "payload-format-indicator": false } }),
            b"\x10\x15\x00\x04MQTT\x05\x06\x00\x3c\x00\x00\x01c\x00\x00\x01w\x00\x01x",
        ),
        (
            json!({ "client-id": "c", "will": { "topic": "w", "content-base64": "eA==", "payload-format-indicator": true } }),
            b"\x10\x17\x00\x04MQTT\x05\x06\x00\x3c\x00\x00\x01c\x02\x01\x01\x00\x01w\x00\x01x",
        ),
        (
            json!({ "client-id": "c", "will": { "topic": "w", "content-base64": "/w==", "qos": 0, "delay-interval": 5 } }),
            b"\x10\x1a\x00\x04MQTT\x05\x06\x00\x3c\x00\x00\x01c\x05\x18\x00\x00\x00\x05\x00\x01w\x00\x01\xff",
        ),
        (
            json!({ "client-id": "c", "will": { "topic": "w", "content-base64": "/w==", "qos": 0, "message-expiry-interval": 6 } }),
            b"\x10\x1a\x00\x04MQTT\x05\x06\x00\x3c\x00\x00\x01c\x05\x02\x00\x00\x00\x06\x00\x01w\x00\x01\xff",
        ),
        (
            json!({ "client-id": "c", "will": { "topic": "w", "content-base64": "/w==", "qos": 0, "content-type": "j" } }),
            b"\x10\x19\x00\x04MQTT\x05\x06\x00\x3c\x00\x00\x01c\x04\x03\x00\x01j\x00\x01w\x00\x01\xff",
        ),
    ] {
        let steps =
            script([greeting(Step::expect_bytes(connect)), vec![Step::expect(Expect::publish())], goodbye()]);
        tcp().play([steps], with(&json!({ "qos": 0 }), request)).assert(0, &sent(0));
    }
}
