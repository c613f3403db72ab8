//! MQTT over WebSockets: what arrives, what the handshake says, and brokers that speak it badly or not at all.

mod delivery;
mod egress;
mod frames;
mod handshake;
mod repetitions;

use mqtt_connector::Meta;
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
