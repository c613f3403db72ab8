//! The request over the configuration: parameter by parameter, the request wins.
//!
//! `null` is the same as absent, in the request too: a `null` there leaves the configuration's value standing.
//! Only the value that wins is read, so a configuration may hold a value that each request replaces.
//!
//! `content` and `content-base64` are two ways to say one thing. When the request gives either, the
//! configuration's content is dropped, whichever way it was given; both in one document are an error.

use super::{Document, Source};
use crate::catalogue::{Name, Names};
use crate::json::Value;

/// A parameter's value and where it stood.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The value; never `null`.
    pub value: Value<'a>,
    /// The document it stood in.
    pub source: Source,
    /// It is a string without escapes.
    pub is_plain: bool,
}

/// The two documents as one.
#[derive(Clone, Copy)]
pub struct Merged<'m, 'a> {
    config: &'m Document<'a>,
    request: &'m Document<'a>,
}

impl<'m, 'a> Merged<'m, 'a> {
    /// Lays `request` over `config`.
    pub fn new(config: &'m Document<'a>, request: &'m Document<'a>) -> Self {
        Merged { config, request }
    }

    /// The value of the parameter and where it stood, if it stands in either document.
    pub fn get(&self, name: Name) -> Option<Given<'a>> {
        let from = |document: &Document<'a>, source| {
            document.get(name).map(|value| Given { value, source, is_plain: document.is_plain(name) })
        };
        if let Some(given) = from(self.request, Source::Request) {
            return Some(given);
        }
        let other_content = match name {
            Name::Content => Some(Name::ContentBase64),
            Name::ContentBase64 => Some(Name::Content),
            _ => None,
        };
        if other_content.is_some_and(|other| self.request.get(other).is_some()) {
            return None;
        }
        from(self.config, Source::Configuration)
    }

    /// What stands in the request or in the configuration; content that the request replaces with content of the
    /// other kind is among it.
    pub fn given(&self) -> Names {
        self.config.given().or(self.request.given())
    }

    /// Whether the parameter stands in either document.
    pub fn has(&self, name: Name) -> bool {
        self.get(name).is_some()
    }
}
