//! [`Server`]: a program that serves, is stopped and killed, and starts again, with all that it logs.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::Signal;

use crate::process::{Process, Watched, lock};

/// A program that serves: at most one process of it at a time, and the log of all.
#[derive(Debug, Default)]
pub(crate) struct Server {
    process: Mutex<Option<Process>>,
    log: Arc<Watched<Log>>,
}

#[derive(Debug, Default)]
struct Log {
    text: String,
    /// Output streams of the running process that are still open.
    open_streams: usize,
}

/// Why a start did not succeed.
#[derive(Debug)]
pub(crate) enum NotStarted {
    /// It has ended, and has logged this.
    Ended(String),
    /// It is not ready after that time, or cannot be run at all.
    Failed(String),
}

impl NotStarted {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Ended(text) | Self::Failed(text) => text,
        }
    }
}

impl Server {
    /// Starts `command`, and waits for `patience` until `is_ready` of what it has logged since.
    pub(crate) fn run(
        &self,
        command: Command,
        patience: Duration,
        is_ready: impl Fn(&str) -> bool,
    ) -> Result<(), NotStarted> {
        let before = self.log.change(|log| {
            log.open_streams = 2;
            log.text.len()
        });
        let (lines, ends) = (Arc::clone(&self.log), Arc::clone(&self.log));
        let process = Process::start(
            command,
            move |line| {
                lines.change(|log| {
                    log.text.push_str(line);
                    log.text.push('\n');
                });
            },
            move || ends.change(|log| log.open_streams = log.open_streams.saturating_sub(1)),
        );
        let process = process.map_err(|error| NotStarted::Failed(error.to_string()))?;
        let started = self.log.wait(patience, |log| {
            let text = &log.text[before..];
            match (is_ready(text), log.open_streams) {
                (true, _) => Some(Ok(())),
                (false, 0) => Some(Err(NotStarted::Ended(text.to_owned()))),
                (false, _) => None,
            }
        });
        let late = || NotStarted::Failed(format!("not ready within {patience:?}; log:\n{}", self.text()));
        started.unwrap_or_else(|| Err(late()))?;
        *lock(&self.process) = Some(process);
        Ok(())
    }

    /// The number of its process, if it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        lock(&self.process).as_ref().map(Process::id)
    }

    /// Ends it in order (SIGTERM).
    pub(crate) fn stop(&self, patience: Duration) {
        if let Some(process) = lock(&self.process).take() {
            process.stop(patience);
        }
    }

    /// Ends it at once (SIGKILL).
    pub(crate) fn kill(&self) {
        drop(lock(&self.process).take());
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(process) = &mut *lock(&self.process) {
            process.signal(signal);
        }
    }

    /// What has been read of its log, over all starts.
    pub(crate) fn text(&self) -> String {
        self.read(str::to_owned)
    }

    /// Looks at what has been read of its log.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&str) -> R) -> R {
        self.log.read(|log| look(&log.text))
    }

    /// Waits until `look` finds what it wants in the log. It is told whether there may be more to come.
    pub(crate) fn wait<R>(
        &self,
        timeout: Duration,
        mut look: impl FnMut(&str, bool) -> Option<R>,
    ) -> Option<R> {
        self.log.wait(timeout, |log| look(&log.text, log.open_streams > 0))
    }
}
