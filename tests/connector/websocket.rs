//! MQTT over WebSockets: what arrives, what the handshake says, and brokers that speak it badly or not at all.

mod delivery;
mod egress;
mod frames;
mod handshake;
mod repetitions;

use mqtt_connector::Meta;
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Step, encode};
use serde_json::{Value, json};

use crate::support::{send, with};

/// A whole configuration for a broker with WebSockets on loopback.
fn plain(port: u16) -> Value {
    json!({
        "broker": url(port), "client-id": "sender", "timeout": 5000, "retries": 0, "topic": "t", "content": "c", "qos": 1,
    })
}

fn url(port: u16) -> String {
    format!("ws://127.0.0.1:{port}/mqtt")
}

/// Sends as the operator, with `more` over the configuration.
fn send_with(config: &Value, more: Value) -> Meta {
    send(&with(config, more), &json!({}))
}

/// A broker's part when one message with quality of service 1 is sent.
fn exchange() -> [Step; 6] {
    [
        Step::expect(Expect::connect().client_id("sender")),
        Step::send(encode::connack(false, 0)),
        Step::expect(Expect::publish().topic("t").payload("c").qos(1)),
        Step::respond(PacketType::PubAck),
        Step::expect(Expect::disconnect()),
        Step::expect_end(),
    ]
}
