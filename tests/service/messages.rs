//! What a node says to the server of NATS.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_nats::{Client, Subscriber};
use futures_util::StreamExt as _;
use mqtt_connector::Response;
use mqtt_connector_service::store::New;
use mqtt_connector_service::{Execution, NatsStore, Options, Request, Store, Timestamp};
use mqtt_connector_tests::NatsCluster;

/// Whoever asks for a message asks here, with what it wants.
const READ: &str = "$JS.API.STREAM.MSG.GET.MQTT_EXECUTIONS";

/// Hears what the server is asked for.
struct Reads {
    client: Client,
    asked: Subscriber,
}

impl Reads {
    async fn listen(cluster: &NatsCluster) -> Self {
        let client = async_nats::connect(cluster.address()).await.unwrap();
        let asked = client.subscribe(">").await.unwrap();
        client.flush().await.unwrap();
        Self { client, asked }
    }

    /// What was asked for since this was called last.
    async fn so_far(&mut self) -> Vec<String> {
        // The server delivers in the order in which it has heard.
        self.client.publish("so-far", "".into()).await.unwrap();
        let mut reads = Vec::new();
        loop {
            let message = self.asked.next().await.unwrap();
            match message.subject.as_str() {
                "so-far" => return reads,
                READ => reads.push(String::from_utf8(message.payload.to_vec()).unwrap()),
                _ => {}
            }
        }
    }
}

async fn accept(store: &NatsStore, tenant: &str) -> Execution {
    let request = Request::parse(r#"{"topic": "a/b", "content": "planted"}"#).unwrap();
    let execution = Execution::new(tenant.into(), request, Options::default(), Timestamp::now());
    let new = New { execution: execution.clone(), idempotency_key: Some(execution.id.to_string()) };
    store.accept(new).await.unwrap();
    execution
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_has_accepted_it_carries_out_without_reading_it_and_who_waits_reads_once_how_it_ended() {
    let cluster = NatsCluster::start(1);
    let builder = || NatsStore::builder(format!("{}?replicas=1", cluster.address()).parse().unwrap());
    let node = builder().open().await.unwrap();
    let beside = builder().open_beside().await.unwrap();
    let first = accept(&node, "acme").await;
    // The tenant is this node's from now on.
    assert_eq!(node.claim("acme", 1).await.unwrap()[0].id, first.id);
    let mut reads = Reads::listen(&cluster).await;

    let [here, elsewhere] = [accept(&node, "acme").await, accept(&beside, "acme").await];
    let claimed = node.claim("acme", 1).await.unwrap();
    assert_eq!(serde_json::to_value(&claimed).unwrap(), serde_json::to_value([&here]).unwrap());
    assert_eq!(reads.so_far().await, [""; 0]);

    let mut claimed = claimed.into_iter().next().unwrap();
    let waiting = beside.ended(here.id);
    let now = Timestamp::now();
    claimed.begin(None, now);
    assert!(node.begin(&claimed, false).await.unwrap());
    claimed.answer(&Response::new(0, "Sent."), now, Timestamp::now());
    node.settle(&claimed, None).await.unwrap();
    let told = waiting.await.unwrap();
    assert_eq!(serde_json::to_value(&told).unwrap(), serde_json::to_value(&claimed).unwrap());
    let by_subject = format!(r#"{{"last_by_subj":"MQTT_EXECUTIONS.x.acme.{}"}}"#, here.id);
    assert_eq!(reads.so_far().await, [by_subject]);

    let claimed = node.claim("acme", 9).await.unwrap();
    assert_eq!(serde_json::to_value(&claimed).unwrap(), serde_json::to_value([&elsewhere]).unwrap());
    let read = reads.so_far().await;
    assert!(read.len() == 1 && read[0].starts_with(r#"{"seq":"#), "{read:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_has_one_group_on_its_way_while_another_has_something() {
    let cluster = NatsCluster::start(1);
    let builder = NatsStore::builder(format!("{}?replicas=1", cluster.address()).parse().unwrap());
    let node = Arc::new(builder.open().await.unwrap());
    let mut claimed = Vec::new();
    for (tenant, count) in [("a", 20), ("b", 1)] {
        for _ in 0..count {
            accept(&node, tenant).await;
        }
        claimed.extend(node.claim(tenant, count).await.unwrap());
    }
    assert_eq!(claimed.len(), 21);
    let client = async_nats::connect(cluster.address()).await.unwrap();
    let mut begun = client.subscribe("MQTT_EXECUTIONS.x.>").await.unwrap();
    // Nothing is acknowledged from now on.
    async_nats::jetstream::new(client).delete_stream("MQTT_EXECUTIONS").await.unwrap();
    let mut beginning = tokio::task::JoinSet::new();
    for mut execution in claimed {
        let node = Arc::clone(&node);
        execution.begin(None, Timestamp::now());
        beginning.spawn(async move { node.begin(&execution, true).await });
        tokio::task::yield_now().await;
    }
    let mut subjects = BTreeSet::new();
    while subjects.len() < 17 {
        subjects.insert(begun.next().await.unwrap().subject.to_string());
    }
    let of_a = subjects.iter().filter(|subject| subject.starts_with("MQTT_EXECUTIONS.x.a.")).count();
    assert_eq!(of_a, 16, "{subjects:?}");
}
