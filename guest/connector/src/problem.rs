//! What is wrong with a configuration and a request: everything, in one message.
//!
//! All words about it are here, those about single values included: what was [`Got`], and what the parameter [`Wants`]. The
//! rooms that read values say which of them hold, and with which limits.

mod got;
mod rule;
mod url;
mod wants;

use std::borrow::Cow;
use std::fmt;

use mqtt_connector_contract::shown::{self, Shown};

use crate::catalogue::{Known, Name, Parameter, Tip};
use crate::document::{Document, DocumentFault, NameFault, Source};

pub use got::Got;
pub use rule::Rule;
pub use url::{AddressFault, BrokerFault, ProxyFault};
pub use wants::Wants;

/// How many problems one message lists; of more, it says how many.
pub const MOST_LISTED: usize = 40;

/// One thing that is wrong, displayed as a clause without a full stop.
#[derive(Clone)]
pub enum Problem<'a> {
    /// The text is not one JSON object.
    Document {
        /// Which text.
        source: Source,
        /// What it is instead.
        fault: DocumentFault,
    },
    /// No parameter has this name.
    Unknown {
        /// The name as it was given.
        name: Cow<'a, str>,
        /// Where it stood.
        source: Source,
        /// Which names there are; the nearest is looked for only when the problem is displayed.
        known: Known,
    },
    /// The name stands in one object more than once.
    Twice {
        /// The name.
        name: Cow<'a, str>,
        /// Where it stood.
        source: Source,
    },
    /// A required parameter stands neither in the configuration nor in the request.
    Missing {
        /// The parameter.
        name: Name,
    },
    /// A required member of `will` is not there.
    MissingInWill {
        /// Its name, `will.` included.
        name: &'static str,
        /// Where the will stood.
        source: Source,
    },
    /// The value is not what the parameter wants.
    Wrong {
        /// The parameter, or a member of `will`.
        name: &'static str,
        /// Where it stood.
        source: Source,
        /// What it got.
        got: Got<'a>,
        /// What it wants.
        wants: Wants,
    },
    /// The value is right in itself, but not together with others.
    Rule {
        /// The parameter to look at.
        name: &'static str,
        /// Where it stood; `None` when it is not there at all, which is what is wrong then.
        source: Option<Source>,
        /// The rule.
        rule: Rule,
    },
}

impl<'a> Problem<'a> {
    /// What is wrong with the names in a document.
    pub fn of_names(source: Source, document: &Document<'a>) -> impl Iterator<Item = Self> {
        document.faults().iter().map(move |fault| match fault {
            NameFault::Unknown(name) => {
                Problem::Unknown { name: name.clone(), source, known: Known::Parameters }
            }
            NameFault::Repeated(name) => Problem::Twice { name: name.clone(), source },
        })
    }
}

impl fmt::Display for Problem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Document { source, fault } => write!(f, "{source} {fault}"),
            Problem::Unknown { name, source, known } => {
                let suggestion = match known.tip(name) {
                    Some(Tip::Instead(clause)) => {
                        let name = Shown::quoted(name, shown::VALUE);
                        return write!(f, "{name} in {source} is unknown: {clause}");
                    }
                    Some(Tip::Called(called)) => known.called(called),
                    None => known.nearest(name),
                };
                let name = Shown::quoted(name, shown::VALUE);
                match suggestion {
                    Some(known) => write!(f, "{name} in {source} is unknown (did you mean {known}?)"),
                    None => write!(f, "{name} in {source} is unknown, and no parameter has a name like it"),
                }
            }
            Problem::Twice { name, source } => {
                write!(f, "{} stands in {source} more than once", Shown::quoted(name, shown::VALUE))
            }
            Problem::Missing { name } => {
                let Parameter { name, example, .. } = name.parameter();
                write!(
                    f,
                    "{name} is missing: give it in the configuration or the request, for example {example}"
                )
            }
            Problem::MissingInWill { name, source } => write!(f, "{name} is missing in {source}"),
            Problem::Wrong { name, source, got, wants } => {
                write!(f, "{name} in {source} got {got}, wants {wants}")?;
                match got.stray().filter(|_| wants.is_of_bare_value()) {
                    Some(stray) => write!(f, ", and no white space around it: it {stray}"),
                    None => Ok(()),
                }
            }
            Problem::Rule { name, source: Some(source), rule } => write!(f, "{name} in {source}: {rule}"),
            Problem::Rule { name, source: None, rule } => write!(f, "{name} {rule}"),
        }
    }
}

/// Every problem of a configuration and a request; never empty.
pub struct Invalid<'a>(pub Vec<Problem<'a>>);

impl fmt::Display for Invalid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("Not sent: ")?,
            several => write!(f, "Not sent, {several} problems: ")?,
        }
        for (index, problem) in self.0.iter().take(MOST_LISTED).enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            problem.fmt(f)?;
        }
        match self.0.len().saturating_sub(MOST_LISTED) {
            0 => f.write_str("."),
            more => write!(f, "; and {more} more."),
        }
    }
}
