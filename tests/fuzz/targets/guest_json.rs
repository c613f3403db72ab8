//! Two texts as configuration and request: `check`, `send` and `send-batch` agree, what they accept keeps what the types
//! promise and says what the JSON said, and what they refuse is said in one line that shows no secret.
//!
//! The input is text: the configuration, a line `---`, the request. A model of a few lines, on `serde_json`'s values,
//! says what the merged documents mean; where it cannot read them (half a surrogate pair, deep nesting) it is silent.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use mqtt_connector_contract::connector::Meta;
use mqtt_connector_contract::exit_code;
use mqtt_connector_contract::publisher::{
    Broker, ConnectOptions, Disconnection, Error, Failure, Message, Progress, ProtocolVersion, Qos, Receipt,
    Refusal, Transport, Will,
};
use mqtt_connector_fuzz::assert_message;
use mqtt_connector_guest::action::{self, Checked, Published, send, send_batch};
use mqtt_connector_guest::publication::{Publication, prepare};
use serde_json::{Map, Value, json};

/// Stands where a secret stands. A length that is a multiple of 4 keeps base64 right.
const SECRET: &str = "S3CRETq9";
/// The names of what no message shows.
const CONFIDENTIAL: [&str; 10] = [
    "password",
    "private-key-password",
    "private-key",
    "certificate",
    "root-ca-crt",
    "content",
    "content-base64",
    "correlation-data",
    "websocket-headers",
    "proxy-password",
];
/// What a host takes as the message of an answer, in bytes.
const LONGEST: usize = 65_536;

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(data) else { return Corpus::Reject };
    let (config, request) = text.split_once("\n---\n").unwrap_or((text, "{}"));
    answers_agree(config, request);
    nothing_secret_is_shown(config, request);
    if let (Ok(Value::Object(config_members)), Ok(Value::Object(request_members))) =
        (serde_json::from_str(config), serde_json::from_str(request))
    {
        let merged = merge(&config_members, &request_members);
        merging_beforehand_changes_nothing(config, request, &merged);
        if let Ok(publication) = prepare(config, request) {
            accepted(&publication, &merged);
        }
    } else if let Ok(publication) = prepare(config, request) {
        well_formed(&publication.options, &publication.message);
    }
    Corpus::Keep
});

/// `check`, `send` and `send-batch` come to one conclusion, and only what is right is published.
fn answers_agree(config: &str, request: &str) {
    let checked = check(config, request);
    assert_message(&checked.message, LONGEST);
    let right = checked.exit_code == exit_code::SENT;
    assert!(right || checked.exit_code == exit_code::PARAMETER, "{checked:?}");
    assert_eq!(prepare(config, request).is_ok(), right, "{checked:?}");
    let receipt = |message: &Message| {
        Ok(Receipt {
            qos: message.qos,
            reason_code: 0,
            broker: 0,
            assigned_client_id: None,
            elapsed_microseconds: 7,
        })
    };
    let mut published = 0;
    let sent = send(config, request, |_, messages, _| -> Published {
        published += 1;
        Ok(messages.iter().map(receipt).collect())
    });
    assert_message(&sent.message, LONGEST);
    assert_eq!((sent.exit_code, published), (checked.exit_code, i32::from(right)), "{sent:?}");
    let requests = [request.to_owned(), "{}".to_owned(), request.to_owned()];
    let mut published = 0;
    let batch = send_batch(config, &requests, |_, messages, _| -> Published {
        published += messages.len();
        Ok(messages.iter().map(receipt).collect())
    });
    let codes: Vec<i32> = batch.iter().map(|meta| meta.exit_code).collect();
    assert_eq!(codes, [sent.exit_code, check(config, "{}").exit_code, sent.exit_code]);
    assert_eq!(published, codes.iter().filter(|code| **code == exit_code::SENT).count());
    assert_eq!((&batch[0].message, &batch[2].message), (&sent.message, &sent.message));
}

/// A dry run against which nothing stands outside of the component.
fn check(config: &str, request: &str) -> Meta {
    action::check(config, request, |_, _, _| -> Checked { Ok(Vec::new()) })
}

/// With a secret planted wherever one may stand, no answer shows it.
fn nothing_secret_is_shown(config: &str, request: &str) {
    if config.contains(SECRET) || request.contains(SECRET) {
        return;
    }
    let (config, request) = (plant(config), plant(request));
    shows_nothing(&check(&config, &request));
    if let Ok(publication) = prepare(&config, &request) {
        let debug =
            format!("{:?} {:?} {:?}", publication, publication.options.credentials, publication.message);
        assert!(!debug.contains(SECRET), "{debug}");
        for answer in answers(&request) {
            let published: Published = answer.clone().map(|receipt| vec![Ok(receipt)]);
            let meta = send(&config, &request, |_, _, _| published);
            shows_nothing(&meta);
            assert_eq!(meta.exit_code == exit_code::SENT, answer.is_ok(), "{meta:?}");
        }
    } else {
        assert_eq!(check(&config, &request).exit_code, exit_code::PARAMETER);
    }
}

fn shows_nothing(meta: &Meta) {
    assert_message(&meta.message, LONGEST);
    assert!(!meta.message.contains(SECRET), "{}", meta.message);
}

/// Puts the secret into every confidential string of an object; at the end of what is not JSON; nowhere otherwise.
fn plant(document: &str) -> String {
    match serde_json::from_str(document) {
        Ok(Value::Object(mut members)) => {
            for (name, value) in &mut members {
                if CONFIDENTIAL.contains(&name.as_str()) {
                    plant_everywhere(value, name != "content-base64");
                } else if let ("broker", Value::String(url)) = (name.as_str(), &mut *value)
                    && url.contains('@')
                {
                    *url = url.replacen('@', &format!("{SECRET}@"), 1);
                } else if let ("will", Value::Object(will)) = (name.as_str(), value) {
                    for name in ["content", "content-base64"] {
                        if let Some(value) = will.get_mut(name) {
                            plant_everywhere(value, name == "content");
                        }
                    }
                }
            }
            Value::Object(members).to_string()
        }
        Ok(_) => document.to_owned(),
        Err(_) => format!("{document} {SECRET}"),
    }
}

fn plant_everywhere(value: &mut Value, behind: bool) {
    match value {
        // `Debug` may show the path of a file, and what is not PEM is one.
        Value::String(text) if text.starts_with('/') => {}
        Value::String(text) if behind => text.push_str(SECRET),
        Value::String(text) => text.insert_str(0, SECRET),
        Value::Array(elements) => elements.iter_mut().for_each(|element| plant_everywhere(element, behind)),
        Value::Object(members) => {
            members.values_mut().for_each(|value| plant_everywhere(value, behind));
            members.insert(SECRET.to_owned(), Value::Bool(true));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Every way in which a publisher can answer; its words are the tenant's own.
fn answers(words: &str) -> Vec<Result<Receipt, Error>> {
    let words: String = words.replace(SECRET, "");
    let failure = |progress| Failure { broker: 0, progress, reason: words.clone() };
    let refusal = || Refusal {
        broker: 0,
        code: words.len() as u8,
        reason: words.clone(),
        server_reference: Some(words.clone()),
    };
    let mut answers = vec![
        Ok(Receipt {
            qos: Qos::AtMostOnce,
            reason_code: 0,
            broker: 0,
            assigned_client_id: None,
            elapsed_microseconds: u64::MAX,
        }),
        Err(Error::Denied(words.clone())),
        Err(Error::UnusableCredential(words.clone())),
        Err(Error::HostNotFound(words.clone())),
        Err(Error::Unreachable(words.clone())),
        Err(Error::Shortage(words.clone())),
        Err(Error::Tls(words.clone())),
        Err(Error::TooLarge(words.clone())),
        Err(Error::ConnectionRefused(refusal())),
        Err(Error::PublishRefused(refusal())),
    ];
    for progress in [Progress::NotSent, Progress::SentUnacknowledged] {
        answers.push(Err(Error::ConnectionLost(failure(progress))));
        answers.push(Err(Error::TimedOut(failure(progress))));
        answers.push(Err(Error::Protocol(failure(progress))));
        answers.push(Err(Error::Disconnected(Disconnection { progress, refusal: refusal() })));
    }
    answers
}

/// The request over the configuration: it wins by parameter, `null` is absent, and its content replaces content of
/// either kind.
fn merge(config: &Map<String, Value>, request: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = config.clone();
    let contents = ["content", "content-base64"];
    if contents.iter().any(|name| request.get(*name).is_some_and(|value| !value.is_null())) {
        contents.iter().for_each(|name| drop(merged.shift_remove(*name)));
    }
    for (name, value) in request {
        if !value.is_null() || !merged.contains_key(name) {
            merged.insert(name.clone(), value.clone());
        }
    }
    merged
}

/// One document that holds what both held means the same, as either of the two.
fn merging_beforehand_changes_nothing(config: &str, request: &str, merged: &Map<String, Value>) {
    let apart = match prepare(config, request) {
        // A model that has read an object holds each name once.
        Err(invalid) if invalid.to_string().contains("more than once") => return,
        Err(_) => None,
        Ok(publication) => Some(publication),
    };
    let merged = Value::Object(merged.clone()).to_string();
    for (config, request) in [("{}", merged.as_str()), (merged.as_str(), "{}")] {
        match (&apart, prepare(config, request)) {
            (None, Err(_)) => {}
            (Some(apart), Ok(together)) => {
                assert_eq!(apart.options, together.options, "{merged}");
                assert_eq!(apart.policy, together.policy, "{merged}");
                let (one, other) = (&apart.message, &together.message);
                assert_eq!(
                    (&one.topic, one.qos, one.retain),
                    (&other.topic, other.qos, other.retain),
                    "{merged}"
                );
                assert!(same_payload(&one.payload, &other.payload), "{merged}");
            }
            (None, Ok(_)) => panic!("only merged it is right: {merged}"),
            (Some(_), Err(invalid)) => panic!("only merged it is wrong: {merged}: {invalid}"),
        }
    }
}

/// Equal, or JSON texts that mean the same: the model may write another escape.
fn same_payload(one: &[u8], other: &[u8]) -> bool {
    let value = |payload| serde_json::from_slice::<Value>(payload).ok();
    one == other || value(one).is_some_and(|one| Some(one) == value(other))
}

/// What the types promise, whatever the documents said.
fn well_formed(options: &ConnectOptions, message: &Message) {
    topic(&message.topic);
    let text = |text: &str| assert!(text.len() <= 65_535 && !text.contains(char::is_control), "{text:?}");
    text(&options.client_id);
    assert!(options.clean_session || !options.client_id.is_empty());
    if let Some(credentials) = &options.credentials {
        credentials.username.iter().for_each(|name| text(name));
        let v5 = options.protocol_version == ProtocolVersion::V5;
        assert!(v5 || credentials.username.is_some(), "MQTT 3.1.1 has no password alone");
        assert!(credentials.password.as_ref().is_none_or(|password| password.len() <= 65_535));
    }
    assert!((1..=16).contains(&options.brokers.len()));
    for broker in &options.brokers {
        address(&broker.host, broker.port);
        let websocket = matches!(broker.transport, Transport::Websocket | Transport::WebsocketTls);
        assert_eq!(websocket, broker.path.starts_with('/'), "{broker:?}");
        assert!(broker.path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'), "{broker:?}");
    }
    if let Some(proxy) = &options.proxy {
        address(&proxy.host, proxy.port);
    }
    for header in &options.websocket_headers {
        let split = |byte: u8| matches!(byte, b'\r' | b'\n' | b'\0');
        assert!(!header.name.is_empty() && !header.name.bytes().any(|byte| split(byte) || byte == b':'));
        assert!(!header.value.bytes().any(split));
    }
    let is_tls = |broker: &Broker| matches!(broker.transport, Transport::Tls | Transport::WebsocketTls);
    assert_eq!(options.brokers.iter().any(is_tls), options.tls.is_some());
    let v5 = options.protocol_version == ProtocolVersion::V5;
    assert_eq!(v5, message.properties.is_some());
    assert!(v5 || options.session_expiry_interval.is_none());
    assert!(options.will.as_ref().is_none_or(|will| will.properties.is_some() == v5));
    if let Some(properties) = &message.properties {
        properties.content_type.iter().for_each(|kind| text(kind));
        properties.response_topic.iter().for_each(|answers| topic(answers));
        properties.user_properties.iter().for_each(|(name, value)| {
            text(name);
            text(value);
        });
    }
    if let Some(tls) = &options.tls {
        assert!(tls.alpn_protocols.iter().all(|name| (1..=255).contains(&name.len())));
    }
    if let Some(Will { topic: will, payload, .. }) = &options.will {
        topic(will);
        assert!(payload.len() <= 65_535);
    }
}

fn address(host: &str, port: u16) {
    let name =
        host.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase() || b"-_.".contains(&byte));
    assert!(!host.is_empty() && (name || host.parse::<std::net::Ipv6Addr>().is_ok()), "{host:?}");
    assert!(port > 0);
}

fn topic(topic: &str) {
    assert!((1..=65_535).contains(&topic.len()) && !topic.contains(['+', '#']), "{topic:?}");
    assert!(!topic.contains(char::is_control), "{topic:?}");
}

/// A publication says what the merged documents said.
fn accepted(publication: &Publication, merged: &Map<String, Value>) {
    let Publication { options, message, policy, remarks: _ } = publication;
    well_formed(options, message);
    let given = |name: &str| merged.get(name).filter(|value| !value.is_null());
    let text = |name: &str| given(name).map(|value| value.as_str().expect("a string"));
    let flag = |name: &str, default| given(name).map_or(default, |value| value.as_bool().expect("a boolean"));
    let number =
        |name: &str, default| given(name).map_or(default, |value| value.as_u64().expect("a whole number"));
    assert_eq!(Some(message.topic.as_str()), text("topic"));
    assert_eq!(Some(options.client_id.as_str()), text("client-id"));
    assert_eq!(message.retain, flag("retain", false));
    assert_eq!(options.clean_session, flag("clean-session", true));
    assert_eq!(u64::from(options.keep_alive), number("keep-alive", 60));
    assert_eq!(u64::from(policy.timeout), number("timeout", 60_000));
    assert!(policy.timeout > 0 && policy.retries <= 100);
    assert_eq!(u64::from(policy.retries), number("retries", 10));
    let vendors = [[".iot.", ".amazonaws.com"], [".azure-devices.", "."], [".ts.", ".eventgrid.azure.net"]];
    let is_vendors =
        |broker: &Broker| vendors.iter().any(|parts| parts.iter().all(|part| broker.host.contains(part)));
    let has_no_qos_2 = options.brokers.iter().any(is_vendors);
    match (message.qos, number("qos", 2)) {
        (Qos::AtMostOnce, 0) | (Qos::AtLeastOnce, 1) | (Qos::ExactlyOnce, 2) => {}
        (Qos::AtLeastOnce, 2) => assert!(has_no_qos_2, "{options:?}"),
        (qos, asked) => panic!("{qos:?} for {asked}"),
    }
    match (given("content"), text("content-base64")) {
        (Some(Value::String(content)), None) => assert_eq!(message.payload, content.as_bytes()),
        (Some(content), None) => {
            let payload: Value = serde_json::from_slice(&message.payload).expect("JSON is sent as JSON");
            assert_eq!(&payload, content);
        }
        (None, Some(base64)) => assert_eq!(encode_base64(&message.payload), base64),
        (one, other) => panic!("{one:?} and {other:?}"),
    }
    let credentials = options.credentials.as_ref();
    assert_eq!(credentials.and_then(|credentials| credentials.username.as_deref()), text("username"));
    assert_eq!(credentials.and_then(|credentials| credentials.password.as_deref()), text("password"));
    assert_eq!(options.will.is_some(), given("will").is_some());
    assert!(matches!(text("action"), None | Some("send")));
    assert_eq!(options.protocol_version == ProtocolVersion::V5, text("protocol-version") == Some("5"));
    assert_eq!(options.proxy.is_some(), given("proxy").is_some());
    assert_eq!(
        options.websocket_headers.is_empty(),
        given("websocket-headers").is_none_or(|all| *all == json!({}))
    );
    let session = options.session_expiry_interval.map(u64::from);
    assert_eq!(session, given("session-expiry-interval").map(|seconds| seconds.as_u64().expect("seconds")));
    if let Some(properties) = &message.properties {
        let is_text = flag("payload-format-indicator", given("content").is_some());
        assert_eq!(properties.payload_format_indicator, is_text);
        assert!(!is_text || std::str::from_utf8(&message.payload).is_ok());
        assert_eq!(properties.content_type.as_deref(), text("content-type"));
        assert_eq!(properties.response_topic.as_deref(), text("response-topic"));
        assert_eq!(properties.correlation_data.as_deref(), text("correlation-data").map(str::as_bytes));
    }
    let tls = options.tls.as_ref();
    assert_eq!(tls.is_some_and(|tls| tls.identity.is_some()), flag("use-certificate", false));
    assert!(tls.is_none_or(|tls| tls.verify_server == flag("verify-server", true)));
}

/// RFC 4648, section 4.
fn encode_base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for index in 0..4 {
            let sextet = (bits >> (18 - 6 * index)) as usize & 63;
            text.push(if index <= chunk.len() { char::from(ALPHABET[sextet]) } else { '=' });
        }
    }
    text
}
