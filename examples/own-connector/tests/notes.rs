//! The connector in its sandbox, at a real broker and at one that acknowledges nothing.

use std::time::Duration;

use mqtt_connector::{Connector, Meta, Tenant};
use mqtt_connector_tests::{Expect, Mosquitto, Observer, ScriptedBroker, Step, component, encode};

/// Sends a note as a tenant that may send to brokers on this machine.
fn note(port: u16, request: &str) -> Meta {
    // The profile is the workspace's; `component::build` takes `release`.
    let component = component::build_with_profile(env!("CARGO_MANIFEST_DIR"), "component");
    let connector = Connector::builder().component(component).build().expect("a component of this contract");
    let tenant = Tenant::builder("acme").broker("tcp://127.0.0.1:*".parse().expect("a grant"));
    let tenant = tenant.topics("notes".parse().expect("a topic")).build();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let response = connector.send(&tenant, &format!(r#"{{"port": {port}}}"#), request).await;
        connector.close().await;
        response.meta
    })
}

#[test]
fn a_note_arrives() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "notes");
    let meta = note(broker.port(), r#"{"text": "hello"}"#);
    assert_eq!((meta.exit_code, &*meta.message), (0, "The note was taken."));
    let messages = observer.messages(1, Duration::from_secs(10));
    assert_eq!((messages[0].qos, &*messages[0].payload), (1, &b"hello"[..]));
}

#[test]
fn a_note_that_is_not_acknowledged_may_have_arrived() {
    let broker = ScriptedBroker::builder()
        .connection([
            Step::expect(Expect::connect()),
            Step::send(encode::connack(false, 0)),
            Step::expect(Expect::publish().topic("notes").payload("hello").qos(1)),
            Step::close(),
        ])
        .start();
    let meta = note(broker.port(), r#"{"text": "hello"}"#);
    assert_eq!((meta.exit_code, &*meta.message), (79, "The note may have arrived."));
    broker.finish();
}

#[test]
fn a_note_without_text_is_not_sent() {
    let broker = ScriptedBroker::untouched();
    let meta = note(broker.port(), "{}");
    assert_eq!((meta.exit_code, &*meta.message), (64, "A note needs port and text."));
    broker.finish();
}
