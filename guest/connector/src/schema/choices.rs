//! The values that one may choose from, as conditions of the schema: each has a title for forms.
//!
//! They do not stand beside the type, where `null`, which is absent, would have to be one of them, and forms would offer it.

use std::fmt::{self, Write};

use super::Document;
use super::patterns::put;
use crate::catalogue::{Kind, PARAMETERS};

/// Writes the items of `allOf` for the parameters, without the brackets around them.
pub(super) fn write_choices(out: &mut String, document: Document) -> fmt::Result {
    let choices = PARAMETERS
        .iter()
        .filter(|parameter| matches!(parameter.kind, Kind::Constant(_) | Kind::Choice { .. } | Kind::Qos));
    for (index, parameter) in choices.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_choice(out, parameter.name, parameter.kind, document)?;
    }
    Ok(())
}

/// Writes the condition for the member `name` of an object.
pub(super) fn write_choice(out: &mut String, name: &str, kind: Kind, document: Document) -> fmt::Result {
    write!(
        out,
        r#"{{"if":{{"properties":{{"{name}":{{"not":{{"type":"null"}}}}}}}},"then":{{"properties":{{"{name}":{{"#
    )?;
    match document {
        Document::Whole => write_titled(out, kind)?,
        Document::Part => write_values(out, kind)?,
    }
    put(out, "]}}}}");
    Ok(())
}

fn write_titled(out: &mut String, kind: Kind) -> fmt::Result {
    put(out, r#""oneOf":["#);
    let (called, values): (_, &[&str]) = match kind {
        Kind::Constant(text) => ("", &[text]),
        Kind::Choice { values, called } => (called, values),
        _ => {
            put(out, r#"{"const":0,"title":"0 – at most once"},{"const":1,"title":"1 – at least once"},"#);
            put(out, r#"{"const":2,"title":"2 – exactly once"}"#);
            return Ok(());
        }
    };
    for (index, value) in values.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        write!(out, r#"{comma}{{"const":"{value}","title":"{called}{value}"}}"#)?;
    }
    Ok(())
}

/// Without titles: where nothing has a default, react-jsonschema-form fills in the first of several constants.
fn write_values(out: &mut String, kind: Kind) -> fmt::Result {
    put(out, r#""enum":["#);
    match kind {
        Kind::Constant(text) => write!(out, "\"{text}\""),
        Kind::Choice { values, .. } => write!(out, "\"{}\"", values.join("\",\"")),
        _ => write!(out, "0,1,2"),
    }
}
