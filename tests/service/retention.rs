//! What becomes of an execution in NATS when its retention is over, just then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mqtt_connector_service::store::{Accepted, New};
use mqtt_connector_service::{
    ChangeError, Execution, NatsStore, Options, Query, Request, Status, Store, Timestamp,
};
use mqtt_connector_tests::NatsCluster;
use tokio::task::JoinSet;

use crate::nats::{LONG, address, finish};
use crate::support::PATIENCE;

const RETENTION: Duration = Duration::from_secs(2);

/// How often something is asked.
const PAUSE: Duration = Duration::from_millis(5);

async fn open(cluster: &NatsCluster) -> NatsStore {
    NatsStore::builder(address(cluster, LONG)).retention(RETENTION).open().await.unwrap()
}

async fn accept(store: &NatsStore, key: &str) -> (Execution, Accepted) {
    let request = Request::parse(r#"{"topic": "a/b", "content": "x"}"#).unwrap();
    let execution = Execution::new("acme".into(), request, Options::default(), Timestamp::now());
    let new = New { execution: execution.clone(), idempotency_key: Some(key.to_owned()) };
    (execution, store.accept(new).await.unwrap())
}

/// Waits until an execution is no longer there.
async fn is_forgotten(store: &NatsStore, execution: &Execution) {
    let forgotten = async {
        while store.get(execution.id).await.unwrap().is_some() {
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(PATIENCE, forgotten).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_is_kept_for_its_retention_and_then_it_is_nowhere() {
    let cluster = NatsCluster::start(1);
    let store = Arc::new(open(&cluster).await);
    let mut kept = JoinSet::new();
    // The server removes by the second: so at several times of one.
    for number in 0..10 {
        let (dead, _) = accept(&store, &number.to_string()).await;
        let (store, ended) = (Arc::clone(&store), Instant::now());
        finish(&store, 64).await;
        kept.spawn(async move {
            is_forgotten(&store, &dead).await;
            let kept = ended.elapsed();
            let now = Timestamp::now();
            let retried = store.retry(None, dead.id, now).await.unwrap_err();
            let cancelled = store.cancel(None, dead.id, now).await.unwrap_err();
            for error in [retried, cancelled] {
                assert!(matches!(error, ChangeError::Unknown(id) if id == dead.id), "{error}");
            }
            kept
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let kept = kept.join_all().await;
    assert!(kept.iter().all(|kept| *kept >= RETENTION), "{kept:?}");
    for dead_letters in [false, true] {
        let page = store.list(Query { dead_letters, ..Query::default() }).await.unwrap();
        assert!(page.executions.is_empty(), "{:?}", page.executions);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotency_key_that_is_asked_for_when_its_execution_was_just_forgotten_is_one_execution() {
    let cluster = NatsCluster::start(1);
    let store = open(&cluster).await;
    let (first, _) = accept(&store, "k").await;
    finish(&store, 0).await;
    // As when NATS has removed it, and its key is next.
    let client = async_nats::connect(cluster.address()).await.unwrap();
    let stream = async_nats::jetstream::new(client).get_stream("MQTT_EXECUTIONS").await.unwrap();
    stream.purge().filter(format!("MQTT_EXECUTIONS.x.acme.{}", first.id)).await.unwrap();
    let is_accepted = async || {
        let (_, accepted) = accept(&store, "k").await;
        assert!(
            matches!(&accepted, Accepted::Before(again) if (again.id, again.status) == (first.id, Status::Accepted)),
            "{accepted:?}"
        );
    };
    let (later, _) = accept(&store, "later").await;
    finish(&store, 0).await;
    is_accepted().await;
    is_forgotten(&store, &later).await;
    is_accepted().await;
}
