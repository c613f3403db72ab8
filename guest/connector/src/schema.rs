//! The JSON Schema of the parameters, made from their table.
//!
//! The schema describes the whole: a configuration with the request laid over it, or a configuration that is whole by
//! itself. What it accepts, `check` accepts, and the other way round, but for what [`UNSAID`] lists. Either document
//! alone, in which anything may be missing, is `#/$defs/part`. A member that is `null` is as good as absent.
//!
//! Forms show the members in the order in which they stand here; `propertyOrder` gives the same order, from 1, to those
//! that do not keep it. What is secret is `writeOnly`; of that, passwords have the format `password`.

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
    for (index, parameter) in PARAMETERS.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_parameter(out, parameter, index + 1)?;
    }
    put(out, r#"},"allOf":["#);
    rules::write_rules(out);
    put(
        out,
        r#"],"$defs":{"part":{"title":"Configuration or request","description":"One of the two documents alone.","type":"object","additionalProperties":false,"properties":{"#,
    );
    for (index, parameter) in PARAMETERS.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let name = parameter.name;
        if is_never_null(parameter.id) {
            write!(out, r##""{name}":{{"anyOf":[{{"$ref":"#/properties/{name}"}},{{"type":"null"}}]}}"##)?;
        } else {
            write!(out, r##""{name}":{{"$ref":"#/properties/{name}"}}"##)?;
        }
    }
    put(out, r##"}},"text":{"type":"string","maxLength":65535,"$ref":"#/$defs/characters"},"characters":{"##);
    patterns::characters(out)?;
    put(out, "}}}");
    Ok(())
}

/// Whether the merged documents have to give the parameter a value; content may have the other kind instead.
fn is_never_null(name: Name) -> bool {
    !Names::REQUIRED.without(Names::CONTENT).and(Names::of(&[name])).is_empty()
}

fn write_parameter(out: &mut String, parameter: &Parameter, order: usize) -> fmt::Result {
    string(out, parameter.name)?;
    put(out, r#":{"title":"#);
    string(out, parameter.title)?;
    put(out, r#","description":"#);
    string(out, parameter.description)?;
    write_kind(out, parameter)?;
    if let Some(default) = parameter.default {
        write!(out, r#","default":{default}"#)?;
    }
    write!(out, r#","examples":[{}]"#, parameter.example)?;
    if parameter.secrecy == Secrecy::Secret {
        put(out, r#","writeOnly":true"#);
        if parameter.name.ends_with("password") {
            put(out, r#","format":"password""#);
        }
    }
    write!(out, r#","propertyOrder":{order}}}"#)
}

fn write_kind(out: &mut String, parameter: &Parameter) -> fmt::Result {
    match parameter.kind {
        Kind::Constant(text) => choice(out, &[text])?,
        Kind::Choice(values) => choice(out, values)?,
        Kind::String(text) => write_text(out, text, !is_never_null(parameter.id)),
        Kind::Brokers => broker(out),
        Kind::Qos => put(out, QOS),
        Kind::Integer { minimum, maximum, .. } => integer(out, minimum, maximum)?,
        Kind::Boolean => put(out, r#","type":["boolean","null"]"#),
        Kind::Strings => {
            put(out, r#","type":["array","null"],"items":{"type":"string","minLength":1,"maxLength":255}"#);
        }
        Kind::Texts => put(out, HEADERS),
        Kind::Properties => put(out, PROPERTIES),
        Kind::Will => will(out)?,
        Kind::Any => put(out, ANY),
    }
    Ok(())
}

const ANY: &str = r#","type":["string","number","boolean","object","array","null"]"#;

const QOS: &str = r#","type":["integer","null"],"enum":[0,1,2,null]"#;

/// Names are tokens, and not the handshake's own, in whatever case; values have no control characters but the tab.
const HEADERS: &str = concat!(
    r#","type":["object","null"],"propertyNames":{"pattern":"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$","not":{"pattern":""#,
    r"\n|^([hH][oO][sS][tT]|[uU][pP][gG][rR][aA][dD][eE]|[cC][oO][nN][nN][eE][cC][tT][iI][oO][nN]|",
    "[cC][oO][nN][tT][eE][nN][tT]-[lL][eE][nN][gG][tT][hH]|",
    "[tT][rR][aA][nN][sS][fF][eE][rR]-[eE][nN][cC][oO][dD][iI][nN][gG]|",
    "[sS][eE][cC]-[wW][eE][bB][sS][oO][cC][kK][eE][tT]-.*)$",
    r#""}},"additionalProperties":{"type":"string","not":{"pattern":"[\u0000-\u0008\u000a-\u001f\u007f]"}}"#,
);

const PROPERTIES: &str = concat!(
    r##","type":["object","array","null"],"propertyNames":{"$ref":"#/$defs/text"},"##,
    r##""additionalProperties":{"$ref":"#/$defs/text"},"##,
    r##""items":{"type":"array","minItems":2,"maxItems":2,"items":{"$ref":"#/$defs/text"}}"##,
);

fn choice(out: &mut String, values: &[&str]) -> fmt::Result {
    put(out, r#","type":["string","null"],"enum":["#);
    for value in values {
        string(out, value)?;
        out.push(',');
    }
    put(out, "null]");
    Ok(())
}

fn integer(out: &mut String, minimum: u32, maximum: u32) -> fmt::Result {
    write!(out, r#","type":["integer","null"],"minimum":{minimum},"maximum":{maximum}"#)
}

fn will(out: &mut String) -> fmt::Result {
    put(out, r#","type":["object","null"],"additionalProperties":false,"required":["topic"],"anyOf":"#);
    put(out, rules::ONE_CONTENT);
    put(out, r#","properties":{"topic":{"title":"Topic""#);
    write_text(out, Text::Topic, false);
    put(out, r#"},"content":{"title":"Content","maxLength":65535"#);
    put(out, ANY);
    put(out, r#"},"content-base64":{"title":"Content, base64","maxLength":87380"#);
    write_text(out, Text::Base64, true);
    put(out, r#"},"qos":{"title":"Quality of service","default":0"#);
    put(out, QOS);
    put(out, r#"},"retain":{"title":"Retain","default":false,"type":["boolean","null"]},"#);
    put(out, r#""delay-interval":{"title":"Delay interval, seconds","default":0"#);
    integer(out, 0, u32::MAX)?;
    put(out, r#"},"payload-format-indicator":{"title":"Payload format indicator","type":["boolean","null"]"#);
    put(out, r#"},"message-expiry-interval":{"title":"Message expiry interval, seconds""#);
    integer(out, 0, u32::MAX)?;
    put(out, r#"},"content-type":{"title":"Content type""#);
    write_text(out, Text::Mqtt, true);
    put(out, "}}");
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
