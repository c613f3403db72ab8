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

/// How many executions wait beside them, and are carried out meanwhile.
const BACKLOG: usize = 10_000;

/// The median, what one in a hundred exceeds, and the longest, of each.
pub(crate) struct Latencies {
    alone: [Duration; 3],
    /// While the other tenant's executions wait for a broker that stands still.
    waiting: [Duration; 3],
    /// While they are carried out as fast as they can be.
    beside: [Duration; 3],
    /// How many were measured while the other tenant had some left.
    measured: usize,
    /// How many of the other tenant's executions ended in a second meanwhile.
    others: f64,
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        let [alone, alone_99, alone_most] = self.alone.map(milliseconds);
        let [waiting, waiting_99, waiting_most] = self.waiting.map(milliseconds);
        let [beside, beside_99, beside_most] = self.beside.map(milliseconds);
        write!(
            f,
            "alone {alone:.1} ms (99 %: {alone_99:.1}, longest {alone_most:.1}); beside {BACKLOG} of another tenant that wait, {waiting:.1} ms (99 %: {waiting_99:.1}, longest {waiting_most:.1}), {:.2} x; \
             while these are carried out, {:.0} a second, {} measured, {beside:.1} ms (99 %: {beside_99:.1}, longest {beside_most:.1}), {:.2} x",
            waiting / alone,
            self.others,
            self.measured,
            beside / alone
        )
    }
}

struct Node {
    executions: Executions,
    connector: Arc<Connector>,
}

impl Node {
    async fn start(address: &str, ports: [u16; 2]) -> Self {
        let connector = Arc::new(Connector::new().unwrap());
        for (name, port) in ["a", "b"].into_iter().zip(ports) {
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

/// Of what is submitted at `one` and waited for at `other`, as long as `goes_on`.
async fn measure(one: &Node, other: &Node, goes_on: impl AsyncFn(usize) -> bool) -> ([Duration; 3], usize) {
    let mut all = Vec::with_capacity(MEASURED);
    while goes_on(all.len()).await {
        let began = Instant::now();
        let id = one.submit("b").await;
        let ended = other.executions.wait("b", id, Duration::from_secs(60)).await.unwrap().unwrap();
        let took = began.elapsed();
        assert_eq!(ended.meta.as_ref().map(|meta| meta.exit_code), Some(0), "after {took:?}: {ended:?}");
        all.push(took);
    }
    all.sort();
    let last = all.len() - 1;
    ([all[all.len() / 2], all[all.len() * 99 / 100], all[last]], all.len())
}

pub(crate) fn run() -> Latencies {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let are_fewer = async |measured| measured < MEASURED;
        let nats = NatsCluster::start(3);
        let broker = Mosquitto::builder().quiet_log().start();
        let stopped = Mosquitto::builder().quiet_log().start();
        let ports = [stopped.port(), broker.port()];
        let one = Node::start(&nats.address(), ports).await;
        let other = Node::start(&nats.address(), ports).await;
        let (alone, _) = measure(&one, &other, are_fewer).await;
        stopped.pause();
        let one = Arc::new(one);
        let mut submitting = tokio::task::JoinSet::new();
        for _ in 0..BACKLOG {
            let one = Arc::clone(&one);
            submitting.spawn(async move { one.submit("a").await });
        }
        // In the order in which they were accepted, as good as.
        let last = *submitting.join_all().await.last().unwrap();
        let (waiting, _) = measure(&one, &other, are_fewer).await;
        stopped.resume();
        let resumed = Instant::now();
        let is_carried_out =
            async |_| !one.executions.get("a", last).await.unwrap().unwrap().status.is_final();
        let (beside, measured) = measure(&one, &other, is_carried_out).await;
        let others = BACKLOG as f64 / resumed.elapsed().as_secs_f64();
        Latencies { alone, waiting, beside, measured, others }
    })
}
