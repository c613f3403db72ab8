//! The way out is as narrow for WebSockets as for anything else.

use std::net::SocketAddr;
use std::sync::Arc;

use mqtt_connector::publisher::{PinnedResolver, SystemResolver};
use mqtt_connector::{Meta, Tenant, TenantBuilder};
use mqtt_connector_tests::ScriptedBroker;
use serde_json::json;

use crate::support::{assert_meta, block_on, builder, exchange};

fn acme(brokers: &[&str]) -> TenantBuilder {
    let tenant = Tenant::builder("acme").topics("#".parse().unwrap());
    brokers.iter().fold(tenant, |tenant, broker| tenant.broker(broker.parse().unwrap()))
}

/// Sends to `url`, whose name leads to `address`.
fn send(tenant: TenantBuilder, url: &str, address: SocketAddr) -> Meta {
    let resolver = PinnedResolver::new(Arc::new(SystemResolver));
    let resolver = resolver.pin("acme.example", 80, address).pin("acme.example", 443, address);
    let connector = builder().resolver(Arc::new(resolver)).build().unwrap();
    let config = json!({
        "broker": url, "client-id": "sender", "topic": "t", "content": "c", "qos": 1, "retries": 0, "timeout": 5000,
    });
    block_on(connector.send(&Arc::new(tenant.build()), &config.to_string(), "{}")).meta
}

#[test]
fn a_websocket_needs_a_grant_of_its_own() {
    let untouched = ScriptedBroker::untouched();
    for (granted, url, port) in [
        ("tcp://acme.example:*", "ws://acme.example", 80),
        ("ssl://acme.example:*", "wss://acme.example", 443),
        ("wss://acme.example:*", "ws://acme.example", 80),
        ("ws://acme.example", "ws://acme.example:8080", 8080),
        ("ws://acme.example", "ws://other.example", 80),
    ] {
        let meta = send(acme(&[granted]), url, untouched.address());
        let host = url.split_once("://").unwrap().1.split(':').next().unwrap();
        let reason = format!("broker: tenant acme may not send to {host} port {port}; no grant names it");
        assert_meta(&meta, 77, &format!("Not sent, it is not allowed: {reason}."));
    }
    untouched.finish();
}

#[test]
fn the_name_of_a_websocket_may_not_lead_inside_without_a_grant() {
    let untouched = ScriptedBroker::untouched();
    for url in ["ws://acme.example/mqtt", "wss://acme.example"] {
        let meta = send(acme(&["*://acme.example"]), url, untouched.address());
        let reason = "broker: tenant acme may not send to acme.example: 127.0.0.1 is in a private network, which needs a \
                      grant";
        assert_meta(&meta, 77, &format!("Not sent, it is not allowed: {reason}."));
    }
    untouched.finish();
}

#[test]
fn a_granted_websocket_is_asked_for_by_its_name() {
    let broker = ScriptedBroker::builder().websocket().connection(exchange()).start();
    let tenant = acme(&["ws://acme.example", "ws://127.0.0.1"]);
    let meta = send(tenant, "ws://acme.example", broker.address());
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    let record = broker.finish();
    assert_eq!(record.conversations[0].upgrade.as_ref().unwrap().header("host"), Some("acme.example"));
}
