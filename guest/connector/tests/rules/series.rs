//! A batch gives exactly what its requests give one by one: what is kept from one request to the next changes nothing.

use mqtt_connector_contract::publisher::{
    ConnectOptions, Error, Failure, Message, Progress, Qos, Receipt, RetryPolicy,
};
use mqtt_connector_guest::action::{Published, send, send_batch};
use mqtt_connector_guest::catalogue::PARAMETERS;
use proptest::prelude::*;

/// For each parameter: values, right ones first, then wrong ones. All of them are few, so that requests often have the
/// same.
pub(crate) const VALUES: [(&str, &[&str], &[&str]); 35] = [
    ("action", &["\"send\""], &["\"receive\""]),
    (
        "broker",
        &[
            "\"tcp://h\"",
            "\"mqtt://H:1883\"",
            "\"ssl://h:443\"",
            "\"ssl://a.iot.r.amazonaws.com:443\"",
            "\"ssl://dead\"",
            "\"wss://h\"",
            "[\"tcp://h\",\"ws://h/p\"]",
            "[\"ssl://h:443\"]",
        ],
        &["\"h\"", "7", "[]", "[\"tcp://h\",\"mqtt://h\"]"],
    ),
    ("client-id", &["\"c\"", "\"d\"", "\"\""], &["1", "\"\\u0000\""]),
    ("username", &["\"u\"", "\"v\""], &["true", "\"u\\n\"", "\"\\u0007u\""]),
    ("password", &["\"p\"", "\"\\u0070\""], &["[]"]),
    (
        "topic",
        &["\"t\"", "\"a/b\"", "\"1/2/3/4/5/6/7/8/9\"", "\"ä\\\"\""],
        &["\"#\"", "\"\"", "0", "\"t\\t\"", "\"\\ufffe\"", "\"\\udbff\\udfff\""],
    ),
    ("qos", &["0", "1", "2"], &["3", "\"1\""]),
    ("retain", &["true", "false"], &["\"true\""]),
    ("content", &["\"x\"", "\"\"", "\"y\\n\"", "[1, {\"a\": \"]\"}]", "7.50"], &["\"\\ud800\""]),
    ("content-base64", &["\"AAEC\"", "\"\""], &["\"A\"", "5"]),
    ("root-ca-crt", &["\"/ca\"", "\"a -----BEGIN\""], &["\"ca\"", "\"MII\"", "\"/ca\\n\"", "\" /ca\""]),
    ("use-certificate", &["true", "false"], &["1"]),
    ("certificate", &["\"/c\"", "\"/d.p12\"", "\"-----BEGIN PRIVATE KEY-----\""], &["\"c\""]),
    ("private-key", &["\"/k\"", "\"-----BEGIN\""], &["\"k\""]),
    ("private-key-password", &["\"p\""], &["1"]),
    ("server-name", &["\"n\"", "\"::1\""], &["\"n:1\"", "\"n\\n\""]),
    ("alpn-protocols", &["[\"a\"]", "[]"], &["[\"\"]", "\"a\""]),
    ("verify-server", &["true", "false"], &["0"]),
    ("clean-session", &["true", "false"], &["0"]),
    ("keep-alive", &["0", "60"], &["-1"]),
    ("timeout", &["60000", "5"], &["0"]),
    ("retries", &["0", "2"], &["101"]),
    (
        "will",
        &[
            "{\"topic\":\"w\",\"content\":\"x\"}",
            "{\"content\":\"x\",\"topic\":\"w\"}",
            "{\"topic\":\"w\",\"content\":\"x\",\"delay-interval\":1}",
            "{\"topic\":\"w\",\"content\":\"x\",\"payload-format-indicator\":false}",
        ],
        &["{}", "{\"topic\":\"w\",\"content\":\"x\",\"qos\":3}"],
    ),
    ("protocol-version", &["\"3.1.1\"", "\"5\"", "\"\\u0035\""], &["5"]),
    ("content-type", &["\"a/b\"", "\"c\""], &["1"]),
    ("response-topic", &["\"r\"", "\"s\""], &["\"r/#\""]),
    ("correlation-data", &["\"c\"", "\"\\u0000\""], &["1"]),
    ("payload-format-indicator", &["true", "false"], &["1", "\"true\""]),
    ("message-expiry-interval", &["1", "0"], &["-1"]),
    ("session-expiry-interval", &["1", "4294967295"], &["4294967296"]),
    (
        "user-properties",
        &["{}", "{\"a\":\"b\"}", "[[\"a\",\"b\"],[\"a\",\"\"]]"],
        &["[[\"a\"]]", "{\"a\":\"b\\u0085\"}", "[[\"a\\ufdd0\",\"b\"]]"],
    ),
    ("websocket-headers", &["{}", "{\"A\":\"b\"}"], &["{\"Host\":\"h\"}"]),
    ("proxy", &["\"socks5://p\"", "\"http://p\""], &["\"p\"", "\"http://p\\n\""]),
    ("proxy-username", &["\"u\"", "\"v:w\"", "\"\""], &["1", "\"\\u0000\""]),
    ("proxy-password", &["\"p\""], &["1"]),
];

/// A member of a document: right as a rule, sometimes `null`, seldom wrong.
fn member(wrong: u32) -> impl Strategy<Value = String> {
    let right = (0..VALUES.len(), any::<prop::sample::Index>()).prop_map(|(which, value)| {
        let (name, right, _) = VALUES[which];
        let value = if right.is_empty() { "null" } else { right[value.index(right.len())] };
        format!("\"{name}\": {value}")
    });
    // What requests are about.
    const MESSAGE: [&str; 6] = ["topic", "qos", "retain", "content", "content-base64", "timeout"];
    let message: Vec<String> = VALUES
        .into_iter()
        .filter(|(name, ..)| MESSAGE.contains(name))
        .flat_map(|(name, right, _)| right.iter().map(move |value| format!("\"{name}\":{value}")))
        .collect();
    let message = prop::sample::select(message);
    let wrong_value = (0..VALUES.len(), any::<prop::sample::Index>()).prop_map(|(which, value)| {
        let (name, _, wrong) = VALUES[which];
        format!("\"{name}\":{}", wrong[value.index(wrong.len())])
    });
    let null = (0..VALUES.len()).prop_map(|which| format!("\"{}\" :null", VALUES[which].0));
    prop_oneof![
        12 => right,
        24 => message,
        3 => null,
        wrong => wrong_value,
        wrong => Just("\"tpoic\":1".to_owned()),
    ]
}

fn request() -> impl Strategy<Value = String> {
    prop_oneof![
        30 => prop::collection::vec(member(1), 0..4).prop_map(|members| format!("{{{}}}", members.join(","))),
        1 => prop::sample::select(vec!["", "[]", "{", "null"]).prop_map(str::to_owned),
    ]
}

fn config() -> impl Strategy<Value = String> {
    let base = r#""broker":"ssl://h","client-id":"c","certificate":"/c","private-key":"/k","username":"u""#;
    let message = prop_oneof![4 => Just(r#","topic":"t","content":"x""#), 1 => Just("")];
    let more = prop_oneof![
        8 => Just(""),
        8 => prop::sample::select(vec![
            r#","qos":0"#,
            r#","use-certificate":true"#,
            r#","password":"p""#,
            r#","clean-session":false"#,
            r#","timeout":5"#,
            r#","protocol-version":"5""#,
            r#","protocol-version":"5","content-type":"a","user-properties":[["a","b"]]"#,
            r#","proxy":"socks5://p","proxy-username":"u","proxy-password":"p""#,
        ]),
        1 => prop::sample::select(vec![r#","qos":7"#, r#","x":1"#, r#","content-type":"a""#, "]"]),
    ];
    (message, more).prop_map(move |(message, more)| format!("{{{base}{message}{more}}}"))
}

/// What the publisher says depends on nothing but what it is given, so that it says the same to a batch.
fn answer(options: &ConnectOptions, messages: &[Message]) -> Published {
    if options.brokers[0].host == "dead" {
        return Err(Error::Unreachable(options.client_id.clone()));
    }
    let result = |message: &Message| {
        let elapsed_microseconds = 12_345 * message.payload.len() as u64;
        match message.payload.first() {
            Some(b'[') => Err(Error::ConnectionLost(Failure {
                broker: 0,
                progress: Progress::SentUnacknowledged,
                reason: message.topic.clone(),
            })),
            Some(b'7') => Ok(Receipt {
                qos: Qos::AtMostOnce,
                reason_code: 0,
                broker: 0,
                assigned_client_id: None,
                elapsed_microseconds,
            }),
            Some(_) | None => Ok(Receipt {
                qos: message.qos,
                reason_code: 0,
                broker: 0,
                assigned_client_id: None,
                elapsed_microseconds,
            }),
        }
    };
    Ok(messages.iter().map(result).collect())
}

/// One call of the publisher.
#[derive(Debug, PartialEq)]
struct Call {
    options: ConnectOptions,
    policy: RetryPolicy,
    messages: Vec<Message>,
}

/// The answers to the requests one by one, and the calls that a batch of them has to come to.
fn one_by_one(config: &str, requests: &[String]) -> (Vec<(i32, String)>, Vec<Call>) {
    let mut calls: Vec<Call> = Vec::new();
    let answers = requests.iter().map(|request| {
        let meta = send(config, request, |options, messages, policy| {
            let same = calls.iter_mut().find(|call| call.options == *options && call.policy == policy);
            match same {
                Some(call) => call.messages.extend_from_slice(messages),
                None => calls.push(Call { options: options.clone(), policy, messages: messages.to_vec() }),
            }
            answer(options, messages)
        });
        (meta.exit_code, meta.message)
    });
    (answers.collect(), calls)
}

fn together(config: &str, requests: &[String]) -> (Vec<(i32, String)>, Vec<Call>) {
    let mut calls = Vec::new();
    let answers = send_batch(config, requests, |options, messages, policy| {
        calls.push(Call { options: options.clone(), policy, messages: messages.to_vec() });
        answer(options, messages)
    });
    (answers.into_iter().map(|meta| (meta.exit_code, meta.message)).collect(), calls)
}

/// Compares payloads, too, which the `Debug` of a message hides.
fn assert_same(config: &str, requests: &[String]) {
    let (single, batch) = (one_by_one(config, requests), together(config, requests));
    assert_eq!(batch.0, single.0, "{config} {requests:?}");
    assert!(batch.1 == single.1, "{config} {requests:?}: {:?} instead of {:?}", batch.1, single.1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_requests(config in config(), requests in prop::collection::vec(request(), 1..12)) {
        assert_same(&config, &requests);
    }
}

/// Each value of each parameter, right or wrong, between requests that do not give the parameter, give it another
/// value, or the same again.
#[test]
fn every_value_comes_and_goes() {
    let config = r#"{"broker":"ssl://h","client-id":"c","topic":"t","content":"x","certificate":"/c","private-key":"/k","username":"u"}"#;
    let mut sent = 0;
    for (name, right, wrong) in VALUES {
        let values: Vec<String> = [right, wrong, &["null"]]
            .concat()
            .iter()
            .map(|value| format!("{{\"{name}\":{value}}}"))
            .collect();
        let mut requests = vec!["{}".to_owned()];
        for one in &values {
            for other in &values {
                requests.extend([one.clone(), other.clone(), other.clone(), "{}".to_owned()]);
            }
        }
        assert_same(config, &requests);
        sent += together(config, &requests).0.iter().filter(|(code, _)| *code == 0).count();
    }
    assert!(sent > 1_000, "{sent}");
}

#[test]
fn every_parameter_has_values() {
    assert_eq!(VALUES.map(|(name, ..)| name), PARAMETERS.each_ref().map(|parameter| parameter.name));
}
