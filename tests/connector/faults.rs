//! What a good broker never does, scripted: each answer is the truth about the message.

mod acknowledgements;
pub(crate) mod carrier;
mod cuts;
mod exchanges;
mod garbage;
mod pieces;
mod reads;
mod records;
mod restarts;
mod retries;
mod silence;
mod slow;
mod words;

use mqtt_connector::Meta;
use mqtt_connector_tests::{Expect, Step, encode};
use serde_json::{Value, json};

use crate::support::{assert_meta, send};
use carrier::Carrier;

/// Sends to a broker with one script for each connection, with MQTT 3.1.1 over TCP.
pub(crate) fn play<const N: usize>(scripts: [Vec<Step>; N], request: Value) -> Meta {
    Carrier::tcp().play(scripts, request).meta
}

pub(crate) fn connected(session_present: bool) -> Vec<Step> {
    vec![Step::expect(Expect::connect()), Step::accept(session_present)]
}

pub(crate) fn goodbye() -> Vec<Step> {
    vec![Step::expect(Expect::disconnect()), Step::expect_end()]
}

pub(crate) fn script(parts: impl IntoIterator<Item = Vec<Step>>) -> Vec<Step> {
    parts.into_iter().flatten().collect()
}

pub(crate) fn publish(qos: u8) -> Expect {
    Expect::publish().topic("t").payload("x").qos(qos)
}

#[test]
fn a_refused_connection_has_the_brokers_return_code() {
    for (code, meaning) in [
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
    ] {
        let refuse =
            vec![Step::expect(Expect::connect()), Step::send(encode::connack(false, code)), Step::close()];
        let meta = play([refuse], json!({}));
        let message =
            format!("Not sent, the broker BROKER refused the connection with return code {code}: {meaning}.");
        assert_meta(&meta, code.into(), &message);
    }
}

#[test]
fn a_name_without_an_address_is_not_found() {
    let meta = send(
        &json!({ "broker": "tcp://no-such-host.invalid", "client-id": "c" }),
        &json!({ "topic": "t", "content": "x" }),
    );
    assert_eq!(meta.exit_code, 68, "{}", meta.message);
    let start = "Not sent, the host of the broker tcp://no-such-host.invalid:1883 was not found: ";
    assert!(meta.message.starts_with(start), "{}", meta.message);
}
