//! The parameters of the connector as a form has them, drawn from its schema.

use std::slice;

use serde_json::Value;

/// Parameters that stand together.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) fields: Vec<Field>,
}

/// One parameter, or one member of `will`.
#[derive(Debug)]
pub(super) struct Field {
    /// As it stands in a document; of a member of `will`, with `will.` in front.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) input: Input,
    /// What holds without it, as the form has it.
    pub(super) default: Option<String>,
    /// A right value, as the form has it.
    pub(super) example: Option<String>,
    /// Whether no page gives it back.
    pub(super) is_secret: bool,
    /// Whether configuration and request together have to give it.
    pub(super) is_required: bool,
}

/// How a value is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// A text of one line.
    Line,
    /// A text of several lines.
    Area,
    /// A whole number.
    Number,
    /// `true` or `false`.
    YesNo,
    /// One of several values: each as it is written, and in words.
    Choice { is_number: bool, values: Vec<(String, String)> },
    /// One text, or several: one a line.
    OneOrLines,
    /// Several texts, one a line.
    Lines,
    /// Names and values, `NAME: VALUE`, one a line: an object.
    Texts,
    /// The same: a list of pairs, in which names may repeat.
    Pairs,
    /// Any JSON value; what is written is a text, or JSON.
    Any,
}

/// Which parameters stand together, and in which order. What is in none stands in [`OTHERS`], the constant `action` nowhere.
const GROUPS: [(&str, &[&str]); 7] = [
    ("Message", &["topic", "content", "content-base64", "qos", "retain"]),
    ("Broker", &["broker", "client-id", "username", "password", "protocol-version"]),
    (
        "Security",
        &[
            "root-ca-crt",
            "use-certificate",
            "certificate",
            "private-key",
            "private-key-password",
            "server-name",
            "alpn-protocols",
            "verify-server",
        ],
    ),
    ("Session", &["clean-session", "keep-alive", "timeout", "retries"]),
    (
        "MQTT 5",
        &[
            "content-type",
            "response-topic",
            "correlation-data",
            "payload-format-indicator",
            "message-expiry-interval",
            "session-expiry-interval",
            "user-properties",
        ],
    ),
    (
        "Will",
        &[
            "will.topic",
            "will.content",
            "will.content-base64",
            "will.qos",
            "will.retain",
            "will.delay-interval",
            "will.payload-format-indicator",
            "will.message-expiry-interval",
            "will.content-type",
        ],
    ),
    ("Proxy and WebSocket", &["proxy", "proxy-username", "proxy-password", "websocket-headers"]),
];

/// The group of what the component has besides.
const OTHERS: &str = "Others";

/// What is written in several lines, although it is one text: PEM, and what people paste.
const AREAS: [&str; 7] = [
    "root-ca-crt",
    "certificate",
    "private-key",
    "content-base64",
    "will.content-base64",
    "correlation-data",
    "content",
];

/// The parameters of a schema (JSON Schema, draft 2020-12), group by group.
pub(super) fn of(schema: &Value) -> Vec<Group> {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let is_required = |name: &str| name == "content" || required.iter().any(|known| known == name);
    let properties = schema["properties"].as_object();
    let mut groups: Vec<Group> =
        GROUPS.iter().map(|(title, _)| Group { title, fields: Vec::new() }).collect();
    let mut others = Group { title: OTHERS, fields: Vec::new() };
    let fields = properties.into_iter().flatten().flat_map(|(name, property)| {
        match (name.as_str(), property["properties"].as_object()) {
            ("will", Some(members)) => {
                let member = |(member, member_property): (&String, &Value)| {
                    let choices = choices(property, member, member_property);
                    Field::read(format!("will.{member}"), member_property, choices, false)
                };
                members.iter().filter_map(member).collect()
            }
            _ => {
                let choices = choices(schema, name, property);
                Vec::from_iter(Field::read(name.clone(), property, choices, is_required(name)))
            }
        }
    });
    for field in fields {
        let group = GROUPS.iter().position(|(_, names)| names.contains(&field.name.as_str()));
        group.and_then(|index| groups.get_mut(index)).unwrap_or(&mut others).fields.push(field);
    }
    for (group, (_, names)) in groups.iter_mut().zip(GROUPS) {
        group.fields.sort_by_key(|field| names.iter().position(|name| *name == field.name));
    }
    groups.push(others);
    groups.retain(|group| !group.fields.is_empty());
    groups
}

/// The field with this name.
pub(super) fn find<'g>(groups: &'g [Group], name: &str) -> Option<&'g Field> {
    groups.iter().flat_map(|group| &group.fields).find(|field| field.name == name)
}

impl Field {
    /// `None` for a constant, about which nobody has to say anything.
    fn read(
        name: String,
        property: &Value,
        choices: Option<Vec<(String, String)>>,
        is_required: bool,
    ) -> Option<Self> {
        let text = |member: &str| property[member].as_str().map(str::to_owned);
        let input = input(&name, property, choices)?;
        let shown = |value: &Value| if value.is_null() { None } else { Some(written(value)) };
        Some(Self {
            title: text("title").unwrap_or_else(|| name.clone()),
            description: text("description").unwrap_or_default(),
            default: shown(&property["default"]),
            example: shown(&property["examples"][0]),
            is_secret: property["writeOnly"] == true,
            is_required,
            input,
            name,
        })
    }
}

fn input(name: &str, property: &Value, choices: Option<Vec<(String, String)>>) -> Option<Input> {
    let types = types(property);
    if let Some(values) = choices {
        return (values.len() > 1).then_some(Input::Choice { is_number: types == ["integer"], values });
    }
    Some(match types.as_slice() {
        ["string"] if AREAS.contains(&name) => Input::Area,
        ["string"] => Input::Line,
        ["integer"] => Input::Number,
        ["boolean"] => Input::YesNo,
        ["array", "string"] => Input::OneOrLines,
        ["array"] => Input::Lines,
        ["object"] => Input::Texts,
        ["array", "object"] => Input::Pairs,
        _ => Input::Any,
    })
}

/// The types that a value may have, but `null`. Where they differ in more than that, they stand in the two cases of a condition.
fn types(property: &Value) -> Vec<&str> {
    let types = ["/type", "/then/type", "/else/type"].into_iter().filter_map(|at| property.pointer(at));
    let types = types.flat_map(|kind| kind.as_array().map_or(slice::from_ref(kind), Vec::as_slice));
    types.filter_map(Value::as_str).filter(|kind| *kind != "null").collect()
}

/// The values that the member `name` of an object with this schema may have, each as it is written, and in words.
fn choices(schema: &Value, name: &str, property: &Value) -> Option<Vec<(String, String)>> {
    if let Some(values) = property["enum"].as_array() {
        return Some(
            values
                .iter()
                .filter(|value| !value.is_null())
                .map(written)
                .map(|value| (value.clone(), value))
                .collect(),
        );
    }
    let titled = |rule: &Value| {
        let values = rule["then"]["properties"][name]["oneOf"].as_array()?;
        let value = |value: &Value| Some((written(value.get("const")?), value["title"].as_str()?.to_owned()));
        values.iter().map(value).collect()
    };
    schema["allOf"].as_array()?.iter().find_map(titled)
}

/// A value as it is written into a form.
pub(super) fn written(value: &Value) -> String {
    let pair = |name: &str, value: &Value| format!("{name}: {}", written(value));
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items = items.iter().map(|item| match item.as_array().map(Vec::as_slice) {
                Some([Value::String(name), value]) => pair(name, value),
                _ => written(item),
            });
            items.collect::<Vec<_>>().join("\n")
        }
        Value::Object(members) => {
            members.iter().map(|(name, value)| pair(name, value)).collect::<Vec<_>>().join("\n")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The fields of the built-in component.
    pub(in super::super) async fn built_in() -> Vec<Group> {
        let schema = mqtt_connector::Connector::new().unwrap().schema().await.unwrap();
        of(&serde_json::from_str(&schema).unwrap())
    }

    #[tokio::test]
    async fn each_parameter_of_the_built_in_component_has_a_group_and_an_input() {
        let groups = built_in().await;
        let shown: Vec<_> = groups
            .iter()
            .map(|group| {
                (group.title, group.fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>())
            })
            .collect();
        for ((title, names), (wanted, fields)) in shown.iter().zip(GROUPS) {
            assert_eq!((*title, names.as_slice()), (wanted, fields));
        }
        assert_eq!(shown.len(), GROUPS.len(), "nothing is left over: {shown:?}");
        let field = |name: &str| find(&groups, name).unwrap();
        for (name, input) in [
            ("broker", Input::OneOrLines),
            ("topic", Input::Line),
            ("content", Input::Any),
            ("root-ca-crt", Input::Area),
            ("private-key", Input::Area),
            ("password", Input::Line),
            ("keep-alive", Input::Number),
            ("retain", Input::YesNo),
            ("alpn-protocols", Input::Lines),
            ("websocket-headers", Input::Texts),
            ("user-properties", Input::Pairs),
            ("will.topic", Input::Line),
            ("will.content", Input::Any),
        ] {
            assert_eq!(field(name).input, input, "{name}");
        }
        let Input::Choice { is_number: true, values } = &field("qos").input else { panic!("qos") };
        assert_eq!(values[2], ("2".to_owned(), "2 – exactly once".to_owned()));
        assert_eq!(field("qos").default.as_deref(), Some("2"));
        assert_eq!(field("user-properties").example.as_deref(), Some("unit: celsius"));
        let secrets: Vec<_> = groups
            .iter()
            .flat_map(|group| &group.fields)
            .filter(|field| field.is_secret)
            .map(|field| &*field.name)
            .collect();
        assert_eq!(
            secrets,
            ["password", "private-key", "private-key-password", "proxy-password", "websocket-headers"]
        );
        let required: Vec<_> = groups
            .iter()
            .flat_map(|group| &group.fields)
            .filter(|field| field.is_required)
            .map(|field| &*field.name)
            .collect();
        assert_eq!(required, ["topic", "content", "broker", "client-id"]);
    }

    /// Where a UI schema of JSON Forms points to: the names of the members on the way.
    fn pointed_at(scope: &str) -> String {
        let steps: Vec<&str> = scope.split('/').collect();
        let names = steps.iter().zip(steps.iter().skip(1)).filter(|(step, _)| **step == "properties");
        names.map(|(_, name)| *name).collect::<Vec<_>>().join(".")
    }

    /// The UI schemas for forms of others name each parameter, in the groups of the console.
    #[tokio::test]
    async fn forms_of_others_have_the_same_groups() {
        let fields = built_in().await;
        let read = |name: &str| -> Value {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/forms/").to_owned() + name;
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
        };
        let list = |value: &Value| value.as_array().unwrap().clone();
        let rjsf = read("rjsf.json");
        let jsonforms = read("jsonforms.json");
        let drawn = list(&rjsf["ui:options"]["groups"]);
        let others = list(&jsonforms["elements"]);
        assert_eq!((drawn.len(), others.len()), (GROUPS.len(), GROUPS.len()));
        for ((title, names), (group, other)) in GROUPS.iter().zip(drawn.iter().zip(&others)) {
            assert_eq!((&group["title"], &other["label"]), (&Value::from(*title), &Value::from(*title)));
            // Here the will is one field, which has its members.
            let will: &[&str] = &["will"];
            let wanted = if *title == "Will" { will } else { names };
            assert_eq!(list(&group["fields"]), wanted);
            let controls = list(&other["elements"]);
            let named = controls.iter().map(|control| pointed_at(control["scope"].as_str().unwrap()));
            assert_eq!(named.collect::<Vec<_>>(), *names);
            for control in controls.iter().filter(|control| control["label"].is_string()) {
                let field = find(&fields, &pointed_at(control["scope"].as_str().unwrap())).unwrap();
                assert_eq!(control["label"], field.title);
            }
        }
    }

    #[test]
    fn what_another_component_has_is_drawn_by_its_type() {
        let schema = serde_json::json!({"properties": {
            "colour": {"type": "string"}, "kind": {"const": "x", "type": "string", "enum": ["x"]}, "topic": {"type": "string"},
        }});
        let groups = of(&schema);
        let shown: Vec<_> = groups
            .iter()
            .map(|group| {
                (group.title, group.fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>())
            })
            .collect();
        assert_eq!(shown, [("Message", vec!["topic"]), (OTHERS, vec!["colour"])]);
    }
}
