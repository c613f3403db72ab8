//! The store in NATS JetStream: its promises, of one server and one node.

use std::sync::Arc;
use std::time::Duration;

use mqtt_connector::Response;
use mqtt_connector_service::{
    Execution, NatsAddress, NatsError, NatsStore, Options, Request, Store, StoreError, Timestamp, store::New,
};
use mqtt_connector_tests::NatsCluster;

use crate::promises::{Kind, all_promises};
use crate::support::PATIENCE;

/// A lease that is over soon, when a node is to be gone.
pub(crate) const SHORT: u64 = 2;

/// A lease that is not over in a test.
pub(crate) const LONG: u64 = 3600;

/// The address of a store in a cluster of one server, whose nodes have such a lease, in seconds.
pub(crate) fn address(cluster: &NatsCluster, lease: u64) -> NatsAddress {
    format!("{}?replicas=1&lease={lease}", cluster.address()).parse().unwrap()
}

/// A server of its own.
pub(crate) struct Nats {
    cluster: NatsCluster,
}

impl Nats {
    /// The address, for the node with this name.
    pub(crate) fn address(&self, node: &str) -> NatsAddress {
        format!("{}?replicas=1&node={node}", self.cluster.address()).parse().unwrap()
    }
}

impl Kind for Nats {
    fn new() -> Self {
        Self { cluster: NatsCluster::start(1) }
    }

    // Whoever has the name of a node that is gone has its place.
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(NatsStore::builder(self.address("one")).open().await.unwrap())
    }
}

all_promises!(Nats);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_needs_more_servers_than_there_are_is_said_and_so_is_a_later_version() {
    let cluster = NatsCluster::start(1);
    let three: NatsAddress = cluster.address().parse().unwrap();
    let error = NatsStore::builder(three).open().await.unwrap_err();
    let NatsError::Stream { reason, .. } = &error else { panic!("{error}") };
    assert_eq!(
        reason,
        "replicas=3 needs a cluster of that many servers, and this server stands alone: replicas=1 is for development, and loses what was \
         accepted with its one disk"
    );
    let nobody: NatsAddress =
        format!("nats://127.0.0.1:{}?replicas=1", mqtt_connector_tests::port::free_port()).parse().unwrap();
    let error = NatsStore::builder(nobody).open().await.unwrap_err();
    assert!(matches!(error, NatsError::Connect { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_has_lost_it_claims_again_when_its_worker_has_let_it_go() {
    let cluster = NatsCluster::start(1);
    let node = NatsStore::builder(address(&cluster, SHORT)).open().await.unwrap();
    let accept = async || {
        let request = Request::parse(r#"{"topic": "a/b", "content": "x"}"#).unwrap();
        let execution = Execution::new("acme".into(), request, Options::default(), Timestamp::now());
        node.accept(New { execution: execution.clone(), idempotency_key: None }).await.unwrap();
        execution.id
    };
    let claimed = async || {
        let claimed = node.claim("acme", 9).await.unwrap();
        claimed.iter().map(|execution| execution.id).collect::<Vec<_>>()
    };
    let first = accept().await;
    assert_eq!(claimed().await, [first]);
    cluster.pause(0);
    tokio::time::timeout(PATIENCE, node.lost(first)).await.unwrap();
    cluster.resume(0);
    let second = accept().await;
    let again = async {
        loop {
            let claimed = claimed().await;
            if !claimed.is_empty() {
                return claimed;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, again).await.unwrap(), [second]);
    node.release(first);
    assert_eq!(claimed().await, [first]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_says_when_nats_has_no_majority_and_when_it_has_one_again() {
    let cluster = NatsCluster::start(3);
    let address = format!("{}?lease={SHORT}", cluster.address()).parse().unwrap();
    let node = NatsStore::builder(address).open().await.unwrap();
    let becomes = async |wanted: Option<StoreError>| {
        while node.fault() != wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert_eq!(node.fault(), None);
    cluster.kill(1);
    cluster.kill(2);
    let silent = StoreError::Unusable("NATS does not answer, or has no majority of its servers".to_owned());
    tokio::time::timeout(PATIENCE, becomes(Some(silent))).await.unwrap();
    cluster.restart(1);
    cluster.restart(2);
    tokio::time::timeout(PATIENCE, becomes(None)).await.unwrap();
}

/// The one execution that waits is answered with this exit code.
pub(crate) async fn finish(store: &NatsStore, exit_code: i32) {
    let mut claimed = loop {
        match store.claim("acme", 1).await.unwrap().pop() {
            Some(claimed) => break claimed,
            // It has not heard of it.
            None => store.changed().await,
        }
    };
    claimed.begin(None, Timestamp::now());
    assert!(store.begin(&claimed, true).await.unwrap());
    claimed.answer(&Response::new(exit_code, "Answered."), Timestamp::now(), Timestamp::now());
    store.settle(&claimed, None).await.unwrap();
}
