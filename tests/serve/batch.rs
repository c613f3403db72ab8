//! `/v1/send-batch`: JSON Lines in, JSON Lines out.

use std::io::{BufRead as _, BufReader, Write as _};

use mqtt_connector_tests::{Mosquitto, Observer};
use serde_json::{Value, json};

use crate::support::{Home, PATIENCE};

#[test]
fn lines_are_answered_in_order() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "acme/#");
    let home = Home::new(broker.port());
    let service = home.serve(&[]);
    let lines: Vec<String> = (0..1000)
        .map(|number| match number % 100 {
            42 => "no JSON".to_owned(),
            _ => json!({"content": number.to_string()}).to_string(),
        })
        .collect();
    let answer =
        service.post("/v1/send-batch", lines.join("\n")).header("Content-Type", "application/jsonl").ask();
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/jsonl")));
    let codes: Vec<i64> = answer
        .body
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["meta"]["exit-code"].as_i64().unwrap())
        .collect();
    let wanted: Vec<i64> = (0..1000).map(|number| if number % 100 == 42 { 64 } else { 0 }).collect();
    assert_eq!(codes, wanted);
    let payloads: Vec<_> =
        observer.messages(990, PATIENCE).into_iter().map(|message| message.payload).collect();
    let sent: Vec<_> =
        (0..1000).filter(|number| number % 100 != 42).map(|number| number.to_string().into_bytes()).collect();
    assert_eq!(payloads, sent);
}

#[test]
fn a_line_is_answered_before_the_next_one_is_there() {
    let broker = Mosquitto::start();
    let home = Home::new(broker.port());
    let service = home.serve(&[]);
    let call = service.call("POST", "/v1/send-batch").header("Content-Type", "application/x-ndjson");
    let mut stream = call.begin("Transfer-Encoding: chunked\r\n");
    let mut answers = BufReader::new(stream.try_clone().unwrap()).lines();
    for _ in 0..3 {
        let line = "{\"content\":\"x\"}\n";
        write!(stream, "{:x}\r\n{line}\r\n", line.len()).unwrap();
        let answer = answers.find(|line| line.as_ref().unwrap().starts_with("{\"meta\":{\"exit-code\":0,"));
        assert!(answer.is_some());
    }
    write!(stream, "0\r\n\r\n").unwrap();
    assert!(answers.all(|line| !line.unwrap().starts_with('{')));
}

#[test]
fn half_a_line_is_not_answered_when_the_service_ends() {
    let broker = Mosquitto::start();
    let home = Home::new(broker.port());
    let mut service = home.serve(&[]);
    let call = service.call("POST", "/v1/send-batch").header("Content-Type", "application/jsonl");
    let mut stream = call.begin("Transfer-Encoding: chunked\r\n");
    let mut answers = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    let lines = "{\"content\":\"x\"}\n{\"content\":";
    write!(stream, "{:x}\r\n{lines}\r\n", lines.len()).unwrap();
    assert!(answers.any(|line| line.starts_with("{\"meta\":{\"exit-code\":0,")));
    service.signal("TERM");
    assert_eq!(answers.find(|line| line.starts_with('{')), None);
    assert_eq!(service.ends().code(), Some(0));
}

#[test]
fn a_key_that_nothing_would_come_of_is_refused() {
    let home = Home::new(1);
    let service = home.serve(&[]);
    let call = service.post("/v1/send-batch", "{}").header("Content-Type", "application/jsonl");
    assert_eq!(
        call.header("Idempotency-Key", "order-7").ask().problem(400),
        "a batch has no idempotency key: a message that has one is a call of /v1/send or /v1/executions"
    );
}
