//! [`Queue`]: which executions may be claimed, and what the others wait for.
//!
//! Of the executions of one tenant with one ordering key, one at most is ready, to be retried, or running: it *holds* the key. The others are
//! behind it, or delayed. When it has ended, the first one behind it is ready.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::Timestamp;
use crate::backoff;
use crate::execution::{Execution, Status};

/// What an execution waits for. The numbers stand in the file, and in the conditions of its indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    /// Nothing: it may be claimed.
    Ready,
    /// The time before which it is not to begin.
    Delayed,
    /// Another one with its ordering key.
    Behind,
    /// The time when it is tried again.
    ToBeRetried,
    /// Its worker.
    Running,
    /// Nothing: it has ended.
    Ended,
    /// Nothing, or that somebody carries it out again: it is a dead letter.
    Dead,
}

impl Queue {
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Ready => 0,
            Self::Delayed => 1,
            Self::Behind => 2,
            Self::ToBeRetried => 3,
            Self::Running => 4,
            Self::Ended => 5,
            Self::Dead => 6,
        }
    }

    /// Where an execution stands whose status has changed; `due` says when it may begin.
    pub(super) fn of(execution: &Execution, due: Option<Timestamp>) -> Self {
        match execution.status {
            Status::Accepted if due.is_some() => Self::ToBeRetried,
            Status::Accepted => Self::Ready,
            Status::Running => Self::Running,
            Status::Finished | Status::Cancelled | Status::Expired => {
                let is_dead = execution.is_open_dead_letter();
                if is_dead { Self::Dead } else { Self::Ended }
            }
        }
    }

    /// Where a new execution stands.
    pub(super) fn of_new(connection: &Connection, execution: &Execution) -> rusqlite::Result<Self> {
        if execution.options.not_before.is_some_and(|time| time > execution.accepted) {
            return Ok(Self::Delayed);
        }
        Self::when_due(connection, &execution.tenant, execution.options.ordering_key.as_deref())
    }

    /// Where an execution stands whose time has come.
    fn when_due(connection: &Connection, tenant: &str, ordering_key: Option<&str>) -> rusqlite::Result<Self> {
        match ordering_key {
            Some(key) if is_held(connection, tenant, key)? => Ok(Self::Behind),
            Some(_) | None => Ok(Self::Ready),
        }
    }
}

/// How many executions of each tenant have not ended, in parts. Each names its index: that of a tenant's executions would do without sorting, and
/// has all that have ended in it.
const UNFINISHED: &str = "\
    SELECT tenant, count(*) FROM executions INDEXED BY ready WHERE queue = 0 GROUP BY tenant \
    UNION ALL SELECT tenant, count(*) FROM executions INDEXED BY delayed WHERE queue = 1 GROUP BY tenant \
    UNION ALL SELECT tenant, count(*) FROM executions INDEXED BY by_ordering_key \
    WHERE ordering_key IS NOT NULL AND queue < 5 AND queue = 2 GROUP BY tenant \
    UNION ALL SELECT tenant, count(*) FROM executions INDEXED BY to_be_retried WHERE queue = 3 GROUP BY tenant \
    UNION ALL SELECT tenant, count(*) FROM executions INDEXED BY running WHERE queue = 4 GROUP BY tenant";

/// How many executions of each tenant have not ended.
pub(super) fn unfinished(connection: &Connection) -> rusqlite::Result<HashMap<Arc<str>, u64>> {
    let mut statement = connection.prepare_cached(UNFINISHED)?;
    let parts = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, u32>(1)?)))?;
    let mut counts = HashMap::new();
    for part in parts {
        let (tenant, count) = part?;
        *counts.entry(tenant).or_default() += u64::from(count);
    }
    Ok(counts)
}

/// Whether an execution holds the ordering key.
fn is_held(connection: &Connection, tenant: &str, key: &str) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM executions WHERE ordering_key IS NOT NULL AND queue < 5 AND tenant = ?1 AND ordering_key = ?2 \
         AND queue IN (0, 3, 4))",
    )?;
    statement.query_row([tenant, key], |row| row.get(0))
}

/// The first execution behind the one that holds the ordering key.
fn first_behind(connection: &Connection, tenant: &str, key: &str) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq FROM executions WHERE ordering_key IS NOT NULL AND queue < 5 AND tenant = ?1 AND ordering_key = ?2 AND queue = 2 \
         ORDER BY seq LIMIT 1",
    )?;
    statement.query_row([tenant, key], |row| row.get(0)).optional()
}

/// An execution has ended, or stands elsewhere: whoever is first behind it is ready, if nobody holds the key. Answers whether somebody is.
pub(super) fn pass_on(connection: &Connection, execution: &Execution) -> rusqlite::Result<bool> {
    let Some(key) = &execution.options.ordering_key else { return Ok(false) };
    if is_held(connection, &execution.tenant, key)? {
        return Ok(false);
    }
    let Some(next) = first_behind(connection, &execution.tenant, key)? else { return Ok(false) };
    put(connection, next, Queue::Ready)?;
    Ok(true)
}

fn put(connection: &Connection, seq: i64, queue: Queue) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare_cached("UPDATE executions SET queue = ?2, due = NULL WHERE seq = ?1")?;
    statement.execute([seq, queue.number()])?;
    Ok(())
}

/// The tenants that have executions that are ready.
pub(super) fn tenants(connection: &Connection) -> rusqlite::Result<Vec<Arc<str>>> {
    // From one tenant to the next in the index, however many executions each has.
    let mut statement =
        connection.prepare_cached("SELECT min(tenant) FROM executions WHERE queue = 0 AND tenant > ?1")?;
    let mut tenants = Vec::new();
    let mut last = String::new();
    while let Some(next) = statement.query_row([&last], |row| row.get::<_, Option<String>>(0))? {
        tenants.push(Arc::from(&*next));
        last = next;
    }
    Ok(tenants)
}

/// The numbers of a tenant's executions that are ready and not `claimed`, in the order in which they were accepted.
pub(super) fn ready(
    connection: &Connection,
    tenant: &str,
    most: usize,
    is_claimed: impl Fn(i64) -> bool,
) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection
        .prepare_cached("SELECT seq FROM executions WHERE queue = 0 AND tenant = ?1 ORDER BY seq")?;
    let numbers = statement.query_map([tenant], |row| row.get::<_, i64>(0))?;
    numbers.filter(|seq| seq.as_ref().map_or(true, |seq| !is_claimed(*seq))).take(most).collect()
}

/// The most executions that one call lets begin.
const DUE: u32 = 1000;

/// Lets executions begin whose time has come, up to [`DUE`] of each kind, and answers whose they are.
pub(super) fn let_begin(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<Arc<str>>> {
    let mut ready = Vec::new();
    let mut statement = connection.prepare_cached(
        "SELECT seq, tenant, ordering_key FROM executions WHERE queue = 1 AND due <= ?1 ORDER BY due, seq LIMIT ?2",
    )?;
    let due = statement.query_map(params![now.milliseconds(), DUE], |row| {
        Ok((row.get(0)?, row.get::<_, String>(1)?, row.get::<_, Option<String>>(2)?))
    })?;
    for (seq, tenant, key) in due.collect::<Result<Vec<_>, _>>()? {
        let queue = Queue::when_due(connection, &tenant, key.as_deref())?;
        put(connection, seq, queue)?;
        ready.push(Arc::from(tenant));
    }
    // A clock that was put back must not keep an execution longer than it was to wait.
    let latest = now.after(backoff::LONGEST);
    let mut statement = connection.prepare_cached(
        "SELECT seq, tenant, due FROM executions WHERE queue = 3 AND due <= ?1 \
         UNION ALL SELECT seq, tenant, due FROM executions WHERE queue = 3 AND due > ?2 ORDER BY due, seq LIMIT ?3",
    )?;
    let due = statement.query_map(params![now.milliseconds(), latest.milliseconds(), DUE], |row| {
        Ok((row.get(0)?, row.get::<_, String>(1)?))
    })?;
    for (seq, tenant) in due.collect::<Result<Vec<_>, _>>()? {
        put(connection, seq, Queue::Ready)?;
        ready.push(Arc::from(tenant));
    }
    Ok(ready)
}

/// When an execution is next to begin, or expires.
pub(super) fn next(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let mut statement = connection.prepare_cached(
        "SELECT min(time) FROM (SELECT min(due) AS time FROM executions WHERE queue = 1 \
         UNION ALL SELECT min(due) FROM executions WHERE queue = 3 \
         UNION ALL SELECT min(expires) FROM executions WHERE expires IS NOT NULL AND queue < 4)",
    )?;
    let next: Option<i64> = statement.query_row([], |row| row.get(0))?;
    Ok(next.map(Timestamp::from_milliseconds))
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::super::{rows, schema};
    use super::*;
    use crate::{Options, Request};

    #[test]
    fn to_count_what_has_not_ended_takes_no_longer_for_what_has() {
        let directory = tempfile::tempdir().unwrap();
        let path = schema::make(&directory.path().join("executions.db")).unwrap();
        let connection = schema::connect(&path).unwrap();
        let steps = || {
            let mut statement = connection.prepare(UNFINISHED).unwrap();
            let count = statement.query_map([], |_| Ok(())).unwrap().count();
            (count, statement.get_status(StatementStatus::VmStep))
        };
        let before = steps();
        connection.execute_batch("BEGIN").unwrap();
        for _ in 0..1000 {
            let request = Request::parse("{}").unwrap();
            let mut execution = Execution::new("acme".into(), request, Options::default(), Timestamp::now());
            let seq = rows::insert(&connection, &execution, Queue::Ready, None).unwrap();
            execution.cancel(Timestamp::now()).unwrap();
            rows::update(&connection, seq, None, &execution, Queue::Ended.into()).unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();
        assert_eq!(steps(), before);
    }
}
