//! The JSON Schema: what it is made of, and that it says what `check` says.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::OnceLock;

use jsonschema::{Draft, Validator};
use mqtt_connector_guest::catalogue::{PARAMETERS, Secrecy};
use mqtt_connector_guest::schema::{UNSAID, schema};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::check;

fn parsed() -> Value {
    serde_json::from_str(&schema()).unwrap()
}

/// A validator that takes formats for remarks, as it should, or judges by them.
fn validator(schema: &Value, formats: bool) -> Validator {
    let options = jsonschema::options().with_draft(Draft::Draft202012);
    options.should_validate_formats(formats).build(schema).unwrap()
}

/// What a schema cannot say: the index of the rule in [`UNSAID`], and a document that it accepts and `check` refuses.
fn unsaid() -> &'static [(usize, String)] {
    static ALL: OnceLock<Vec<(usize, String)>> = OnceLock::new();
    ALL.get_or_init(make_unsaid)
}

fn make_unsaid() -> Vec<(usize, String)> {
    let long = |text: &str, count: usize| text.repeat(count);
    let text = |name: &str, value: &str| json!({ name: value }).to_string();
    let ipv6 = ["tcp://[::1::]", "tcp://[10:0]"];
    let hub = |username: &str, topic: &str| {
        json!({ "broker": "ssl://p.azure-devices.net", "username": username, "topic": topic }).to_string()
    };
    let protocols = |count| json!({ "alpn-protocols": vec!["a".repeat(255); count] }).to_string();
    let headers: Map<String, Value> =
        (0..3).map(|number| (format!("a{number}"), Value::from("x".repeat(8_000)))).collect();
    let mut all = vec![
        (0, r#"{"qos":1,"qos":2}"#.to_owned()),
        (0, r#"{"qos":null,"qos":2}"#.to_owned()),
        (0, r#"{"will":{"topic":"w","topic":"v","content":""}}"#.to_owned()),
        (1, r#"{"qos":1.0}"#.to_owned()),
        (1, r#"{"timeout":1e3}"#.to_owned()),
        (1, r#"{"will":{"topic":"w","content":"","delay-interval":1.0},"protocol-version":"5"}"#.to_owned()),
        (2, text("client-id", &long("ä", 32_768))),
        (2, json!({ "alpn-protocols": [long("ä", 128)] }).to_string()),
        (
            2,
            json!({ "proxy": "socks5://p", "proxy-username": long("ä", 128), "proxy-password": "p" })
                .to_string(),
        ),
        (3, json!({ "will": { "topic": "w", "content": [long("a", 65_535)] } }).to_string()),
        (4, format!(r#"{{"content":{}{}}}"#, long("[", 129), long("]", 129))),
        (6, text("broker", &format!("tcp://{}", long("a", 64)))),
        (6, text("broker", &format!("tcp://{}a", long("aaaaaaaaa.", 26)))),
        (6, text("server-name", &long("a", 64))),
        (7, r#"{"broker":["tcp://h","mqtt://h"]}"#.to_owned()),
        (7, r#"{"broker":["tcp://h","mqtt://H:1883"]}"#.to_owned()),
        (7, r#"{"broker":["ws://h","ws://h/mqtt"]}"#.to_owned()),
        (8, protocols(129)),
        (8, protocols(300)),
        (9, json!({ "broker": "ws://h", "websocket-headers": headers }).to_string()),
        (10, r#"{"broker":"ws://h","websocket-headers":{"A":"b","a":"c"}}"#.to_owned()),
        (
            11,
            r#"{"protocol-version":"5","payload-format-indicator":true,"content-base64":"YWL/"}"#.to_owned(),
        ),
        (
            11,
            r#"{"protocol-version":"5","will":{"topic":"w","content-base64":"/w==","payload-format-indicator":true}}"#
                .to_owned(),
        ),
        (12, hub("p.azure-devices.net/d/", "devices/c/messages/events/")),
        (12, hub("q.azure-devices.net/c/", "devices/c/messages/events/")),
        (12, hub("p.azure-devices.net/c/", "devices/d/messages/events/")),
    ];
    all.extend(ipv6.map(|url| (5, text("broker", url))));
    all.push((5, text("server-name", ":")));
    all.push((5, text("proxy", "http://[:]")));
    all
}

/// The whole that the schema is about; `None` when a validator could not even be given one of the two.
fn merged(config: &str, request: &str) -> Option<Value> {
    let object = |text| serde_json::from_str::<Map<String, Value>>(text).ok();
    let (mut merged, request) = (object(config)?, object(request)?);
    let contents = ["content", "content-base64"];
    if contents.iter().any(|name| request.get(*name).is_some_and(|value| !value.is_null())) {
        contents.iter().for_each(|name| drop(merged.shift_remove(*name)));
    }
    for (name, value) in request {
        if !value.is_null() || !merged.contains_key(&name) {
            merged.insert(name, value);
        }
    }
    Some(Value::Object(merged))
}

fn accepts(whole: &Value, formats: bool) -> bool {
    static VALIDATORS: OnceLock<[Validator; 2]> = OnceLock::new();
    let validators = VALIDATORS.get_or_init(|| [false, true].map(|formats| validator(&parsed(), formats)));
    validators[usize::from(formats)].is_valid(whole)
}

/// Asserts that the schema and `check` come to the same conclusion.
pub(crate) fn assert_agrees(config: &str, request: &str) {
    let Some(whole) = merged(config, request) else { return };
    if unsaid().iter().any(|(_, document)| document == request) {
        return;
    }
    let meta = check(config, request);
    let shown = request.get(..300).unwrap_or(request);
    for formats in [false, true] {
        assert_eq!(accepts(&whole, formats), meta.exit_code == 0, "{config} {shown}: {}", meta.message);
    }
}

#[test]
fn it_is_a_schema() {
    jsonschema::meta::validate(&parsed()).unwrap();
}

#[test]
fn is_made_from_the_table() {
    let schema = parsed();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], json!(["broker", "client-id", "topic"]));
    let properties = schema["properties"].as_object().unwrap();
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    assert_eq!(names, PARAMETERS.iter().map(|parameter| parameter.name).collect::<Vec<_>>());
    for parameter in PARAMETERS {
        let name = parameter.name;
        let property = &properties[name];
        assert_eq!(property["title"], parameter.title, "{name}");
        assert_eq!(property["description"], parameter.description, "{name}");
        let example: Value = serde_json::from_str(parameter.example).unwrap();
        assert_eq!(property["examples"], json!([example]), "{name}");
        let default = parameter.default.map(|text| serde_json::from_str(text).unwrap());
        assert_eq!(property.get("default"), default.as_ref(), "{name}");
        let secret = (parameter.secrecy == Secrecy::Secret).then_some(&Value::Bool(true));
        assert_eq!(property.get("writeOnly"), secret, "{name}");
        assert!(!parameter.description.contains('\n'), "{name}");
    }
    for name in ["password", "private-key-password", "proxy-password"] {
        assert_eq!(properties[name]["format"], "password");
    }
}

#[test]
fn kinds() {
    let schema = parsed();
    for (name, part) in [
        ("action", json!({"type": ["string", "null"]})),
        ("broker", json!({"if": {"type": "array"}})),
        ("client-id", json!({"type": "string", "maxLength": 65535})),
        ("qos", json!({"type": ["integer", "null"], "minimum": 0, "maximum": 2})),
        ("retain", json!({"type": ["boolean", "null"]})),
        ("content-base64", json!({"type": ["string", "null"], "contentEncoding": "base64"})),
        ("keep-alive", json!({"type": ["integer", "null"], "minimum": 0, "maximum": 65535})),
        ("timeout", json!({"minimum": 1, "maximum": u32::MAX})),
        ("will", json!({"type": ["object", "null"], "additionalProperties": false, "required": ["topic"]})),
        ("proxy", json!({"type": ["string", "null"], "format": "uri"})),
    ] {
        let property = &schema["properties"][name];
        for (key, value) in part.as_object().unwrap() {
            assert_eq!(&property[key], value, "{name} {key}");
        }
    }
    // null is no choice.
    let (whole, part) = (&schema, &schema["$defs"]["part"]);
    let qos = json!([
        {"const": 0, "title": "0 – at most once"},
        {"const": 1, "title": "1 – at least once"},
        {"const": 2, "title": "2 – exactly once"},
    ]);
    for (index, name, choices) in [
        (0, "action", json!([{"const": "send", "title": "send"}])),
        (1, "qos", qos.clone()),
        (
            2,
            "protocol-version",
            json!([{"const": "3.1.1", "title": "MQTT 3.1.1"}, {"const": "5", "title": "MQTT 5"}]),
        ),
    ] {
        let constants = choices.as_array().unwrap().iter().map(|choice| choice["const"].clone());
        let values = |schema: &Value| schema["allOf"][index]["then"]["properties"][name].clone();
        assert_eq!(values(whole), json!({ "oneOf": choices }), "{name}");
        assert_eq!(values(part), json!({ "enum": constants.collect::<Vec<_>>() }), "{name}");
    }
    let will = |schema: &Value| schema["properties"]["will"]["allOf"][0]["then"]["properties"]["qos"].clone();
    assert_eq!((will(whole), will(part)), (json!({ "oneOf": qos }), json!({ "enum": [0, 1, 2] })));
    let will = schema["properties"]["will"]["properties"].as_object().unwrap();
    let members: Vec<String> = will.keys().map(|name| format!("will.{name}")).collect();
    assert_eq!(members, mqtt_connector_guest::catalogue::will::MEMBERS);
}

/// Each rule on the list has an example that the schema accepts and `check` refuses, which is why it is on the list.
#[test]
fn what_no_schema_can_say() {
    let mut found = [false; UNSAID.len()];
    for (rule, document) in unsaid() {
        let content = if document.contains("\"content") && !document.contains("will") {
            ""
        } else {
            r#","content":"x""#
        };
        let config = format!(r#"{{"broker":"tcp://h","client-id":"c","topic":"t"{content}}}"#);
        let shown = document.get(..100).unwrap_or(document);
        let meta = check(&config, document);
        assert_eq!(meta.exit_code, 64, "{}: {shown}: {}", UNSAID[*rule], meta.message);
        // serde_json's own limit of nesting is below the connector's.
        let whole = if *rule == 4 {
            let nested = (0..129).fold(None, |inner, _| Some(Value::from_iter(inner)));
            let mut whole = merged(&config, "{}").unwrap();
            whole["content"] = nested.unwrap();
            whole
        } else {
            merged(&config, document).unwrap()
        };
        assert!(accepts(&whole, false), "the schema says it: {}: {shown}", UNSAID[*rule]);
        found[*rule] = true;
    }
    // The last is about 256 MiB.
    assert_eq!(found.iter().filter(|found| !**found).count(), 1);
    assert!(!found[UNSAID.len() - 1]);
}

#[test]
fn a_part_may_lack_anything() {
    // Taken out of the schema: it refers to nothing outside of itself.
    let part = parsed()["$defs"]["part"].take();
    // What is absent here may stand in the other document.
    for (name, property) in part["properties"].as_object().unwrap() {
        assert_eq!(property.get("default"), None, "{name}");
    }
    let part = validator(&part, true);
    for (document, right) in [
        (json!({}), true),
        (json!({"broker": null, "topic": null, "client-id": null, "content": null}), true),
        (json!({"content-type": "text/plain", "use-certificate": true, "qos": 1}), true),
        (json!({"websocket-headers": {}, "password": "p", "proxy-password": "p"}), true),
        (json!({"content": "x", "content-base64": ""}), true),
        (json!({"qos": 3}), false),
        (json!({"broker": "h"}), false),
        (json!({"broker": ["tcp://h", "h"]}), false),
        (json!({"broker": ["tcp://a", "tcp://b"], "user-properties": [["a", "b"]]}), true),
        (json!({"user-properties": ["a", "b"]}), false),
        (json!({"nope": null}), false),
        (json!([]), false),
    ] {
        assert_eq!(part.is_valid(&document), right, "{document}");
    }
}

/// Each value of each parameter that the tests of batches have, right and wrong, alone and under version 5.
#[test]
fn every_value_of_every_parameter() {
    let whole = r#""broker":"wss://h","client-id":"c","topic":"t","content":"x","certificate":"/c","private-key":"/k","username":"u","proxy":"http://p""#;
    for (name, right, wrong) in crate::series::VALUES {
        for value in [right, wrong, &["null"]].concat() {
            let request = format!(r#"{{"{name}":{value}}}"#);
            assert_agrees(&format!("{{{whole}}}"), &request);
            assert_agrees(&format!(r#"{{{whole},"protocol-version":"5"}}"#), &request);
            assert_agrees(r#"{"broker":"tcp://h","client-id":"c","topic":"t","content":"x"}"#, &request);
            assert_agrees("{}", &request);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_together(members in prop::collection::btree_map(0..PARAMETERS.len(), (any::<prop::sample::Index>(), 0..8_u8), 0..7)) {
        let members = members.into_iter().map(|(which, (value, wrong))| {
            let (name, right, bad) = crate::series::VALUES[which];
            let values = if wrong == 0 { bad } else { right };
            (name, values[value.index(values.len())])
        });
        // What the schema cannot say stands in one request alone.
        let members: Vec<String> = members
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .filter(|member| !unsaid().iter().any(|(_, document)| *document == format!("{{{member}}}")))
            .collect();
        let config = r#"{"broker":"ssl://h","client-id":"c","topic":"t","content":"x"}"#;
        assert_agrees(config, &format!("{{{}}}", members.join(",")));
    }
}
