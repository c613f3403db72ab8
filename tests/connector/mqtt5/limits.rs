//! What a broker says in CONNACK that it does not do is not done (section 3.2.2.3): nothing of the message is sent.

use std::time::Duration;

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, ScriptedBroker, Step, encode, property};
use serde_json::{Value, json};

use super::{accepted, play, tcp};
use crate::faults::carrier::sent;
use crate::faults::{acknowledged, goodbye, publish, script};
use crate::support::{send_batch, with};

#[test]
fn a_higher_quality_of_service_than_the_broker_has_is_sent_lower_and_said() {
    for (maximum, asked, lower) in [(0, 0, 0), (0, 1, 0), (0, 2, 0), (1, 0, 0), (1, 1, 1), (1, 2, 1)] {
        let steps = script([
            accepted(&[property::maximum_qos(maximum)]),
            vec![Step::expect(publish(lower))],
            acknowledged(lower),
            goodbye(),
        ]);
        let note =
            format!(" QoS {asked} was asked for, and the broker has no higher one: QoS {lower} instead.");
        let message = sent(lower) + if asked > lower { &note } else { "" };
        play([steps], json!({ "qos": asked })).assert(0, &message);
    }
}

#[test]
fn a_message_to_retain_is_not_sent_to_a_broker_that_retains_none() {
    for qos in 0..=2 {
        let steps = script([accepted(&[property::retain_available(false)]), goodbye()]);
        let message =
            "Not sent, the broker BROKER refused the message with reason code 154 (Retain not supported)…";
        play([steps], json!({ "qos": qos, "retain": true })).assert(154, message);
        let available = qos != 1;
        let steps = script([
            accepted(&[property::retain_available(available)]),
            vec![Step::expect(publish(qos).retain(available))],
            acknowledged(qos),
            goodbye(),
        ]);
        play([steps], json!({ "qos": qos, "retain": available })).assert(0, &sent(qos));
    }
}

/// The whole packet counts (section 3.2.2.3.6): the first byte, the length, the topic, the identifier, the properties.
#[test]
fn a_packet_that_is_larger_than_the_broker_takes_is_not_sent() {
    // Text has a property of two bytes; from 128 bytes on the length has two bytes.
    for (qos, maximum, content, size) in [
        (0, 50, 42, 50),
        (1, 50, 40, 50),
        (2, 50, 40, 50),
        (1, 129, 119, 129),
        (1, 130, 119, 129),
        (1, 131, 120, 131),
    ] {
        let limit = || accepted(&[property::maximum_packet_size(maximum)]);
        let fits = "x".repeat(content);
        let steps = script([
            limit(),
            vec![Step::expect(Expect::publish().qos(qos).payload(&fits))],
            acknowledged(qos),
            goodbye(),
        ]);
        let played = play([steps], json!({ "qos": qos, "content": fits }));
        played.assert(0, &sent(qos));
        assert_eq!(played.record.conversations[0].packets[1].bytes.len(), size);
        let played = play([script([limit(), goodbye()])], json!({ "qos": qos, "content": fits + "x" }));
        let larger = if content == 119 { size + 2 } else { size + 1 };
        let message = format!(
            "Not sent, the broker BROKER refused the message with reason code 149 (Packet too large): …{larger}…{maximum}…"
        );
        played.assert(149, &message);
    }
    // A content type of one letter has four bytes.
    let steps = script([accepted(&[property::maximum_packet_size(20)]), goodbye()]);
    let request = json!({ "qos": 1, "content": "1234567", "content-type": "j" });
    assert_eq!(play([steps], request).meta.exit_code, 149);
}

/// What one message is refused for does not stop the others.
#[test]
fn a_limit_is_each_messages_own() {
    let limits = [property::maximum_packet_size(50), property::retain_available(false)];
    let broker = tcp()
        .broker()
        .connection(script([
            accepted(&limits),
            vec![Step::expect(Expect::publish().payload("a")), Step::respond(PacketType::PubAck)],
            vec![Step::expect(Expect::publish().payload("d")), Step::respond(PacketType::PubAck)],
            goodbye(),
        ]))
        .start();
    let message =
        |content: &str, retain| json!({ "topic": "t", "qos": 1, "content": content, "retain": retain });
    let requests =
        [message("a", false), message(&"b".repeat(99), false), message("c", true), message("d", false)];
    let metas = send_batch(&tcp().config(broker.port()), &requests);
    let codes: Vec<i32> = metas.iter().map(|meta| meta.exit_code).collect();
    assert_eq!(codes, [0, 149, 154, 0], "{metas:?}");
    broker.finish();
}

/// One message at a time (section 4.9): the next PUBLISH comes after the last acknowledgement, or the refusal, of the one
/// before.
#[test]
fn no_more_messages_are_under_way_than_the_broker_takes() {
    for (qos, refused) in [(1, false), (1, true), (2, false), (2, true)] {
        let first = if qos == 1 { PacketType::PubAck } else { PacketType::PubRec };
        let one = |content: &str, refuse: bool| {
            let answer = if refuse { vec![Step::respond_v5(first, 0x97)] } else { acknowledged(qos) };
            script([vec![Step::expect(Expect::publish().payload(content).qos(qos))], answer])
        };
        let broker = tcp()
            .broker()
            .connection(script([
                accepted(&[property::receive_maximum(1)]),
                one("0", refused),
                one("1", false),
                one("2", false),
                goodbye(),
            ]))
            .start();
        let requests: Vec<Value> =
            ["0", "1", "2"].map(|content| json!({ "topic": "t", "qos": qos, "content": content })).into();
        let metas = send_batch(&tcp().config(broker.port()), &requests);
        let record = broker.finish();
        let codes: Vec<i32> = metas.iter().map(|meta| meta.exit_code).collect();
        assert_eq!(codes, [if refused { 151 } else { 0 }, 0, 0], "{metas:?}");
        let seen = &record.conversations[0];
        let publishes = seen.packets.iter().filter(|one| one.packet.kind() == Some(PacketType::Publish));
        let last_acks = seen.sent.iter().skip(1).filter(|(_, bytes)| bytes[0] != 0x50 || bytes[1] > 2);
        for (published, (acknowledged, _)) in publishes.skip(1).zip(last_acks) {
            assert!(published.at > *acknowledged, "{record}");
        }
    }
}

#[test]
fn the_keep_alive_is_the_brokers() {
    let steps = script([
        accepted(&[property::server_keep_alive(1)]),
        vec![
            Step::expect(publish(1)),
            Step::expect(Expect::pingreq()),
            Step::send(encode::pingresp()),
            Step::respond(PacketType::PubAck),
        ],
        goodbye(),
    ]);
    for keep_alive in [0, 60] {
        let played = play([steps.clone()], json!({ "qos": 1, "keep-alive": keep_alive }));
        played.assert(0, &sent(1));
        let seen = &played.record.conversations[0].packets;
        let silent = seen[2].at - seen[1].at;
        // A broker gives up after one and a half of it (section 3.1.2.10).
        assert!(silent < Duration::from_millis(1500), "{silent:?}");
    }
    // No keep-alive, whatever the client had in mind.
    let steps = script([
        accepted(&[property::server_keep_alive(0)]),
        vec![
            Step::expect(publish(1)),
            Step::pause(Duration::from_millis(1600)),
            Step::respond(PacketType::PubAck),
        ],
        goodbye(),
    ]);
    play([steps], json!({ "qos": 1, "keep-alive": 1 })).assert(0, &sent(1));
}

#[test]
fn the_client_identifier_that_the_broker_chose_is_said() {
    for (chosen, shown) in [("auto-7", "\"auto-7\""), ("a\u{1b}[31m\n\"b", "…b…")] {
        let steps = script([
            vec![Step::expect(Expect::connect().client_id("").clean_session(true))],
            accepted(&[property::assigned_client_identifier(chosen)])[1..].to_vec(),
            vec![Step::expect(publish(1)), Step::respond(PacketType::PubAck)],
            goodbye(),
        ]);
        let played = play([steps], json!({ "qos": 1, "client-id": "" }));
        played.assert(0, &format!("{} The broker chose the client-id {shown}.", sent(1)));
        assert!(!played.meta.message.contains(char::is_control), "{:?}", played.meta);
    }
}

/// Every other property of CONNACK is taken, and changes nothing (section 3.2.2.3).
#[test]
fn what_else_a_broker_says_of_itself_changes_nothing() {
    let others = [
        property::session_expiry_interval(0),
        property::receive_maximum(u16::MAX),
        property::retain_available(true),
        property::maximum_packet_size(u32::MAX),
        property::topic_alias_maximum(10),
        property::reason_string("welcome"),
        property::user_property("a", "b"),
        property::user_property("a", "b"),
        property::subscriptions_available(false),
        property::response_information("r"),
    ];
    for qos in 0..=2 {
        let steps =
            script([accepted(&others), vec![Step::expect(publish(qos))], acknowledged(qos), goodbye()]);
        play([steps], json!({ "qos": qos })).assert(0, &sent(qos));
    }
}

/// Neither in CONNACK nor in DISCONNECT (section 4.11): whoever trusts a broker's word would send its secrets elsewhere.
#[test]
fn another_server_is_named_and_never_gone_to() {
    let elsewhere = ScriptedBroker::untouched();
    let named = elsewhere.address().to_string();
    for code in [0x9c, 0x9d] {
        let reference = property::server_reference(&named);
        let refused = vec![
            Step::expect(Expect::connect()),
            Step::send(encode::connack_v5(false, code, &reference)),
            Step::expect_end(),
        ];
        let moved = script([
            accepted(&[]),
            vec![
                Step::expect(publish(1)),
                Step::send(encode::disconnect_v5_with(code, &reference)),
                Step::expect_end(),
            ],
        ]);
        for steps in [refused, moved] {
            let request = with(&json!({ "qos": 1, "retries": 2 }), json!({ "username": "ann" }));
            let played = play([steps], request);
            assert_eq!(played.meta.exit_code, i32::from(code), "{:?}", played.meta);
            let words = format!("It names another server, \"{named}\"; redirects are not followed.");
            assert!(played.meta.message.contains(&words), "{:?}", played.meta);
        }
    }
    elsewhere.finish();
}
