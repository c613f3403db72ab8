//! One JSON value, unread until somebody knows what it should be.

use std::borrow::Cow;
use std::fmt;

use super::{elements, members, pairs, string, unquoted};

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

/// Why a value cannot be taken for what it was asked to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It is no string.
    NoString,
    /// It is a string with half of a surrogate pair, which JSON allows and Unicode text does not (RFC 8259, section 8.2).
    HalfCharacter,
    /// It is neither `true` nor `false`.
    NoBoolean,
    /// It is no list.
    NoList,
    /// It is no object.
    NoObject,
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
    pub fn string(self) -> Result<Cow<'a, str>, Mismatch> {
        match self.json_type() {
            JsonType::String => string(self.0).ok_or(Mismatch::HalfCharacter),
            JsonType::Number | JsonType::Boolean | JsonType::Null | JsonType::List | JsonType::Object => {
                Err(Mismatch::NoString)
            }
        }
    }

    /// A string that is known to have no escapes, without its quotes; `None` when the value is of another type.
    pub fn plain_string(self) -> Option<&'a str> {
        unquoted(self.text())
    }

    /// `true` or `false`.
    ///
    /// # Errors
    ///
    /// When the value is of another type; the string `"true"` is of another type.
    pub fn boolean(self) -> Result<bool, Mismatch> {
        match self.text() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Mismatch::NoBoolean),
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
    pub fn list(self) -> Result<impl Iterator<Item = Value<'a>>, Mismatch> {
        match self.json_type() {
            JsonType::List => Ok(elements(self.0).map(Value)),
            JsonType::String | JsonType::Number | JsonType::Boolean | JsonType::Null | JsonType::Object => {
                Err(Mismatch::NoList)
            }
        }
    }

    /// The members of an object, in order, duplicates included: names, which are strings, and values.
    ///
    /// # Errors
    ///
    /// When the value is of another type.
    pub fn pairs(self) -> Result<impl Iterator<Item = (Value<'a>, Value<'a>)>, Mismatch> {
        if self.json_type() == JsonType::Object {
            Ok(pairs(self.0).map(|(name, value)| (Value(name), Value(value))))
        } else {
            Err(Mismatch::NoObject)
        }
    }

    /// The members of an object, in order, duplicates included.
    ///
    /// # Errors
    ///
    /// When the value is of another type.
    pub fn object(self) -> Result<impl Iterator<Item = (Cow<'a, str>, Value<'a>)>, Mismatch> {
        match self.json_type() {
            JsonType::Object => Ok(members(self.0).map(|(name, value)| (name, Value(value)))),
            JsonType::String | JsonType::Number | JsonType::Boolean | JsonType::Null | JsonType::List => {
                Err(Mismatch::NoObject)
            }
        }
    }
}
