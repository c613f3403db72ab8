//! What MQTT 5 adds, against scripted brokers: reason codes, the limits that a broker states, and properties, byte for byte.

mod codes;
mod limits;
mod malformed;
mod properties;
mod repetitions;
mod trace_context;
mod words;

use mqtt_connector_tests::scenarios::REASON_CODES;
use mqtt_connector_tests::{Expect, Step, encode};
use serde_json::Value;

use crate::faults::carrier::{Carrier, Play as _, Played};

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

/// The names of these codes.
fn named(codes: &'static [u8]) -> impl Iterator<Item = (u8, &'static str)> {
    REASON_CODES.into_iter().filter(|(code, _)| codes.contains(code))
}
