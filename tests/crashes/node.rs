//! What a service does that is killed: it carries out what a store holds, and accepts what it reads.
//!
//! It reads a line `NUMBER QOS` for each execution that it is to accept, and answers `accepted NUMBER ID` when that is kept, or
//! `refused NUMBER WHY`. The number is the idempotency key, and the content. At the end of its input it waits until all has ended, and says `done`.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use mqtt_connector::{Connector, Limits, Tenant};
use mqtt_connector_service::{Executions, Query, Request, Status, Store, Submission};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::task::JoinSet;

/// Until its input ends and everything has. Number N is the Nth tenant's, from the first again behind the last.
pub(crate) async fn carry_out(store: Arc<dyn Store>, tenants: &[String], port: u16) {
    let connector = Arc::new(Connector::new().unwrap());
    let broker = format!("tcp://127.0.0.1:{port}");
    let tenants: Vec<Tenant> = tenants
        .iter()
        .map(|name| {
            let config = json!({"broker": broker, "client-id": name, "topic": name, "timeout": 20000});
            let limits = Limits::builder().messages_per_second(1_000_000).build();
            let tenant = Tenant::builder(name).broker(broker.parse().unwrap()).topics("#".parse().unwrap());
            connector.tenants().replace(tenant.limits(limits).config(config.to_string()).build())
        })
        .collect();
    let executions = Executions::builder(Arc::clone(&connector), store).start();
    let mut submissions = JoinSet::new();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        let (number, qos) = line.split_once(' ').unwrap();
        let (number, qos): (usize, u8) = (number.parse().unwrap(), qos.parse().unwrap());
        let request = json!({"content": number.to_string(), "qos": qos}).to_string();
        let submission =
            Submission::new(Request::parse(request).unwrap()).idempotency_key(number.to_string());
        let (executions, tenant) = (executions.clone(), tenants[number % tenants.len()].clone());
        submissions.spawn(async move {
            let answer = match executions.submit(&tenant, submission).await {
                Ok(submitted) => format!("accepted {number} {}", submitted.execution.id),
                Err(error) => format!("refused {number} {error}"),
            };
            say(&answer);
        });
    }
    // What is not accepted yet is in no list, and refused once the service drains.
    submissions.join_all().await;
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
