//! What [`Store`](crate::store::Store) promises, as work for the writer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior, params};

use super::memory::Claim;
use super::queue::{self, Queue};
use super::rows::Place;
use super::{SqliteStore, rows, schema};
use crate::Timestamp;
use crate::error::{ChangeError, StoreError};
use crate::execution::{Execution, Id};
use crate::store::{Accepted, New, RETENTION, SIZE};

/// How much is kept, and how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) retention: Duration,
    pub(super) size: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { retention: RETENTION, size: SIZE }
    }
}

/// The most executions that expire, or are forgotten, in one transaction.
const TIDIED: u32 = 1000;

/// An execution that may begin, with its row's number.
type MayBegin = (i64, Execution);

impl SqliteStore {
    pub(super) async fn accept_new(&self, new: New, most_waiting: u32) -> Result<Accepted, StoreError> {
        let (size, memory) = (self.limits.size, Arc::clone(&self.memory));
        let tenant = Arc::clone(&new.execution.tenant);
        let whose = Arc::clone(&tenant);
        // Until this is answered: it is counted by then.
        let place = self.backlog.place(&tenant, most_waiting, || memory.unfinished(&tenant));
        let refused = place.as_ref().err().cloned();
        let work = move |connection: &Connection| {
            let New { execution, idempotency_key } = new;
            if let Some(key) = &idempotency_key
                && let Some((id, is_same)) = rows::find_by_key(connection, key, &execution)?
            {
                let before = if is_same { rows::find(connection, id)? } else { None };
                return Ok(Ok((
                    before.map_or(Accepted::Other(id), |before| Accepted::Before(Box::new(before))),
                    None,
                )));
            }
            if let Some(refused) = refused {
                return Ok(Err(refused));
            }
            if used(connection)? >= size {
                return Ok(Err(StoreError::Full { bytes: size }));
            }
            let queue = Queue::of_new(connection, &execution)?;
            let seq = rows::insert(connection, &execution, queue, idempotency_key.as_deref())?;
            Ok(Ok((Accepted::New, (queue == Queue::Ready).then_some((seq, execution)))))
        };
        let then = move |accepted: &mut Result<(Accepted, Option<MayBegin>), StoreError>| {
            let Ok((accepted, ready)) = accepted else { return };
            if matches!(accepted, Accepted::New) {
                memory.accepted(&tenant);
            }
            if let Some((seq, execution)) = ready.take() {
                memory.mark_accepted(seq, execution);
            }
        };
        let accepted = self.writer.write(&whose, work, then).await?;
        drop(place);
        Ok(accepted?.0)
    }

    pub(super) async fn claim_of(&self, tenant: &str, most: usize) -> Result<Vec<Execution>, StoreError> {
        let (memory, tenant) = (Arc::clone(&self.memory), Arc::<str>::from(tenant));
        if let Some(claimed) = memory.claim_accepted(&tenant, most) {
            return Ok(claimed);
        }
        let whose = Arc::clone(&tenant);
        let look = move |connection: &Connection| {
            memory.claim_found(&tenant, most, || {
                let numbers = queue::ready(connection, &tenant, most, |seq| memory.is_claimed(seq))?;
                let found = numbers.into_iter().filter_map(|seq| {
                    rows::load(connection, seq).transpose().map(|loaded| Ok((seq, loaded?)))
                });
                found.collect()
            })
        };
        self.writer.look(&whose, look).await
    }

    pub(super) async fn begin_claimed(
        &self,
        execution: &Execution,
        may_be_repeated: bool,
    ) -> Result<bool, StoreError> {
        let Some(Claim { seq, .. }) = self.memory.claim_of(execution.id) else { return Ok(false) };
        let (execution, memory) = (execution.clone(), Arc::clone(&self.memory));
        let whose = Arc::clone(&execution.tenant);
        let work = move |connection: &Connection| {
            let place = Place { may_be_repeated: Some(may_be_repeated), ..Queue::Running.into() };
            rows::update(connection, seq, None, &execution, place)
        };
        self.writer.write(&whose, work, move |_| memory.begun(seq)).await
    }

    pub(super) async fn settle_claimed(
        &self,
        execution: &Execution,
        due: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let Some(Claim { seq, .. }) = self.memory.claim_of(execution.id) else { return Ok(()) };
        let memory = Arc::clone(&self.memory);
        let (id, tenant) = (execution.id, Arc::clone(&execution.tenant));
        let whose = Arc::clone(&tenant);
        if let Some(ended) = execution.ended {
            self.clocks.ended(ended);
        }
        let execution = execution.clone();
        let work = move |connection: &Connection| {
            let queue = Queue::of(&execution, due);
            let is_written = rows::update(connection, seq, None, &execution, Place { due, ..queue.into() })?;
            let has_ended = is_written && execution.status.is_final();
            let is_ready = has_ended && queue::pass_on(connection, &execution)? || queue == Queue::Ready;
            Ok((is_ready, has_ended.then_some(execution)))
        };
        let then = move |(is_ready, ended): &mut (bool, Option<Execution>)| {
            memory.settled(id);
            if ended.is_some() {
                memory.ended(&tenant);
            }
            if *is_ready {
                memory.mark_ready([tenant]);
            }
            if let Some(execution) = ended.take() {
                memory.waiting.wake_with(id, || execution);
            }
        };
        self.writer.write(&whose, work, then).await.map(drop)
    }

    pub(super) async fn cancel_of(
        &self,
        tenant: Option<&str>,
        id: Id,
        now: Timestamp,
    ) -> Result<Execution, ChangeError> {
        let (tenant, memory) = (tenant.map(Arc::<str>::from), Arc::clone(&self.memory));
        let whose = tenant.clone().unwrap_or_else(the_stores_own);
        self.clocks.ended(now);
        let work = move |connection: &Connection| {
            let cancelled = change(connection, tenant.as_deref(), id, |execution| execution.cancel(now))?;
            let (execution, has_ended) = match cancelled {
                Ok(cancelled) => cancelled,
                Err(error) => return Ok(Err(error)),
            };
            let is_ready = queue::pass_on(connection, &execution)?;
            Ok(Ok((execution, has_ended, is_ready)))
        };
        let then = move |cancelled: &mut Result<(Execution, bool, bool), ChangeError>| {
            if let Ok((execution, has_ended, is_ready)) = cancelled {
                memory.mark_ended(id);
                if *has_ended {
                    memory.ended(&execution.tenant);
                }
                if *is_ready {
                    memory.mark_ready([Arc::clone(&execution.tenant)]);
                }
            }
        };
        Ok(self.writer.write(&whose, work, then).await??.0)
    }

    pub(super) async fn retry_of(
        &self,
        tenant: Option<&str>,
        id: Id,
        now: Timestamp,
    ) -> Result<Execution, ChangeError> {
        let (tenant, memory) = (tenant.map(Arc::<str>::from), Arc::clone(&self.memory));
        let whose = tenant.clone().unwrap_or_else(the_stores_own);
        let work = move |connection: &Connection| {
            let new = match change(connection, tenant.as_deref(), id, |execution| execution.retry(now))? {
                Ok((_, new)) => new,
                Err(error) => return Ok(Err(error)),
            };
            let queue = Queue::of_new(connection, &new)?;
            rows::insert(connection, &new, queue, None)?;
            Ok(Ok(new))
        };
        let then = move |retried: &mut Result<Execution, ChangeError>| {
            if let Ok(new) = retried {
                memory.accepted(&new.tenant);
                memory.mark_ready([Arc::clone(&new.tenant)]);
            }
        };
        self.writer.write(&whose, work, then).await?
    }

    pub(super) async fn tidy_at(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        // What has expired ends now.
        self.clocks.ended(now);
        let forgotten = self.clocks.forgotten(now, self.limits.retention);
        let memory = Arc::clone(&self.memory);
        // Nobody else may write any more who would find out that it can be done again.
        let looks_ill = memory.health.fault().is_some();
        let work = move |connection: &Connection| {
            let mut ready = queue::let_begin(connection, now)?;
            let (expired, passed_on) = expire(connection, now)?;
            ready.extend(passed_on);
            let is_more = forget(connection, forgotten)? | (expired.len() >= TIDIED as usize);
            let next = if is_more { Some(now) } else { queue::next(connection)? };
            if looks_ill {
                schema::touch(connection)?;
            }
            Ok((ready, expired, next))
        };
        let then = move |(ready, expired, _): &mut (Vec<Arc<str>>, Vec<Execution>, Option<Timestamp>)| {
            memory.mark_ready(ready.iter().cloned());
            for execution in expired {
                memory.ended(&execution.tenant);
                memory.mark_ended(execution.id);
            }
            if looks_ill {
                memory.health.written(Instant::now());
            }
        };
        let (_, _, next) = self.writer.write(&the_stores_own(), work, then).await?;
        self.look_for_others().await?;
        Ok(next)
    }

    /// Whether another process has changed the file: what it has made ready is found then, and who waits looks again.
    async fn look_for_others(&self) -> Result<(), StoreError> {
        let memory = Arc::clone(&self.memory);
        let look = move |connection: &Connection| {
            let version: i64 = connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
            if memory.is_changed_by_others(version) {
                memory.mark_ready(queue::tenants(connection)?);
                memory.set_unfinished(queue::unfinished(connection)?);
                memory.waiting.wake_all();
            }
            Ok(())
        };
        self.writer.look(&the_stores_own(), look).await
    }
}

/// Whose turn it is when the store does something for no tenant.
fn the_stores_own() -> Arc<str> {
    Arc::from("")
}

/// Changes an execution of `tenant`, and answers what it is now, with what the change has answered.
fn change<T>(
    connection: &Connection,
    tenant: Option<&str>,
    id: Id,
    change: impl FnOnce(&mut Execution) -> Result<T, ChangeError>,
) -> rusqlite::Result<Result<(Execution, T), ChangeError>> {
    let found = rows::find_row(connection, id)?;
    let theirs = found.filter(|(_, execution)| tenant.is_none_or(|tenant| *tenant == *execution.tenant));
    let Some((seq, mut execution)) = theirs else { return Ok(Err(ChangeError::Unknown(id))) };
    let ended = execution.ended;
    let changed = change(&mut execution);
    if changed.is_ok() {
        rows::update(connection, seq, ended, &execution, Queue::of(&execution, None).into())?;
    }
    Ok(changed.map(|answer| (execution, answer)))
}

/// How many bytes of the file are used.
fn used(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |pragma: &str| {
        connection.prepare_cached(pragma)?.query_row([], |row| row.get::<_, u32>(0)).map(u64::from)
    };
    let pages = number("PRAGMA page_count")?.saturating_sub(number("PRAGMA freelist_count")?);
    Ok(pages * number("PRAGMA page_size")?)
}

/// Ends executions whose time is over, up to [`TIDIED`]: which they are, and who has something ready for that.
fn expire(connection: &Connection, now: Timestamp) -> rusqlite::Result<(Vec<Execution>, Vec<Arc<str>>)> {
    let mut statement = connection.prepare_cached(
        "SELECT seq FROM executions WHERE expires IS NOT NULL AND queue < 4 AND expires <= ?1 LIMIT ?2",
    )?;
    let over = statement.query_map(params![now.milliseconds(), TIDIED], |row| row.get::<_, i64>(0))?;
    let (mut expired, mut ready) = (Vec::new(), Vec::new());
    for seq in over.collect::<Result<Vec<_>, _>>()? {
        let Some(mut execution) = rows::load(connection, seq)? else { continue };
        execution.expire(now);
        rows::update(connection, seq, None, &execution, Queue::of(&execution, None).into())?;
        if queue::pass_on(connection, &execution)? {
            ready.push(Arc::clone(&execution.tenant));
        }
        execution.request = None;
        expired.push(execution);
    }
    Ok((expired, ready))
}

/// Removes executions that had ended before `time`, up to [`TIDIED`]: whether there may be more.
fn forget(connection: &Connection, time: Timestamp) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT seq FROM executions WHERE ended IS NOT NULL AND ended < ?1 ORDER BY ended LIMIT ?2",
    )?;
    let old = statement.query_map(params![time.milliseconds(), TIDIED], |row| row.get::<_, i64>(0))?;
    let old = old.collect::<Result<Vec<_>, _>>()?;
    for seq in &old {
        connection.prepare_cached("DELETE FROM requests WHERE seq = ?1")?.execute([seq])?;
        connection.prepare_cached("DELETE FROM executions WHERE seq = ?1")?.execute([seq])?;
    }
    Ok(old.len() >= TIDIED as usize)
}

/// Finds executions that are running, whose worker is gone with the last process.
pub(super) fn recover(connection: &mut Connection, now: Timestamp) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let running: Vec<(i64, bool)> = {
        let mut statement =
            transaction.prepare("SELECT seq, coalesce(repeatable, false) FROM executions WHERE queue = 4")?;
        let running = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        running.collect::<Result<_, _>>()?
    };
    for (seq, may_be_repeated) in running {
        let Some(mut execution) = rows::load(&transaction, seq)? else { continue };
        execution.break_off(may_be_repeated, now);
        rows::update(&transaction, seq, None, &execution, Queue::of(&execution, None).into())?;
        queue::pass_on(&transaction, &execution)?;
    }
    transaction.commit()
}
