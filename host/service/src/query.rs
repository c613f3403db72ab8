//! [`Query`]: which executions are listed.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::Timestamp;
use crate::execution::{Execution, StageTime, Status};

/// Which executions are listed, and how many at a time. The newest, as they were accepted, is the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Only those of this tenant. Default: of all.
    pub tenant: Option<String>,
    /// Only those with this status. Default: with any.
    pub status: Option<Status>,
    /// Only dead letters: see [`Execution::is_dead_letter`]. Default: false.
    pub dead_letters: bool,
    /// Only those that were accepted at this time or later. Default: whenever.
    pub since: Option<Timestamp>,
    /// Only those with exactly this topic. Default: with any.
    pub topic: Option<String>,
    /// Where the page before ended. Default: the newest.
    pub cursor: Option<Cursor>,
    /// How many at most; more than [`Query::MOST`] are not listed at a time, and fewer where they are long. Default: 100.
    pub limit: Option<NonZeroU32>,
}

impl Query {
    /// The most that a page has.
    pub const MOST: u32 = 1000;

    /// How many a page has at most.
    #[must_use]
    pub fn page_size(&self) -> u32 {
        self.limit.map_or(100, NonZeroU32::get).min(Self::MOST)
    }
}

/// A page that takes one execution after another.
pub(crate) struct Filling {
    pub(crate) executions: Vec<Execution>,
    size: usize,
    bytes: usize,
}

impl Filling {
    /// How many bytes the executions of a page take at most, unless one alone takes more: who has long ones is not to have the process take
    /// all memory for a list of them.
    pub(crate) const LONGEST: usize = 4 << 20;

    /// The page of a query.
    pub(crate) fn new(query: &Query) -> Self {
        let size = usize::try_from(query.page_size()).unwrap_or(usize::MAX);
        Self { executions: Vec::new(), size, bytes: 0 }
    }

    /// Takes an execution, unless the page is full: answers whether it has.
    pub(crate) fn takes(&mut self, execution: Execution) -> bool {
        self.bytes += bytes(&execution);
        let has_room =
            self.executions.len() < self.size && (self.bytes <= Self::LONGEST || self.executions.is_empty());
        if has_room {
            self.executions.push(execution);
        }
        has_room
    }
}

/// What an execution takes in a list.
fn bytes(execution: &Execution) -> usize {
    let Execution { topic, options, attempts, meta, .. } = execution;
    let texts = [topic, &options.ordering_key].into_iter().flatten();
    let answers = attempts.iter().map(|attempt| &attempt.meta).chain([meta]).flatten();
    let stages: usize = attempts.iter().map(|attempt| attempt.stages.len()).sum();
    let texts = texts.chain(answers.map(|meta| &meta.message)).map(String::len).sum::<usize>();
    size_of::<Execution>() + size_of_val(attempts.as_slice()) + stages * size_of::<StageTime>() + texts
}

/// A part of a list.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Page {
    /// The executions, without their requests.
    pub executions: Vec<Execution>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}

impl Page {
    /// A part of a list.
    #[must_use]
    pub fn new(executions: Vec<Execution>, cursor: Option<Cursor>) -> Self {
        Self { executions, cursor }
    }
}

/// Where a page ends: a text, which only the store that gave it understands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema), schema(value_type = String))]
pub struct Cursor(u128);

impl Cursor {
    /// The cursor before the place `number`.
    #[must_use]
    pub fn before(number: impl Into<u128>) -> Self {
        Self(number.into())
    }

    /// The place that it stands before.
    #[must_use]
    pub fn number(&self) -> u128 {
        self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// A text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not a cursor: take the one that the page before ended with")]
pub struct CursorError;

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = is_digits.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        number.map(Self).ok_or(CursorError)
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use mqtt_connector::Meta;

    use super::*;
    use crate::execution::{Options, Request};

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        for number in [0_u128, 1, u128::MAX] {
            let cursor = Cursor::before(number);
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in ["", "-1", "+1", "100000000000000000000000000000000", "x", "1 "] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text}");
        }
    }

    #[test]
    fn a_page_has_no_more_bytes_than_it_may_and_one_execution_at_least() {
        let execution = |length: usize| {
            let request = Request::parse(format!(r#"{{"topic": "{}"}}"#, "t".repeat(length))).unwrap();
            Execution::new("acme".into(), request, Options::default(), Timestamp::now())
        };
        let query = Query { limit: NonZeroU32::new(1000), ..Query::default() };
        let mut page = Filling::new(&query);
        while page.takes(execution(65_000)) {}
        assert_eq!(page.executions.len(), 64);
        let mut page = Filling::new(&query);
        let mut long = execution(1);
        long.meta = Some(Meta { exit_code: 0, message: "m".repeat(Filling::LONGEST) });
        assert!(page.takes(long.clone()) && !page.takes(long));
        let mut page = Filling::new(&query);
        while page.takes(execution(1000)) {}
        assert_eq!(page.executions.len(), 1000);
    }

    #[test]
    fn a_page_has_a_bound() {
        assert_eq!(Query::default().page_size(), 100);
        let query = Query { limit: NonZeroU32::new(5000), ..Query::default() };
        assert_eq!(query.page_size(), 1000);
    }
}
