//! A configuration or a request: JSON text → the values of the known parameters, unread; and the request laid over the
//! configuration.

mod merge;

use std::borrow::Cow;
use std::fmt;

use crate::catalogue::{COUNT, Name, Names};
use crate::json::{self, JsonType, Value};

pub use merge::{Given, Merged};

/// Which of the two documents something stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// What the platform stores.
    Configuration,
    /// What a workflow asks for.
    Request,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Configuration => "the configuration",
            Source::Request => "the request",
        })
    }
}

/// What a text is that is not one JSON object. Displayed as a clause behind the name of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentFault {
    /// Not JSON: where, and why.
    NotJson(json::Fault),
    /// Empty, or white space.
    Empty,
    /// JSON of another type.
    NotAnObject(JsonType),
}

impl fmt::Display for DocumentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DocumentFault::NotJson(fault) => write!(f, "is not JSON: {fault}"),
            DocumentFault::Empty => f.write_str("is empty, wants a JSON object, at least {}"),
            DocumentFault::NotAnObject(got) => write!(f, "is {got}, wants a JSON object: {{…}}"),
        }
    }
}

/// What is wrong with a name in a document.
#[derive(Clone)]
pub enum NameFault<'a> {
    /// No parameter has this name.
    Unknown(Cow<'a, str>),
    /// The name stands there more than once.
    Repeated(Cow<'a, str>),
}

/// The parameters that stand in one document.
pub struct Document<'a> {
    values: [Option<Value<'a>>; COUNT],
    given: Names,
    plain: Names,
    faults: Vec<NameFault<'a>>,
}

impl<'a> Document<'a> {
    /// Reads the text of a configuration or request.
    ///
    /// Unknown names and names that stand there twice are kept as [`Document::faults`]; the values are
    /// not looked at. What is borrowed is not copied: a configuration is read once for a whole batch.
    ///
    /// # Errors
    ///
    /// When the text is not a JSON object at all; then nothing else can be said about it.
    pub fn read(text: &'a str) -> Result<Self, DocumentFault> {
        // Some editors put a byte order mark in front, which is no part of the text (RFC 8259, section 8.1).
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim_ascii().is_empty() {
            return Err(DocumentFault::Empty);
        }
        let names = Names::default();
        let mut document = Document { values: [None; COUNT], given: names, plain: names, faults: Vec::new() };
        if json::read_object(text, |name, value, is_plain| document.add(name, value, is_plain)) {
            Ok(document)
        } else {
            Err(Self::refused(text))
        }
    }

    /// What is wrong with a text that is not a JSON object.
    #[cold]
    fn refused(text: &str) -> DocumentFault {
        match json::check(text) {
            Ok(value) => DocumentFault::NotAnObject(Value::new(value).json_type()),
            Err(fault) => DocumentFault::NotJson(fault),
        }
    }

    fn add(&mut self, name: Cow<'a, str>, value: Value<'a>, is_plain: bool) {
        match Name::find(&name) {
            None => self.faults.push(NameFault::Unknown(name)),
            Some(known) => {
                let slot = &mut self.values[known as usize];
                if slot.is_some() {
                    self.faults.push(NameFault::Repeated(name));
                }
                *slot = Some(value);
                let this = Names::of(&[known]);
                self.given = if value.is_null() { self.given.without(this) } else { self.given.or(this) };
                self.plain = if is_plain { self.plain.or(this) } else { self.plain.without(this) };
            }
        }
    }

    /// The value that the document gives the parameter; `null` is the same as none.
    pub fn get(&self, name: Name) -> Option<Value<'a>> {
        self.values[name as usize].filter(|value| !value.is_null())
    }

    /// Whether the parameter's value is a string without escapes.
    pub fn is_plain(&self, name: Name) -> bool {
        self.plain.has(name)
    }

    /// The parameters that the document gives a value.
    pub fn given(&self) -> Names {
        self.given
    }

    /// The parameters among `names` whose values have different texts in the two documents.
    pub fn differences(&self, other: &Document<'_>, names: Names) -> Names {
        let differs = |name: &Name| self.get(*name) != other.get(*name);
        let given = self.given.or(other.given).and(names);
        given.iter().filter(differs).fold(Names::default(), Names::with)
    }

    /// What is wrong with the names in the document.
    pub fn faults(&self) -> &[NameFault<'a>] {
        &self.faults
    }
}
