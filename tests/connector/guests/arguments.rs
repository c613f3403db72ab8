//! Arguments of `publish` that the built-in component never makes, because its types do not let it: the host checks what
//! it is handed itself. The guest is told what is wrong, no packet that the standard forbids leaves, and the host lives.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mqtt_connector::{Limits, Tenant};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{ScriptedBroker, Step};

use super::{Guest, HONEST, HOSTILE, limits, send};
use crate::support::assert_meta;

/// Where 70,000 times the letter `x` stand.
const LONG: &str = "(i32.const 131072)";

/// Sets a string, or a list: its address and its length.
fn string(at: usize, text: &str, length: usize) -> String {
    format!("(i32.store (i32.const {at}) {text}) (i32.store (i32.const {}) (i32.const {length}))", at + 4)
}

fn byte(at: usize, value: u8) -> String {
    format!("(i32.store8 (i32.const {at}) (i32.const {value}))")
}

/// One that publishes with `arguments` when it is told `{}`: it answers 64 when that failed, and 0 when not.
fn publishes_with(arguments: &str, port: u16) -> Guest {
    let body = "(global.set $odd (i32.const 1))
        (memory.fill (i32.const 131072) (i32.const 120) (i32.const 70000))
        (return (call $say (select (i32.const 64) (i32.const 0) (call $publish-some (i32.const 1)))))";
    let texts = r##"(data (i32.const 320) "a/#") (data (i32.const 324) "a\00b") (data (i32.const 328) "/etc/passwd")"##;
    Guest::sends(body)
        .with("items", texts)
        .with("memory", "8")
        .with("arguments", arguments)
        .publishes_to(port)
}

fn tenant(limits: Limits) -> Arc<Tenant> {
    let tenant = Tenant::builder("acme").broker("*://127.0.0.1:*".parse().unwrap());
    Arc::new(tenant.topics("#".parse().unwrap()).limits(limits).build())
}

/// TLS, with nothing else said.
fn tls() -> String {
    byte(2048, 1) + &byte(2140, 1)
}

/// So many protocols of 255 bytes each.
fn protocols(count: usize) -> String {
    let end = 8192 + 8 * count;
    let entries = format!(
        "(local.set $at (i32.const 8192))
        (loop $more
          (i32.store (local.get $at) {LONG}) (i32.store offset=4 (local.get $at) (i32.const 255))
          (local.set $at (i32.add (local.get $at) (i32.const 8)))
          (br_if $more (i32.lt_u (local.get $at) (i32.const {end}))))"
    );
    entries + &string(2212, "(i32.const 8192)", count)
}

#[test]
fn arguments_that_make_no_packet() {
    let (host, client_id, topic, payload) = (2052, 2076, 4096, 4104);
    for (what, arguments) in [
        ("a topic of 70,000 bytes", string(topic, LONG, 70_000)),
        ("no topic", string(topic, LONG, 0)),
        ("a topic with a wildcard", string(topic, "(i32.const 320)", 3)),
        ("a topic with U+0000", string(topic, "(i32.const 324)", 3)),
        ("a payload beyond the limit", string(payload, LONG, 70_000)),
        ("a client identifier of 70,000 bytes", string(client_id, LONG, 70_000)),
        ("a client identifier with U+0000", string(client_id, "(i32.const 324)", 3)),
        ("a user name of 70,000 bytes", byte(2084, 1) + &byte(2088, 1) + &string(2092, LONG, 70_000)),
        (
            "a password of 70,000 bytes",
            byte(2084, 1) + &byte(2088, 1) + &byte(2100, 1) + &string(2104, LONG, 70_000),
        ),
        ("a password without a user name", byte(2084, 1) + &byte(2100, 1) + &string(2104, LONG, 5)),
        ("a will with a topic of 70,000 bytes", byte(2116, 1) + &string(2120, LONG, 70_000)),
        ("a will with a wildcard", byte(2116, 1) + &string(2120, "(i32.const 320)", 3)),
        ("a will without a topic", byte(2116, 1)),
        ("a will of 70,000 bytes", byte(2116, 1) + &string(2120, LONG, 1) + &string(2128, LONG, 70_000)),
        ("no host", string(host, LONG, 0)),
        ("a host of 70,000 bytes", string(host, LONG, 70_000)),
        ("a host with U+0000", string(host, "(i32.const 324)", 3)),
        ("TLS without TLS options", byte(2048, 1)),
        ("TLS options without TLS", byte(2140, 1)),
        ("WebSocket", byte(2048, 2)),
        ("MQTT 5", byte(2072, 1)),
        ("a CA from where it may not read", tls() + &byte(2144, 1) + &string(2152, "(i32.const 328)", 11)),
        ("a CA that is none", tls() + &byte(2144, 1) + &byte(2148, 1) + &string(2152, LONG, 70_000)),
        ("a server name of 70,000 bytes", tls() + &byte(2200, 1) + &string(2204, LONG, 70_000)),
        ("no server name", tls() + &byte(2200, 1)),
        (
            "a protocol of 300 bytes",
            tls() + &byte(2220, 1) + &string(5000, LONG, 300) + &string(2212, "(i32.const 5000)", 1),
        ),
        (
            "a protocol without a name",
            tls() + &byte(2220, 1) + &string(5000, LONG, 0) + &string(2212, "(i32.const 5000)", 1),
        ),
        ("protocols of 32,768 bytes, which is allowed", tls() + &byte(2220, 1) + &protocols(128)),
        ("protocols of 65,280 bytes", tls() + &byte(2220, 1) + &protocols(255)),
        ("protocols of 76,800 bytes", tls() + &byte(2220, 1) + &protocols(300)),
        ("unverified", tls()),
    ] {
        // An honest CONNECT may come, and whatever TLS says; never a message.
        let broker = ScriptedBroker::builder().further_connections([Step::serve()]).start();
        let connector = publishes_with(&arguments, broker.port()).connector();
        let mut limits = limits();
        limits.payload = 50_000;
        let meta = send(&connector, &tenant(limits), HOSTILE);
        let record = broker.record();
        let messages = record.conversations.iter().flat_map(|one| &one.packets);
        let messages = messages.filter(|packet| packet.packet.kind() == Some(PacketType::Publish)).count();
        assert_eq!(messages, 0, "{what}: {record}");
        assert_meta(&meta, 64, "said by somebody else's connector");
        assert_meta(&send(&connector, &tenant(limits), HONEST), 0, "said by somebody else's connector");
        drop(broker.finish_unchecked());
    }
}

#[test]
fn an_effort_without_end() {
    // Nobody listens there; 255 retries in 49 days.
    let arguments =
        "(i32.store (i32.const 2248) (i32.const -1)) (i32.store8 (i32.const 2252) (i32.const 255))";
    let mut limits = limits();
    limits.time_out = Duration::from_millis(500);
    let start = Instant::now();
    let meta = send(&publishes_with(arguments, 1).connector(), &tenant(limits), HOSTILE);
    assert_meta(&meta, 64, "said by somebody else's connector");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}
