//! Files, flags and environment → the two documents that the connector takes.

use std::fs::File;
use std::io::{Read as _, stdin};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ArgMatches;
use mqtt_connector::Response;
use mqtt_connector_guest::parameters::{Kind, PARAMETERS, Parameter};
use serde_json::{Map, Value};

use super::arguments::{CONFIG, CONTENT_FILE, PASSWORD_FILE, REQUEST};
use super::{UNREADABLE, USAGE, response};

/// The largest content or document to read: the largest that a packet can hold (MQTT 3.1.1, section 2.2.3).
const MAX_FILE: u64 = 268_435_455;

const STANDARD_INPUT: &str = "-";

/// The two documents, as JSON text.
pub(super) struct Documents {
    /// From `--config`.
    pub(super) config: String,
    /// From `--request`, with the flags laid over it.
    pub(super) request: String,
}

/// Reads the documents that `matches` name, and lays the flags over the request.
///
/// # Errors
///
/// The response: a file cannot be read, or is not text.
pub(super) fn read(matches: &ArgMatches) -> Result<Documents, Response> {
    let named = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    if named(REQUEST) == Some(STANDARD_INPUT) && named(CONTENT_FILE) == Some(STANDARD_INPUT) {
        let both = "--request and --content-file cannot both read standard input";
        return Err(response(USAGE, format!("The command line: {both}.")));
    }
    let document = |name| named(name).map_or_else(|| Ok("{}".to_owned()), |path| text(name, path));
    let config = document(CONFIG)?;
    let request = document(REQUEST)?;
    let flags = flags(matches)?;
    let request = if flags.is_empty() { request } else { overlaid(request, flags) };
    Ok(Documents { config, request })
}

/// `request` with `flags` over it. What is not a JSON object stays as it is: the component says what is wrong with it.
fn overlaid(request: String, flags: Map<String, Value>) -> String {
    let Ok(Value::Object(mut members)) = serde_json::from_str(&request) else { return request };
    for (name, value) in flags {
        // The two are ways to say one thing.
        match name.as_str() {
            "content" => members.shift_remove("content-base64"),
            "content-base64" => members.shift_remove("content"),
            _ => None,
        };
        members.insert(name, value);
    }
    Value::Object(members).to_string()
}

/// The parameters that the flags and the environment give.
fn flags(matches: &ArgMatches) -> Result<Map<String, Value>, Response> {
    let mut given = Map::new();
    for parameter in PARAMETERS {
        if let Some(text) = matches.get_one::<String>(parameter.name) {
            given.insert(parameter.name.to_owned(), value(parameter, text));
        }
    }
    if let Some(path) = matches.get_one::<String>(PASSWORD_FILE) {
        let mut password = text(PASSWORD_FILE, path)?;
        if password.ends_with('\n') {
            password.pop();
            if password.ends_with('\r') {
                password.pop();
            }
        }
        given.insert("password".to_owned(), Value::String(password));
    }
    if let Some(path) = matches.get_one::<String>(CONTENT_FILE) {
        match String::from_utf8(bytes(CONTENT_FILE, path)?) {
            Ok(text) => given.insert("content".to_owned(), Value::String(text)),
            Err(binary) => {
                let encoded = STANDARD.encode(binary.as_bytes());
                given.insert("content-base64".to_owned(), Value::String(encoded))
            }
        };
    }
    Ok(given)
}

/// The JSON value that the text of a flag stands for. A text that is not of the parameter's kind is passed on as a
/// string, so that the component says what it wants instead.
fn value(parameter: &Parameter, text: &str) -> Value {
    let as_string = || Value::String(text.to_owned());
    match parameter.kind {
        Kind::Constant(_) | Kind::Choice { .. } | Kind::Any => as_string(),
        Kind::String if is_path(parameter, text) => {
            let path = std::path::absolute(text).ok();
            path.and_then(|path| path.into_os_string().into_string().ok()).map_or_else(as_string, Value::String)
        }
        Kind::String => as_string(),
        Kind::Qos | Kind::Integer { .. } | Kind::Boolean | Kind::Strings | Kind::Texts | Kind::Will => {
            serde_json::from_str(text).unwrap_or_else(|_| as_string())
        }
    }
}

/// Whether `text` is a relative path. Documents hold absolute paths; at a prompt, one means the current directory.
fn is_path(parameter: &Parameter, text: &str) -> bool {
    let names_file = matches!(parameter.name, "root-ca-crt" | "certificate" | "private-key");
    names_file && !text.is_empty() && !text.trim_start().starts_with("-----BEGIN") && !Path::new(text).is_absolute()
}

fn text(flag: &str, path: &str) -> Result<String, Response> {
    String::from_utf8(bytes(flag, path)?)
        .map_err(|_| response(UNREADABLE, format!("--{flag} {path}: the file is not UTF-8 text.")))
}

fn bytes(flag: &str, path: &str) -> Result<Vec<u8>, Response> {
    let mut content = Vec::new();
    let read = if path == STANDARD_INPUT {
        stdin().lock().take(MAX_FILE + 1).read_to_end(&mut content)
    } else {
        File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut content))
    };
    match read {
        Ok(_) if content.len() as u64 > MAX_FILE => {
            Err(response(UNREADABLE, format!("--{flag} {path}: the file is larger than {MAX_FILE} bytes.")))
        }
        Ok(_) => Ok(content),
        Err(error) => Err(response(UNREADABLE, format!("--{flag} {path}: {error}."))),
    }
}
