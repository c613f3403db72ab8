//! No input of any kind makes the connector panic, and its own reading of JSON agrees with `serde_json`'s.

use mqtt_connector_contract::publisher::{Qos, Receipt};
use mqtt_connector_guest::action::{send, send_batch};
use mqtt_connector_guest::broker::BrokerUrl;
use mqtt_connector_guest::catalogue::PARAMETERS;
use mqtt_connector_guest::json;
use proptest::prelude::*;
use serde_json::Value;

use crate::check;

/// Any JSON value, as text.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any_name(), inner), 0..4)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Texts that come close to right values.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "(tcp|ssl|wss|mqtt|socks5|http)://[a-z0-9.:/@\\[\\]-]{0,12}",
        "[a-zA-Z0-9+/=]{0,12}",
        "(-----BEGIN|/)[ -~]{0,8}",
        "\\PC{0,6}",
        Just("3.1.1".to_owned()),
        Just("5".to_owned()),
    ]
}

/// Names of parameters, and others.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0..PARAMETERS.len()).prop_map(|index| PARAMETERS[index].name.to_owned()),
        1 => prop::sample::select(vec!["topic", "content", "content-base64", "qos", "retain"]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

/// A document: an object with known names, any JSON, or any text.
fn any_document() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::collection::vec((any_name(), any_json()), 0..8).prop_map(|members| {
            let members: Vec<String> =
                members.into_iter().map(|(name, value)| format!("{}:{value}", Value::from(name))).collect();
            format!("{{{}}}", members.join(","))
        }),
        1 => any_json().prop_map(|value| value.to_string()),
        1 => any::<String>(),
        1 => "[\\[\\]{}\",:\\\\ua-f0-9 \n]{0,24}",
    ]
}

fn assert_message(meta: &mqtt_connector_contract::connector::Meta) {
    assert!(!meta.message.is_empty());
    assert!(!meta.message.chars().any(char::is_control), "{}", meta.message);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(config in any_document(), request in any_document()) {
        let checked = check(&config, &request);
        assert_message(&checked);
        let mut published = false;
        let sent = send(&config, &request, |options, messages, _| {
            published = true;
            assert!(!options.client_id.is_empty() || options.clean_session);
            assert_eq!(messages.len(), 1);
            Ok(vec![Ok(Receipt { qos: messages[0].qos, reason_code: 0, broker: 0, assigned_client_id: None, elapsed_microseconds: u64::MAX })])
        });
        assert_message(&sent);
        assert_eq!(checked.exit_code, sent.exit_code);
        assert_eq!(published, sent.exit_code == 0, "{}", sent.message);
        let batch = send_batch(&config, &[request.clone(), request], |_, messages, _| {
            Ok(messages.iter().map(|_| Ok(Receipt { qos: Qos::AtMostOnce, reason_code: 0, broker: 0, assigned_client_id: None, elapsed_microseconds: 0 })).collect())
        });
        assert_eq!(batch.len(), 2);
        assert_eq!(batch[0].exit_code, sent.exit_code);
        assert_eq!(batch[1].exit_code, sent.exit_code);
    }

    #[test]
    fn right_configurations_with_one_random_value(name in any_name(), value in any_json()) {
        let config = r#"{"broker":"ssl://h","client-id":"c","topic":"t","content":"x","certificate":"/c","private-key":"/k"}"#;
        let request = format!("{{{}:{value}}}", Value::from(name));
        let sent = send(config, &request, |_, _, _| Ok(Vec::new()));
        assert_message(&sent);
        assert!([64, 70].contains(&sent.exit_code), "{request}: {}", sent.message);
    }

    #[test]
    fn any_text_is_a_url_or_not(url in any_text()) {
        if let Ok(broker) = BrokerUrl::parse(&url) {
            assert!(broker.port() > 0);
            assert!(!broker.host().is_empty());
        }
    }

    #[test]
    fn json_is_taken_apart_as_serde_json_does(value in any_json()) {
        for text in [value.to_string(), format!(" {value:#}\n")] {
            let text = json::check(&text).unwrap();
            match &value {
                Value::Object(members) => {
                    let own: serde_json::Map<String, Value> = json::members(text)
                        .map(|(name, value)| (name.into_owned(), serde_json::from_str(value).unwrap()))
                        .collect();
                    assert_eq!(&own, members);
                }
                Value::Array(elements) => {
                    let own: Vec<Value> =
                        json::elements(text).map(|element| serde_json::from_str(element).unwrap()).collect();
                    assert_eq!(&own, elements);
                }
                Value::String(string) => assert_eq!(json::string(text).as_deref(), Some(string.as_str())),
                Value::Null | Value::Bool(_) | Value::Number(_) => assert_eq!(json::string(text), None),
            }
        }
    }

    #[test]
    fn a_document_is_judged_as_serde_json_does(
        document in any_document(),
        at in any::<prop::sample::Index>(),
        spoiler in prop::option::of("[\\[\\]{}\",:\\\\tu0. \n\t\u{0}\u{1f}\u{c}\u{7f}é]"),
    ) {
        let mut text = document;
        if let Some(spoiler) = spoiler {
            let at = at.index(text.len() + 1);
            text.insert_str((0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap(), &spoiler);
        }
        let mut own = Vec::new();
        let is_object = json::read_object(&text, |name, value, is_plain| {
            if is_plain {
                assert_eq!(value.plain_string(), json::string(value.text()).as_deref(), "{text:?}");
            }
            own.push((name.into_owned(), value.text().to_owned()));
        });
        let theirs = json::check(&text).ok().filter(|text| text.starts_with('{'));
        assert_eq!(is_object, theirs.is_some(), "{text:?}");
        if let Some(theirs) = theirs {
            let members = json::members(theirs).map(|(name, value)| (name.into_owned(), value.to_owned()));
            assert_eq!(own, members.collect::<Vec<_>>(), "{text:?}");
        }
    }

    #[test]
    fn strings_with_escapes(inside in "(\\\\[\"\\\\/bfnrt]|\\\\u[0-9a-fA-F]{4}|\\\\ud83d\\\\ude0[0-9]|\\\\ud[89a-f][0-9]{2}|[ -!#-\\[\\]-~ä😀]){0,6}") {
        let text = format!("\"{inside}\"");
        let theirs: Option<String> = serde_json::from_str(&text).ok();
        assert_eq!(json::string(&text).as_deref(), theirs.as_deref(), "{text}");
    }

    #[test]
    fn text_that_was_not_checked_does_not_panic(text in "[\\[\\]{}\",:\\\\ua-f0-9 é\n]{0,24}") {
        let _ = json::members(&text).count() + json::elements(&text).count();
        let _ = json::string(&text);
    }
}
