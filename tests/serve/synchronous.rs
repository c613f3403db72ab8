//! `/v1/send`, `/v1/check`, `/v1/schema`: who asks waits for the answer.

use std::thread;

use mqtt_connector_tests::{Mosquitto, Observer};
use serde_json::{Value, json};

use crate::support::{Home, PATIENCE};

#[test]
fn a_send_is_answered_when_the_broker_has_it() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "acme/#");
    let home = Home::new(broker.port());
    let service = home.serve(&[]);
    for qos in [0, 1, 2] {
        let sent = service.post("/v1/send", json!({"qos": qos, "content": {"open": true}}).to_string()).ask();
        assert_eq!(sent.exit_code(), 0, "{sent:?}");
        let answer = sent.json();
        assert_eq!((&answer["delivery"], &answer["retry"]), (&json!("reached"), &json!("no")));
        assert!(answer["meta"]["message"].as_str().unwrap().starts_with("Sent "));
        // What it was sent with, the witness sees.
        let message = observer.messages(1 + qos, PATIENCE).pop().unwrap();
        assert_eq!((message.qos as usize, message.payload.as_slice()), (qos, &b"{\"open\":true}"[..]));
    }
}

#[test]
fn what_the_connector_answers_has_status_200_whatever_it_is() {
    let broker = Mosquitto::start();
    let home = Home::new(broker.port());
    let service = home.serve(&[]);
    let closed = mqtt_connector_tests::port::free_port();
    for (request, exit_code, delivery, retry) in [
        (json!({"content": "x", "topic": "#"}), 64, "not-sent", "no"),
        (json!({"content": "x", "topic": "other/door"}), 77, "not-sent", "no"),
        (json!({"content": "x", "broker": format!("tcp://127.0.0.1:{closed}")}), 77, "not-sent", "no"),
    ] {
        for path in ["/v1/send", "/v1/check"] {
            let answer = service.post(path, request.to_string()).ask();
            assert_eq!(answer.exit_code(), exit_code, "{request}: {answer:?}");
            assert_eq!(
                (&answer.json()["delivery"], &answer.json()["retry"]),
                (&json!(delivery), &json!(retry))
            );
        }
    }
    broker.stop();
    let sent = service.post("/v1/send", r#"{"content":"x"}"#).ask();
    assert_eq!((sent.exit_code(), &sent.json()["retry"]), (69, &json!("later")), "{sent:?}");
    let checked = service.post("/v1/check", r#"{"content":"x"}"#).ask();
    assert_eq!(checked.exit_code(), 0, "{checked:?}");
}

#[test]
fn the_schema_is_the_components() {
    let home = Home::new(1);
    let service = home.serve(&[]);
    let schema = service.get("/v1/schema").ask();
    assert_eq!((schema.status, schema.header("content-type")), (200, Some("application/schema+json")));
    assert_eq!(schema.json()["properties"]["password"]["writeOnly"], true);
}

#[test]
fn a_caller_may_wait_for_a_while_and_come_back() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "acme/#");
    let home = Home::new(broker.port());
    let service = home.serve(&[]);
    let body = r#"{"content":"x"}"#;
    let accepted = service.post("/v1/send", body).header("Prefer", "respond-async").ask();
    assert_eq!(
        (accepted.status, accepted.header("preference-applied")),
        (202, Some("respond-async")),
        "{accepted:?}"
    );
    let id = accepted.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(accepted.header("location"), Some(&*format!("/v1/executions/{id}")));
    let execution = service.ended(&id);
    assert_eq!((&execution["status"], &execution["meta"]["exit-code"]), (&json!("finished"), &json!(0)));

    let waited = service.post("/v1/send", body).header("Prefer", "respond-async, wait=30").ask();
    assert_eq!((waited.exit_code(), waited.header("location")), (0, None), "{waited:?}");

    // Nobody answers: the second is over before the send is.
    broker.pause();
    let begun = service.post("/v1/send", body).header("Prefer", "respond-async, wait=1").ask();
    assert_eq!(
        (begun.status, begun.header("preference-applied")),
        (202, Some("respond-async, wait=1")),
        "{begun:?}"
    );
    broker.resume();
    assert_eq!(service.ended(begun.json()["id"].as_str().unwrap())["meta"]["exit-code"], 0);
    assert_eq!(observer.messages(3, PATIENCE).len(), 3);
}

#[test]
fn one_key_is_one_message_however_many_ask_at_once() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let home = Home::new(broker.port());
    let service = home.serve(&[]);
    let answers: Vec<Value> = thread::scope(|scope| {
        let ask = |number: usize| {
            let service = &service;
            move || {
                // With quotes, as the draft has it, and without, as programs have it.
                let key = if number.is_multiple_of(2) { "\"k 1\"" } else { "k 1" };
                let sent =
                    service.post("/v1/send", r#"{"content":"once"}"#).header("Idempotency-Key", key).ask();
                assert_eq!(sent.exit_code(), 0, "{sent:?}");
                sent.json()
            }
        };
        let asking: Vec<_> = (0..16).map(|number| scope.spawn(ask(number))).collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    // The same key of another tenant is another message.
    let other = service.post("/v1/send", r#"{"content":"once"}"#).token(crate::support::OTHER);
    assert_eq!(other.header("Idempotency-Key", "k 1").ask().exit_code(), 0);
    let mut topics: Vec<_> = observer.settled().into_iter().map(|message| message.topic).collect();
    topics.sort();
    assert_eq!(topics, ["acme/door", "other/door"]);

    let again = service.post("/v1/send", r#"{"content":"other"}"#).header("Idempotency-Key", "k 1").ask();
    let detail = again.problem(409);
    assert!(
        detail.starts_with("the idempotency key belongs to execution ") && !detail.contains("once"),
        "{detail}"
    );
}
