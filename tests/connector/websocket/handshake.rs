//! The handshake: what is asked for, and answers of all kinds.

use mqtt_connector_tests::pki::Pki;
use mqtt_connector_tests::script::ScriptedBrokerBuilder;
use mqtt_connector_tests::websocket::Upgrade;
use mqtt_connector_tests::{ScriptedBroker, ServerTls, Step};
use serde_json::{Value, json};

use super::{plain, send_with};
use crate::support::{assert_meta, exchange, with};

/// What the handshake asked for when a message is sent with `more` over the configuration.
fn upgrade(broker: ScriptedBrokerBuilder, url: &str, more: Value) -> Upgrade {
    let broker = broker.websocket().connection(exchange()).start();
    let config =
        with(&plain(broker.port()), json!({ "broker": url.replace("PORT", &broker.port().to_string()) }));
    let meta = send_with(&config, more);
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    let record = broker.finish();
    assert!(record.conversations[0].ended_in_order(), "{record}");
    record.conversations[0].upgrade.clone().unwrap()
}

#[test]
fn the_request_says_what_was_asked_for_and_nothing_else() {
    let asked = upgrade(ScriptedBroker::builder(), "ws://127.0.0.1:PORT", json!({}));
    assert_eq!(asked.target, "/mqtt", "the default");
    let names: Vec<_> = asked.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Host",
            "Upgrade",
            "Connection",
            "Sec-WebSocket-Key",
            "Sec-WebSocket-Version",
            "Sec-WebSocket-Protocol"
        ]
    );
    assert!(asked.header("host").unwrap().starts_with("127.0.0.1:"));

    let asked = upgrade(
        ScriptedBroker::builder(),
        "ws://127.0.0.1:PORT/a/b?token=x%20y",
        json!({ "websocket-headers": { "Authorization": "Bearer abc", "X-Tenant": "naïve" } }),
    );
    assert_eq!(asked.target, "/a/b?token=x%20y");
    assert_eq!(asked.header("authorization"), Some("Bearer abc"));
    assert_eq!(asked.header("x-tenant"), Some("naïve"));
}

#[test]
fn http_1_1_is_offered_where_no_protocols_are_given() {
    let pki = Pki::new();
    for (given, agreed) in [(json!(null), Some("http/1.1")), (json!(["mqtt"]), Some("mqtt"))] {
        let server = ServerTls::new(&pki.server(&["127.0.0.1"])).alpn(&["h2", "mqtt", "http/1.1"]);
        let broker = ScriptedBroker::builder().websocket().tls(server).connection(exchange()).start();
        let url = format!("wss://127.0.0.1:{}/mqtt", broker.port());
        let more =
            json!({ "broker": url, "root-ca-crt": pki.authority().path_str(), "alpn-protocols": given });
        let meta = send_with(&plain(broker.port()), more);
        assert_eq!(meta.exit_code, 0, "{}", meta.message);
        let record = broker.finish();
        assert_eq!(record.conversations[0].tls.as_ref().unwrap().alpn.as_deref(), agreed);
    }
}

/// Sends to a broker that answers the handshake with `answer`, and gives exit code and message.
fn answered(answer: &str, exit_code: i32, message: &str) {
    let steps = [Step::expect_upgrade(), Step::send(answer.as_bytes()), Step::silence()];
    let broker = ScriptedBroker::builder().raw_connection(steps).start();
    let meta = send_with(&plain(broker.port()), json!({}));
    let message = message.replace("PORT", &broker.port().to_string());
    assert_meta(&meta, exit_code, &message);
    broker.finish();
}

#[test]
fn an_answer_in_http_is_told_by_its_status_line() {
    let broke = "Not sent, the broker ws://127.0.0.1:PORT broke the protocol: it answered the WebSocket handshake with";
    let unreachable = "Not sent, the broker ws://127.0.0.1:PORT could not be reached: it answered the WebSocket handshake with";
    let path = "; look at the path of broker";
    let credentials = "; look at websocket-headers and the path of broker";
    for (status, exit_code, start) in [
        ("200 OK", 76, broke),
        ("400 Bad Request", 76, broke),
        ("401 Unauthorized", 76, broke),
        ("403 Forbidden", 76, broke),
        ("404 Not Found", 76, broke),
        ("407 Proxy Authentication Required", 76, broke),
        ("408 Request Timeout", 69, unreachable),
        ("426 Upgrade Required", 76, broke),
        ("429 Too Many Requests", 69, unreachable),
        ("500 Internal Server Error", 69, unreachable),
        ("501 Not Implemented", 76, broke),
        ("502 Bad Gateway", 69, unreachable),
        ("503 Service Unavailable", 69, unreachable),
        ("504 Gateway Timeout", 69, unreachable),
    ] {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\n\r\n<html>");
        let more = match &status[..3] {
            "401" | "403" => credentials,
            "404" => path,
            _ => "",
        };
        answered(&answer, exit_code, &format!("{start} HTTP/1.1 {status}{more}."));
    }
    let long = "x".repeat(200);
    answered(
        &format!("HTTP/1.0 404 {long}\r\n\r\n"),
        76,
        &format!("{broke} HTTP/1.0 404 {}…{path}.", &long[..120]),
    );
}

#[test]
fn a_redirect_is_told_and_never_followed() {
    let elsewhere = ScriptedBroker::untouched();
    let port = elsewhere.port();
    for (location, shown) in [
        (format!("http://127.0.0.1:{port}/login?token=secret"), format!("http://127.0.0.1:{port}/login")),
        (format!("http://ann:s3cr1t@127.0.0.1:{port}"), format!("http://127.0.0.1:{port}")),
        (format!("//ann@x:s3cr1t@127.0.0.1:{port}/a@b"), format!("//127.0.0.1:{port}/a@b")),
        ("/login/a@b".to_owned(), "/login/a@b".to_owned()),
    ] {
        answered(
            &format!("HTTP/1.1 301 Moved Permanently\r\nLocation: {location}\r\n\r\n"),
            76,
            &format!(
                "Not sent, the broker ws://127.0.0.1:PORT broke the protocol: it answered the WebSocket handshake with \
                 HTTP/1.1 301 Moved Permanently, to {shown}; redirects are not followed."
            ),
        );
    }
    elsewhere.finish();
}

#[test]
fn a_header_that_comes_back_is_not_repeated() {
    let answer = "HTTP/1.1 302 no s3cret-value\r\nLocation: /s3cret-value\r\n\r\n";
    for value in ["s3cret-value", "Bearer s3cret-value", "a=b; session=s3cret-value"] {
        let steps = [Step::expect_upgrade(), Step::send(answer.as_bytes()), Step::silence()];
        let broker = ScriptedBroker::builder().raw_connection(steps).start();
        let more = json!({ "websocket-headers": { "authorization": value } });
        let meta = send_with(&plain(broker.port()), more);
        let message = "Not sent, the broker ws://… broke the protocol: it answered the WebSocket handshake with HTTP status 302.";
        assert_meta(&meta, 76, message);
        broker.finish();
    }
}

#[test]
fn what_is_not_http_is_told_with_what_it_may_be() {
    let start = "Not sent, the broker ws://127.0.0.1:PORT";
    let tls = "broke the protocol: it answers in TLS; a WebSocket behind TLS is named with wss://";
    answered("\u{15}\u{3}\u{3}\0\u{2}\u{2}\n", 76, &format!("{start} {tls}."));
    let mqtt = "broke the protocol: it does not answer the WebSocket handshake in HTTP; a broker without WebSockets is \
                named with tcp://";
    answered(" \u{2}\0\u{1}", 76, &format!("{start} {mqtt}."));
    answered("HTTP/2.0 200 OK\r\n\r\n", 76, &format!("{start} {mqtt}."));
    answered(
        "HTTP/1.1 abc\r\n\r\n",
        76,
        &format!("{start} broke the protocol: its answer is malformed HTTP."),
    );
    let many = "a: b\r\n".repeat(101);
    answered(
        &format!("HTTP/1.1 101 x\r\n{many}\r\n"),
        76,
        &format!("{start} broke the protocol: its answer has more than 100 header fields."),
    );
    let long = "x".repeat(20_000);
    answered(
        &format!("HTTP/1.1 101 x\r\na: {long}\r\n\r\n"),
        76,
        &format!("{start} broke the protocol: the head of its answer is longer than 16 KiB."),
    );
}

#[test]
fn an_answer_that_is_no_websocket_for_mqtt_is_a_violation() {
    let accept = |from: &'static str, to: &'static str| {
        Step::answer(move |conversation| {
            let accepted = String::from_utf8(conversation.upgrade.as_ref().unwrap().accept()).unwrap();
            let changed = accepted.replace(from, to);
            assert_ne!(accepted, changed);
            changed.into_bytes()
        })
    };
    for (answer, reason) in [
        (
            accept("Sec-WebSocket-Accept: ", "Sec-WebSocket-Accept: x"),
            "its answer to the WebSocket handshake is not for this one (Sec-WebSocket-Accept)",
        ),
        (
            accept("Sec-WebSocket-Accept: ", "X: "),
            "its answer to the WebSocket handshake is not for this one (Sec-WebSocket-Accept)",
        ),
        (
            accept("Upgrade: websocket", "Upgrade: h2c"),
            "its answer to the WebSocket handshake changes to something else",
        ),
        (
            accept("Connection: Upgrade", "Connection: close"),
            "its answer to the WebSocket handshake changes to something else",
        ),
        (
            accept("Sec-WebSocket-Protocol: mqtt\r\n", ""),
            "its WebSocket is not for MQTT: it did not select the subprotocol mqtt",
        ),
        (
            accept("Sec-WebSocket-Protocol: mqtt", "Sec-WebSocket-Protocol: mqttv3.1"),
            "its WebSocket is not for MQTT: it selected another subprotocol than mqtt",
        ),
        (
            accept(
                "Sec-WebSocket-Protocol",
                "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol",
            ),
            "its answer to the WebSocket handshake has an extension that was not asked for",
        ),
    ] {
        let steps = [Step::expect_upgrade(), answer, Step::silence()];
        let broker = ScriptedBroker::builder().raw_connection(steps).start();
        let meta = send_with(&plain(broker.port()), json!({}));
        let start = format!("Not sent, the broker ws://127.0.0.1:{} broke the protocol", broker.port());
        assert_meta(&meta, 76, &format!("{start}: {reason}."));
        broker.finish();
    }
}

#[test]
fn an_answer_may_list_and_may_be_spread() {
    let steps = [
        Step::expect_upgrade(),
        Step::answer(|conversation| {
            let accepted = String::from_utf8(conversation.upgrade.as_ref().unwrap().accept()).unwrap();
            accepted.replace("Connection: Upgrade", "connection: keep-alive, upgrade").into_bytes()
        }),
        Step::switch_to_websocket(),
    ];
    let broker = ScriptedBroker::builder().raw_connection(steps.into_iter().chain(exchange())).start();
    let meta = send_with(&plain(broker.port()), json!({}));
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    broker.finish();
}

#[test]
fn silence_at_the_handshake_is_a_timeout() {
    let broker = ScriptedBroker::builder().raw_connection([Step::expect_upgrade(), Step::silence()]).start();
    let meta = send_with(&plain(broker.port()), json!({ "timeout": 300 }));
    let message = format!(
        "Not sent, the timeout was over before the message was sent to the broker ws://127.0.0.1:{}: no answer within 300 ms, while waiting for \
         the WebSocket handshake. Sending it again is safe.",
        broker.port()
    );
    assert_meta(&meta, 75, &message);
    broker.finish();
}

#[test]
fn a_connection_that_ends_at_the_handshake_is_lost() {
    let hint = "(a broker without WebSockets is named with tcp://, a WebSocket behind TLS with wss://)";
    for (end, what) in [
        (Step::close(), "the broker closed the connection"),
        (Step::reset(), "the broker reset the connection"),
    ] {
        let broker = ScriptedBroker::builder().raw_connection([Step::expect_upgrade(), end]).start();
        let meta = send_with(&plain(broker.port()), json!({}));
        let message =
            format!("…{what}, while waiting for the WebSocket handshake {hint}. Sending it again is safe.");
        assert_meta(&meta, 74, &message);
        broker.finish();
    }
}

#[test]
fn a_broker_that_is_busy_is_tried_again() {
    let busy = [
        Step::expect_upgrade(),
        Step::send(&b"HTTP/1.1 503 Service Unavailable\r\n\r\n"[..]),
        Step::expect_end(),
    ];
    let sound = [Step::start_websocket()].into_iter().chain(exchange());
    let broker = ScriptedBroker::builder().raw_connection(busy).raw_connection(sound).start();
    let meta = send_with(&plain(broker.port()), json!({ "retries": 1 }));
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    broker.finish();
}
