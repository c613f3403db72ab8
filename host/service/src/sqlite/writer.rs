//! [`Writer`]: the thread that writes.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::schema::OpenError;
use crate::error::StoreError;

/// The most that is made durable together.
const GROUP: usize = 1024;

/// Nothing to write for so long: what was removed is removed from the write-ahead log, too.
const IDLE: Duration = Duration::from_secs(2);

/// One thread has the one connection that writes. Whatever has come while it made the work before durable is made durable together.
pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
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
    pub(super) fn start(connection: Connection, path: &Path) -> Result<Self, OpenError> {
        let (jobs, received) = channel();
        let thread = std::thread::Builder::new().name("executions".to_owned());
        let thread = thread.spawn(move || run(&connection, &received));
        let thread = thread.map_err(|error| OpenError::io(path, error))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Does `work` in a transaction, and answers when it is durable. Before that, `then` is called on the thread that writes.
    ///
    /// # Errors
    ///
    /// It could not be done, or not be made durable: nothing has changed, and `then` was not called. So it is for all that was
    /// done in the same transaction.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        then: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, StoreError> {
        let (tell, told) = oneshot::channel();
        let job = move |connection: Option<&Connection>| -> (rusqlite::Result<()>, Then) {
            match connection.map(work).transpose() {
                Ok(Some(value)) => {
                    let answer = move |committed: Result<(), StoreError>| {
                        let answer = committed.map(|()| {
                            then(&value);
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
        self.push(Job::Write(Box::new(job)))?;
        told.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Looks at what is durable, on the thread that writes.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (tell, told) = oneshot::channel();
        self.push(Job::Look(Box::new(move |connection| {
            let _ = tell.send(look(connection).map_err(|error| StoreError::from(&error)));
        })))?;
        told.await.unwrap_or(Err(StoreError::Closed))
    }

    fn push(&self, job: Job) -> Result<(), StoreError> {
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(job).map_err(|_| StoreError::Closed)
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

fn run(connection: &Connection, jobs: &Receiver<Job>) {
    let (mut writes, mut looks) = (Vec::new(), Vec::new());
    let mut is_clean = true;
    loop {
        let job = match jobs.recv_timeout(IDLE) {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => {
                if !is_clean {
                    is_clean = empty_log(connection);
                }
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        for job in std::iter::once(job).chain(jobs.try_iter()).take(GROUP) {
            match job {
                Job::Write(write) => writes.push(write),
                Job::Look(look) => looks.push(look),
            }
        }
        if !writes.is_empty() {
            is_clean &= !write(connection, writes.drain(..));
        }
        for look in looks.drain(..) {
            look(connection);
        }
    }
    empty_log(connection);
}

/// Does all of it in one transaction, or nothing, and tells everybody. Answers whether something was written.
fn write(connection: &Connection, all: impl Iterator<Item = Work>) -> bool {
    let before = connection.total_changes();
    let mut done = connection.execute_batch("BEGIN IMMEDIATE");
    let mut answers = Vec::new();
    for work in all {
        let (result, then) = work(done.is_ok().then_some(connection));
        done = done.and(result);
        answers.push(then);
    }
    let done = done.and_then(|()| connection.execute_batch("COMMIT"));
    if done.is_err() && !connection.is_autocommit() {
        // What is told is the error that has led here.
        let _ = connection.execute_batch("ROLLBACK");
    }
    let done = done.map_err(|error| StoreError::from(&error));
    for then in answers {
        then(done.clone());
    }
    done.is_ok() && connection.total_changes() != before
}

/// Moves everything from the write-ahead log into the file, and empties it. Answers whether it is empty.
fn empty_log(connection: &Connection) -> bool {
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    busy == Ok(0)
}
