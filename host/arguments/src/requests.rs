//! From a line to its request.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqtt_connector_contract::exit_code::PARAMETER;
use mqtt_connector_guest::json;

use crate::documents::{Documents, Overlay};
use crate::message::LineFormat;
use crate::refusal::Refusal;

/// The member of a request that its line of results carries, and that no component sees.
const ID: &str = "id";

/// The parameters that are about the message alone: requests that differ in no others go over one connection, and arrive in
/// the order in which they are sent. That is not so with two qualities of service (MQTT 3.1.1, section 4.6).
const OF_MESSAGE: [&str; 11] = [
    "action",
    "topic",
    "retain",
    "content",
    "content-base64",
    "content-type",
    "response-topic",
    "correlation-data",
    "message-expiry-interval",
    "payload-format-indicator",
    "user-properties",
];

/// What the lines are.
pub enum Kind {
    /// What is sent.
    Content,
    /// The same in base64.
    Base64,
    /// Requests, over each of which the flags are laid.
    Requests(Overlay),
}

/// What is to be done with a line.
pub struct Request {
    /// What the component gets, or why it gets nothing.
    pub request: Result<String, Refusal>,
    /// The `id` that came with it, as JSON text.
    pub id: Option<Box<str>>,
    /// What it says about the connection and the quality of service; `None` is nothing of its own, or unknown.
    pub connection: Option<String>,
}

impl Kind {
    /// What the lines in this format are, and the configuration that their requests are laid over.
    #[must_use]
    pub fn of(format: LineFormat, documents: &Documents) -> (Self, String) {
        match format {
            LineFormat::Content => (Self::Content, documents.merged()),
            LineFormat::Base64 => (Self::Base64, documents.merged()),
            LineFormat::Request => {
                (Self::Requests(Overlay::of(&documents.request)), documents.config.clone())
            }
        }
    }

    /// The request that `line` stands for, which has no line feed; `None` when it stands for none.
    #[must_use]
    pub fn request(&self, line: &[u8]) -> Option<Request> {
        let request = match self {
            Self::Content => content(line),
            Self::Base64 => base64(line),
            Self::Requests(_) if line.trim_ascii().is_empty() => return None,
            Self::Requests(overlay) => return Some(whole(line, overlay)),
        };
        Some(Request { request: Ok(request), id: None, connection: None })
    }

    /// Whether a byte order mark at the start of the first line is none of its bytes.
    #[must_use]
    pub fn skips_mark(&self) -> bool {
        matches!(self, Self::Requests(_))
    }
}

/// The request that holds a line as its content, and nothing else.
fn content(line: &[u8]) -> String {
    match std::str::from_utf8(line) {
        Ok(text) => object("content", text),
        Err(_) => object("content-base64", &STANDARD.encode(line)),
    }
}

fn base64(line: &[u8]) -> String {
    match std::str::from_utf8(line) {
        Ok(text) => object("content-base64", text.trim_end_matches('\r')),
        // The component says what is wrong with it.
        Err(_) => object("content-base64", &String::from_utf8_lossy(line)),
    }
}

/// A JSON object with one member, a string.
fn object(name: &str, text: &str) -> String {
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    // Without a way out in the middle, so that it takes many bytes at a time.
    if !text.as_bytes().iter().fold(true, |plain, byte| plain & is_plain(*byte)) {
        return format!(r#"{{"{name}":{}}}"#, serde_json::Value::from(text));
    }
    let pieces = ["{\"", name, "\":\"", text, "\"}"];
    pieces.concat()
}

/// The request that a line is.
fn whole(line: &[u8], overlay: &Overlay) -> Request {
    let refused = |reason: &str| {
        let request = Err(Refusal::answer(PARAMETER, format!("Not sent, the request is wrong: {reason}.")));
        Request { request, id: None, connection: None }
    };
    let text = match std::str::from_utf8(line) {
        Ok(text) => text,
        Err(error) => {
            return refused(&format!("it is not UTF-8 text from byte {} on", error.valid_up_to() + 1));
        }
    };
    let (mut ids, mut connection) = (Vec::new(), String::new());
    let is_request = json::read_object(text, |name, value, _| {
        let value = value.text();
        if name == ID {
            ids.push(value);
        } else if !OF_MESSAGE.contains(&&*name) && value != "null" {
            connection += &format!("{name:?}:{value},");
        }
    });
    if !is_request {
        // The component says what it is instead.
        return Request { request: Ok(text.to_owned()), id: None, connection: None };
    }
    let id = match ids.as_slice() {
        [] => None,
        [id] => Some(Box::from(*id)),
        _ => return refused("it has more than one id"),
    };
    let text = if id.is_some() { Cow::Owned(without_id(text)) } else { Cow::Borrowed(text) };
    Request { request: Ok(overlay.over(text.into_owned())), id, connection: Some(connection) }
}

/// A request that has been read, without its `id`; every other byte of its members stays.
fn without_id(text: &str) -> String {
    let object = text.trim_ascii();
    let names = json::members(object).map(|(name, _)| name);
    let kept: Vec<String> = json::pairs(object)
        .zip(names)
        .filter(|(_, name)| name != ID)
        .map(|((name, value), _)| [name, ":", value].concat())
        .collect();
    format!("{{{}}}", kept.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_the_content_of_a_request() {
        for (line, kind, expected) in [
            (&b"21.5"[..], Kind::Content, r#"{"content":"21.5"}"#),
            (b"", Kind::Content, r#"{"content":""}"#),
            (b"a\"b\\c\t\r", Kind::Content, r#"{"content":"a\"b\\c\t\r"}"#),
            ("ü".as_bytes(), Kind::Content, r#"{"content":"ü"}"#),
            (b"\xff\x00", Kind::Content, r#"{"content-base64":"/wA="}"#),
            (b"/wA=\r", Kind::Base64, r#"{"content-base64":"/wA="}"#),
            (b"\"", Kind::Base64, r#"{"content-base64":"\""}"#),
            (b"\xff", Kind::Base64, "{\"content-base64\":\"\u{fffd}\"}"),
        ] {
            assert_eq!(kind.request(line).unwrap().request.unwrap(), expected, "{line:?}");
        }
    }

    #[test]
    fn a_line_is_a_request() {
        let overlay = Overlay::of(r#"{"qos":1,"content":"flag"}"#);
        let nothing = Overlay::of("{}");
        for (line, overlay, request, id, connection) in [
            (r#"{"topic":"a"}"#, &nothing, r#"{"topic":"a"}"#, None, Some("")),
            (" {\"topic\" : \"a\" }\r", &nothing, " {\"topic\" : \"a\" }\r", None, Some("")),
            (
                r#"{"topic":"a", "id" : {"n": 1.0}}"#,
                &nothing,
                r#"{"topic":"a"}"#,
                Some(r#"{"n": 1.0}"#),
                Some(""),
            ),
            (r#"{"\u0069d":null}"#, &nothing, "{}", Some("null"), Some("")),
            (
                r#"{"broker":"b","topic":"a"}"#,
                &nothing,
                r#"{"broker":"b","topic":"a"}"#,
                None,
                Some(r#""broker":"b","#),
            ),
            (r#"{"broker":null}"#, &nothing, r#"{"broker":null}"#, None, Some("")),
            (
                r#"{"topic":"a","qos":2,"content-base64":"YQ=="}"#,
                &overlay,
                r#"{"topic":"a","qos":1,"content":"flag"}"#,
                None,
                Some("\"qos\":2,"),
            ),
            ("[1]", &overlay, "[1]", None, None),
            ("{", &overlay, "{", None, None),
        ] {
            let kind = Kind::Requests(overlay.clone());
            let made = kind.request(line.as_bytes()).unwrap();
            let made = (made.request.unwrap(), made.id, made.connection);
            let expected = (request.to_owned(), id.map(Box::from), connection.map(str::to_owned));
            assert_eq!(made, expected, "{line}");
        }
    }

    #[test]
    fn a_line_that_is_no_request_is_passed_over_or_refused() {
        let kind = Kind::Requests(Overlay::of("{}"));
        for blank in ["", " \t\r"] {
            assert!(kind.request(blank.as_bytes()).is_none(), "{blank:?}");
        }
        for (line, reason) in [
            (&b"{\"topic\":\"\xff\"}"[..], "it is not UTF-8 text from byte 11 on"),
            (br#"{"id":1,"id":2}"#, "it has more than one id"),
        ] {
            let refused = kind.request(line).unwrap().request.unwrap_err();
            let Refusal::Answer { exit_code, message } = refused else { panic!("{refused:?}") };
            let expected = format!("Not sent, the request is wrong: {reason}.");
            assert_eq!((exit_code, message), (64, expected), "{line:?}");
        }
    }
}
