//! Secrets and content that a broker repeats, in the forms in which one may: nothing of them is in the message.

use mqtt_connector_tests::{Expect, Step, encode, property};
use serde_json::{Value, json};

use super::words::{places, qos};
use super::{accepted, play};
use crate::faults::{goodbye, script};

const LEFT_OUT: &str = "it repeats what it was sent, which is not shown";

/// Sends to a broker that says `words` wherever it can; they are left out.
#[track_caller]
fn assert_left_out(words: &str, request: &Value) {
    for (number, (steps, what)) in places(words).into_iter().enumerate() {
        let mut request = request.clone();
        request["qos"] = json!(qos(number));
        let message = format!("…{what} reason code 151 (Quota exceeded): {LEFT_OUT}.…");
        play([steps], request).assert(151, &message);
    }
}

#[test]
fn a_password_in_the_forms_of_brokers() {
    let token = "t0ken-".repeat(44);
    for (password, words) in [
        ("p\u{e4}ssw\u{f6}rd", "no user ann with \"p\u{e4}ssw\u{f6}rd\""),
        ("p\u{e4}ssw\u{f6}rd", "no user ann with p\u{c3}\u{a4}ssw\u{c3}\u{b6}rd"),
        ("p\u{e4}ssw\u{f6}rd", "no user ann with p?ssw?rd"),
        ("p\u{e4}ssw\u{f6}rd", r#"{"user":"ann","password":"p\u00e4ssw\u00F6rd"}"#),
        ("a\u{202e}bcdef", "a\u{202e}bcdef is no password"),
        ("correct horse/battery", r#"{"password":"correct horse\/battery"}"#),
        ("correct horse/battery", "?user=ann&password=correct+horse%2Fbattery"),
        ("correct horse/battery", "Basic YW5uOmNvcnJlY3QgaG9yc2UvYmF0dGVyeQ=="),
        ("correct horse/battery", "CORRECT HORSE"),
        ("hunter2", "no user ann with hunter2"),
        // What it has shortened by itself, and what we would have.
        (&token, &format!("no user ann with {}\u{2026}", &token[..100])),
        (&token, &format!("{}{token}", "x".repeat(490))),
    ] {
        assert_left_out(words, &json!({ "username": "ann", "password": password }));
    }
}

#[test]
fn content_and_what_goes_along_with_it() {
    let content = r#"{"patient":"Jane Doe","pulse":72}"#;
    for words in [
        format!("the payload {content} is not valid"),
        format!("the payload {} is not valid", content.replace('"', "\\\"")),
        "the payload {\"patient\":\"Jane\u{2026} is not valid".to_owned(),
    ] {
        for (number, (steps, what)) in places(&words).into_iter().enumerate().skip(1) {
            let request = json!({ "qos": qos(number), "content": content });
            let message = format!("…{what} reason code 151 (Quota exceeded): {LEFT_OUT}.…");
            play([steps], request).assert(151, &message);
        }
    }
    for (number, (steps, what)) in places("no order 4711-0815-ABC").into_iter().enumerate().skip(1) {
        for more in [
            json!({ "correlation-data": "4711-0815-ABC" }),
            json!({ "user-properties": { "order": "4711-0815-ABC" } }),
        ] {
            let mut request = more;
            request["qos"] = json!(qos(number));
            let message = format!("…{what} reason code 151 (Quota exceeded): {LEFT_OUT}.…");
            play([steps.clone()], request).assert(151, &message);
        }
    }
    assert_left_out(
        "no such thing as gone-from-the-plant",
        &json!({ "will": { "topic": "w", "content": "gone-from-the-plant" } }),
    );
}

/// Content that is a word of everyday language takes no explanation away.
#[test]
fn what_is_no_repetition_is_shown() {
    for (content, words) in [
        ("on", "switched on, and full"),
        ("open", "only open for members"),
        (r#"{"temperature":21.5}"#, "no more than 5 a minute to plant/7/temperature"),
    ] {
        for (number, (steps, what)) in places(words).into_iter().enumerate() {
            let request = json!({ "qos": qos(number), "content": content, "username": "ann", "password": "p\u{e4}ssw\u{f6}rd" });
            play([steps], request)
                .assert(151, &format!("…{what} reason code 151 (Quota exceeded): {words}.…"));
        }
    }
}

#[test]
fn another_server_that_is_a_secret() {
    let steps = vec![
        Step::expect(Expect::connect()),
        Step::send(encode::connack_v5(
            false,
            0x9c,
            &property::server_reference("correct-horse.example:8883"),
        )),
        Step::expect_end(),
    ];
    let played = play([steps], json!({ "username": "ann", "password": "correct-horse" }));
    played.assert(156, &format!("…names another server, \"{LEFT_OUT}\"…"));
}

#[test]
fn a_password_as_assigned_client_identifier() {
    let token = "t0ken-".repeat(44);
    for (password, assigned) in [
        ("correct horse", "correct horse"),
        ("p\u{e4}ssw\u{f6}rd", "p\u{e4}ssw\u{f6}rd"),
        (&token[..], &token[..100]),
    ] {
        let steps = script([
            accepted(&[property::assigned_client_identifier(assigned)]),
            vec![Step::expect(Expect::publish().packet_id(1)), Step::send(encode::puback(1))],
            goodbye(),
        ]);
        let request = json!({ "qos": 1, "client-id": "", "username": "ann", "password": password });
        let message = "… ms. The broker chose a client-id that repeats what it was sent, which is not shown.";
        play([steps], request).assert(0, message);
    }
}
