//! The service that is killed, as a process of its own, and the one who starts it.
//!
//! It reads a line `NUMBER QOS` for each execution that it is to accept, and answers `accepted NUMBER ID` when that is kept, or
//! `refused NUMBER WHY`. The number is the idempotency key, and the content. At the end of its input it waits until all has ended, and says `done`.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mqtt_connector::{Connector, Limits, Tenant};
use mqtt_connector_service::{Executions, Query, Request, SqliteStore, Status, Submission};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader as AsyncBufReader};

pub(crate) const COMMAND: &str = "carry-out";

/// The tenants, whose turns the executions take.
pub(crate) const TENANTS: [&str; 3] = ["a", "b", "c"];

pub(crate) fn carry_out(store: &Path, port: u16) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(serve(store, port));
}

async fn serve(store: &Path, port: u16) {
    let connector = Arc::new(Connector::new().unwrap());
    let broker = format!("tcp://127.0.0.1:{port}");
    let tenants = TENANTS.map(|name| {
        let config = json!({"broker": broker, "client-id": name, "topic": name, "timeout": 20000});
        let limits = Limits::builder().messages_per_second(1_000_000).build();
        let tenant = Tenant::builder(name).broker(broker.parse().unwrap()).topics("#".parse().unwrap());
        connector.tenants().replace(tenant.limits(limits).config(config.to_string()).build())
    });
    let store = Arc::new(SqliteStore::open(store).unwrap());
    let executions = Executions::builder(Arc::clone(&connector), store).start();
    let mut lines = AsyncBufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        let (number, qos) = line.split_once(' ').unwrap();
        let (number, qos): (usize, u8) = (number.parse().unwrap(), qos.parse().unwrap());
        let request = json!({"content": number.to_string(), "qos": qos}).to_string();
        let submission =
            Submission::new(Request::parse(request).unwrap()).idempotency_key(number.to_string());
        let (executions, tenant) = (executions.clone(), tenants[number % TENANTS.len()].clone());
        tokio::spawn(async move {
            let answer = match executions.submit(&tenant, submission).await {
                Ok(submitted) => format!("accepted {number} {}", submitted.execution.id),
                Err(error) => format!("refused {number} {error}"),
            };
            say(&answer);
        });
    }
    for status in [Status::Accepted, Status::Running, Status::Accepted, Status::Running] {
        while !has_none(&executions, status).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert!(executions.drain(Duration::from_secs(60)).await);
    connector.close().await;
    say("done");
}

async fn has_none(executions: &Executions, status: Status) -> bool {
    let query = Query { status: Some(status), limit: std::num::NonZeroU32::new(1), ..Query::default() };
    executions.list(query).await.unwrap().executions.is_empty()
}

/// One line, at once and whole.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever started this may have killed it already, and reads no more.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// A service that runs.
pub(crate) struct Service {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
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
        Self { child, requests, answers }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks for executions, as far as it is there to be asked.
    pub(crate) fn submit(&mut self, numbers: impl Iterator<Item = (usize, u8)>) {
        let lines: String = numbers.map(|(number, qos)| format!("{number} {qos}\n")).collect();
        let requests = self.requests.as_mut().unwrap();
        requests.write_all(lines.as_bytes()).and_then(|()| requests.flush()).unwrap();
    }

    /// Its next answer; `None` when it has gone.
    pub(crate) fn answer(&mut self) -> Option<String> {
        let mut line = String::new();
        let length = self.answers.read_line(&mut line).unwrap();
        // A line without an end was cut off.
        (length > 0 && line.ends_with('\n')).then(|| line.trim_end().to_owned())
    }

    /// Kills it, and answers with what it had said before.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::iter::from_fn(|| self.answer()).collect()
    }

    /// Says that there is no more, and answers with what it says until it has done everything.
    pub(crate) fn finish(mut self) -> Vec<String> {
        drop(self.requests.take());
        let mut answers: Vec<String> = std::iter::from_fn(|| self.answer()).collect();
        assert_eq!(answers.pop().as_deref(), Some("done"));
        assert!(self.child.wait().unwrap().success());
        answers
    }
}
