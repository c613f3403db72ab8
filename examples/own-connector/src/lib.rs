//! A connector of one's own: the `text` of a request becomes a note at the broker whose `port` is configured.
#![cfg(target_arch = "wasm32")]

use exports::flint::mqtt::connector::{Guest, Meta, Response};
use flint::mqtt::publisher::*;
use serde_json::Value;

wit_bindgen::generate!({ path: "../../wit", world: "mqtt-connector" });

const POLICY: RetryPolicy = RetryPolicy { timeout: 5000, retries: 0 };

struct Notes;

impl Guest for Notes {
    fn send(config: String, request: String) -> Response {
        let Some((options, note)) = read(&config, &request) else { return no_note() };
        answer(
            publish(&options, &[note], POLICY).and_then(|mut results| results.remove(0)),
            "The note was taken.",
        )
    }

    fn send_batch(config: String, requests: Vec<String>) -> Vec<Response> {
        requests.into_iter().map(|request| Self::send(config.clone(), request)).collect()
    }

    fn check(config: String, request: String) -> Response {
        let Some((options, note)) = read(&config, &request) else { return no_note() };
        answer(check(&options, &[note], POLICY), "The note would be sent.")
    }

    fn schema() -> String {
        r#"{"properties": {"port": {"type": "integer"}, "text": {"type": "string"}}}"#.to_owned()
    }
}

/// How the broker is reached, and the note; `None` unless the configuration has a port, and the request a text.
fn read(config: &str, request: &str) -> Option<(ConnectOptions, Message)> {
    let [config, request] = [config, request].map(|text| serde_json::from_str(text).unwrap_or(Value::Null));
    let port = u16::try_from(config["port"].as_u64()?).ok()?;
    let host = "127.0.0.1".to_owned();
    let options = ConnectOptions {
        brokers: vec![Broker { transport: Transport::Tcp, host, port, path: String::new() }],
        proxy: None,
        protocol_version: ProtocolVersion::V311,
        client_id: String::new(),
        credentials: None,
        clean_session: true,
        keep_alive: 60,
        will: None,
        tls: None,
        websocket_headers: Vec::new(),
        session_expiry_interval: None,
    };
    let (topic, payload) = ("notes".to_owned(), request["text"].as_str()?.into());
    Some((options, Message { topic, payload, qos: Qos::AtLeastOnce, retain: false, properties: None }))
}

/// Exit code 0 only where the host has said that the message was acknowledged, and 79 where it may have arrived.
fn answer<T>(answer: Result<T, Error>, well: &str) -> Response {
    match answer {
        Ok(_) => meta(0, well),
        Err(Error::ConnectionLost(failure) | Error::TimedOut(failure) | Error::Protocol(failure))
            if failure.progress == Progress::SentUnacknowledged =>
        {
            meta(79, "The note may have arrived.")
        }
        Err(Error::Denied(_) | Error::TooLarge(_)) => meta(77, "The note is not allowed."),
        Err(_) => meta(69, "The note was not taken."),
    }
}

fn no_note() -> Response {
    meta(64, "A note needs port and text.")
}

fn meta(exit_code: i32, message: &str) -> Response {
    Response { meta: Meta { exit_code, message: message.to_owned() } }
}

export!(Notes);
