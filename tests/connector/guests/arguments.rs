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

/// Where the fields stand that the tests change: a field after the flag that says whether there is one.
mod field {
    /// The list of brokers, and the only one in it.
    pub(super) const BROKERS: usize = 2048;
    pub(super) const TRANSPORT: usize = 3584;
    pub(super) const HOST: usize = 3588;
    pub(super) const PATH: usize = 3600;
    pub(super) const PROXY: usize = 2056;
    pub(super) const PROXY_PROTOCOL: usize = 2060;
    pub(super) const PROXY_HOST: usize = 2064;
    pub(super) const PROXY_CREDENTIALS: usize = 2076;
    pub(super) const PROXY_USERNAME: usize = 2080;
    pub(super) const SESSION_EXPIRY: usize = 2296;
    pub(super) const VERSION: usize = 2104;
    pub(super) const CLIENT_ID: usize = 2108;
    pub(super) const CREDENTIALS: usize = 2116;
    pub(super) const USERNAME: usize = 2120;
    pub(super) const PASSWORD: usize = 2132;
    pub(super) const WILL: usize = 2148;
    pub(super) const WILL_TOPIC: usize = 2152;
    pub(super) const WILL_PAYLOAD: usize = 2160;
    pub(super) const WILL_PROPERTIES: usize = 2172;
    pub(super) const WILL_CONTENT_TYPE: usize = 2192;
    pub(super) const TLS: usize = 2204;
    pub(super) const ROOT_CA: usize = 2208;
    pub(super) const SERVER_NAME: usize = 2264;
    pub(super) const ALPN_PROTOCOLS: usize = 2276;
    pub(super) const VERIFY_SERVER: usize = 2284;
    pub(super) const WEBSOCKET_HEADERS: usize = 2288;
    pub(super) const TIMEOUT: usize = 2312;
    pub(super) const RETRIES: usize = 2316;
    pub(super) const TOPIC: usize = 4096;
    pub(super) const PAYLOAD: usize = 4104;
    pub(super) const PROPERTIES: usize = 4116;
    pub(super) const CONTENT_TYPE: usize = 4124;
    pub(super) const RESPONSE_TOPIC: usize = 4136;
    pub(super) const CORRELATION_DATA: usize = 4148;
    pub(super) const USER_PROPERTIES: usize = 4168;
}

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
    let texts = r##"(data (i32.const 320) "a/#") (data (i32.const 324) "a\00b") (data (i32.const 328) "/etc/passwd")
        (data (i32.const 340) "x\0d\0ay: z") (data (i32.const 350) "a\07")"##;
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

/// Sets an optional string, or an optional list.
fn some(at: usize, text: &str, length: usize) -> String {
    byte(at, 1) + &string(at + 4, text, length)
}

/// TLS, with nothing else said.
fn tls() -> String {
    byte(field::TRANSPORT, 1) + &byte(field::TLS, 1)
}

/// MQTT 5, with properties of the message, none of which is set.
fn version_5() -> String {
    byte(field::VERSION, 1) + &byte(field::PROPERTIES, 1)
}

/// MQTT 5, with a will that has properties, none of which is set.
fn will_of_version_5() -> String {
    version_5()
        + &byte(field::WILL, 1)
        + &string(field::WILL_TOPIC, LONG, 1)
        + &byte(field::WILL_PROPERTIES, 1)
}

/// WebSocket, with one header.
fn header(name: (&str, usize), value: (&str, usize)) -> String {
    let entry = string(5000, name.0, name.1) + &string(5008, value.0, value.1);
    byte(field::TRANSPORT, 2) + &entry + &string(field::WEBSOCKET_HEADERS, "(i32.const 5000)", 1)
}

/// A user property.
fn user_property(name: (&str, usize), value: (&str, usize)) -> String {
    let entry = string(5000, name.0, name.1) + &string(5008, value.0, value.1);
    version_5() + &entry + &string(field::USER_PROPERTIES, "(i32.const 5000)", 1)
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
    entries + &string(field::ALPN_PROTOCOLS, "(i32.const 8192)", count)
}

/// Texts that stand in the guest.
const WILDCARD: (&str, usize) = ("(i32.const 320)", 3);
const NUL: (&str, usize) = ("(i32.const 324)", 3);
const PASSWD: (&str, usize) = ("(i32.const 328)", 11);
const TWO_LINES: (&str, usize) = ("(i32.const 340)", 8);
const BELL: (&str, usize) = ("(i32.const 350)", 2);
const X: (&str, usize) = (LONG, 1);

#[test]
fn arguments_that_make_no_packet() {
    use field::*;
    for (what, arguments) in [
        ("a topic of 70,000 bytes", string(TOPIC, LONG, 70_000)),
        ("no topic", string(TOPIC, LONG, 0)),
        ("a topic with a wildcard", string(TOPIC, WILDCARD.0, WILDCARD.1)),
        ("a topic with U+0000", string(TOPIC, NUL.0, NUL.1)),
        ("a payload beyond the limit", string(PAYLOAD, LONG, 70_000)),
        ("a client identifier of 70,000 bytes", string(CLIENT_ID, LONG, 70_000)),
        ("a client identifier with U+0000", string(CLIENT_ID, NUL.0, NUL.1)),
        ("a user name of 70,000 bytes", byte(CREDENTIALS, 1) + &some(USERNAME, LONG, 70_000)),
        (
            "a password of 70,000 bytes",
            byte(CREDENTIALS, 1) + &byte(USERNAME, 1) + &some(PASSWORD, LONG, 70_000),
        ),
        ("a password without a user name", byte(CREDENTIALS, 1) + &some(PASSWORD, LONG, 5)),
        ("a will with a topic of 70,000 bytes", byte(WILL, 1) + &string(WILL_TOPIC, LONG, 70_000)),
        ("a will with a wildcard", byte(WILL, 1) + &string(WILL_TOPIC, WILDCARD.0, WILDCARD.1)),
        ("a will without a topic", byte(WILL, 1)),
        (
            "a will of 70,000 bytes",
            byte(WILL, 1) + &string(WILL_TOPIC, LONG, 1) + &string(WILL_PAYLOAD, LONG, 70_000),
        ),
        ("no broker", string(BROKERS, "(i32.const 3584)", 0)),
        ("no host", string(HOST, LONG, 0)),
        ("a host of 70,000 bytes", string(HOST, LONG, 70_000)),
        ("a host with U+0000", string(HOST, NUL.0, NUL.1)),
        ("TLS without TLS options", byte(TRANSPORT, 1)),
        ("TLS options without TLS", byte(TLS, 1)),
        (
            "a CA from where it may not read",
            tls() + &byte(ROOT_CA, 1) + &string(ROOT_CA + 8, PASSWD.0, PASSWD.1),
        ),
        (
            "a CA that is none",
            tls() + &byte(ROOT_CA, 1) + &byte(ROOT_CA + 4, 1) + &string(ROOT_CA + 8, LONG, 70_000),
        ),
        ("a server name of 70,000 bytes", tls() + &some(SERVER_NAME, LONG, 70_000)),
        ("no server name", tls() + &byte(SERVER_NAME, 1)),
        (
            "a protocol of 300 bytes",
            tls()
                + &byte(VERIFY_SERVER, 1)
                + &string(5000, LONG, 300)
                + &string(ALPN_PROTOCOLS, "(i32.const 5000)", 1),
        ),
        (
            "a protocol without a name",
            tls()
                + &byte(VERIFY_SERVER, 1)
                + &string(5000, LONG, 0)
                + &string(ALPN_PROTOCOLS, "(i32.const 5000)", 1),
        ),
        ("protocols of 32,768 bytes, which is allowed", tls() + &byte(VERIFY_SERVER, 1) + &protocols(128)),
        ("protocols of 65,280 bytes", tls() + &byte(VERIFY_SERVER, 1) + &protocols(255)),
        ("protocols of 76,800 bytes", tls() + &byte(VERIFY_SERVER, 1) + &protocols(300)),
        ("unverified", tls()),
        ("WebSocket, where none is spoken", byte(TRANSPORT, 2)),
        ("WebSocket over TLS without TLS options", byte(TRANSPORT, 3)),
        ("a path of two lines", byte(TRANSPORT, 2) + &string(PATH, TWO_LINES.0, TWO_LINES.1)),
        ("a header with a name of two lines", header(TWO_LINES, X)),
        ("a header with a value of two lines", header(X, TWO_LINES)),
        ("a header without a name", header((LONG, 0), X)),
        ("a header of 70,000 bytes", header(X, (LONG, 70_000))),
        ("headers without WebSocket", header(X, X) + &byte(TRANSPORT, 0)),
        ("a proxy without a host", byte(PROXY, 1)),
        ("a proxy with a host of 70,000 bytes", byte(PROXY, 1) + &string(PROXY_HOST, LONG, 70_000)),
        (
            "a proxy with a user name of 70,000 bytes",
            byte(PROXY, 1)
                + &byte(PROXY_PROTOCOL, 0)
                + &string(PROXY_HOST, "(i32.const 256)", 9)
                + &byte(PROXY_CREDENTIALS, 1)
                + &some(PROXY_USERNAME, LONG, 70_000),
        ),
        ("a content type of 70,000 bytes", version_5() + &some(CONTENT_TYPE, LONG, 70_000)),
        ("a content type with U+0000", version_5() + &some(CONTENT_TYPE, NUL.0, NUL.1)),
        ("a response topic of 70,000 bytes", version_5() + &some(RESPONSE_TOPIC, LONG, 70_000)),
        ("a response topic with a wildcard", version_5() + &some(RESPONSE_TOPIC, WILDCARD.0, WILDCARD.1)),
        ("a response topic of no bytes", version_5() + &some(RESPONSE_TOPIC, LONG, 0)),
        ("correlation data of 70,000 bytes", version_5() + &some(CORRELATION_DATA, LONG, 70_000)),
        ("a user property with a name of 70,000 bytes", user_property((LONG, 70_000), X)),
        ("a user property with a value of 70,000 bytes", user_property(X, (LONG, 70_000))),
        ("a user property with U+0000", user_property(X, NUL)),
        (
            "a content type of the will of 70,000 bytes",
            will_of_version_5() + &some(WILL_CONTENT_TYPE, LONG, 70_000),
        ),
        (
            "a content type of the will with U+0000",
            will_of_version_5() + &some(WILL_CONTENT_TYPE, NUL.0, NUL.1),
        ),
        ("properties under MQTT 3.1.1", byte(PROPERTIES, 1) + &some(CONTENT_TYPE, LONG, 1)),
        (
            "a will with properties under MQTT 3.1.1",
            byte(WILL, 1)
                + &string(WILL_TOPIC, LONG, 1)
                + &byte(WILL_PROPERTIES, 1)
                + &some(WILL_CONTENT_TYPE, LONG, 1),
        ),
        ("a session expiry under MQTT 3.1.1", byte(SESSION_EXPIRY, 1) + &byte(SESSION_EXPIRY + 4, 1)),
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

/// A broker may close the connection for such a character: nobody is asked for one.
#[test]
fn control_characters_open_no_connection() {
    use field::*;
    for (what, arguments) in [
        ("topic", string(TOPIC, BELL.0, BELL.1)),
        ("client identifier", string(CLIENT_ID, BELL.0, BELL.1)),
        ("user name", byte(CREDENTIALS, 1) + &some(USERNAME, BELL.0, BELL.1)),
        ("content type", version_5() + &some(CONTENT_TYPE, BELL.0, BELL.1)),
        ("response topic", version_5() + &some(RESPONSE_TOPIC, BELL.0, BELL.1)),
        ("name of a user property", user_property(BELL, X)),
        ("value of a user property", user_property(X, BELL)),
        ("topic of the will", byte(WILL, 1) + &string(WILL_TOPIC, BELL.0, BELL.1)),
        ("content type of the will", will_of_version_5() + &some(WILL_CONTENT_TYPE, BELL.0, BELL.1)),
    ] {
        let broker = ScriptedBroker::untouched();
        let connector = publishes_with(&arguments, broker.port()).connector();
        let meta = send(&connector, &tenant(limits()), HOSTILE);
        assert_eq!(meta.exit_code, 64, "{what}: {}", meta.message);
        broker.finish();
    }
}

#[test]
fn a_retry_policy_without_end() {
    // Nobody listens there; 255 retries in 49 days.
    let timeout = format!("(i32.store (i32.const {}) (i32.const -1))", field::TIMEOUT);
    let arguments = timeout + &byte(field::RETRIES, 255);
    let mut limits = limits();
    limits.timeout = Duration::from_millis(500);
    let start = Instant::now();
    let meta = send(&publishes_with(&arguments, 1).connector(), &tenant(limits), HOSTILE);
    assert_meta(&meta, 64, "said by somebody else's connector");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}
