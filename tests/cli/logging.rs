//! What is logged to standard error, and that nothing is unless it is asked for.

use mqtt_connector_tests::Mosquitto;
use serde_json::{Value, json};

use crate::support::{Output, Program};

fn send(broker: &Mosquitto, rust_log: Option<&str>, format: &[&str]) -> Output {
    let program = Program::send(broker.port()).args(["--topic", "t", "--content", "c"]);
    let program = program.args(format.iter().copied());
    match rust_log {
        Some(filter) => program.env("RUST_LOG", filter).run(),
        None => program.run(),
    }
}

#[test]
fn nothing_is_logged_unless_it_is_asked_for() {
    let broker = Mosquitto::start();
    assert_eq!(send(&broker, None, &[]).stderr, "");
    assert_eq!(send(&broker, None, &["--log-format", "json"]).stderr, "");
}

#[test]
fn log_is_text_or_json() {
    let broker = Mosquitto::start();
    for format in [&[][..], &["--log-format", "text"]] {
        let output = send(&broker, Some("info"), format);
        assert!(output.stderr.contains("  INFO request{"), "{output:#?}");
        assert!(!output.stderr.contains('\u{1b}'), "no colours where nobody sees them: {output:#?}");
    }
    let output = send(&broker, Some("info"), &["--log-format", "json"]);
    let events: Vec<Value> = output.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let messages: Vec<_> = events.iter().map(|event| &event["fields"]["message"]).collect();
    assert_eq!(messages, [&json!("sent"), &json!("answered")]);
    assert_eq!(events[0]["spans"][1]["messaging.destination.name"], "t");
    assert_eq!(events[1]["spans"][0]["exit_code"], 0);
}
