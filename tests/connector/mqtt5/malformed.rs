//! Properties that the standard does not allow (sections 2.2.2 and 3): the packet is malformed, and settles nothing.

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Step, encode, property};
use serde_json::json;

use super::{accepted, tcp};
use crate::faults::carrier::{Play as _, broken, side_by_side, uncertain};
use crate::faults::{publish, script};

const MALFORMED: &str = "a malformed packet (…)";

/// What no packet from a server to a publisher may have.
fn wrong_everywhere() -> Vec<Vec<u8>> {
    vec![
        [property::reason_string("a"), property::reason_string("a")].concat(),
        property::of(0x7f, &[0]),
        property::of(0x00, &[]),
        // Payload Format Indicator, Content Type, Subscription Identifier, Will Delay Interval, Topic Alias: of others.
        property::of(0x01, &[1]),
        property::text(0x03, "j"),
        property::of(0x0b, &[1]),
        property::of(0x18, &[0; 4]),
        property::of(0x23, &[0, 1]),
        // An identifier is a variable byte integer (section 2.2.2.2): this one is 128.
        property::of(0x80, &[1, 0]),
        // Cut off, not UTF-8, with U+0000.
        property::of(0x1f, &[0, 2, b'a']),
        property::of(0x1f, &[0]),
        property::of(0x1f, &[]),
        property::of(0x1f, &[0, 1, 0xff]),
        property::of(0x1f, &[0, 1, 0x00]),
        property::of(0x26, &[0, 1, b'a']),
        property::of(0x26, &[0, 1, b'a', 0, 1, 0x00]),
        // A surrogate in UTF-8 (section 1.5.4).
        property::of(0x1f, &[0, 3, 0xed, 0xa0, 0x80]),
    ]
}

#[test]
fn a_connack_with_wrong_properties_is_malformed() {
    let mut wrong = wrong_everywhere();
    wrong.extend([
        property::receive_maximum(0),
        property::maximum_packet_size(0),
        property::maximum_qos(2),
        property::of(0x25, &[2]),
        property::of(0x28, &[2]),
        property::of(0x21, &[1]),
        property::of(0x27, &[0, 0, 1]),
        [property::maximum_qos(1), property::maximum_qos(1)].concat(),
        [property::receive_maximum(1), property::user_property("a", "b"), property::receive_maximum(1)]
            .concat(),
    ]);
    let tcp = &tcp();
    side_by_side(wrong.iter().flat_map(|wrong| {
        [0, 0x87].map(move |code| {
            let connack = encode::connack_v5(false, code, wrong);
            let steps = vec![Step::expect(Expect::connect()), Step::send(connack), Step::expect_end()];
            move || tcp.play([steps], json!({})).assert(76, &broken(MALFORMED))
        })
    }));
}

/// An acknowledgement that is malformed settles nothing, whatever its code.
#[test]
fn an_acknowledgement_with_wrong_properties_leaves_the_message_uncertain() {
    let mut wrong = wrong_everywhere();
    wrong.extend([property::server_reference("s"), property::maximum_qos(1), property::server_keep_alive(1)]);
    let tcp = &tcp();
    let asked = |qos| script([accepted(&[]), vec![Step::expect(publish(qos).packet_id(1))]]);
    let released = || vec![Step::send(encode::pubrec(1)), Step::expect(Expect::pubrel().packet_id(1))];
    side_by_side(wrong.iter().flat_map(|wrong| {
        [
            (1, PacketType::PubAck, 0, asked(1)),
            (1, PacketType::PubAck, 0x97, asked(1)),
            (2, PacketType::PubRec, 0, asked(2)),
            (2, PacketType::PubRec, 0x97, asked(2)),
            (2, PacketType::PubComp, 0, script([asked(2), released()])),
        ]
        .map(|(qos, kind, code, before)| {
            let answer = encode::ack_v5_with(kind, 1, code, wrong);
            let steps = script([before, vec![Step::send(answer), Step::expect_end()]]);
            move || {
                let message = uncertain(qos, "the broker broke the protocol", MALFORMED);
                tcp.play([steps], json!({ "qos": qos })).assert(79, &message);
            }
        })
    }));
}

#[test]
fn a_disconnect_with_wrong_properties_leaves_the_message_uncertain() {
    let mut wrong = wrong_everywhere();
    wrong.extend([
        property::maximum_qos(1),
        property::server_keep_alive(1),
        property::topic_alias_maximum(1),
    ]);
    let tcp = &tcp();
    side_by_side(wrong.iter().map(|wrong| {
        let end = encode::disconnect_v5_with(0x8b, wrong);
        let steps =
            script([accepted(&[]), vec![Step::expect(publish(1)), Step::send(end), Step::expect_end()]]);
        move || {
            let message = uncertain(1, "the broker broke the protocol", MALFORMED);
            tcp.play([steps], json!({ "qos": 1 })).assert(79, &message);
        }
    }));
}

/// A client that has named no authentication method is never asked (section 4.12).
#[test]
fn an_auth_breaks_the_protocol() {
    let method = property::text(0x15, "SCRAM-SHA-1");
    for auth in [encode::auth_v5(0x18, &method), encode::auth_v5(0x19, &method), vec![0xf0, 0x00]] {
        let first = vec![Step::expect(Expect::connect()), Step::send(auth.clone()), Step::expect_end()];
        tcp().play([first], json!({})).assert(76, &broken("its first packet is not CONNACK"));
        let steps =
            script([accepted(&[]), vec![Step::expect(publish(1)), Step::send(auth), Step::expect_end()]]);
        let what = "an AUTH without an authentication method";
        let message = uncertain(1, "the broker broke the protocol", what);
        tcp().play([steps], json!({ "qos": 1 })).assert(79, &message);
    }
}

/// A server says nothing before CONNACK (MQTT-3.2.0-1).
#[test]
fn a_disconnect_before_connack_breaks_the_protocol() {
    let steps =
        vec![Step::expect(Expect::connect()), Step::send(encode::disconnect_v5(0x8b)), Step::expect_end()];
    tcp().play([steps], json!({})).assert(76, &broken("its first packet is not CONNACK"));
}

/// What no table of the standard has for this packet.
#[test]
fn reason_codes_that_the_standard_does_not_have_settle_nothing() {
    for (kind, qos, code) in [
        (PacketType::PubAck, 1, 1),
        (PacketType::PubAck, 1, 17),
        (PacketType::PubAck, 1, 127),
        (PacketType::PubRec, 2, 2),
        (PacketType::PubRec, 2, 24),
    ] {
        let answer = encode::ack_v5(kind, 1, code);
        let steps =
            script([accepted(&[]), vec![Step::expect(publish(qos)), Step::send(answer), Step::expect_end()]]);
        let message = uncertain(qos, "the broker broke the protocol", MALFORMED);
        tcp().play([steps], json!({ "qos": qos })).assert(79, &message);
    }
    for code in [1, 16, 127] {
        let connack = encode::connack_v5(false, code, &[]);
        let steps = vec![Step::expect(Expect::connect()), Step::send(connack), Step::expect_end()];
        tcp().play([steps], json!({})).assert(76, &broken(MALFORMED));
    }
}
