//! The packets of MQTT 5 that the harness makes and takes apart, against bytes written down from the standard.

use mqtt_connector_tests::packet::{Packet, PacketType};
use mqtt_connector_tests::{Expect, encode, property};

/// Sections 3.2.2.3, 3.4.2.2 and 3.14.2.2: each property with its identifier and the form of its value.
#[test]
fn what_a_broker_sends_is_the_standards() {
    let all = [
        property::session_expiry_interval(10),
        property::receive_maximum(20),
        property::maximum_qos(1),
        property::retain_available(false),
        property::maximum_packet_size(100),
        property::assigned_client_identifier("id"),
        property::topic_alias_maximum(5),
        property::reason_string("r"),
        property::user_property("n", "v"),
        property::subscriptions_available(true),
        property::server_keep_alive(30),
        property::response_information("i"),
        property::server_reference("s"),
    ];
    let bytes = b"\x20\x38\x01\x00\x35\x11\x00\x00\x00\x0a\x21\x00\x14\x24\x01\x25\x00\x27\x00\x00\x00\x64\x12\x00\x02id\
        \x22\x00\x05\x1f\x00\x01r\x26\x00\x01n\x00\x01v\x28\x01\x29\x01\x2a\x01\x13\x00\x1e\x1a\x00\x01i\x1c\x00\x01s";
    assert_eq!(encode::connack_v5(true, 0, &all.concat()), bytes);
    assert_eq!(encode::connack_v5(false, 0x87, &[]), [0x20, 3, 0, 0x87, 0]);
    assert_eq!(encode::ack_v5(PacketType::PubAck, 0x0102, 0x10), [0x40, 3, 1, 2, 0x10]);
    assert_eq!(
        encode::ack_v5_with(PacketType::PubRel, 1, 0x92, &property::reason_string("ab")),
        b"\x62\x09\x00\x01\x92\x05\x1f\x00\x02ab"
    );
    assert_eq!(encode::disconnect_v5(0x8b), [0xe0, 1, 0x8b]);
    assert_eq!(
        encode::disconnect_v5_with(0x9d, &property::server_reference("s")),
        b"\xe0\x06\x9d\x04\x1c\x00\x01s"
    );
    assert_eq!(encode::auth_v5(0x18, &property::text(0x15, "m")), b"\xf0\x06\x18\x04\x15\x00\x01m");
    assert_eq!(
        encode::publish_v5("t", 1, true, 7, &property::user_property("n", "v"), b"x"),
        b"\x33\x0e\x00\x01t\x00\x07\x07\x26\x00\x01n\x00\x01vx"
    );
    // A length of 128 has two bytes (section 1.5.5).
    let long = encode::connack_v5(false, 0, &property::reason_string(&"x".repeat(125)));
    assert_eq!(long[..9], [0x20, 0x84, 0x01, 0, 0, 0x80, 0x01, 0x1f, 0x00]);
}

#[test]
fn what_a_client_sends_is_taken_apart() {
    let connect = b"\x10\x4f\x00\x04MQTT\x05\xee\x00\x3c\x0b\x11\x00\x00\x00\x0a\x21\x00\x14\x22\x00\x00\x00\x01c\
        \x19\x18\x00\x00\x00\x05\x01\x01\x02\x00\x00\x00\x0a\x03\x00\x01j\x08\x00\x01r\x09\x00\x02\x00\xff\x00\x01w\x00\x01p\x00\x02an\x00\x03pwd";
    let packet = Packet::parse(
        &{
            let mut bytes = connect.to_vec();
            bytes[1] = u8::try_from(bytes.len() - 2).unwrap();
            bytes
        },
        5,
    );
    let expected = Expect::connect()
        .level(5)
        .clean_session(true)
        .keep_alive(60)
        .properties(b"\x11\x00\x00\x00\x0a\x21\x00\x14\x22\x00\x00")
        .client_id("c")
        .will("w", b"p", 1, true)
        .will_properties(
            b"\x18\x00\x00\x00\x05\x01\x01\x02\x00\x00\x00\x0a\x03\x00\x01j\x08\x00\x01r\x09\x00\x02\x00\xff",
        )
        .username(Some("an"))
        .password(Some(b"pwd"));
    assert!(expected.matches(&packet), "{packet}");
    assert!(!expected.clone().will_properties(b"\x18\x00\x00\x00\x06").matches(&packet));
    let publish =
        Packet::parse(b"\x32\x15\x00\x01t\x00\x01\x0e\x26\x00\x01n\x00\x01v\x26\x00\x01n\x00\x01wx", 5);
    let twice = b"\x26\x00\x01n\x00\x01v\x26\x00\x01n\x00\x01w";
    assert!(Expect::publish().properties(twice).payload("x").matches(&publish), "{publish}");
    assert!(!Expect::publish().properties(&twice[..7]).matches(&publish), "{publish}");
}

/// A PUBLISH to `t` with these properties and nothing else.
fn publish(properties: &[u8]) -> Packet {
    Packet::parse(&encode::publish_v5("t", 0, false, 0, properties, b""), 5)
}

#[test]
fn properties_that_a_client_must_not_send_are_malformed() {
    for (properties, why) in [
        (&b"\x01\x02"[..], "a property that is neither 0 nor 1"),
        (b"\x01\x01\x01\x01", "a property twice"),
        (b"\x02\x00\x00\x00", "a property goes beyond the properties' end"),
        (b"\x03\x00\x02j", "a property goes beyond the properties' end"),
        (b"\x03\x00\x01\xff", "a property that is not UTF-8"),
        (b"\x26\x00\x01n\x00\x01\x00", "U+0000 in a property"),
        (b"\x08\x00\x00", "a response topic that is no topic name"),
        (b"\x08\x00\x01#", "a response topic that is no topic name"),
        (b"\x0b\x01", "a property that this packet does not have"),
        (b"\x11\x00\x00\x00\x00", "a property that this packet does not have"),
        (b"\x23\x00\x00", "a property that must not be 0"),
        (b"\x7f", "a property that this packet does not have"),
    ] {
        let packet = publish(properties);
        assert!(
            matches!(packet, Packet::Malformed { why: found, .. } if found == why),
            "{properties:?}: {packet}"
        );
    }
    let all =
        b"\x01\x00\x02\x00\x00\x00\x01\x03\x00\x00\x08\x00\x01r\x09\x00\x00\x23\x00\x01\x26\x00\x00\x00\x00";
    assert!(matches!(publish(all), Packet::Publish(_)));
}
