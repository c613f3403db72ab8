//! What can be wrong with a file of tenants.

use std::fmt;

use mqtt_connector_contract::shown::Shown;

use crate::tenant::{BrokerGrantError, DirectoryGrantError, TokenError, TopicFilterError};

/// How many faults are kept; the others are counted.
pub(super) const MOST_FAULTS: usize = 100;

/// What is wrong with a file of tenants; never nothing.
#[derive(Debug)]
pub struct TenantsError {
    pub(super) faults: Vec<TenantsFault>,
    /// How many there are besides.
    pub(super) more: usize,
}

/// One thing that is wrong with a file of tenants: `Display` says where (line and column), with which entry, and what.
#[derive(Debug)]
pub struct TenantsFault {
    pub(super) line: usize,
    pub(super) column: usize,
    /// As in `tenants.acme.limits`; empty when the file is not TOML.
    pub(super) entry: String,
    pub(super) reason: Reason,
}

/// How many faults one line shows.
const MOST_SHOWN: usize = 20;

/// No value of a configuration is in any of them.
#[derive(Debug, thiserror::Error)]
pub(super) enum Reason {
    #[error("the file has {0} bytes; at most 1 MiB is read")]
    TooLarge(usize),
    /// The parser's words, which hold nothing of the file.
    #[error("the file is not TOML: {0}")]
    Syntax(String),
    #[error("is not known{}; {known} are", suggested(*.nearest))]
    Unknown { nearest: Option<&'static str>, known: String },
    #[error("is not known here; a tenant is a table, as in [tenants.acme]")]
    UnknownAtTop,
    #[error("a tenant's name has 1 to 64 of the letters a to z and A to Z, digits, -, _ and .")]
    Name,
    #[error("wants {wants}, got {got}")]
    Kind { wants: &'static str, got: &'static str },
    #[error(transparent)]
    Broker(#[from] BrokerGrantError),
    #[error(transparent)]
    Topics(#[from] TopicFilterError),
    #[error("{}", .0.with_reason())]
    Directory(DirectoryGrantError),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("{0}")]
    Limit(String),
    #[error("{0} has no meaning in JSON, which the configuration is; a string may be meant")]
    NotJson(&'static str),
}

impl TenantsError {
    /// What is wrong, in the order of the file: at most 100 faults.
    #[must_use]
    pub fn faults(&self) -> &[TenantsFault] {
        &self.faults
    }

    /// How many faults there are besides [`faults`](Self::faults).
    #[must_use]
    pub fn more(&self) -> usize {
        self.more
    }
}

impl TenantsFault {
    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column, in characters, from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// What is wrong with which entry, without the place: on one line, and nothing that a terminal obeys.
    #[must_use]
    pub fn reason(&self) -> impl fmt::Display {
        let Self { entry, reason, .. } = self;
        let reason = if entry.is_empty() { reason.to_string() } else { format!("{entry}: {reason}") };
        Shown::plain(&reason, usize::MAX).to_string()
    }
}

impl fmt::Display for TenantsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.reason())
    }
}

impl fmt::Display for TenantsError {
    /// All in one line, at most 20.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().take(MOST_SHOWN).enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            fault.fmt(f)?;
        }
        match self.faults.len().saturating_sub(MOST_SHOWN) + self.more {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl std::error::Error for TenantsError {}

fn suggested(name: Option<&str>) -> String {
    name.map(|name| format!(" (did you mean {name}?)")).unwrap_or_default()
}
