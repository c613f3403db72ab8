//! The nodes of the service, as processes of their own.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Instant;

use mqtt_connector_service::NatsStore;

use crate::node;

pub(crate) const COMMAND: &str = "carry-out";

/// The names of so many tenants.
pub(crate) fn tenants(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("t{number}")).collect()
}

pub(crate) fn carry_out(address: &str, port: u16, count: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = NatsStore::builder(address.parse().unwrap()).open().await.unwrap();
        node::carry_out(Arc::new(store), &tenants(count), port).await;
    });
}

/// What a node says, or that it has gone.
pub(crate) enum Said {
    Answer(String),
    Done,
    Gone,
}

/// A node that runs.
pub(crate) struct Node {
    child: Child,
    requests: Option<ChildStdin>,
    /// How many executions were submitted here and are not answered.
    pub(crate) open: usize,
    was_killed: bool,
}

impl Node {
    /// Starts one, which says `tell` what it says, with `index` and when it said it.
    pub(crate) fn start(
        address: &str,
        port: u16,
        tenants: usize,
        index: usize,
        tell: Sender<(usize, Instant, Said)>,
    ) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args([COMMAND, address]).arg(port.to_string()).arg(tenants.to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let requests = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut line = String::new();
            // A line without an end was cut off.
            while answers.read_line(&mut line).is_ok_and(|length| length > 0) && line.ends_with('\n') {
                let said = match line.trim_end() {
                    "done" => Said::Done,
                    answer => Said::Answer(answer.to_owned()),
                };
                if tell.send((index, Instant::now(), said)).is_err() {
                    return;
                }
                line.clear();
            }
            // Whoever started it may have ended.
            let _ = tell.send((index, Instant::now(), Said::Gone));
        });
        Self { child, requests, open: 0, was_killed: false }
    }

    /// Asks for an execution.
    pub(crate) fn submit(&mut self, number: usize, qos: u8) {
        let requests = self.requests.as_mut().unwrap();
        // One that was killed reads no more: what it was asked for is asked for again when it is known to have gone.
        let _ = writeln!(requests, "{number} {qos}").and_then(|()| requests.flush());
        self.open += 1;
    }

    /// Says that there is no more.
    pub(crate) fn finish(&mut self) {
        drop(self.requests.take());
    }

    /// Sends a signal, as `kill` names it.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.was_killed = true;
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has gone because it was killed.
    pub(crate) fn was_killed(&self) -> bool {
        self.was_killed
    }

    pub(crate) fn ended_well(&mut self) -> bool {
        self.child.wait().unwrap().success()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
