//! Files, flags and environment → the two documents that the connector takes.

use std::borrow::Cow;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqtt_connector_contract::pem::PemSource;
use mqtt_connector_contract::white_space::Stray;
use mqtt_connector_guest::catalogue::{Kind, Parameter};
use mqtt_connector_guest::json;
use serde_json::Value;

use crate::files::{Limit, NamedFile};
use crate::flags::{CREDENTIALS, Credential, PASSWORD};
use crate::message::MessageFlags;
use crate::refusal::Refusal;

/// More than any configuration has that is not content.
const OF_CONFIG: Limit = Limit::new(16 << 20, "16 MiB");
/// It may hold content.
const OF_REQUEST: Limit = Limit::new(256 << 20, "256 MiB");
/// The largest that a packet can hold (MQTT 3.1.1, section 2.2.3).
const OF_CONTENT: Limit = Limit::new(268_435_455, "268435455 bytes (the most that MQTT can carry)");
/// Twice as much as MQTT allows, so that the component says so.
const OF_PASSWORD: Limit = Limit::new(128 << 10, "128 KiB");

/// The longest text that may be the path of a file that exists, in bytes (Linux, `PATH_MAX`).
const MAX_PATH: usize = 4096;

/// As many bytes are no path that somebody has typed.
const LONG: usize = 256;

/// As many characters in one run are a key: the shortest one, Ed25519's, has 64 in base64, some of them cut off.
const KEY: usize = 40;

const CONTENT: &str = "content";
const CONTENT_BASE64: &str = "content-base64";

/// The two documents, as JSON text.
pub struct Documents {
    /// From `--config`.
    pub config: String,
    /// From `--request`, with the flags laid over it.
    pub request: String,
    /// Where the configuration is from, as in "--config door.json".
    pub(crate) config_place: String,
    /// Where the request is from.
    pub(crate) request_place: String,
    /// The credentials of `--request` that flags or the environment took the place of.
    pub(crate) replaced: Vec<&'static str>,
}

/// Reads the documents that the flags name, and lays the parameters of the flags over the request.
///
/// # Errors
///
/// A file cannot be read, or is not text.
pub fn read(flags: &MessageFlags) -> Result<Documents, Refusal> {
    let document = |file: &Option<NamedFile>, limit| {
        file.as_ref().map_or_else(|| Ok("{}".to_owned()), |file| file.text(limit))
    };
    let config = document(&flags.config, OF_CONFIG)?;
    let request = document(&flags.request, OF_REQUEST)?;
    let members = members(flags)?;
    let is_replaced = |name: &&'static str| {
        members.iter().any(|(member, _)| member == name) && flags.request.is_some() && gives(&request, name)
    };
    let names = CREDENTIALS.into_iter().map(|Credential { name, .. }| name);
    let replaced = names.filter(is_replaced).collect();
    let request = if members.is_empty() { request } else { overlaid(request, &members) };
    let (config_place, request_place) = (place(flags.config.as_ref()), place(flags.request.as_ref()));
    Ok(Documents { config, request, config_place, request_place, replaced })
}

/// Where a document is from.
fn place(file: Option<&NamedFile>) -> String {
    match file {
        Some(file) if file.is_standard_input() => format!("standard input ({file})"),
        Some(file) => file.to_string(),
        None => String::new(),
    }
}

impl Documents {
    /// With another configuration, which is from `place`, as in "the configuration of tenant acme".
    #[must_use]
    pub fn with_config(self, config: String, place: String) -> Self {
        Self { config, config_place: place, ..self }
    }

    /// The two as one, as a configuration for requests that hold only a content. What is wrong with them is to be known
    /// before: see [`Documents::with_content`].
    #[must_use]
    pub fn merged(&self) -> String {
        let request: Vec<Member<'_>> = json::members(self.request.trim_ascii())
            .filter(|(name, value)| *value != "null" && !is_content(name))
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        overlaid(self.config.clone(), &request)
    }

    /// The request, with this content (JSON text) instead of what it has.
    #[must_use]
    pub fn with_content(&self, content: &str) -> String {
        overlaid(self.request.clone(), &[(Cow::Borrowed(CONTENT), content.to_owned())])
    }
}

/// Parameters that are laid over requests.
#[derive(Clone)]
pub struct Overlay(Vec<Member<'static>>);

impl Overlay {
    /// Those of `object`, which is JSON text.
    #[must_use]
    pub fn of(object: &str) -> Self {
        let owned = |(name, value): (Cow<'_, str>, &str)| (name.into_owned().into(), value.to_owned());
        Self(json::members(object).map(owned).collect())
    }

    /// `request` with them over it; what is not a JSON object stays as it is.
    #[must_use]
    pub fn over(&self, request: String) -> String {
        if self.0.is_empty() { request } else { overlaid(request, &self.0) }
    }
}

/// A parameter of a document: its name, and its value as JSON text.
type Member<'a> = (Cow<'a, str>, String);

/// `document` with `members` over it; what they do not replace stays as it is written. What is not a JSON object
/// stays so: the component says what is wrong with it.
fn overlaid(document: String, members: &[Member<'_>]) -> String {
    let Ok(object) = json::check(&document) else { return document };
    if !object.starts_with('{') {
        return document;
    }
    // The two contents are ways to say one thing.
    let replaces = |member: &str, name: &str| member == name || (is_content(member) && is_content(name));
    let replaced = |name: &str| members.iter().any(|(member, _)| replaces(member, name));
    let kept = json::members(object).filter(|(name, _)| !replaced(name));
    let members = members.iter().map(|(name, value)| (name.clone(), value.as_str()));
    let members: Vec<String> =
        kept.chain(members).map(|(name, value)| format!("{}:{value}", Value::from(name))).collect();
    format!("{{{}}}", members.join(","))
}

/// Whether the document has a value for the parameter.
pub(crate) fn gives(document: &str, name: &str) -> bool {
    let object = json::check(document).ok().filter(|object| object.starts_with('{'));
    object
        .is_some_and(|object| json::members(object).any(|(member, value)| member == name && value != "null"))
}

fn is_content(name: &str) -> bool {
    matches!(name, CONTENT | CONTENT_BASE64)
}

/// The parameters that the flags and the environment give.
fn members(flags: &MessageFlags) -> Result<Vec<Member<'static>>, Refusal> {
    let mut members: Vec<Member<'static>> = Vec::new();
    for given in &flags.parameters {
        let value = match given.texts.as_slice() {
            [text] => value(given.parameter, text),
            texts => Value::from_iter(texts.iter().cloned()).to_string(),
        };
        members.push((given.parameter.name.into(), value));
    }
    if let Some(file) = &flags.password_file {
        let mut password = file.text(OF_PASSWORD)?;
        if password.ends_with('\n') {
            password.pop();
            if password.ends_with('\r') {
                password.pop();
            }
        }
        members.retain(|(name, _)| name != PASSWORD);
        members.push((PASSWORD.into(), string(password)));
    }
    if let Some(file) = &flags.content_file {
        members.push(match String::from_utf8(file.bytes(OF_CONTENT)?) {
            Ok(text) => (CONTENT.into(), string(text)),
            Err(binary) => (CONTENT_BASE64.into(), string(STANDARD.encode(binary.as_bytes()))),
        });
    }
    Ok(members)
}

/// A text as a JSON string.
fn string(text: impl Into<String>) -> String {
    Value::String(text.into()).to_string()
}

/// The JSON text that the text of a flag stands for. A text that is not of the parameter's kind is passed on as a
/// string, so that the component says what it wants instead.
fn value(parameter: &Parameter, text: &str) -> String {
    match parameter.kind {
        Kind::Constant(_) | Kind::Choice { .. } | Kind::Any => string(text),
        Kind::String(_) if is_path(parameter, text) => {
            let path = std::path::absolute(text).ok();
            string(path.and_then(|path| path.into_os_string().into_string().ok()).unwrap_or(text.to_owned()))
        }
        Kind::String(_) => string(text),
        // No URL begins with a bracket.
        Kind::Brokers if !text.starts_with('[') => string(text),
        // JSON has white space around a number, and a person has not.
        Kind::Qos | Kind::Integer { .. } if Stray::find(text).is_some() => string(text),
        Kind::Brokers
        | Kind::Qos
        | Kind::Integer { .. }
        | Kind::Boolean
        | Kind::Strings
        | Kind::Texts
        | Kind::Properties
        | Kind::Will => json::check(text).map_or_else(|_| string(text), str::to_owned),
    }
}

/// Whether `text` is a relative path. Documents hold absolute paths; at a prompt, one means the current directory.
///
/// What may be a key is none: a path is shown when it cannot be read, and of a key the component tells the size.
fn is_path(parameter: &Parameter, text: &str) -> bool {
    let names_file = matches!(parameter.name, "root-ca-crt" | "certificate" | "private-key");
    if !names_file || text.is_empty() || text.len() > MAX_PATH || text.contains(['\n', '\r']) {
        return false;
    }
    if PemSource::of(text) == PemSource::Text {
        return false;
    }
    let path = Path::new(text);
    let looks_like_one = text.contains(['/', '.']) && text.len() < LONG && !is_base64(text);
    !path.is_absolute() && (looks_like_one || path.exists())
}

/// Whether `text` looks like a key without its first and last line. The name of a file mostly has a dot.
fn is_base64(text: &str) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    !text.contains('.') && text.as_bytes().split(|byte| !is_digit(byte)).any(|run| run.len() >= KEY)
}
