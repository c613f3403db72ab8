//! TLS that fails after the handshake: alerts, bytes that are no record, an end without `close_notify`.

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Step, encode};
use serde_json::json;

use super::carrier::{Carrier, Play as _, TAKEN_OVER, lost, side_by_side, uncertain};
use super::{connected, publish, script};

/// The broker's steps up to where it owes an answer to a message that it has.
fn after_the_message() -> [(u8, Vec<Step>); 3] {
    let asked = |qos| script([connected(false), vec![Step::expect(publish(qos))]]);
    let released = vec![Step::respond(PacketType::PubRec), Step::expect(Expect::pubrel())];
    [(1, asked(1)), (2, asked(2)), (2, script([asked(2), released]))]
}

/// How TLS may fail, and what is said of it.
fn failures() -> Vec<(&'static str, Vec<Step>)> {
    const ALERT: &str = "the broker ended TLS: it could not decrypt what it was sent (alert 20, bad_record_mac): it was changed on \
                         the way, or its TLS is broken";
    const NO_RECORD: &str = "the broker broke TLS: what it sent is not TLS";
    const ALTERED: &str =
        "the broker broke TLS: its answer could not be decrypted, as if it had been changed on the way";
    const TOO_LONG: &str = "the broker broke TLS: it sent a record that is larger than TLS allows (16 KiB)";
    let beneath = |bytes: &[u8]| vec![Step::send_beneath_tls(bytes)];
    vec![
        (ALERT, vec![Step::fatal_alert(), Step::close_without_notify()]),
        (ALERT, vec![Step::fatal_alert(), Step::expect_end()]),
        (NO_RECORD, beneath(&[encode::connack(false, 0), encode::puback(1)].concat())),
        (NO_RECORD, beneath(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
        // A record that is longer than any may be.
        (TOO_LONG, beneath(&[0x17, 3, 3, 0xff, 0xff])),
        (ALTERED, beneath(&[0x15, 3, 3, 0, 2, 2, 40])),
        (ALTERED, beneath(&[&[0x17, 3, 3, 0, 32][..], &[7; 32]].concat())),
        (ALTERED, beneath(&[0x17, 3, 3, 0, 0])),
    ]
}

/// Both versions of TLS, as the newest does not begin as the older does, with both versions of MQTT, and with WebSocket.
fn versions() -> [Carrier; 4] {
    let websocket = Carrier::tls().websocket();
    [Carrier::tls(), Carrier::tls().version_5().tls_1_2(), websocket.clone().version_5(), websocket.tls_1_2()]
}

#[test]
fn tls_that_fails_instead_of_connack_leaves_the_message_unsent() {
    let versions = versions();
    side_by_side(versions.iter().flat_map(|tls| {
        failures().into_iter().map(move |(what, failure)| {
            move || {
                let steps = script([vec![Step::expect(Expect::connect())], failure]);
                let played = tls.play([steps], json!({ "retries": 2 }));
                played.assert(78, &format!("Not sent, TLS with the broker BROKER failed: {what}."));
            }
        })
    }));
}

#[test]
fn tls_that_fails_instead_of_an_acknowledgement_leaves_the_message_uncertain() {
    let versions = versions();
    side_by_side(versions.iter().flat_map(|tls| {
        after_the_message().into_iter().flat_map(move |(qos, before)| {
            failures().into_iter().map(move |(what, failure)| {
                let steps = script([before.clone(), failure]);
                move || {
                    let played = tls.play([steps], json!({ "qos": qos, "retries": 2 }));
                    played.assert(79, &uncertain(qos, "the connection was lost", &format!("…{what}")));
                }
            })
        })
    }));
}

/// The end of a connection without `close_notify` may be an attacker's: it is a loss like any other.
#[test]
fn an_end_without_close_notify_is_a_lost_connection() {
    const CUT: &str = "the broker closed the connection without ending TLS (no close_notify)";
    let tls = Carrier::tls();
    let steps = vec![Step::expect(Expect::connect()), Step::close_without_notify()];
    let played = tls.play([steps], json!({}));
    played.assert(74, &lost(&format!("{CUT}, while waiting for CONNACK")));
    for (qos, before) in after_the_message() {
        let steps = script([before, vec![Step::close_without_notify()]]);
        let played = tls.play([steps], json!({ "qos": qos }));
        let reason = format!("{CUT}, while waiting for the acknowledgement{TAKEN_OVER}");
        played.assert(79, &uncertain(qos, "the connection was lost", &reason));
    }
}
