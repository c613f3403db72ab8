//! `send-batch`: which requests share a call of the publisher, and which answer is whose.

use mqtt_connector_contract::publisher::{Error, Qos, Receipt};
use mqtt_connector_guest::action::{Published, send_batch};

const CONFIG: &str = r#"{"broker":"tcp://h","client-id":"c","topic":"t","content":"x","qos":1}"#;

/// Sends the batch; gives each call of the publisher as "broker-port client-id timeout: payloads", and the answers.
fn batch(config: &str, requests: &[&str], answer: impl Fn(usize) -> Published) -> (Vec<String>, Vec<String>) {
    let requests: Vec<String> = requests.iter().map(|request| (*request).to_owned()).collect();
    let mut calls = Vec::new();
    let answers = send_batch(config, &requests, |options, messages, policy| {
        let payloads: Vec<&str> =
            messages.iter().map(|message| std::str::from_utf8(&message.payload).unwrap_or("?")).collect();
        calls.push(format!(
            "{} {} {}: {}",
            options.brokers[0].port,
            options.client_id,
            policy.timeout,
            payloads.join(",")
        ));
        answer(messages.len())
    });
    (calls, answers.into_iter().map(|meta| format!("{} {}", meta.exit_code, meta.message)).collect())
}

fn all_sent(count: usize) -> Published {
    let receipt = |at| {
        Ok(Receipt {
            qos: Qos::AtLeastOnce,
            reason_code: 0,
            broker: 0,
            assigned_client_id: None,
            elapsed_microseconds: 1_000 * at as u64,
        })
    };
    Ok((0..count).map(receipt).collect())
}

#[test]
fn equal_connections_and_policies_are_one_call() {
    let (calls, answers) = batch(
        CONFIG,
        &[
            r#"{"content":"0"}"#,
            r#"{"content":"1","client-id":"d"}"#,
            r#"{"content":"2","qos":"1"}"#,
            r#"{"content":"3"}"#,
            r#"{"content":"4","timeout":5}"#,
            "[]",
            r#"{"content":"6","broker":"mqtt://H:1883","topic":"u"}"#,
        ],
        all_sent,
    );
    assert_eq!(calls, ["1883 c 60000: 0,3,6", "1883 d 60000: 1", "1883 c 5: 4"]);
    assert_eq!(
        answers,
        [
            r#"0 Sent with QoS 1 to topic "t" at tcp://h:1883 in 0.0 ms."#,
            r#"0 Sent with QoS 1 to topic "t" at tcp://h:1883 in 0.0 ms."#,
            r#"64 Not sent: qos in the request got the string "1", wants the number 0, 1 or 2."#,
            r#"0 Sent with QoS 1 to topic "t" at tcp://h:1883 in 1.0 ms."#,
            r#"0 Sent with QoS 1 to topic "t" at tcp://h:1883 in 0.0 ms."#,
            r#"64 Not sent: the request is a list, wants a JSON object: {…}."#,
            r#"0 Sent with QoS 1 to topic "u" at mqtt://h:1883 in 2.0 ms."#,
        ]
    );
}

#[test]
fn an_error_of_the_connection_answers_the_whole_group() {
    let (calls, answers) = batch(CONFIG, &["{}", "{}"], |_| Err(Error::Unreachable("x".to_owned())));
    assert_eq!(calls, ["1883 c 60000: x,x"]);
    assert_eq!(answers, ["69 Not sent, the broker tcp://h:1883 could not be reached: x."; 2]);
}

#[test]
fn a_wrong_configuration_answers_every_request() {
    let (calls, answers) = batch("7", &["{}", "x"], all_sent);
    assert!(calls.is_empty());
    assert_eq!(
        answers,
        [
            "64 Not sent: the configuration is a number, wants a JSON object: {…}.",
            "64 Not sent, 2 problems: the configuration is a number, wants a JSON object: {…}; the request is not JSON: line 1, column 1: a word without quotes, or something behind the end; names and strings stand in double quotes.",
        ]
    );
}

#[test]
fn nothing_asked_nothing_answered() {
    assert_eq!(batch(CONFIG, &[], all_sent), (Vec::new(), Vec::new()));
}

#[test]
fn a_host_that_miscounts() {
    let fault = "70 A fault of the host: its publisher answered 1 results for 2 messages. Whether the message was sent is not known.";
    assert_eq!(batch(CONFIG, &["{}", "{}"], |_| all_sent(1)).1, [fault; 2]);
}
