//! [`Writer`]: the thread that writes.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::memory::Memory;
use super::schema::OpenError;
use super::turns::Turns;
use crate::error::StoreError;
use crate::health::Health;

/// What is made durable together however long it takes, and the most of it.
const GROUP: std::ops::RangeInclusive<usize> = 16..=1024;

/// Nothing to write for so long: what was removed is removed from the write-ahead log, too.
const IDLE: Duration = Duration::from_secs(2);

/// One thread has the one connection that writes. What has come while it made the work before durable is made durable together: of each tenant in
/// turn, and no more than takes as long as a flush to the disk does. So whoever comes meanwhile waits for two flushes or so, be there
/// ever so much work, and at most half of the time goes to flushing. A tenant with one piece of work does not wait for another one's backlog: the
/// group ends when each of the others has had its share.
pub(super) struct Writer {
    jobs: Option<Sender<(Arc<str>, Job)>>,
    thread: Option<JoinHandle<()>>,
}

enum Job {
    /// Done in a transaction with others; what it answers with is called when that is durable, or has failed.
    Write(Work),
    /// Done between transactions: it sees what is durable, and nothing else.
    Look(Box<dyn FnOnce(&Connection) + Send>),
}

/// Without a connection it is not done, as the transaction has failed already.
type Work = Box<dyn FnOnce(Option<&Connection>) -> (rusqlite::Result<()>, Then) + Send>;

type Then = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

impl Writer {
    pub(super) fn start(connection: Connection, path: &Path, memory: Arc<Memory>) -> Result<Self, OpenError> {
        let (jobs, received) = channel();
        let thread = std::thread::Builder::new().name("executions".to_owned());
        let thread = thread.spawn(move || run(&connection, &received, &memory.health));
        let thread = thread.map_err(|error| OpenError::io(path, error))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Does `work` for `tenant` in a transaction, and answers when it is durable. Before that, `then` is called on the thread that writes.
    ///
    /// # Errors
    ///
    /// It could not be done, or not be made durable: nothing has changed, and `then` was not called. So it is for all that was
    /// done in the same transaction.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        tenant: &Arc<str>,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        then: impl FnOnce(&mut T) + Send + 'static,
    ) -> Result<T, StoreError> {
        let (tell, told) = oneshot::channel();
        let job = move |connection: Option<&Connection>| -> (rusqlite::Result<()>, Then) {
            match connection.map(work).transpose() {
                Ok(Some(mut value)) => {
                    let answer = move |committed: Result<(), StoreError>| {
                        let answer = committed.map(|()| {
                            then(&mut value);
                            value
                        });
                        // Whoever asked may have gone.
                        let _ = tell.send(answer);
                    };
                    (Ok(()), Box::new(answer))
                }
                not_done => {
                    let answer = move |committed: Result<(), StoreError>| {
                        let _ = tell.send(Err(committed.err().unwrap_or(StoreError::Closed)));
                    };
                    (not_done.map(drop), Box::new(answer))
                }
            }
        };
        self.push(tenant, Job::Write(Box::new(job)))?;
        told.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Looks for `tenant` at what is durable, on the thread that writes.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        tenant: &Arc<str>,
        look: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (tell, told) = oneshot::channel();
        let job = Job::Look(Box::new(move |connection| {
            let _ = tell.send(look(connection).map_err(|error| StoreError::from(&error)));
        }));
        self.push(tenant, job)?;
        told.await.unwrap_or(Err(StoreError::Closed))
    }

    fn push(&self, tenant: &Arc<str>, job: Job) -> Result<(), StoreError> {
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send((Arc::clone(tenant), job)).map_err(|_| StoreError::Closed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It panicked, and has said so.
            let _ = thread.join();
        }
    }
}

fn run(connection: &Connection, jobs: &Receiver<(Arc<str>, Job)>, health: &Health) {
    let mut turns = Turns::new();
    let mut looks = Vec::new();
    let mut is_clean = true;
    let mut flush = Duration::ZERO;
    // When it was last tried to make room, with nothing written since.
    let mut made_room: Option<Instant> = None;
    loop {
        if turns.is_empty() {
            match jobs.recv_timeout(IDLE) {
                Ok((tenant, job)) => turns.push(tenant, job),
                Err(RecvTimeoutError::Timeout) => {
                    if !is_clean {
                        is_clean = empty_log(connection);
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let mut transaction = None;
        let began = Instant::now();
        jobs.try_iter().for_each(|(tenant, job)| turns.push(tenant, job));
        for count in 1..=*GROUP.end() {
            match turns.pop() {
                Some((turn, Job::Write(work))) => {
                    transaction.get_or_insert_with(|| Transaction::begin(connection)).work(turn, work);
                }
                Some((_, Job::Look(look))) => looks.push(look),
                None => break,
            }
            // Also what comes meanwhile: it may be another tenant's.
            jobs.try_iter().for_each(|(tenant, job)| turns.push(tenant, job));
            if turns.is_somebody_served() || count >= *GROUP.start() && began.elapsed() > flush {
                break;
            }
        }
        turns.end_group();
        if let Some(transaction) = transaction {
            let began = Instant::now();
            match transaction.end(health) {
                Ok(false) => {}
                Ok(true) => (is_clean, made_room) = (false, None),
                // There may be no room but that of the log, which is used again when it is empty.
                Err(_) if made_room.is_none_or(|last| last.elapsed() > IDLE) => {
                    is_clean = empty_log(connection);
                    made_room = Some(Instant::now());
                }
                Err(_) => {}
            }
            flush = began.elapsed();
        }
        for look in looks.drain(..) {
            look(connection);
        }
    }
    empty_log(connection);
}

/// Work that is done together, or not at all.
struct Transaction<'c> {
    connection: &'c Connection,
    changes: u64,
    done: rusqlite::Result<()>,
    /// What is told in the end, and how many answers its tenant has with it.
    answers: Vec<(usize, Then)>,
}

impl<'c> Transaction<'c> {
    fn begin(connection: &'c Connection) -> Self {
        let changes = connection.total_changes();
        Self { connection, changes, done: connection.execute_batch("BEGIN IMMEDIATE"), answers: Vec::new() }
    }

    fn work(&mut self, turn: usize, work: Work) {
        let (result, then) = work(self.done.is_ok().then_some(self.connection));
        if self.done.is_ok() {
            self.done = result;
        }
        self.answers.push((turn, then));
    }

    /// Makes it durable, and tells everybody. Answers whether something was written.
    fn end(self, health: &Health) -> Result<bool, StoreError> {
        let Self { connection, changes, done, mut answers } = self;
        let done = done.and_then(|()| connection.execute_batch("COMMIT"));
        if done.is_err() && !connection.is_autocommit() {
            // What is told is the error that has led here.
            let _ = connection.execute_batch("ROLLBACK");
        }
        let done = done.map_err(|error| StoreError::from(&error));
        let is_written = connection.total_changes() != changes;
        match &done {
            Ok(()) if is_written => health.written(Instant::now()),
            Ok(()) => {}
            Err(error) => health.failed(error, Instant::now()),
        }
        // Tenants take turns here, too: whoever is told first goes on first.
        answers.sort_by_key(|(turn, _)| *turn);
        for (_, then) in answers {
            then(done.clone());
        }
        done.map(|()| is_written)
    }
}

/// Moves everything from the write-ahead log into the file, and empties it. Answers whether it is empty.
fn empty_log(connection: &Connection) -> bool {
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    busy == Ok(0)
}
