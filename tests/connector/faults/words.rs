//! Words about a failure that fit what happened, where the exit code alone would be right.

use mqtt_connector_tests::{Expect, Step};
use serde_json::json;

use super::carrier::{Carrier, Play as _, TAKEN_OVER, broken, lost};
use super::{connected, publish, script};

#[test]
fn a_message_that_was_lost_while_it_was_written_waited_for_no_acknowledgement() {
    for carrier in Carrier::all() {
        let steps = script([connected(false), vec![Step::receive(100_000), Step::close_without_notify()]]);
        let builder = carrier.broker().receive_buffer(4096).connection(steps);
        let played = carrier.play_to(builder, json!({ "qos": 1, "content": "x".repeat(16 << 20) }));
        played.assert(74, &lost(&format!("…, while writing the message{TAKEN_OVER}")));
    }
}

/// One connection, and TLS that fails on it: there was no next one.
#[test]
fn a_connection_that_tls_ended_is_not_called_the_next_one() {
    let tls = Carrier::tls();
    for failure in [Step::fatal_alert(), Step::send_beneath_tls([0x17, 3, 3, 0, 0])] {
        let steps = script([connected(false), vec![Step::expect(publish(1)), failure]]);
        let meta = tls.play([steps], json!({ "qos": 1, "retries": 2 })).meta;
        assert_eq!(meta.exit_code, 79, "{meta:?}");
        assert!(!meta.message.contains("the next one failed"), "{meta:?}");
    }
}

/// After a handshake that went well, neither the handshake has failed, nor is the broker one without TLS.
#[test]
fn tls_that_fails_after_the_handshake_is_not_taken_for_a_handshake_that_failed() {
    let tls = Carrier::tls();
    for bytes in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &[0x17, 3, 3, 0, 0]] {
        for (before, exit_code) in [
            (vec![Step::expect(Expect::connect())], 78),
            (script([connected(false), vec![Step::expect(publish(1))]]), 79),
        ] {
            let steps = script([before, vec![Step::send_beneath_tls(bytes)]]);
            let meta = tls.play([steps], json!({ "qos": 1 })).meta;
            assert_eq!(meta.exit_code, exit_code, "{meta:?}");
            assert!(!meta.message.contains("handshake"), "{meta:?}");
            assert!(!meta.message.contains("without TLS"), "{meta:?}");
        }
    }
}

/// Inside TLS, a byte that begins an alert in TLS is a packet like any other.
#[test]
fn a_broker_behind_tls_is_not_said_to_be_behind_tls() {
    let steps = vec![Step::expect(Expect::connect()), Step::send([0x15, 3, 3, 0, 2]), Step::expect_end()];
    Carrier::tls().play([steps], json!({})).assert(76, &broken("its first packet is not CONNACK"));
}
