//! An execution as a row, and back.

use std::sync::Arc;

use mqtt_connector::Meta;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::queue::Queue;
use crate::Timestamp;
use crate::execution::{Attempt, Execution, Id, Options, Request, Status, fingerprint};

/// The columns that [`read`] reads, in their order.
pub(super) const COLUMNS: &str = "seq, id, tenant, status, topic, accepted, ended, not_before, expires, attempts, ordering_key, \
                                  history, exit_code, message, retry_of, retried_as, trace_context";

/// An execution out of a row of [`COLUMNS`], without its request.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Execution> {
    let exit_code: Option<i32> = row.get(12)?;
    let history: Option<String> = row.get(11)?;
    let attempts: Vec<Attempt> = match history {
        Some(history) => serde_json::from_str(&history).map_err(|error| foreign(11, error))?,
        None => Vec::new(),
    };
    let options = Options {
        not_before: time(row, 7)?,
        expires: time(row, 8)?,
        attempts: row.get(9)?,
        ordering_key: row.get(10)?,
    };
    Ok(Execution {
        id: Id::from_bytes(row.get(1)?),
        tenant: Arc::from(row.get_ref(2)?.as_str()?),
        status: status(row.get(3)?).ok_or(rusqlite::Error::IntegralValueOutOfRange(3, row.get(3)?))?,
        topic: row.get(4)?,
        accepted: Timestamp::from_milliseconds(row.get(5)?),
        ended: time(row, 6)?,
        options,
        attempts,
        meta: match exit_code {
            Some(exit_code) => Some(Meta { exit_code, message: row.get(13)? }),
            None => None,
        },
        retry_of: row.get::<_, Option<[u8; 16]>>(14)?.map(Id::from_bytes),
        retried_as: row.get::<_, Option<[u8; 16]>>(15)?.map(Id::from_bytes),
        trace_context: match row.get::<_, Option<String>>(16)? {
            Some(trace) => Some(serde_json::from_str(&trace).map_err(|error| foreign(16, error))?),
            None => None,
        },
        request: None,
    })
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_milliseconds))
}

/// A text that this version did not write.
fn foreign(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

/// The number of a status in a row.
const fn number(status: Status) -> i64 {
    match status {
        Status::Accepted => 0,
        Status::Running => 1,
        Status::Finished => 2,
        Status::Cancelled => 3,
        Status::Expired => 4,
    }
}

fn status(stored: i64) -> Option<Status> {
    Status::ALL.into_iter().find(|status| number(*status) == stored)
}

/// The number of a status in a row, for a condition.
pub(super) fn status_number(status: Status) -> i64 {
    number(status)
}

/// The execution with this identifier, with its request if that is kept.
pub(super) fn find(connection: &Connection, id: Id) -> rusqlite::Result<Option<Execution>> {
    Ok(find_row(connection, id)?.map(|(_, execution)| execution))
}

/// The execution with this identifier and its row's number, with its request if that is kept.
pub(super) fn find_row(connection: &Connection, id: Id) -> rusqlite::Result<Option<(i64, Execution)>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM executions WHERE id = ?1"))?;
    let found = statement.query_row([id.as_bytes()], |row| Ok((row.get(0)?, read(row)?))).optional()?;
    with_request(connection, found)
}

/// The execution in the row with this number, with its request if that is kept.
pub(super) fn load(connection: &Connection, seq: i64) -> rusqlite::Result<Option<Execution>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM executions WHERE seq = ?1"))?;
    let found = statement.query_row([seq], |row| Ok((seq, read(row)?))).optional()?;
    Ok(with_request(connection, found)?.map(|(_, execution)| execution))
}

fn with_request(
    connection: &Connection,
    found: Option<(i64, Execution)>,
) -> rusqlite::Result<Option<(i64, Execution)>> {
    let Some((seq, mut execution)) = found else { return Ok(None) };
    let mut statement = connection.prepare_cached("SELECT request FROM requests WHERE seq = ?1")?;
    let request: Option<String> = statement.query_row([seq], |row| row.get(0)).optional()?;
    execution.request = request.map(Request::parse).transpose().map_err(|error| foreign(0, error))?;
    Ok(Some((seq, execution)))
}

/// Adds an execution, and answers with its row's number.
pub(super) fn insert(
    connection: &Connection,
    execution: &Execution,
    queue: Queue,
    idempotency_key: Option<&str>,
) -> rusqlite::Result<i64> {
    let fingerprint = idempotency_key.map(|_| fingerprint(execution.id, execution));
    let mut statement = connection.prepare_cached(
        "INSERT INTO executions (id, tenant, status, queue, due, accepted, topic, not_before, expires, attempts, ordering_key, \
         idempotency_key, fingerprint, retry_of, trace_context) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?;
    let Options { not_before, expires, attempts, ordering_key } = &execution.options;
    let not_before = not_before.map(Timestamp::milliseconds);
    let due = if queue == Queue::Delayed { not_before } else { None };
    let trace_context = execution.trace_context.as_ref().map(serde_json::to_string).transpose();
    let trace_context = trace_context.map_err(|error| foreign(16, error))?;
    let seq = statement.insert(params![
        execution.id.as_bytes(),
        execution.tenant,
        number(execution.status),
        queue.number(),
        due,
        execution.accepted.milliseconds(),
        execution.topic,
        not_before,
        expires.map(Timestamp::milliseconds),
        attempts,
        ordering_key,
        idempotency_key,
        fingerprint,
        execution.retry_of.as_ref().map(Id::as_bytes),
        trace_context,
    ])?;
    if let Some(request) = &execution.request {
        let mut statement =
            connection.prepare_cached("INSERT INTO requests (seq, request) VALUES (?1, ?2)")?;
        statement.execute(params![seq, request.as_str()])?;
    }
    Ok(seq)
}

/// Where an execution stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) queue: Queue,
    /// When it is tried again.
    pub(super) due: Option<Timestamp>,
    /// Of one that is running: whether it may be sent again.
    pub(super) may_be_repeated: Option<bool>,
}

impl From<Queue> for Place {
    fn from(queue: Queue) -> Self {
        Self { queue, due: None, may_be_repeated: None }
    }
}

/// Writes what has become of an execution that had `ended` then, or not yet. Answers whether it was written, and not ended otherwise meanwhile.
pub(super) fn update(
    connection: &Connection,
    seq: i64,
    ended: Option<Timestamp>,
    execution: &Execution,
    place: Place,
) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "UPDATE executions SET status = ?2, queue = ?3, due = ?4, ended = ?5, topic = ?6, repeatable = ?7, history = ?8, \
         exit_code = ?9, message = ?10, retried_as = ?11 WHERE seq = ?1 AND ended IS ?12",
    )?;
    let history = serde_json::to_string(&execution.attempts).map_err(|error| foreign(11, error))?;
    let meta = execution.meta.as_ref();
    let rows = statement.execute(params![
        seq,
        number(execution.status),
        place.queue.number(),
        place.due.map(Timestamp::milliseconds),
        execution.ended.map(Timestamp::milliseconds),
        execution.topic,
        place.may_be_repeated,
        history,
        meta.map(|meta| meta.exit_code),
        meta.map(|meta| &meta.message),
        execution.retried_as.as_ref().map(Id::as_bytes),
        ended.map(Timestamp::milliseconds),
    ])?;
    let is_written = rows == 1;
    if is_written && execution.status.is_final() && execution.request.is_none() {
        connection.prepare_cached("DELETE FROM requests WHERE seq = ?1")?.execute([seq])?;
    }
    Ok(is_written)
}

/// The execution that a tenant's idempotency key belongs to, and whether its request and its options are those of `new`.
pub(super) fn find_by_key(
    connection: &Connection,
    key: &str,
    new: &Execution,
) -> rusqlite::Result<Option<(Id, bool)>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, fingerprint FROM executions WHERE tenant = ?1 AND idempotency_key = ?2",
    )?;
    let found = statement
        .query_row(params![new.tenant, key], |row| {
            Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    Ok(found.map(|(id, before)| {
        let id = Id::from_bytes(id);
        (id, before == fingerprint(id, new))
    }))
}
