//! What MQTT 5 adds, against scripted brokers: reason codes, the limits that a broker states, and properties, byte for byte.

mod codes;
mod limits;
mod malformed;
mod properties;
mod repetitions;
mod words;

use mqtt_connector_tests::{Expect, Step, encode};
use serde_json::Value;

use crate::faults::carrier::{Carrier, Played};

/// MQTT 5 over TCP: what carries it is the faults' concern.
fn tcp() -> Carrier {
    Carrier::tcp().version_5()
}

/// Plays one script for each connection.
fn play<const N: usize>(scripts: [Vec<Step>; N], request: Value) -> Played {
    tcp().play(scripts, request)
}

/// Accepts the connection, with these properties of CONNACK.
fn accepted(properties: &[Vec<u8>]) -> Vec<Step> {
    let connack = encode::connack_v5(false, 0, &properties.concat());
    vec![Step::expect(Expect::connect().level(5)), Step::send(connack)]
}

/// The standard's reason codes from 128 on (section 2.4, table 2-6).
const NAMES: [(u8, &str); 35] = [
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

/// The names of these codes.
fn named(codes: &'static [u8]) -> impl Iterator<Item = (u8, &'static str)> {
    NAMES.into_iter().filter(|(code, _)| codes.contains(code))
}
