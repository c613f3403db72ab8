//! TLS: who is believed, what is shown, and what is said when it fails.

mod client;
mod costs;
mod files;
mod formats;
mod handshake;
mod server;
mod verdicts;
mod workshop;

use mqtt_connector::{Meta, Tenant, TenantBuilder};
use mqtt_connector_tests::pki::Pki;
use serde_json::{Value, json};

use crate::support::{send, with};

/// A whole configuration for a broker with TLS on loopback, one of `pki`'s.
fn secured(port: u16, pki: &Pki) -> Value {
    json!({
        "broker": url(port), "client-id": "sender", "timeout": 5000, "retries": 0,
        "root-ca-crt": pki.authority().path_str(), "topic": "t", "content": "c", "qos": 1,
    })
}

fn url(port: u16) -> String {
    format!("ssl://127.0.0.1:{port}")
}

/// A tenant that may send to the broker on `port`, and has no other grant yet.
fn acme(port: u16) -> TenantBuilder {
    Tenant::builder("acme").broker(url(port).parse().unwrap()).topics("t".parse().unwrap())
}

/// Sends as the operator, with `more` over the configuration.
fn send_with(config: &Value, more: Value) -> Meta {
    send(&with(config, more), &json!({}))
}

/// What a message is that arrived at `qos`.
fn sent(qos: u8, port: u16) -> String {
    let never = if qos == 0 { " (never acknowledged)" } else { "" };
    format!("Sent with QoS {qos}{never} to topic \"t\" at {} in … ms.", url(port))
}

/// What a message is for which TLS failed.
fn failed(port: u16, reason: &str) -> String {
    format!("Not sent, TLS with the broker {} failed: {reason}.", url(port))
}

/// What a message is for which a certificate or a key could not be used.
fn unusable(reason: &str) -> String {
    format!("Not sent, a certificate or key cannot be used: {reason}.")
}
