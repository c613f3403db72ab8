//! A configuration or a request: JSON text → the values of the known parameters, unread.

use std::borrow::Cow;
use std::fmt;

use crate::json;
use crate::parameters::{COUNT, Name, Names};
use crate::problem::{Known, Problem};
use crate::value::Value;

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

/// The parameters that stand in one document.
pub struct Document<'a> {
    values: [Option<Value<'a>>; COUNT],
    given: Names,
    problems: Vec<Problem<'a>>,
}

impl<'a> Document<'a> {
    /// Reads the text of a configuration or request.
    ///
    /// Unknown names and names that stand there twice are kept as [`Document::problems`]; the values are
    /// not looked at. What is borrowed is not copied: a configuration is read once for a whole batch.
    ///
    /// # Errors
    ///
    /// When the text is not a JSON object at all; then nothing else can be said about it.
    pub fn read(source: Source, text: &'a str) -> Result<Self, Problem<'a>> {
        // Some editors put a byte order mark in front, which is no part of the text (RFC 8259, section 8.1).
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim_ascii().is_empty() {
            return Err(Problem::Empty { source });
        }
        let mut document = Document { values: [None; COUNT], given: Names::default(), problems: Vec::new() };
        if json::read_object(text, |name, value| document.add(source, name, Value::new(value))) {
            Ok(document)
        } else {
            Err(Self::refused(source, text))
        }
    }

    /// What is wrong with a text that is not a JSON object.
    #[cold]
    fn refused(source: Source, text: &'a str) -> Problem<'a> {
        match json::check(text) {
            Ok(value) => Problem::NotAnObject { source, got: Value::new(value).json_type() },
            Err(fault) => Problem::NotJson { source, fault },
        }
    }

    fn add(&mut self, source: Source, name: Cow<'a, str>, value: Value<'a>) {
        match Name::find(&name) {
            None => self.problems.push(Problem::Unknown { name, source, known: Known::Parameters }),
            Some(known) => {
                let slot = &mut self.values[known as usize];
                if slot.is_some() {
                    self.problems.push(Problem::Twice { name, source });
                }
                *slot = Some(value);
                let this = Names::of(&[known]);
                self.given = if value.is_null() { self.given.without(this) } else { self.given.or(this) };
            }
        }
    }

    /// The value that the document gives the parameter; `null` is the same as none.
    pub fn get(&self, name: Name) -> Option<Value<'a>> {
        self.values[name as usize].filter(|value| !value.is_null())
    }

    /// The parameters that the document gives a value.
    pub fn given(&self) -> Names {
        self.given
    }

    /// Those of `names` to which the two documents do not give the same text as value.
    pub fn differences(&self, other: &Document<'_>, names: Names) -> Names {
        let differs = |name: &Name| self.get(*name) != other.get(*name);
        let given = self.given.or(other.given).and(names);
        given.iter().filter(differs).fold(Names::default(), Names::with)
    }

    /// What is wrong with the names in the document.
    pub fn problems(&self) -> &[Problem<'a>] {
        &self.problems
    }
}
