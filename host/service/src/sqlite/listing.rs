//! What is only read: lists, and single executions.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::queue::Queue;
use super::rows::{COLUMNS, read, status_number};
use super::schema;
use crate::Timestamp;
use crate::error::StoreError;
use crate::query::{Cursor, Page, Query};

/// Connections that read, beside the one that writes.
pub(super) struct Readers {
    path: PathBuf,
    /// Those that nobody uses.
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    /// The most that are kept when nobody uses them.
    const IDLE: usize = 4;

    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Arc::default() }
    }

    /// Reads on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (path, idle) = (self.path.clone(), Arc::clone(&self.idle));
        let lock = |idle: &Mutex<Vec<Connection>>| idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reading = tokio::task::spawn_blocking(move || {
            let connection = match lock(&idle) {
                Some(connection) => connection,
                None => schema::connect_to_read(&path)?,
            };
            let answer = read(&connection);
            let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
            if answer.is_ok() && idle.len() < Self::IDLE {
                idle.push(connection);
            }
            answer
        });
        let answer = reading.await.map_err(|_| StoreError::Closed)?;
        answer.map_err(|error| StoreError::from(&error))
    }
}

/// The executions that a query asks for.
pub(super) fn list(connection: &Connection, query: &Query) -> rusqlite::Result<Page> {
    let Query { tenant, status, dead_letters, since, topic, cursor, limit: _ } = query;
    let conditions = [
        ("tenant = ?", tenant.clone().map(Value::from)),
        ("status = ?", status.map(|status| status_number(status).into())),
        ("accepted >= ?", since.map(|since: Timestamp| since.milliseconds().into())),
        ("topic = ?", topic.clone().map(Value::from)),
        ("seq < ?", cursor.as_ref().map(|cursor| i64::try_from(cursor.number()).unwrap_or(i64::MAX).into())),
    ];
    let mut wanted: Vec<&str> = Vec::new();
    let mut values = Vec::new();
    for (condition, value) in conditions {
        if let Some(value) = value {
            wanted.push(condition);
            values.push(value);
        }
    }
    // As literals, as in the condition of the index.
    let dead = format!("queue = {}", Queue::Dead.number());
    if *dead_letters {
        wanted.push(&dead);
    }
    let wanted = if wanted.is_empty() { "true".to_owned() } else { wanted.join(" AND ") };
    let size = usize::try_from(query.page_size()).unwrap_or(usize::MAX);
    let statement = format!(
        "SELECT {COLUMNS} FROM executions WHERE {wanted} ORDER BY seq DESC LIMIT {}",
        size.saturating_add(1)
    );
    let mut statement = connection.prepare_cached(&statement)?;
    let rows =
        statement.query_map(params_from_iter(values), |row| Ok((row.get::<_, i64>(0)?, read(row)?)))?;
    let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
    let is_more = rows.len() > size;
    rows.truncate(size);
    let last = rows.last().and_then(|(seq, _)| u64::try_from(*seq).ok());
    let cursor = last.filter(|_| is_more).map(Cursor::before);
    Ok(Page::new(rows.into_iter().map(|(_, execution)| execution).collect(), cursor))
}
