//! The JSON Schema of a configuration and of a request, made from the table of parameters.

use std::fmt::{self, Write};

use crate::parameters::{Kind, PARAMETERS, Parameter, Secrecy};

/// The schema (JSON Schema, draft 2020-12) as JSON text.
///
/// One schema fits both documents: either may hold any of the parameters. So nothing is `required` by it;
/// what a send needs is judged after the request has been laid over the configuration.
pub fn schema() -> String {
    let mut text = String::with_capacity(16 * 1024);
    // Writing to a string does not fail.
    let _ = write_schema(&mut text);
    text
}

fn write_schema(out: &mut String) -> fmt::Result {
    out.push_str(r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"MQTT connector","description":"#);
    string(
        out,
        "A configuration or a request. Each parameter may stand in either; the request wins, parameter by \
         parameter, and null is the same as absent. After that, broker, client-id, topic, and content or \
         content-base64 are required. Nulls are left out of the types below, so that forms stay simple.",
    )?;
    out.push_str(r#","type":"object","additionalProperties":false,"properties":{"#);
    for (index, parameter) in PARAMETERS.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_parameter(out, parameter)?;
    }
    out.push_str("}}");
    Ok(())
}

fn write_parameter(out: &mut String, parameter: &Parameter) -> fmt::Result {
    string(out, parameter.name)?;
    out.push_str(r#":{"title":"#);
    string(out, parameter.title)?;
    out.push_str(r#","description":"#);
    string(out, parameter.description)?;
    write_kind(out, parameter.kind)?;
    if let Some(default) = parameter.default {
        write!(out, r#","default":{default}"#)?;
    }
    write!(out, r#","examples":[{}]"#, parameter.example)?;
    if parameter.secrecy == Secrecy::Secret {
        out.push_str(r#","writeOnly":true"#);
    }
    out.push('}');
    Ok(())
}

fn write_kind(out: &mut String, kind: Kind) -> fmt::Result {
    match kind {
        Kind::Constant(text) => {
            out.push_str(r#","type":"string","const":"#);
            string(out, text)?;
        }
        Kind::String => out.push_str(r#","type":"string""#),
        Kind::Choice(values) => {
            out.push_str(r#","type":"string","enum":["#);
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                string(out, value)?;
            }
            out.push(']');
        }
        Kind::Brokers => out.push_str(r#","type":["string","array"],"items":{"type":"string"}"#),
        Kind::Qos => out.push_str(r#","type":"integer","enum":[0,1,2]"#),
        Kind::Integer { minimum, maximum, .. } => {
            write!(out, r#","type":"integer","minimum":{minimum},"maximum":{maximum}"#)?;
        }
        Kind::Boolean => out.push_str(r#","type":"boolean""#),
        Kind::Strings => out.push_str(r#","type":"array","items":{"type":"string"}"#),
        Kind::Texts => out.push_str(r#","type":"object","additionalProperties":{"type":"string"}"#),
        Kind::Properties => out.push_str(r#","type":["object","array"]"#),
        Kind::Will => out.push_str(WILL),
        Kind::Any => out.push_str(ANY),
    }
    Ok(())
}

const ANY: &str = r#","type":["string","number","boolean","object","array"]"#;

const WILL: &str = concat!(
    r#","type":"object","additionalProperties":false,"required":["topic"],"properties":{"#,
    r#""topic":{"title":"Topic","type":"string"},"#,
    r#""content":{"title":"Content","type":["string","number","boolean","object","array"]},"#,
    r#""content-base64":{"title":"Content, base64","type":"string"},"#,
    r#""qos":{"title":"Quality of service","type":"integer","enum":[0,1,2],"default":0},"#,
    r#""retain":{"title":"Retain","type":"boolean","default":false},"#,
    r#""delay-interval":{"type":"integer"},"message-expiry-interval":{"type":"integer"},"content-type":{"type":"string"}}"#,
);

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
