//! A configuration or a request: JSON text → the values of the known parameters, unread.

use std::fmt;

use crate::parameters::{COUNT, Name};
use crate::problem::Problem;
use crate::value::{JsonType, Member, Value, check_syntax, members};

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
        let not_json = |error: &serde_json::Error| Problem::NotJson { source, error: error.to_string() };
        let start = text.trim_ascii_start();
        if start.is_empty() {
            return Err(Problem::Empty { source });
        }
        if !start.starts_with('{') {
            check_syntax(text).map_err(|error| not_json(&error))?;
            return Err(Problem::NotAnObject { source, got: JsonType::of(start) });
        }
        let members = members(text).map_err(|error| not_json(&error))?;
        let mut document = Document { values: [None; COUNT], problems: Vec::new() };
        for member in members {
            document.add(source, member);
        }
        Ok(document)
    }

    fn add(&mut self, source: Source, (name, value): Member<'a>) {
        match Name::find(&name) {
            None => self.problems.push(Problem::unknown_parameter(name, source)),
            Some(known) => {
                let slot = &mut self.values[known as usize];
                if slot.is_some() {
                    self.problems.push(Problem::Twice { name, source });
                }
                *slot = Some(value);
            }
        }
    }

    /// The value that the document gives the parameter; `null` is the same as none.
    pub fn get(&self, name: Name) -> Option<Value<'a>> {
        self.values[name as usize].filter(|value| !value.is_null())
    }

    /// What is wrong with the names in the document.
    pub fn problems(&self) -> &[Problem<'a>] {
        &self.problems
    }
}
