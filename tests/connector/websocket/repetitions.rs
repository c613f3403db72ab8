//! Secrets and content that a server repeats in HTTP, or when it closes the WebSocket.

use mqtt_connector_tests::websocket::close;
use mqtt_connector_tests::{Expect, ScriptedBroker, Step, encode};
use serde_json::{Value, json};

use super::{plain, send_with};
use crate::support::assert_meta;

/// Asserts what is said of a server that answers the handshake with `status`, and leads to `location`.
#[track_caller]
fn answered(status: &str, location: &str, path: &str, options: Value, shown: &str) {
    let answer = format!("HTTP/1.1 {status}\r\nLocation: {location}\r\n\r\n");
    let steps = [Step::expect_upgrade(), Step::send(answer.into_bytes()), Step::silence()];
    let broker = ScriptedBroker::builder().raw_connection(steps).start();
    let config = crate::support::with(
        &plain(broker.port()),
        json!({ "broker": format!("ws://127.0.0.1:{}{path}", broker.port()) }),
    );
    let more = match &status[..3] {
        "401" | "403" => "; look at websocket-headers and the path of broker",
        "404" => "; look at the path of broker",
        _ => "",
    };
    let message = format!("… broke the protocol: it answered the WebSocket handshake with {shown}{more}.");
    assert_meta(&send_with(&config, options), 76, &message);
    broker.finish();
}

#[test]
fn a_token_in_the_status_line_or_in_where_it_leads() {
    let token = "t0ken-".repeat(44) + "!";
    let header = |value: &str| json!({ "websocket-headers": { "authorization": value } });
    let bearer = header(&format!("Bearer {token}"));
    // Longer than what is shown: it is compared before.
    answered(&format!("401 no {token}"), "/", "/mqtt", bearer.clone(), "HTTP status 401");
    answered(&format!("401 no {}", &token[..60]), "/", "/mqtt", bearer.clone(), "HTTP status 401");
    answered(&format!("401 {}{token}", "x".repeat(116)), "/", "/mqtt", bearer.clone(), "HTTP status 401");
    answered("302 Found", &format!("/{}{token}", "x".repeat(115)), "/mqtt", bearer, "HTTP/1.1 302 Found");
    answered("403 no s3cr1t", "/", "/mqtt", header("Bearer s3cr1t"), "HTTP status 403");
    answered("403 no s3cr1t", "/", "/mqtt", header("a=b; session=s3cr1t; c=d"), "HTTP status 403");
    answered("403 no s3cr1t", "/", "/mqtt", header("Basic YW5uOnMzY3IxdA=="), "HTTP status 403");
    answered(
        "403 no YW5uOnMzY3IxdA==",
        "/",
        "/mqtt",
        json!({ "username": "ann", "password": "s3cr1t" }),
        "HTTP status 403",
    );
    answered("403 no s3cr1t", "/", "/mqtt?key=s3cr1t", json!({}), "HTTP status 403");
    answered("404 no /4f7a9c1e22b04d31", "/", "/mqtt/4f7a9c1e22b04d31", json!({}), "HTTP status 404");
}

#[test]
fn what_is_no_repetition_is_shown() {
    let more =
        json!({ "websocket-headers": { "authorization": "Bearer s3cr1t", "origin": "https://example.com" } });
    let shown = "HTTP/1.1 302 Found, to https://example.com/mqtt/; redirects are not followed";
    answered("302 Found", "https://example.com/mqtt/", "/mqtt?v=1", more.clone(), shown);
    let shown = "HTTP/1.1 400 Expected a WebSocket request";
    answered("400 Expected a WebSocket request", "/", "/$iothub/websocket", json!({}), shown);
    answered("401 Bearer token expected", "/", "/mqtt?v=1", more, "HTTP/1.1 401 Bearer token expected");
}

#[test]
fn a_reason_to_close_that_repeats() {
    let token = "t0ken-".repeat(44);
    let content = "the content of a message of ours";
    for (reason, more) in [
        (&token[..120], json!({ "websocket-headers": { "x-token": token } })),
        (
            "no such user as p\u{e4}ssw\u{f6}rd",
            json!({ "username": "ann", "password": "p\u{e4}ssw\u{f6}rd" }),
        ),
        (content, json!({ "content": content })),
        ("dGhlIGNvbnRlbnQgb2YgYSBtZXNzYWdlIG9mIG91cnM=", json!({ "content": content })),
    ] {
        let steps = [
            Step::expect(Expect::connect()),
            Step::send(encode::connack(false, 0)),
            Step::expect(Expect::publish()),
            Step::send_beneath_websocket(close(1008, reason)),
            Step::silence(),
        ];
        let broker = ScriptedBroker::builder().websocket().connection(steps).start();
        let meta = send_with(&plain(broker.port()), more);
        let message = "…the broker closed the WebSocket with code 1008 (policy violation): it repeats what it was sent, \
                       which is not shown, while waiting for the acknowledgement…";
        assert_meta(&meta, 79, message);
        broker.finish();
    }
}
