//! Exit code 0 is believed only where the host has seen the acknowledgement.

use mqtt_connector::{Limits, Meta, Tenant};
use mqtt_connector_tests::{Mosquitto, ScriptedBroker};

use super::{Guest, HOSTILE, assert_fault, limits, send, tenant};
use crate::support::{assert_meta, block_on};

const NOT_SENT: &str = "it said that a message was sent which was not acknowledged.";

#[test]
fn success_without_a_message() {
    let says_sent = "(return (call $say (i32.const 0)))";
    assert_fault("nothing published", &Guest::sends(says_sent), limits(), NOT_SENT);
    let none = format!("(drop (call $publish-some (i32.const 0))) {says_sent}");
    assert_fault("an empty list published", &Guest::sends(&none), limits(), NOT_SENT);
}

#[test]
fn success_where_the_tenant_may_not() {
    let broker = ScriptedBroker::untouched();
    let publishes = |then| {
        let body =
            format!("(drop (call $publish-some (i32.const 1))) (return (call $say (i32.const {then})))");
        Guest::sends(&body).publishes_to(broker.port()).connector()
    };
    let nobody = std::sync::Arc::new(Tenant::builder("nobody").limits(limits()).build());
    assert_meta(
        &send(&publishes(0), &nobody, HOSTILE),
        70,
        &format!("The connector itself failed: {NOT_SENT}"),
    );
    assert_meta(&send(&publishes(77), &nobody, HOSTILE), 77, "said by somebody else's connector");
    broker.finish();
}

#[test]
fn success_that_was_seen() {
    let broker = Mosquitto::start();
    let connector =
        Guest::sends("(drop (call $publish-some (i32.const 1))) (return (call $say (i32.const 0)))")
            .publishes_to(broker.port())
            .connector();
    for _ in 0..2 {
        let meta = send(&connector, &tenant("acme", Limits::default()), HOSTILE);
        assert_meta(&meta, 0, "said by somebody else's connector");
    }
}

/// Publishes `published` messages and answers `answers` requests with these exit codes.
fn batch(published: usize, codes: &[i32]) -> Vec<Meta> {
    let broker = Mosquitto::start();
    let mut body = format!("(drop (call $publish-some (i32.const {published})))");
    for (index, code) in codes.iter().enumerate() {
        let at = 1024 + 12 * index;
        body += &format!(
            "(i32.store (i32.const {at}) (i32.const {code}))
             (i32.store (i32.const {}) (i32.const 512)) (i32.store (i32.const {}) (i32.const 33))",
            at + 4,
            at + 8
        );
    }
    body += &format!(
        "(i32.store (i32.const 16) (i32.const 1024)) (i32.store (i32.const 20) (i32.const {})) (return (i32.const 16))",
        codes.len()
    );
    let connector = Guest::default().with("send-batch", &body).publishes_to(broker.port()).connector();
    let requests = vec!["{}".to_owned(); 3];
    let responses = block_on(connector.send_batch(&tenant("acme", Limits::default()), "{}", &requests));
    responses.into_iter().map(|response| response.meta).collect()
}

#[test]
fn a_batch_is_believed_as_often_as_messages_were_acknowledged() {
    for (published, codes) in [(3, [0, 0, 0]), (1, [64, 0, 64]), (0, [64, 64, 77]), (2, [64, 64, 64])] {
        let answers = batch(published, &codes);
        for (meta, code) in answers.iter().zip(codes) {
            assert_meta(meta, code, "said by somebody else's connector");
        }
        assert_eq!(answers.len(), 3);
    }
}

#[test]
fn a_batch_that_says_too_much_is_a_fault_as_a_whole() {
    let before = "Before that, the broker acknowledged";
    for (published, codes, message) in [
        (0, &[0, 0, 0][..], NOT_SENT.to_owned()),
        (1, &[0, 64, 0], format!("{NOT_SENT} {before} 1 message.")),
        (2, &[0, 0, 0], format!("{NOT_SENT} {before} 2 messages.")),
        (1, &[0], format!("it did not answer each request. {before} 1 message.")),
        (0, &[64, 64, 64, 64], "it did not answer each request.".to_owned()),
        (0, &[64, -1, 64], "it answered with exit code -1, which the contract does not have.".to_owned()),
    ] {
        let answers = batch(published, codes);
        assert_eq!(answers.len(), 3);
        for meta in answers {
            assert_meta(&meta, 70, &format!("The connector itself failed: {message}"));
        }
    }
}
