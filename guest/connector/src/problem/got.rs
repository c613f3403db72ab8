//! What a parameter got: the first half of every message about a wrong value.

use std::fmt;

use mqtt_connector_contract::shown::{self, Shown};
use mqtt_connector_contract::url;
use mqtt_connector_contract::white_space::{Stray, is_white_space};

use crate::json::{JsonType, Value};

/// What was got, for a message: the type and, unless it is a secret, the shortened value.
#[derive(Clone, Copy)]
pub struct Got<'a> {
    value: Value<'a>,
    secret: bool,
}

impl<'a> Got<'a> {
    /// Shows type and value.
    pub fn open(value: Value<'a>) -> Self {
        Got { value, secret: false }
    }

    /// Shows the type, and the length of a string; never the value.
    pub fn secret(value: Value<'a>) -> Self {
        Got { value, secret: true }
    }

    /// Shows a URL, `text`, as [`Got::open`] does, unless it may hold a secret.
    pub fn url(value: Value<'a>, text: &str) -> Self {
        let may_hold_secret = url::may_hold_secret(text.trim_matches(is_white_space));
        Got { value, secret: may_hold_secret }
    }

    /// Whether it may be a URL with a password in it, given by mistake for a parameter whose value is shown.
    fn is_url_with_user(&self) -> bool {
        self.value.string().is_ok_and(|text| text.contains(':') && url::may_hold_user(&text))
    }
}

impl Got<'_> {
    /// The white space around the value, when it is a string.
    pub fn stray(&self) -> Option<Stray> {
        Stray::find(&self.value.string().ok()?)
    }
}

impl fmt::Display for Got<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.value.json_type();
        match (kind, self.secret || self.is_url_with_user()) {
            (JsonType::String, false) => match self.value.string() {
                Ok(text) => write!(f, "the string {}", Shown::quoted(&text, shown::VALUE)),
                Err(_) => write!(f, "a string"),
            },
            (JsonType::String, true) => match self.value.string() {
                Ok(text) if text.is_empty() => f.write_str("an empty string"),
                Ok(text) if text.len() == 1 => f.write_str("a string of 1 byte"),
                Ok(text) => write!(f, "a string of {} bytes", text.len()),
                Err(_) => write!(f, "a string"),
            },
            (JsonType::Number, false) => {
                write!(f, "the number {}", Shown::plain(self.value.text(), shown::VALUE))
            }
            (JsonType::Boolean, false) => f.write_str(self.value.text()),
            (JsonType::Number | JsonType::Boolean, true)
            | (JsonType::Null | JsonType::List | JsonType::Object, false | true) => kind.fmt(f),
        }
    }
}
