//! The JSON Schema of the parameters, made from their table.
//!
//! The schema describes the whole: a configuration with the request laid over it, or a configuration that is whole by
//! itself. What it accepts, `check` accepts, and the other way round, but for what [`UNSAID`] lists. Either document
//! alone, in which anything may be missing, is `#/$defs/part`. A member that is `null` is as good as absent.
//!
//! Forms show the members in the order in which they stand here. What is secret is `writeOnly`; of that, passwords have the
//! format `password`. docs/forms.md says how others draw it, and why it is written as it is:
//!
//! - Nothing refers to anything, so that `#/$defs/part` can be taken out and used alone.
//! - No type is a union but with `null`, which the strict mode of ajv wants. Where a value may be of several types, `if` has one of
//!   them and `else` has the one that a field of a form has.
//! - Values to choose from stand in `allOf`, for a member that is not `null`, so that `null` is not one of them.

mod choices;
mod patterns;
mod rules;

use std::fmt::{self, Write};

use crate::catalogue::{Kind, Name, Names, PARAMETERS, Parameter, Secrecy, Text};
use patterns::{broker, put, write_text};

/// What `check` refuses and the schema accepts: the rules that no schema can say, each with the reason.
pub const UNSAID: [&str; 14] = [
    "no name stands twice in an object: a validator is given one of the two",
    "whole numbers are written without fraction and exponent: 1.0 is whole to a validator",
    "lengths are counted in bytes: validators count characters",
    "content that is neither string nor base64 has a length as compact JSON: no keyword is about the text of a value",
    "content is nested 128 levels deep at most: no keyword is about depth",
    "what stands in the brackets of a URL, or has colons, is an IPv6 address: a pattern for that has no end",
    "host names have 253 characters at most and their labels 63: a pattern counts both only by looking ahead",
    "the brokers of a list differ: mqtt://H:1883 and tcp://h are the same",
    "application protocols have 32 KiB together: no keyword adds up",
    "WebSocket headers have 16 KiB together: no keyword adds up",
    "no WebSocket header is given twice: names that differ in case are the same",
    "what payload-format-indicator calls text is UTF-8: no keyword looks into base64",
    "at Azure IoT Hub, user name and topics have the client-id in them: no keyword compares two members",
    "the message fits into a packet together with its topic and properties: no keyword adds up",
];

/// The schema (JSON Schema, draft 2020-12) as JSON text.
pub fn schema() -> String {
    let mut text = String::with_capacity(48 * 1024);
    // Writing to a string does not fail.
    let _ = write_schema(&mut text);
    text
}

fn write_schema(out: &mut String) -> fmt::Result {
    put(
        out,
        r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"MQTT connector","description":"#,
    );
    string(
        out,
        "A configuration with a request laid over it: the request wins, parameter by parameter, and null is the same as \
         absent. A configuration or a request alone, in which anything may be missing, is #/$defs/part.",
    )?;
    put(
        out,
        r#","type":"object","additionalProperties":false,"required":["broker","client-id","topic"],"properties":{"#,
    );
    write_parameters(out, Document::Whole)?;
    put(out, r#"},"allOf":["#);
    choices::write_choices(out, Document::Whole)?;
    out.push(',');
    rules::write_rules(out);
    put(
        out,
        r#"],"$defs":{"part":{"title":"Configuration or request","description":"One of the two documents alone.","type":"object","additionalProperties":false,"properties":{"#,
    );
    write_parameters(out, Document::Part)?;
    put(out, r#"},"allOf":["#);
    choices::write_choices(out, Document::Part)?;
    put(out, "]}}}");
    Ok(())
}

/// What a schema is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Document {
    /// The merged documents.
    Whole,
    /// One of them alone: what is absent there may stand in the other, so that nothing is required and nothing has a default.
    Part,
}

fn write_parameters(out: &mut String, document: Document) -> fmt::Result {
    for (index, parameter) in PARAMETERS.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_parameter(out, parameter, document)?;
    }
    Ok(())
}

/// Whether the merged documents have to give the parameter a value; content may have the other kind instead.
fn is_never_null(name: Name) -> bool {
    !Names::REQUIRED.without(Names::CONTENT).and(Names::of(&[name])).is_empty()
}

fn write_parameter(out: &mut String, parameter: &Parameter, document: Document) -> fmt::Result {
    string(out, parameter.name)?;
    put(out, r#":{"title":"#);
    string(out, parameter.title)?;
    put(out, r#","description":"#);
    string(out, parameter.description)?;
    write_kind(out, parameter, document)?;
    if let Some(default) = parameter.default.filter(|_| document == Document::Whole) {
        write!(out, r#","default":{default}"#)?;
    }
    write!(out, r#","examples":[{}]"#, parameter.example)?;
    if parameter.secrecy == Secrecy::Secret {
        put(out, r#","writeOnly":true"#);
        if parameter.name.ends_with("password") {
            put(out, r#","format":"password""#);
        }
    }
    out.push('}');
    Ok(())
}

fn write_kind(out: &mut String, parameter: &Parameter, document: Document) -> fmt::Result {
    let or_null = document == Document::Part || !is_never_null(parameter.id);
    match parameter.kind {
        Kind::Constant(_) | Kind::Choice { .. } => put(out, r#","type":["string","null"]"#),
        Kind::String(text) => write_text(out, text, or_null)?,
        Kind::Brokers => broker(out, or_null),
        Kind::Qos => integer(out, 0, 2)?,
        Kind::Integer { minimum, maximum, .. } => integer(out, minimum, maximum)?,
        Kind::Boolean => put(out, r#","type":["boolean","null"]"#),
        Kind::Strings => {
            put(out, r#","type":["array","null"],"items":{"type":"string","minLength":1,"maxLength":255}"#);
        }
        Kind::Texts => put(out, HEADERS),
        Kind::Properties => properties(out)?,
        Kind::Will => will(out, document)?,
        Kind::Any => any(out, ""),
    }
    Ok(())
}

/// Names are tokens, and not the handshake's own, in whatever case; values have no control characters but the tab.
const HEADERS: &str = concat!(
    r#","type":["object","null"],"propertyNames":{"pattern":"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$","not":{"pattern":""#,
    r"\n|^([hH][oO][sS][tT]|[uU][pP][gG][rR][aA][dD][eE]|[cC][oO][nN][nN][eE][cC][tT][iI][oO][nN]|",
    "[cC][oO][nN][tT][eE][nN][tT]-[lL][eE][nN][gG][tT][hH]|",
    "[tT][rR][aA][nN][sS][fF][eE][rR]-[eE][nN][cC][oO][dD][iI][nN][gG]|",
    "[sS][eE][cC]-[wW][eE][bB][sS][oO][cC][kK][eE][tT]-.*)$",
    r#""}},"additionalProperties":{"type":"string","not":{"pattern":"[\u0000-\u0008\u000a-\u001f\u007f]"}}"#,
);

fn properties(out: &mut String) -> fmt::Result {
    put(
        out,
        r#","if":{"type":"array"},"then":{"type":"array","items":{"type":"array","minItems":2,"maxItems":2,"items":{"#,
    );
    text(out)?;
    put(out, r#"}}},"else":{"type":["object","null"],"propertyNames":{"#);
    text(out)?;
    put(out, r#"},"additionalProperties":{"#);
    text(out)?;
    put(out, "}}");
    Ok(())
}

/// The members of the schema of a string of MQTT.
fn text(out: &mut String) -> fmt::Result {
    put(out, r#""type":"string","maxLength":65535,"#);
    patterns::characters(out)
}

fn integer(out: &mut String, minimum: u32, maximum: u32) -> fmt::Result {
    write!(out, r#","type":["integer","null"],"minimum":{minimum},"maximum":{maximum}"#)
}

/// Any value; forms have a field for a text. `limits` hold for that.
fn any(out: &mut String, limits: &str) {
    let text = r#","anyOf":[{"title":"Text","type":"string""#;
    patterns::push(out, &[text, limits, r#"},{"title":"JSON","not":{"type":"string"}}]"#]);
}

// Its members have no `default`: forms would fill them in, and so make a will that nobody asked for.
fn will(out: &mut String, document: Document) -> fmt::Result {
    put(out, r#","type":["object","null"],"additionalProperties":false,"required":["topic"],"#);
    put(out, rules::ONE_CONTENT);
    put(out, r#","properties":{"topic":{"title":"Topic""#);
    write_text(out, Text::Topic, false)?;
    put(out, r#"},"content":{"title":"Content""#);
    any(out, r#","maxLength":65535"#);
    put(out, r#"},"content-base64":{"title":"Content, base64","maxLength":87380"#);
    write_text(out, Text::Base64, true)?;
    put(out, r#"},"qos":{"title":"Quality of service","description":"0 unless it is given.""#);
    integer(out, 0, 2)?;
    put(
        out,
        r#"},"retain":{"title":"Retain","description":"false unless it is given.","type":["boolean","null"]},"#,
    );
    put(out, r#""delay-interval":{"title":"Delay interval, seconds","description":"0 unless it is given.""#);
    integer(out, 0, u32::MAX)?;
    put(out, r#"},"payload-format-indicator":{"title":"Payload format indicator","type":["boolean","null"]"#);
    put(out, r#"},"message-expiry-interval":{"title":"Message expiry interval, seconds""#);
    integer(out, 0, u32::MAX)?;
    put(out, r#"},"content-type":{"title":"Content type""#);
    write_text(out, Text::Mqtt, true)?;
    put(out, r#"}},"allOf":["#);
    choices::write_choice(out, "qos", Kind::Qos, document)?;
    out.push(']');
    Ok(())
}

/// Writes a JSON string.
fn string(out: &mut String, text: &str) -> fmt::Result {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            control if control.is_control() => write!(out, "\\u{:04x}", u32::from(control))?,
            character => out.push(character),
        }
    }
    out.push('"');
    Ok(())
}
