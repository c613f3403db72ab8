//! How long a tenant's executions take, alone and beside another tenant's backlog: from the submission at one node to the answer at another.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mqtt_connector::{Connector, Limits, Tenant};
use mqtt_connector_service::{Executions, NatsStore, Request, Submission};
use mqtt_connector_tests::{Mosquitto, NatsCluster};
use serde_json::json;

/// How many executions are measured, one after another.
const MEASURED: usize = 200;

/// How many executions wait beside them.
const BACKLOG: usize = 3000;

/// The median, and what one in a hundred exceeds.
pub(crate) struct Latencies {
    alone: [Duration; 2],
    beside: [Duration; 2],
    /// How many of the backlog had not ended when the last one was measured.
    left: usize,
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        let [alone, alone_99] = self.alone.map(milliseconds);
        let [beside, beside_99] = self.beside.map(milliseconds);
        write!(
            f,
            "alone {alone:.1} ms (99 %: {alone_99:.1}), beside a backlog of {BACKLOG}, of which {} are left, {beside:.1} ms (99 %: {beside_99:.1}): {:.2} x",
            self.left,
            beside / alone
        )
    }
}

struct Node {
    executions: Executions,
    connector: Arc<Connector>,
}

impl Node {
    async fn start(address: &str, port: u16) -> Self {
        let connector = Arc::new(Connector::new().unwrap());
        for name in ["a", "b"] {
            let broker = format!("tcp://127.0.0.1:{port}");
            let config = json!({"broker": broker, "client-id": name, "topic": name, "qos": 1});
            let limits = Limits::builder().messages_per_second(1_000_000).build();
            let tenant = Tenant::builder(name).broker(broker.parse().unwrap()).topics("#".parse().unwrap());
            connector.tenants().replace(tenant.limits(limits).config(config.to_string()).build());
        }
        let store = NatsStore::builder(address.parse().unwrap()).open().await.unwrap();
        let executions = Executions::builder(Arc::clone(&connector), Arc::new(store)).start();
        Self { executions, connector }
    }

    async fn submit(&self, name: &str) -> mqtt_connector_service::Id {
        let submission = Submission::new(Request::parse(r#"{"content": "x"}"#).unwrap());
        let tenant = self.connector.tenants().get(name).unwrap();
        self.executions.submit(&tenant, submission).await.unwrap().execution.id
    }
}

/// Of what is submitted at `one` and waited for at `other`.
async fn measure(one: &Node, other: &Node) -> [Duration; 2] {
    let mut all = Vec::with_capacity(MEASURED);
    for _ in 0..MEASURED {
        let began = Instant::now();
        let id = one.submit("b").await;
        let ended = other.executions.wait("b", id, Duration::from_secs(60)).await.unwrap().unwrap();
        assert_eq!(ended.meta.unwrap().exit_code, 0);
        all.push(began.elapsed());
    }
    all.sort();
    [all[MEASURED / 2], all[MEASURED * 99 / 100]]
}

pub(crate) fn run() -> Latencies {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let nats = NatsCluster::start(3);
        let broker = Mosquitto::builder().quiet_log().start();
        let one = Node::start(&nats.address(), broker.port()).await;
        let other = Node::start(&nats.address(), broker.port()).await;
        let alone = measure(&one, &other).await;
        let one = Arc::new(one);
        let mut submitting = tokio::task::JoinSet::new();
        for _ in 0..BACKLOG {
            let one = Arc::clone(&one);
            submitting.spawn(async move { one.submit("a").await });
        }
        submitting.join_all().await;
        let beside = measure(&one, &other).await;
        let query = |status| mqtt_connector_service::Query {
            tenant: Some("a".to_owned()),
            status: Some(status),
            limit: std::num::NonZeroU32::new(1000),
            ..mqtt_connector_service::Query::default()
        };
        let waiting = query(mqtt_connector_service::Status::Accepted);
        let left = one.executions.list(waiting).await.unwrap().executions.len();
        Latencies { alone, beside, left }
    })
}
