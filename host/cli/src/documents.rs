//! Files, flags and environment → the two documents that the connector takes.

pub(crate) mod origins;

use std::borrow::Cow;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ArgMatches;
use clap::parser::ValueSource;
use mqtt_connector::Response;
use mqtt_connector_contract::exit_code::PARAMETER;
use mqtt_connector_contract::pem::PemSource;
use mqtt_connector_contract::white_space::Stray;
use mqtt_connector_guest::catalogue::{Kind, PARAMETERS, Parameter};
use mqtt_connector_guest::json;
use serde_json::Value;

use crate::arguments::{
    CONFIG, CONTENT_FILE, LINES, LINES_BASE64, PASSWORD_FILE, REQUEST, REQUESTS, TENANTS,
};
use crate::files::{Named, STANDARD_INPUT};
use crate::response::response;

/// The longest text that may be the path of a file that exists, in bytes (Linux, `PATH_MAX`).
const MAX_PATH: usize = 4096;

/// As many bytes are no path that somebody has typed.
const LONG: usize = 256;

/// As many characters in one run are a key: the shortest one, Ed25519's, has 64 in base64, some of them cut off.
const KEY: usize = 40;

/// The parameters that are credentials: of a refusal, people ask where these came from.
const CREDENTIALS: [&str; 3] = [USERNAME, PASSWORD, PROXY_PASSWORD];

const USERNAME: &str = "username";
const PROXY_PASSWORD: &str = "proxy-password";

/// The parameter that has a flag for a file, too.
const PASSWORD: &str = "password";
const CONTENT: &str = "content";
const CONTENT_BASE64: &str = "content-base64";

/// The two documents, as JSON text.
pub(super) struct Documents {
    /// From `--config`.
    pub(super) config: String,
    /// From `--request`, with the flags laid over it.
    pub(super) request: String,
    /// The credentials of `--request` that flags or the environment took the place of.
    pub(super) replaced: Vec<&'static str>,
}

/// Reads the documents that `matches` name, and lays the flags over the request.
///
/// # Errors
///
/// The response: a file cannot be read, or is not text.
pub(super) fn read(matches: &ArgMatches) -> Result<Documents, Response> {
    // `check` has no lines.
    let named = |name: &str| matches.try_get_one::<String>(name).ok().flatten().map(String::as_str);
    let documents = [TENANTS, CONFIG, REQUEST, CONTENT_FILE, PASSWORD_FILE, LINES, LINES_BASE64, REQUESTS];
    let mut from_input = documents.into_iter().filter(|name| named(name) == Some(STANDARD_INPUT));
    if let (Some(first), Some(second)) = (from_input.next(), from_input.next()) {
        return Err(usage(&format!("--{first} and --{second} cannot both read standard input")));
    }
    let password = matches.value_source(PASSWORD) == Some(ValueSource::CommandLine);
    if password && named(PASSWORD_FILE).is_some() {
        return Err(usage(&format!("--{PASSWORD} and --{PASSWORD_FILE} cannot be used together")));
    }
    let document =
        |name| named(name).map_or_else(|| Ok("{}".to_owned()), |path| Named::flag(name, path).text());
    let config = document(CONFIG)?;
    let request = document(REQUEST)?;
    let flags = flags(matches)?;
    let is_replaced = |name: &&'static str| {
        flags.iter().any(|(flag, _)| flag == name) && named(REQUEST).is_some() && gives(&request, name)
    };
    let replaced = CREDENTIALS.into_iter().filter(is_replaced).collect();
    let request = if flags.is_empty() { request } else { overlaid(request, &flags) };
    Ok(Documents { config, request, replaced })
}

impl Documents {
    /// The two as one, as a configuration for requests that hold only a content. What is wrong with them is to be known
    /// before: see [`Documents::with_content`].
    pub(super) fn merged(&self) -> String {
        let request: Vec<Member<'_>> = json::members(self.request.trim_ascii())
            .filter(|(name, value)| *value != "null" && !is_content(name))
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        overlaid(self.config.clone(), &request)
    }

    /// The request, with this content (JSON text) instead of what it has.
    pub(super) fn with_content(&self, content: &str) -> String {
        overlaid(self.request.clone(), &[(Cow::Borrowed(CONTENT), content.to_owned())])
    }
}

/// Parameters that are laid over requests.
#[derive(Clone)]
pub(super) struct Overlay(Vec<Member<'static>>);

impl Overlay {
    /// Those of `object`, which is JSON text.
    pub(super) fn of(object: &str) -> Self {
        let owned = |(name, value): (Cow<'_, str>, &str)| (name.into_owned().into(), value.to_owned());
        Self(json::members(object).map(owned).collect())
    }

    /// `request` with them over it; what is not a JSON object stays as it is.
    pub(super) fn over(&self, request: String) -> String {
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
fn gives(document: &str, name: &str) -> bool {
    let object = json::check(document).ok().filter(|object| object.starts_with('{'));
    object
        .is_some_and(|object| json::members(object).any(|(member, value)| member == name && value != "null"))
}

fn is_content(name: &str) -> bool {
    matches!(name, CONTENT | CONTENT_BASE64)
}

/// The parameters that the flags and the environment give.
fn flags(matches: &ArgMatches) -> Result<Vec<Member<'static>>, Response> {
    let mut given = Vec::new();
    for parameter in PARAMETERS {
        // A variable that is empty is how a script leaves one out; an empty flag is somebody's wish.
        let is_unset = |text: &String| {
            text.is_empty() && matches.value_source(parameter.name) == Some(ValueSource::EnvVariable)
        };
        // Only a flag for brokers may stand there more than once.
        let texts: Vec<&String> = matches.get_many(parameter.name).into_iter().flatten().collect();
        match texts.as_slice() {
            [] => {}
            [text] if is_unset(text) => {}
            [text] => given.push((parameter.name.into(), value(parameter, text))),
            texts => given
                .push((parameter.name.into(), Value::from_iter(texts.iter().copied().cloned()).to_string())),
        }
    }
    if let Some(path) = matches.get_one::<String>(PASSWORD_FILE) {
        let mut password = Named::flag(PASSWORD_FILE, path).text()?;
        if password.ends_with('\n') {
            password.pop();
            if password.ends_with('\r') {
                password.pop();
            }
        }
        given.retain(|(name, _)| name != PASSWORD);
        given.push((PASSWORD.into(), string(password)));
    }
    if let Some(path) = matches.get_one::<String>(CONTENT_FILE) {
        given.push(match String::from_utf8(Named::flag(CONTENT_FILE, path).bytes()?) {
            Ok(text) => (CONTENT.into(), string(text)),
            Err(binary) => (CONTENT_BASE64.into(), string(STANDARD.encode(binary.as_bytes()))),
        });
    }
    Ok(given)
}

/// A text as a JSON string.
fn string(text: impl Into<String>) -> String {
    Value::String(text.into()).to_string()
}

/// The JSON text that the text of a flag stands for. A text that is not of the parameter's kind is passed on as a
/// string, so that the component says what it wants instead.
fn value(parameter: &Parameter, text: &str) -> String {
    match parameter.kind {
        Kind::Constant(_) | Kind::Choice(_) | Kind::Any => string(text),
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

fn usage(reason: &str) -> Response {
    response(PARAMETER, format!("The command line: {reason}."))
}
