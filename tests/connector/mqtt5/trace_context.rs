//! The trace that a host gives a call: it is a part of the packet, and counts.

use mqtt_connector::Tenant;
use mqtt_connector::publisher::{Hooks, TraceContext};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{ScriptedBroker, Step, property};
use serde_json::json;

use super::accepted;
use crate::faults::{goodbye, script};
use crate::support::{assert_meta, block_on, config, connector, operator, with};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

fn hooks() -> Hooks {
    Hooks::default().trace_context(TraceContext::new(PARENT, None))
}

/// PUBLISH of one byte to `t` with QoS 1: topic, identifier, properties, content.
fn packet() -> Vec<u8> {
    let property = [b"\x26\x00\x0btraceparent\x00\x37", PARENT.as_bytes()].concat();
    let body = [&b"\x00\x01t\x00\x01"[..], &[u8::try_from(property.len()).unwrap()], &property[..], b"\xff"]
        .concat();
    [&[0x32, u8::try_from(body.len()).unwrap()], &body[..]].concat()
}

#[test]
fn the_packet_with_the_trace_is_to_be_no_larger_than_the_broker_takes() {
    let packet = packet();
    let size = u32::try_from(packet.len()).unwrap();
    let request = json!({"topic": "t", "qos": 1, "content-base64": "/w=="}).to_string();
    for (maximum, exit_code) in [(size, 0), (size - 1, 149)] {
        let sent = vec![Step::expect_bytes(packet.clone()), Step::respond(PacketType::PubAck)];
        let sent = if exit_code == 0 { sent } else { vec![] };
        let steps = script([accepted(&[property::maximum_packet_size(maximum)]), sent, goodbye()]);
        let broker = ScriptedBroker::builder().connection(steps).start();
        let config = with(&config(broker.port()), json!({"protocol-version": "5"})).to_string();
        let response = block_on(connector().send_with(&operator(), &config, &request, hooks()));
        assert_eq!(response.meta.exit_code, exit_code, "{}", response.meta.message);
        broker.finish();
    }
}

#[test]
fn the_trace_counts_for_the_tenants_limit_of_a_payload() {
    let mut limits = mqtt_connector::Limits::default();
    limits.payload = 66;
    let broker = ScriptedBroker::untouched();
    let tenant = Tenant::builder("acme").broker("tcp://127.0.0.1:*".parse().unwrap()).trace_context(true);
    let tenant = tenant.topics("t".parse().unwrap()).limits(limits).build();
    let config = with(&config(broker.port()), json!({"protocol-version": "5"})).to_string();
    let request = json!({"topic": "t", "qos": 1, "content": "x"}).to_string();
    let response = block_on(connector().send_with(&tenant, &config, &request, hooks()));
    let message = "Not sent, it is too large: content: 1 bytes with 66 of properties, and tenant acme may send 66 (its limit payload).";
    assert_meta(&response.meta, 77, message);
    broker.finish();
}
