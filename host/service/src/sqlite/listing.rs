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
use crate::execution::{Id, Status};
use crate::query::{Cursor, Filling, Page, Query};

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

/// What runs: each stands in its index, and nothing else.
const RUNNING: &str = "(SELECT * FROM executions INDEXED BY running WHERE queue = 4)";

/// What is accepted and waits, whatever for: what has ended, be it ever so much, is not looked at.
const WAITING: &str = "(\
    SELECT * FROM executions INDEXED BY ready WHERE queue = 0 \
    UNION ALL SELECT * FROM executions INDEXED BY delayed WHERE queue = 1 \
    UNION ALL SELECT * FROM executions INDEXED BY by_ordering_key WHERE ordering_key IS NOT NULL AND queue < 5 AND queue = 2 \
    UNION ALL SELECT * FROM executions INDEXED BY to_be_retried WHERE queue = 3)";

/// What was accepted at a time or later has an identifier of then or later: whatever is in a row before the first of them is not looked at.
const NOT_BEFORE: &str = "seq >= (SELECT min(seq) FROM executions INDEXED BY by_id WHERE id >= ?)";

/// The executions that a query asks for.
pub(super) fn list(connection: &Connection, query: &Query) -> rusqlite::Result<Page> {
    let (statement, values) = select(query, query.page_size().saturating_add(1));
    let mut statement = connection.prepare_cached(&statement)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let (mut page, mut last) = (Filling::new(query), None);
    while let Some(row) = rows.next()? {
        if !page.takes(read(row)?) {
            return Ok(Page::new(page.executions, last.map(Cursor::before)));
        }
        last = u64::try_from(row.get::<_, i64>(0)?).ok();
    }
    Ok(Page::new(page.executions, None))
}

/// The statement for a query, with its values: for so many rows at most.
fn select(query: &Query, most: u32) -> (String, Vec<Value>) {
    let Query { tenant, status, dead_letters, since, topic, cursor, limit: _ } = query;
    let conditions = [
        ("tenant = ?", tenant.clone().map(Value::from)),
        ("status = ?", status.map(|status| status_number(status).into())),
        ("accepted >= ?", since.map(|since: Timestamp| since.milliseconds().into())),
        (NOT_BEFORE, since.map(|since| Id::earliest(since).as_bytes().to_vec().into())),
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
    let from = match status {
        Some(Status::Running) => RUNNING,
        // Of all tenants they would have to be sorted first, however few are asked for.
        Some(Status::Accepted) if tenant.is_some() => WAITING,
        _ => "executions",
    };
    (format!("SELECT {COLUMNS} FROM {from} WHERE {wanted} ORDER BY seq DESC LIMIT {most}"), values)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::super::queue::Queue;
    use super::super::rows::{insert, update};
    use super::*;
    use crate::{Execution, Options, Request};

    /// How many rows there are, and how many steps SQLite takes for them.
    fn steps_of(connection: &Connection, query: &Query) -> (usize, i32) {
        let (statement, values) = select(query, 10);
        let mut statement = connection.prepare(&statement).unwrap();
        let count = statement.query_map(params_from_iter(values), |_| Ok(())).unwrap().count();
        (count, statement.get_status(StatementStatus::VmStep))
    }

    #[test]
    fn to_list_what_was_accepted_since_takes_no_longer_for_what_was_before() {
        let at = |milliseconds| Timestamp::from_milliseconds(1_795_933_800_000 + milliseconds);
        let steps_beside = |before: i64, tenant: Option<&str>| {
            let directory = tempfile::tempdir().unwrap();
            let path = schema::make(&directory.path().join("executions.db")).unwrap();
            let connection = schema::connect(&path).unwrap();
            for time in (-before..3).map(at) {
                let request = Request::parse("{}").unwrap();
                let execution = Execution::new("acme".into(), request, Options::default(), time);
                let execution = Execution { id: Id::earliest(time), ..execution };
                insert(&connection, &execution, Queue::Ended, None).unwrap();
            }
            let query = Query { tenant: tenant.map(str::to_owned), since: Some(at(0)), ..Query::default() };
            let listed = list(&connection, &query).unwrap().executions;
            let accepted: Vec<_> = listed.iter().map(|execution| execution.accepted).collect();
            assert_eq!(accepted, [at(2), at(1), at(0)]);
            steps_of(&connection, &query)
        };
        for tenant in [None, Some("acme")] {
            assert_eq!(steps_beside(1000, tenant), steps_beside(1, tenant), "{tenant:?}");
        }
    }

    #[test]
    fn to_list_what_has_not_ended_takes_no_longer_for_what_has() {
        let directory = tempfile::tempdir().unwrap();
        let path = schema::make(&directory.path().join("executions.db")).unwrap();
        let connection = schema::connect(&path).unwrap();
        let add = |queue: Queue, change: fn(&mut Execution)| {
            let request = Request::parse("{}").unwrap();
            let mut execution = Execution::new("acme".into(), request, Options::default(), Timestamp::now());
            let seq = insert(&connection, &execution, queue, None).unwrap();
            change(&mut execution);
            update(&connection, seq, None, &execution, queue.into()).unwrap();
            execution.id
        };
        let ready = add(Queue::Ready, |_| {});
        let delayed = add(Queue::Delayed, |_| {});
        let running = add(Queue::Running, |execution| execution.begin(None, Timestamp::now()));
        let of = |tenant: Option<&str>, status| {
            let status = Some(status);
            Query { tenant: tenant.map(str::to_owned), status, ..Query::default() }
        };
        let acme = Some("acme");
        let wanted =
            [(of(acme, Status::Accepted), vec![delayed, ready]), (of(acme, Status::Running), vec![running])];
        let wanted =
            wanted.into_iter().chain([(of(None, Status::Running), vec![running])]).collect::<Vec<_>>();
        let steps = || {
            let steps = wanted.iter().map(|(query, ids)| {
                let listed = list(&connection, query).unwrap().executions;
                assert_eq!(listed.iter().map(|execution| execution.id).collect::<Vec<_>>(), *ids);
                steps_of(&connection, query)
            });
            steps.collect::<Vec<_>>()
        };
        let before = steps();
        connection.execute_batch("BEGIN").unwrap();
        for _ in 0..1000 {
            add(Queue::Ended, |execution| assert!(execution.cancel(Timestamp::now()).unwrap()));
        }
        connection.execute_batch("COMMIT").unwrap();
        assert_eq!(steps(), before);
    }
}
