//! The broker's own words: in the message, on one line, and not too many.

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Step, encode, property};
use serde_json::json;

use super::{accepted, play};
use crate::faults::{goodbye, publish, script};

/// The places where a broker may say why, for code 151.
pub(super) fn places(words: &str) -> [(Vec<Step>, &'static str); 4] {
    let reason = property::reason_string(words);
    let expected = |qos| Expect::publish().topic("t").qos(qos);
    let refused = |kind, qos| {
        script([
            accepted(&[]),
            vec![
                Step::expect(expected(qos).packet_id(1)),
                Step::send(encode::ack_v5_with(kind, 1, 0x97, &reason)),
            ],
            goodbye(),
        ])
    };
    let connack = vec![
        Step::expect(Expect::connect()),
        Step::send(encode::connack_v5(false, 0x97, &reason)),
        Step::expect_end(),
    ];
    let disconnect = script([
        accepted(&[]),
        vec![
            Step::expect(expected(1)),
            Step::send(encode::disconnect_v5_with(0x97, &reason)),
            Step::expect_end(),
        ],
    ]);
    [
        (connack, "refused the connection with"),
        (refused(PacketType::PubAck, 1), "refused the message with"),
        (refused(PacketType::PubRec, 2), "refused the message with"),
        (disconnect, "ended the connection with"),
    ]
}

pub(super) fn qos(number: usize) -> u8 {
    if number == 2 { 2 } else { 1 }
}

#[test]
fn the_brokers_words_are_in_the_message() {
    for (number, (steps, what)) in places("come back tomorrow").into_iter().enumerate() {
        let played = play([steps], json!({ "qos": qos(number) }));
        let message = format!("…{what} reason code 151 (Quota exceeded): come back tomorrow.…");
        played.assert(151, &message);
    }
}

#[test]
fn the_brokers_words_are_made_fit_for_a_line() {
    let words = "a\u{1b}[2Jb\r\nc\u{202e}d\u{7}\u{85}\u{2028}e";
    for (number, (steps, _)) in places(words).into_iter().enumerate() {
        let meta = play([steps], json!({ "qos": qos(number) })).meta;
        assert_eq!(meta.exit_code, 151, "{meta:?}");
        let misleads = |c: char| c.is_control() || ['\u{202e}', '\u{2028}'].contains(&c);
        assert!(!meta.message.contains(misleads), "{meta:?}");
        for part in ["a", "[2Jb", "c", "d", "e"] {
            assert!(meta.message.contains(part), "{part}: {meta:?}");
        }
    }
}

#[test]
fn too_many_of_the_brokers_words_are_left_out() {
    let words = format!("begins {}", "ü".repeat(30_000));
    for (number, (steps, _)) in places(&words).into_iter().enumerate() {
        let meta = play([steps], json!({ "qos": qos(number) })).meta;
        assert_eq!(meta.exit_code, 151, "{meta:?}");
        let length = meta.message.chars().count();
        assert!(meta.message.contains("begins ü") && (200..1000).contains(&length), "{length}: {meta:?}");
    }
}

/// Words with a success are nobody's business: the message arrived.
#[test]
fn words_with_a_success_change_nothing() {
    let reason = [property::reason_string("fine"), property::user_property("a", "b")].concat();
    let steps = script([
        accepted(&[]),
        vec![
            Step::expect(publish(2).packet_id(1)),
            Step::send(encode::ack_v5_with(PacketType::PubRec, 1, 0, &reason)),
            Step::expect(Expect::pubrel().packet_id(1).reason(0).properties(b"")),
            Step::send(encode::ack_v5_with(PacketType::PubComp, 1, 0, &reason)),
        ],
        goodbye(),
    ]);
    play([steps], json!({})).assert(0, &crate::faults::carrier::sent(2));
}

#[test]
fn a_password_that_the_broker_repeats_is_not_in_the_message() {
    for (number, (steps, what)) in
        places("no user ann with the password CORRECT-HORSE").into_iter().enumerate()
    {
        let request = json!({ "qos": qos(number), "username": "ann", "password": "CORRECT-HORSE" });
        let played = play([steps], request);
        let message = format!(
            "…{what} reason code 151 (Quota exceeded): it repeats what it was sent, which is not shown.…"
        );
        played.assert(151, &message);
    }
}
