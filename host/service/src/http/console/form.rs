//! What somebody wrote into the form, as a request; and a request as the form has it.

use serde_json::Value;
use serde_json::value::RawValue;

use super::fields::{Field, Group, Input, written};
use super::visitor::Values;
use crate::execution::Request;

/// What is wrong with what somebody wrote: the field, and a clause.
pub(super) type Wrong = (String, String);

/// The name of the field that says how a field of any value is written: `text` or `json`.
pub(super) fn written_as(name: &str) -> String {
    format!("_{name}-as")
}

/// What says that a value is JSON.
pub(super) const AS_JSON: &str = "json";

/// The request that the form asks with: what is not filled in is left out.
///
/// # Errors
///
/// What is not a value at all.
pub(super) fn request(groups: &[Group], values: &Values) -> Result<Request, Vec<Wrong>> {
    let (mut members, mut will, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for field in groups.iter().flat_map(|group| &group.fields) {
        let Some(text) = values.get(&field.name).filter(|text| !is_blank(field, text)) else { continue };
        let as_json = values.get(&written_as(&field.name)) == Some(AS_JSON);
        match json(field, text, as_json) {
            Ok(value) => match field.name.strip_prefix("will.") {
                Some(member) => will.push(member_of(member, &value)),
                None => members.push(member_of(&field.name, &value)),
            },
            Err(clause) => wrong.push((field.name.clone(), clause)),
        }
    }
    if !will.is_empty() {
        members.push(member_of("will", &format!("{{{}}}", will.join(","))));
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let text = format!("{{{}}}", members.join(","));
    Request::parse(text).map_err(|error| vec![("content".to_owned(), error.to_string())])
}

/// Whether nothing was filled in. White space is a text where somebody may mean it.
fn is_blank(field: &Field, text: &str) -> bool {
    match field.input {
        Input::Any | Input::Line | Input::Area => false,
        Input::Number
        | Input::YesNo
        | Input::Choice { .. }
        | Input::OneOrLines
        | Input::Lines
        | Input::Texts
        | Input::Pairs => text.trim().is_empty(),
    }
}

fn member_of(name: &str, value: &str) -> String {
    format!("{}:{value}", string(name))
}

fn string(text: &str) -> String {
    Value::from(text).to_string()
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

/// A value as JSON. What the field does not understand stays a text: the connector says then what it wants.
fn json(field: &Field, text: &str, as_json: bool) -> Result<String, String> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(match &field.input {
        Input::Any if as_json => {
            let value = serde_json::from_str::<&RawValue>(text);
            let value = value.map_err(|error| {
                format!("it is not JSON (RFC 8259): line {}, column {}", error.line(), error.column())
            })?;
            value.get().to_owned()
        }
        Input::Line | Input::Area | Input::Any => string(text),
        Input::Number | Input::Choice { is_number: true, .. } if is_whole(text.trim()) => {
            text.trim().to_owned()
        }
        Input::YesNo if ["true", "false"].contains(&text) => text.to_owned(),
        Input::Number | Input::YesNo | Input::Choice { .. } => string(text.trim()),
        Input::OneOrLines if lines().count() == 1 => string(text.trim()),
        Input::OneOrLines | Input::Lines => list(lines().map(string)),
        Input::Texts => {
            let members = pairs(lines())?.into_iter().map(|(name, value)| member_of(name, &string(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Input::Pairs => {
            let pairs = pairs(lines())?.into_iter();
            list(pairs.map(|(name, value)| format!("[{},{}]", string(name), string(value))))
        }
    })
}

/// Whether it is a whole number as JSON writes it: 60.000 and 60,000 are different numbers to different people, and neither is one here.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_short = (1..=20).contains(&digits.len());
    is_short
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'))
}

fn pairs<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<(&'a str, &'a str)>, String> {
    let pair = |line: &'a str| line.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
    let pairs: Option<Vec<_>> = lines.map(pair).collect();
    pairs.ok_or_else(|| "each line is a name, a colon and a value, as in unit: celsius".to_owned())
}

/// What a document gives, as the form has it: names and values.
pub(super) fn values_of(document: &str) -> Vec<(String, String)> {
    let mut values = Vec::new();
    let Ok(document) = Request::parse(document) else { return values };
    for (name, value) in document.members() {
        if name == "will"
            && let Ok(will) = Request::parse(value.get())
        {
            for (member, value) in will.members() {
                add(&mut values, format!("will.{member}"), value);
            }
        } else {
            add(&mut values, name, value);
        }
    }
    values
}

fn add(values: &mut Vec<(String, String)>, name: String, raw: &RawValue) {
    let is_content = name == "content" || name == "will.content";
    if is_content && !raw.get().starts_with(['"', 'n']) {
        // With the digits and the order that it was given with, however large or deep it is.
        values.push((written_as(&name), AS_JSON.to_owned()));
        values.push((name, raw.get().to_owned()));
        return;
    }
    match serde_json::from_str(raw.get()) {
        Ok(Value::Null) | Err(_) => {}
        Ok(Value::String(text)) => values.push((name, text)),
        Ok(value) => values.push((name, written(&value))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::tests::built_in;
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        Values::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[tokio::test]
    async fn a_form_is_a_request_and_a_request_is_a_form() {
        let groups = built_in().await;
        let filled = [
            ("_csrf", "planted"),
            ("topic", "acme/door"),
            ("content", "{\"a\": 1.50}"),
            ("_content-as", "json"),
            ("qos", "1"),
            ("retain", "true"),
            ("broker", "tcp://a\ntcp://b"),
            ("client-id", " x "),
            ("username", ""),
            ("alpn-protocols", "mqtt"),
            ("keep-alive", "30"),
            ("user-properties", "unit: celsius\nunit: °C"),
            ("will.topic", "acme/state"),
            ("will.content", "lost \"it\""),
            ("will.qos", "0"),
            ("websocket-headers", "X-A: 1"),
        ];
        let request = request(&groups, &values(&filled)).unwrap();
        assert_eq!(
            request.as_str(),
            concat!(
                r#"{"topic":"acme/door","content":{"a": 1.50},"qos":1,"retain":true,"broker":["tcp://a","tcp://b"],"#,
                r#""client-id":" x ","alpn-protocols":["mqtt"],"keep-alive":30,"#,
                r#""user-properties":[["unit","celsius"],["unit","°C"]],"websocket-headers":{"X-A":"1"},"#,
                r#""will":{"topic":"acme/state","content":"lost \"it\"","qos":0}}"#,
            )
        );
        let again = values_of(request.as_str());
        let wanted = filled.iter().filter(|(name, value)| !value.is_empty() && *name != "_csrf");
        for (name, value) in wanted {
            assert!(
                again.iter().any(|(found, written)| found == name && written == value),
                "{name}: {again:?}"
            );
        }
    }

    #[test]
    fn content_that_is_too_large_or_deep_to_be_looked_into_is_in_the_form_as_it_stands() {
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        for content in ["1e999999", r#"{"a": 1.50, "a": "\ud800"}"#, &deep] {
            let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            let wanted = [pair("_content-as", "json"), pair("content", content)];
            assert_eq!(values_of(&format!(r#"{{"content": {content}}}"#)), wanted);
        }
    }

    #[tokio::test]
    async fn what_is_no_number_stays_a_text_which_the_connector_refuses() {
        let groups = built_in().await;
        for text in ["60.000", "60,000", "6e4", "007", "+7", "٣", "999999999999999999999"] {
            let request = request(&groups, &values(&[("timeout", text)])).unwrap();
            assert_eq!(request.as_str(), format!("{{\"timeout\":\"{text}\"}}"));
        }
        for text in ["0", "-1", " 60000 "] {
            let request = request(&groups, &values(&[("timeout", text)])).unwrap();
            assert_eq!(request.as_str(), format!("{{\"timeout\":{}}}", text.trim()));
        }
    }

    #[tokio::test]
    async fn what_is_no_value_at_all_is_named() {
        let groups = built_in().await;
        let filled = [("content", "{\"a\""), ("_content-as", "json"), ("user-properties", "unit")];
        let wrong = request(&groups, &values(&filled)).unwrap_err();
        let wrong: Vec<_> = wrong.iter().map(|(name, clause)| (name.as_str(), clause.as_str())).collect();
        assert_eq!(
            wrong,
            [
                ("content", "it is not JSON (RFC 8259): line 1, column 4"),
                ("user-properties", "each line is a name, a colon and a value, as in unit: celsius"),
            ]
        );
    }
}
