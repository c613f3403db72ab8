//! Reason codes that need more than the harness's scenarios: the exit code is the code, and the message has the standard's name.

use mqtt_connector_tests::packet::{Packet, PacketType};
use mqtt_connector_tests::{Expect, Step, encode};
use serde_json::json;

use super::{named, play};
use crate::faults::carrier::{after, lost, sent, uncertain};
use crate::faults::{connected, goodbye, publish, script};

/// Section 3.14.2.1, table 3-10, what a server may send.
const OF_DISCONNECT: &[u8] = &[
    0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98,
    0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
];

/// Whether the message was written by then is chance: the words have to fit what came.
#[test]
fn a_disconnect_behind_connack_gives_its_reason_code() {
    for (code, name) in named(OF_DISCONNECT) {
        let greeting = [encode::connack_v5(false, 0, &[]), encode::disconnect_v5(code)].concat();
        let steps = vec![Step::expect(Expect::connect()), Step::send(greeting), Step::expect_end()];
        let played = play([steps], json!({ "qos": 1 }));
        let arrived = played.record.packets().any(|packet| matches!(packet, Packet::Publish(_)));
        let meta = &played.meta;
        assert_eq!(meta.exit_code, i32::from(code), "{meta:?}");
        assert!(meta.message.contains(&format!("reason code {code} ({name})")), "{meta:?}");
        assert!(!arrived || meta.message.starts_with("Sent to "), "{meta:?}, {}", played.record);
    }
}

/// What ends the connection for a moment only is tried again, as an end without words is.
#[test]
fn a_message_is_sent_again_after_a_disconnect_that_may_pass() {
    for code in [0x89, 0x8b, 0x8d, 0x96, 0x9f, 0xa0] {
        let first = script([
            connected(false),
            vec![Step::expect(publish(1)), Step::send(encode::disconnect_v5(code)), Step::close()],
        ]);
        let second = script([
            connected(false),
            vec![Step::expect(publish(1).dup(true)), Step::respond(PacketType::PubAck)],
            goodbye(),
        ]);
        play([first, second], json!({ "qos": 1, "retries": 1 })).assert(0, &after(2, &sent(1)));
    }
}

/// Section 3.14.4: "Normal disconnection" is a client's; a server that says it has ended the connection all the same.
#[test]
fn a_disconnect_without_a_reason_is_a_lost_connection() {
    for end in [vec![0xe0, 0x00], encode::disconnect_v5(0), encode::disconnect_v5_with(0, &[])] {
        let steps =
            script([connected(false), vec![Step::expect(publish(1)), Step::send(end), Step::close()]]);
        let message = uncertain(1, "the connection was lost", "the broker ended the connection…");
        play([steps], json!({ "qos": 1 })).assert(79, &message);
    }
}

/// The broker lost the message between PUBREC and PUBREL (section 4.3.3): nobody knows what it did with it.
#[test]
fn a_release_of_a_message_that_the_broker_does_not_know_leaves_it_uncertain() {
    let steps = script([
        connected(false),
        vec![
            Step::expect(publish(2)),
            Step::respond(PacketType::PubRec),
            Step::expect(Expect::pubrel()),
            Step::respond_v5(PacketType::PubComp, 0x92),
            Step::silence(),
        ],
    ]);
    let played = play([steps], json!({ "qos": 2, "timeout": 1000 }));
    assert_eq!(played.meta.exit_code, 79, "{:?}", played.meta);
    assert!(played.meta.message.contains("146"), "{:?}", played.meta);
}

/// After a lost connection it may have completed the exchange before: then it does not know the identifier any more.
#[test]
fn a_release_that_was_repeated_may_be_unknown_to_the_broker() {
    let first = script([
        connected(false),
        vec![
            Step::expect(publish(2)),
            Step::respond(PacketType::PubRec),
            Step::expect(Expect::pubrel()),
            Step::close(),
        ],
    ]);
    let second = script([
        connected(true),
        vec![
            Step::expect(Expect::pubrel().packet_id(1)),
            Step::respond_v5(PacketType::PubComp, 0x92),
            Step::expect(Expect::disconnect()),
            Step::close(),
        ],
    ]);
    let request = json!({ "retries": 1, "clean-session": false, "session-expiry-interval": 60 });
    play([first, second], request).assert(0, &after(2, &sent(2)));
}

/// A broker of MQTT 3.1.1 answers in its own version (MQTT 5.0, section 4.13 leaves it to it), or not at all.
#[test]
fn a_broker_that_does_not_speak_mqtt_5_is_an_error_that_names_protocol_version() {
    let refused = vec![Step::expect(Expect::connect()), Step::send(encode::connack(false, 1)), Step::close()];
    play([refused], json!({})).assert(
        1,
        "Not sent, the broker BROKER refused the connection with return code 1: it does not speak this version of MQTT. \
         Look at protocol-version.",
    );
    let unsupported = encode::connack_v5(false, 0x84, &[]);
    let refused = vec![Step::expect(Expect::connect()), Step::send(unsupported), Step::close()];
    let played = play([refused], json!({}));
    assert_eq!(played.meta.exit_code, 132);
    assert!(played.meta.message.contains("protocol-version"), "{:?}", played.meta);
    let accepted =
        vec![Step::expect(Expect::connect()), Step::send(encode::connack(false, 0)), Step::expect_end()];
    let played = play([accepted], json!({}));
    assert_eq!(played.meta.exit_code, 76);
    assert!(played.meta.message.contains("protocol-version"), "{:?}", played.meta);
    for end in [Step::close(), Step::reset()] {
        let closed = vec![Step::expect(Expect::connect()), end];
        let reason = "…, while waiting for CONNACK (perhaps it does not speak MQTT 5; see protocol-version)";
        play([closed], json!({})).assert(74, &lost(reason));
    }
}
