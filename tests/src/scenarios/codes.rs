//! The codes by which a broker refuses a connection or a message: the exit code is the code.

use serde_json::json;

use super::{Setting, connected, goodbye, publish, script};
use crate::carrier::{Carrier, Version};
use crate::encode;
use crate::expect::Expect;
use crate::packet::PacketType;
use crate::scenario::{Scenario, words};
use crate::step::Step;

/// The standard's reason codes from 128 on, and their names (MQTT 5.0, section 2.4, table 2-6).
pub const REASON_CODES: [(u8, &str); 35] = [
    (0x80, "Unspecified error"),
    (0x81, "Malformed Packet"),
    (0x82, "Protocol Error"),
    (0x83, "Implementation specific error"),
    (0x84, "Unsupported Protocol Version"),
    (0x85, "Client Identifier not valid"),
    (0x86, "Bad User Name or Password"),
    (0x87, "Not authorized"),
    (0x88, "Server unavailable"),
    (0x89, "Server busy"),
    (0x8a, "Banned"),
    (0x8b, "Server shutting down"),
    (0x8c, "Bad authentication method"),
    (0x8d, "Keep Alive timeout"),
    (0x8e, "Session taken over"),
    (0x8f, "Topic Filter invalid"),
    (0x90, "Topic Name invalid"),
    (0x91, "Packet Identifier in use"),
    (0x92, "Packet Identifier not found"),
    (0x93, "Receive Maximum exceeded"),
    (0x94, "Topic Alias invalid"),
    (0x95, "Packet too large"),
    (0x96, "Message rate too high"),
    (0x97, "Quota exceeded"),
    (0x98, "Administrative action"),
    (0x99, "Payload format invalid"),
    (0x9a, "Retain not supported"),
    (0x9b, "QoS not supported"),
    (0x9c, "Use another server"),
    (0x9d, "Server moved"),
    (0x9e, "Shared Subscriptions not supported"),
    (0x9f, "Connection rate exceeded"),
    (0xa0, "Maximum connect time"),
    (0xa1, "Subscription Identifiers not supported"),
    (0xa2, "Wildcard Subscriptions not supported"),
];

/// Section 3.2.2.2, table 3-1.
const OF_CONNACK: &[u8] = &[
    0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a,
    0x9b, 0x9c, 0x9d, 0x9f,
];
/// Sections 3.4.2.1 and 3.5.2.1, tables 3-4 and 3-5.
const OF_PUBACK: &[u8] = &[0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
/// Section 3.14.2.1, table 3-10, what a server may send.
const OF_DISCONNECT: &[u8] = &[
    0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98,
    0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
];

/// The names of these codes.
fn named(codes: &'static [u8]) -> impl Iterator<Item = (u8, &'static str)> {
    REASON_CODES.into_iter().filter(|(code, _)| codes.contains(code))
}

/// Makes scenarios for each carrier of this version.
fn each(on: &Setting, version: Version, scenarios: impl Fn(&Carrier) -> Vec<Scenario>) -> Vec<Scenario> {
    on.carriers.iter().filter(|carrier| carrier.version() == version).flat_map(scenarios).collect()
}

pub(super) fn a_refused_connection_has_the_code_of_mqtt_3_1_1(on: &Setting) -> Vec<Scenario> {
    let meanings = [
        (1, "it does not speak this version of MQTT. Look at protocol-version"),
        (2, "it does not allow the client identifier. Look at client-id"),
        (3, "its MQTT service is unavailable. Try again later"),
        (
            4,
            "the user name or the password is wrong. Look at username and password. No user name and no password were given",
        ),
        (
            5,
            "the client is not authorised to connect. Look at username, password and client-id. No user name and no \
             password were given",
        ),
    ];
    each(on, Version::V311, |carrier| {
        let scenario = |(code, meaning): (u8, &str)| {
            let refuse = vec![
                Step::expect(Expect::connect()),
                Step::send(encode::connack(false, code)),
                Step::close(),
            ];
            let message = format!(
                "Not sent, the broker BROKER refused the connection with return code {code}: {meaning}."
            );
            Scenario::new(carrier, [refuse], json!({})).answers(code.into(), message)
        };
        meanings.map(scenario).into()
    })
}

pub(super) fn a_refused_connection_has_the_reason_code_of_mqtt_5(on: &Setting) -> Vec<Scenario> {
    each(on, Version::V5, |carrier| {
        let scenario = |(code, name)| {
            let refusal = encode::connack_v5(false, code, &[]);
            let steps = vec![Step::expect(Expect::connect()), Step::send(refusal), Step::expect_end()];
            let message = format!(
                "Not sent, the broker BROKER refused the connection with reason code {code} ({name}).…"
            );
            Scenario::new(carrier, [steps], json!({})).answers(code.into(), message)
        };
        named(OF_CONNACK).map(scenario).collect()
    })
}

pub(super) fn a_refused_message_has_the_brokers_reason_code(on: &Setting) -> Vec<Scenario> {
    each(on, Version::V5, |carrier| {
        let scenarios = |(code, name)| {
            // PUBREC ends the exchange: there is no PUBREL after it (section 4.3.3).
            [(1, PacketType::PubAck), (2, PacketType::PubRec)].map(|(qos, kind)| {
                let steps = script([
                    connected(false),
                    vec![Step::expect(publish(qos)), Step::respond_v5(kind, code)],
                    goodbye(),
                ]);
                let message = format!(
                    "Not sent, the broker BROKER refused the message with reason code {code} ({name}).…"
                );
                Scenario::new(carrier, [steps], json!({ "qos": qos, "retries": 2 }))
                    .answers(code.into(), message)
            })
        };
        named(OF_PUBACK).flat_map(scenarios).collect()
    })
}

/// "No matching subscribers", a success (section 3.4.2.1).
pub(super) fn a_message_that_nobody_has_subscribed_to_was_sent(on: &Setting) -> Vec<Scenario> {
    let message = |qos| format!("{} Nobody has subscribed to the topic.", words::sent(qos));
    each(on, Version::V5, |carrier| {
        let once = script([
            connected(false),
            vec![Step::expect(publish(1)), Step::respond_v5(PacketType::PubAck, 16)],
            goodbye(),
        ]);
        let twice = script([
            connected(false),
            vec![
                Step::expect(publish(2)),
                Step::respond_v5(PacketType::PubRec, 16),
                Step::expect(Expect::pubrel().reason(0)),
                Step::respond(PacketType::PubComp),
            ],
            goodbye(),
        ]);
        vec![
            Scenario::new(carrier, [once], json!({ "qos": 1 })).answers(0, message(1)),
            Scenario::new(carrier, [twice], json!({ "qos": 2 })).answers(0, message(2)),
        ]
    })
}

/// The broker has the message, and says why it goes: at each point where it owes an acknowledgement.
pub(super) fn a_disconnect_in_place_of_an_acknowledgement_gives_its_reason_code(
    on: &Setting,
) -> Vec<Scenario> {
    let asked = |qos| script([connected(false), vec![Step::expect(publish(qos))]]);
    let released = vec![Step::respond(PacketType::PubRec), Step::expect(Expect::pubrel())];
    let stages = [(1, asked(1)), (2, asked(2)), (2, script([asked(2), released]))];
    each(on, Version::V5, |carrier| {
        let scenarios = |(code, name)| {
            stages.clone().map(|(qos, before)| {
                let end = vec![Step::send(encode::disconnect_v5(code)), Step::close()];
                let again = if qos == 1 { "is safe" } else { "may duplicate it" };
                let message = format!(
                    "Sent to the broker BROKER, but not acknowledged: it ended the connection with reason code {code} \
                     ({name}).… The message may have arrived. Sending it again {again}."
                );
                Scenario::new(carrier, [script([before, end])], json!({ "qos": qos }))
                    .answers(code.into(), message)
            })
        };
        named(OF_DISCONNECT).flat_map(scenarios).collect()
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_code_of_the_standard_is_in_the_table() {
        assert!(super::REASON_CODES.iter().map(|(code, _)| *code).eq(128..=162));
    }
}
