//! The service that is killed, as a process of its own, and the one who starts it.
//!
//! What it reads and answers: see [`node`].

use std::collections::HashMap;
use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mqtt_connector_service::{Execution, SqliteStore};

use crate::{ledger, node};

pub(crate) const COMMAND: &str = "carry-out";

/// The tenants, whose turns the executions take.
pub(crate) const TENANTS: [&str; 3] = ["a", "b", "c"];

pub(crate) fn carry_out(store: &Path, port: u16) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Arc::new(SqliteStore::open(store).unwrap());
        node::carry_out(store, &TENANTS.map(str::to_owned), port).await;
    });
}

/// All that a store holds.
pub(crate) fn stored(store: &Path) -> Vec<Execution> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { ledger::all(&SqliteStore::open_beside(store).unwrap()).await })
}

/// A service that runs.
pub(crate) struct Service {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// When it was asked for a number.
    asked: HashMap<usize, Instant>,
}

impl Service {
    pub(crate) fn start(store: &Path, port: u16) -> Self {
        // A write that is not allowed is an error, and not the end of the process.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(env::current_exe().unwrap());
        command.arg(COMMAND).arg(store).arg(port.to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, requests, answers, asked: HashMap::new() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks for executions, as far as it is there to be asked.
    pub(crate) fn submit(&mut self, numbers: impl Iterator<Item = (usize, u8)>) {
        let asked = numbers.inspect(|(number, _)| {
            self.asked.insert(*number, Instant::now());
        });
        let lines: String = asked.map(|(number, qos)| format!("{number} {qos}\n")).collect();
        let requests = self.requests.as_mut().unwrap();
        requests.write_all(lines.as_bytes()).and_then(|()| requests.flush()).unwrap();
    }

    /// How long it has been asked for a number.
    pub(crate) fn waited(&self, number: usize) -> Duration {
        self.asked[&number].elapsed()
    }

    /// Its next answer; `None` when it has gone.
    pub(crate) fn answer(&mut self) -> Option<String> {
        let mut line = String::new();
        let length = self.answers.read_line(&mut line).unwrap();
        // A line without an end was cut off.
        (length > 0 && line.ends_with('\n')).then(|| line.trim_end().to_owned())
    }

    /// Kills it, and answers with what it had said before.
    pub(crate) fn kill(&mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::iter::from_fn(|| self.answer()).collect()
    }

    /// Says that there is no more, and answers with what it says until it has done everything.
    pub(crate) fn finish(&mut self) -> Vec<String> {
        drop(self.requests.take());
        let mut answers: Vec<String> = std::iter::from_fn(|| self.answer()).collect();
        assert_eq!(answers.pop().as_deref(), Some("done"));
        assert!(self.child.wait().unwrap().success());
        answers
    }
}
