//! [`SqliteStore`]: executions in one file of SQLite, which needs nothing else.
//!
//! - `schema`: the tables, and how a file gets the newest ones; `lock`: one process carries out what a file holds.
//! - `rows`: an execution as a row, and back; `queue`: which executions may be claimed.
//! - `writer`: the thread that writes, and makes what came together durable together; `turns`: whose work is next.
//! - `operations`: what [`Store`] promises, as work for the writer; `listing`: what is only read.
//! - `memory`: what the process knows besides: claims, waiting callers; `ready`: who has executions to claim.

mod clocks;
mod listing;
mod lock;
mod memory;
mod operations;
mod queue;
mod ready;
mod rows;
mod schema;
mod turns;
mod writer;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::ErrorCode;

pub use schema::OpenError;

use crate::Timestamp;
use crate::backlog::Backlog;
use crate::error::{ChangeError, StoreError};
use crate::execution::{Execution, Id};
use crate::query::{Page, Query};
use crate::store::{Accepted, New, Pending, Store};
use clocks::Clocks;
use listing::Readers;
use lock::Lock;
use memory::Memory;
use operations::Limits;
use writer::Writer;

/// Executions in one file of SQLite: durable before it answers, on one machine, without anything else.
///
/// What comes together is made durable together, with one flush to the disk (`synchronous=FULL`, in a write-ahead log beside the file,
/// `NAME-wal`). Nobody but the user may read the file (mode 0600). One process at a time carries out what it holds
/// ([`open`](Self::open), which takes a lock, `NAME-lock`); others may look and change beside it ([`open_beside`](Self::open_beside)).
///
/// Dropping it waits until what was begun is written.
pub struct SqliteStore {
    // In the order in which they are dropped: the lock is the last.
    writer: Writer,
    readers: Readers,
    memory: Arc<Memory>,
    backlog: Arc<Backlog>,
    limits: Limits,
    clocks: Clocks,
    _lock: Option<Lock>,
}

impl SqliteStore {
    /// The store in the file at `path`, which is made if it is not there.
    ///
    /// Executions that were running when the last process that had it open was gone have ended, or are accepted again: see [`Store`].
    ///
    /// # Errors
    ///
    /// Another process has it open, it has a second name (a hard link), it is something else, or it cannot be read and written.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::builder(path).open()
    }

    /// The store in the file at `path`, to look at and to change beside the process that carries executions out, if there is one.
    /// It is not for [`Executions`](crate::Executions).
    ///
    /// # Errors
    ///
    /// There is no such file, it has a second name (a hard link), it is something else, or it cannot be read and written.
    pub fn open_beside(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let SqliteStoreBuilder { path, limits } = Self::builder(path);
        let path = schema::stands(&path)?;
        let connection = schema::connect(&path)?;
        Self::with(&path, connection, limits, None)
    }

    /// Starts with the defaults.
    pub fn builder(path: impl AsRef<Path>) -> SqliteStoreBuilder {
        SqliteStoreBuilder { path: path.as_ref().to_owned(), limits: Limits::default() }
    }

    fn with(
        path: &Path,
        connection: rusqlite::Connection,
        limits: Limits,
        lock: Option<Lock>,
    ) -> Result<Self, OpenError> {
        let memory = Arc::new(Memory::default());
        memory.mark_ready(queue::tenants(&connection).map_err(|error| OpenError::unusable(path, &error))?);
        memory.set_unfinished(
            queue::unfinished(&connection).map_err(|error| OpenError::unusable(path, &error))?,
        );
        let readers = Readers::new(path);
        let writer = Writer::start(connection, path, Arc::clone(&memory))?;
        Ok(Self {
            writer,
            readers,
            memory,
            backlog: Arc::default(),
            limits,
            clocks: Clocks::new(),
            _lock: lock,
        })
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Builds a [`SqliteStore`].
#[derive(Debug)]
pub struct SqliteStoreBuilder {
    path: PathBuf,
    limits: Limits,
}

impl SqliteStoreBuilder {
    /// How long an execution is kept after it has ended. Default: 7 days.
    ///
    /// It is measured by the calendar, and not faster than time passes: a clock that jumps ahead while the process runs forgets nothing.
    #[must_use]
    pub fn retention(mut self, retention: Duration) -> Self {
        self.limits.retention = retention;
        self
    }

    /// How large the file may be, in bytes, before nothing more is accepted ([`StoreError::Full`]); what is accepted already is carried
    /// out all the same, for which it may grow a little. Default: 4 GiB.
    #[must_use]
    pub fn size(mut self, bytes: u64) -> Self {
        self.limits.size = bytes;
        self
    }

    /// Opens it: see [`SqliteStore::open`].
    ///
    /// # Errors
    ///
    /// As for [`SqliteStore::open`].
    pub fn open(self) -> Result<SqliteStore, OpenError> {
        let Self { path, limits } = self;
        let path = schema::make(&path)?;
        let lock = Lock::take(&path)?;
        let mut connection = schema::connect(&path)?;
        operations::recover(&mut connection, Timestamp::now())
            .map_err(|error| OpenError::unusable(&path, &error))?;
        SqliteStore::with(&path, connection, limits, Some(lock))
    }
}

impl Store for SqliteStore {
    fn accept_within(&self, new: New, most_waiting: u32) -> Pending<'_, Accepted> {
        Box::pin(self.accept_new(new, most_waiting))
    }

    fn get(&self, id: Id) -> Pending<'_, Option<Execution>> {
        Box::pin(self.readers.read(move |connection| rows::find(connection, id)))
    }

    fn list(&self, query: Query) -> Pending<'_, Page> {
        Box::pin(self.readers.read(move |connection| listing::list(connection, &query)))
    }

    fn tenants(&self) -> Vec<Arc<str>> {
        self.memory.ready()
    }

    fn claim<'a>(&'a self, tenant: &'a str, most: usize) -> Pending<'a, Vec<Execution>> {
        Box::pin(self.claim_of(tenant, most))
    }

    fn release(&self, id: Id) {
        self.memory.release(id);
    }

    fn begin<'a>(&'a self, execution: &'a Execution, may_be_repeated: bool) -> Pending<'a, bool> {
        Box::pin(self.begin_claimed(execution, may_be_repeated))
    }

    fn settle<'a>(&'a self, execution: &'a Execution, due: Option<Timestamp>) -> Pending<'a, ()> {
        Box::pin(self.settle_claimed(execution, due))
    }

    fn cancel<'a>(
        &'a self,
        tenant: Option<&'a str>,
        id: Id,
        now: Timestamp,
    ) -> Pending<'a, Execution, ChangeError> {
        Box::pin(self.cancel_of(tenant, id, now))
    }

    fn retry<'a>(
        &'a self,
        tenant: Option<&'a str>,
        id: Id,
        now: Timestamp,
    ) -> Pending<'a, Execution, ChangeError> {
        Box::pin(self.retry_of(tenant, id, now))
    }

    fn tidy(&self, now: Timestamp) -> Pending<'_, Option<Timestamp>> {
        Box::pin(self.tidy_at(now))
    }

    fn changed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.memory.changed())
    }

    fn ended(&self, id: Id) -> Pin<Box<dyn Future<Output = Option<Execution>> + Send + '_>> {
        Box::pin(self.memory.waiting.ended(id))
    }

    fn fault(&self) -> Option<StoreError> {
        self.memory.health.fault()
    }
}

impl From<&rusqlite::Error> for StoreError {
    fn from(error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::NoRoom,
            // What SQLite says of itself, without a value: `Display` of the error could have a statement in it.
            Some(code) => Self::Unusable(format!("SQLite says {code:?}")),
            None => Self::Unusable("it holds what this version did not write".to_owned()),
        }
    }
}
