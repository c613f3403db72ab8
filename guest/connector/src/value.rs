//! One JSON value, unread until somebody knows what it should be.

use std::borrow::Cow;
use std::fmt;

use mqtt_connector_contract::shown::{self, Shown};
use mqtt_connector_contract::url;
use mqtt_connector_contract::white_space::Stray;

use crate::json;
use crate::wants::Wants;

/// The type of a JSON value (RFC 8259, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonType {
    /// Text in double quotes.
    String,
    /// A number, whole or not.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `null`.
    Null,
    /// `[…]`
    List,
    /// `{…}`
    Object,
}

impl JsonType {
    /// The type of the value that `text`, valid JSON without white space around it, holds.
    pub fn of(text: &str) -> JsonType {
        match text.as_bytes().first() {
            Some(b'"') => JsonType::String,
            Some(b'{') => JsonType::Object,
            Some(b'[') => JsonType::List,
            Some(b't' | b'f') => JsonType::Boolean,
            Some(b'n') => JsonType::Null,
            Some(_) | None => JsonType::Number,
        }
    }
}

impl fmt::Display for JsonType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JsonType::String => "a string",
            JsonType::Number => "a number",
            JsonType::Boolean => "a boolean",
            JsonType::Null => "null",
            JsonType::List => "a list",
            JsonType::Object => "an object",
        })
    }
}

/// A JSON value: its text, borrowed from the document it stands in. It has no `Debug`, since it may be a secret.
///
/// Two are equal when they were written with the same characters: then they are read the same way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Value<'a>(&'a str);

impl<'a> Value<'a> {
    /// The value with this text, valid JSON without white space around it.
    pub(crate) fn new(text: &'a str) -> Self {
        Value(text)
    }

    /// The value's text as it stands in the document.
    pub fn text(self) -> &'a str {
        self.0
    }

    /// The value's type.
    pub fn json_type(self) -> JsonType {
        JsonType::of(self.text())
    }

    /// Whether the value is `null`, which is the same as an absent one.
    pub fn is_null(self) -> bool {
        self.json_type() == JsonType::Null
    }

    /// A string, without its quotes and escapes.
    ///
    /// # Errors
    ///
    /// When the value is of another type, or holds half of a surrogate pair, which no Unicode text can hold.
    pub fn string(self) -> Result<Cow<'a, str>, Wants> {
        match self.json_type() {
            JsonType::String => json::string(self.0).ok_or(Wants::WholeCharacters),
            JsonType::Number | JsonType::Boolean | JsonType::Null | JsonType::List | JsonType::Object => {
                Err(Wants::String)
            }
        }
    }

    /// `true` or `false`.
    ///
    /// # Errors
    ///
    /// When the value is of another type; the string `"true"` is of another type.
    pub fn boolean(self) -> Result<bool, Wants> {
        match self.text() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Wants::Boolean),
        }
    }

    /// A whole number without sign, fraction and exponent; `None` when it is anything else.
    pub fn whole_number(self) -> Option<u64> {
        // `parse` would take a leading `+`, which JSON does not have: a raw value never starts with one.
        self.text().parse().ok()
    }

    /// The elements of a list.
    ///
    /// # Errors
    ///
    /// When the value is of another type.
    pub fn list(self) -> Result<impl Iterator<Item = Value<'a>>, Wants> {
        match self.json_type() {
            JsonType::List => Ok(json::elements(self.0).map(Value)),
            JsonType::String | JsonType::Number | JsonType::Boolean | JsonType::Null | JsonType::Object => {
                Err(Wants::Strings)
            }
        }
    }

    /// The members of an object, in order, duplicates included: names, which are strings, and values.
    ///
    /// # Errors
    ///
    /// When the value is of another type.
    pub fn pairs(self) -> Result<impl Iterator<Item = (Value<'a>, Value<'a>)>, Wants> {
        if self.json_type() == JsonType::Object {
            Ok(json::pairs(self.0).map(|(name, value)| (Value(name), Value(value))))
        } else {
            Err(Wants::Object)
        }
    }

    /// The members of an object, in order, duplicates included.
    ///
    /// # Errors
    ///
    /// When the value is of another type.
    pub fn object(self) -> Result<impl Iterator<Item = (Cow<'a, str>, Value<'a>)>, Wants> {
        match self.json_type() {
            JsonType::Object => Ok(json::members(self.0).map(|(name, value)| (name, Value(value)))),
            JsonType::String | JsonType::Number | JsonType::Boolean | JsonType::Null | JsonType::List => {
                Err(Wants::Object)
            }
        }
    }
}

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

    /// Whether it may be a URL with a password in it, which nobody meant for a parameter that is shown.
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
