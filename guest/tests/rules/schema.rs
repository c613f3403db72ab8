//! The JSON Schema.

use mqtt_connector_guest::parameters::{Kind, PARAMETERS, Secrecy};
use mqtt_connector_guest::schema::schema;
use serde_json::{Value, json};

#[test]
fn is_made_from_the_table() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], Value::Null);
    let properties = schema["properties"].as_object().unwrap();
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    assert_eq!(names, PARAMETERS.iter().map(|parameter| parameter.name).collect::<Vec<_>>());
    for parameter in PARAMETERS {
        let name = parameter.name;
        let property = &properties[name];
        assert_eq!(property["title"], parameter.title, "{name}");
        assert!(property["description"].as_str().unwrap().starts_with(parameter.description), "{name}");
        let example: Value = serde_json::from_str(parameter.example).unwrap();
        assert_eq!(property["examples"], json!([example]), "{name}");
        let default = parameter.default.map(|text| serde_json::from_str(text).unwrap());
        assert_eq!(property.get("default"), default.as_ref(), "{name}");
        assert_eq!(
            property.get("writeOnly"),
            (parameter.secrecy == Secrecy::Secret).then_some(&json!(true)),
            "{name}"
        );
        assert!(!property["description"].as_str().unwrap().contains('\n'), "{name}");
    }
}

#[test]
fn kinds() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    for (name, part) in [
        ("action", json!({"type": "string", "const": "send"})),
        ("qos", json!({"type": "integer", "enum": [0, 1, 2]})),
        ("retain", json!({"type": "boolean"})),
        ("content", json!({"type": ["string", "number", "boolean", "object", "array"]})),
        ("alpn-protocols", json!({"type": "array", "items": {"type": "string"}})),
        ("keep-alive", json!({"type": "integer", "minimum": 0, "maximum": 65535})),
        ("timeout", json!({"type": "integer", "minimum": 1, "maximum": u32::MAX})),
        ("protocol-version", json!({"type": "string", "enum": ["3.1.1", "5"]})),
        ("websocket-headers", json!({"type": "object", "additionalProperties": {"type": "string"}})),
        ("will", json!({"type": "object", "additionalProperties": false, "required": ["topic"]})),
    ] {
        let property = &schema["properties"][name];
        for (key, value) in part.as_object().unwrap() {
            assert_eq!(&property[key], value, "{name} {key}");
        }
    }
    let will = schema["properties"]["will"]["properties"].as_object().unwrap();
    let members: Vec<&str> = will.keys().map(String::as_str).collect();
    assert_eq!(
        members,
        [
            "topic",
            "content",
            "content-base64",
            "qos",
            "retain",
            "delay-interval",
            "message-expiry-interval",
            "content-type"
        ]
    );
    assert!(PARAMETERS.iter().any(|parameter| parameter.kind == Kind::Will));
}
