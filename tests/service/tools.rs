//! What somebody does to the stream with the tools of NATS, under the hands of nodes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use async_nats::jetstream::stream::{self, Stream};
use mqtt_connector_service::{
    Execution, Id, NatsFinding, NatsLogin, NatsStore, NatsVerdict, Options, Query, Request, Status, Store,
    StoreError, Timestamp, check_nats,
    store::{Accepted, New},
};
use mqtt_connector_tests::NatsCluster;

use crate::nats::{LONG, SHORT, address};
use crate::support::PATIENCE;

/// The stream, as an administrator has it.
async fn stream(cluster: &NatsCluster) -> Stream {
    let client = async_nats::connect(cluster.address()).await.unwrap();
    async_nats::jetstream::new(client).get_stream("MQTT_EXECUTIONS").await.unwrap()
}

/// The stream with one thing changed.
async fn change(cluster: &NatsCluster, change: impl FnOnce(&mut stream::Config)) {
    let stream = stream(cluster).await;
    let mut config = stream.cached_info().config.clone();
    change(&mut config);
    let client = async_nats::connect(cluster.address()).await.unwrap();
    async_nats::jetstream::new(client).update_stream(config).await.unwrap();
}

fn new(tenant: &str, length: usize) -> New {
    let request = serde_json::json!({"topic": "a/b", "content": "x".repeat(length)}).to_string();
    let request = Request::parse(request).unwrap();
    let execution = Execution::new(tenant.into(), request, Options::default(), Timestamp::now());
    New { execution, idempotency_key: None }
}

async fn accept(store: &NatsStore, tenant: &str) -> Id {
    let new = new(tenant, 1);
    let id = new.execution.id;
    store.accept(new).await.unwrap();
    id
}

/// What a node gives to its workers, as soon as there is something.
async fn claimed(store: &NatsStore, tenant: &str) -> Vec<Id> {
    let claimed = async {
        loop {
            // It may have no lease for a moment.
            let _ = store.tidy(Timestamp::now()).await;
            let claimed = store.claim(tenant, 9).await.unwrap_or_default();
            if !claimed.is_empty() {
                return claimed.iter().map(|execution| execution.id).collect();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, claimed).await.unwrap()
}

async fn accepted(store: &NatsStore) -> usize {
    let query = Query { status: Some(Status::Accepted), ..Query::default() };
    store.list(query).await.unwrap().executions.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_go_on_after_everything_was_purged() {
    let cluster = NatsCluster::start(1);
    let one = NatsStore::builder(address(&cluster, SHORT)).open().await.unwrap();
    let other = NatsStore::builder(address(&cluster, SHORT)).open().await.unwrap();
    for tenant in ["a", "b", "c", "d"] {
        accept(&one, tenant).await;
    }
    stream(&cluster).await.purge().await.unwrap();
    // Longer than a lease, so that each has to have got another one.
    tokio::time::sleep(Duration::from_secs(2 * SHORT)).await;
    for tenant in ["a", "b", "c", "d"] {
        let after = accept(&one, tenant).await;
        let taken = tokio::select! {
            taken = claimed(&one, tenant) => taken,
            taken = claimed(&other, tenant) => taken,
        };
        assert_eq!(taken, [after]);
    }
    // Of what was purged nobody knows any more.
    assert_eq!((one.tenants(), other.tenants()), (Vec::new(), Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_that_was_removed_is_forgotten_and_the_one_behind_it_begins() {
    let cluster = NatsCluster::start(1);
    let node = NatsStore::builder(address(&cluster, LONG)).open().await.unwrap();
    let options = Options { ordering_key: Some("door".to_owned()), ..Options::default() };
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut new = new("acme", 1);
        new.execution.options = options.clone();
        waiting.push(new.execution.id);
        node.accept(new).await.unwrap();
    }
    // So that what it has accepted itself is read again.
    assert_eq!(claimed(&node, "acme").await, waiting[..1]);
    let stream = stream(&cluster).await;
    let subject = format!("MQTT_EXECUTIONS.x.acme.{}", waiting[0]);
    let message = stream.get_last_raw_message_by_subject(&subject).await.unwrap();
    stream.delete_message(message.sequence).await.unwrap();
    node.release(waiting[0]);
    assert_eq!(claimed(&node, "acme").await, waiting[1..]);
    assert!(node.get(waiting[0]).await.unwrap().is_none());
    assert_eq!(node.tenants(), Vec::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_which_nothing_is_said_any_more_takes_its_place_again() {
    let cluster = NatsCluster::start(1);
    let address = format!("{}?replicas=1&lease={SHORT}&node=one", cluster.address()).parse().unwrap();
    let node = NatsStore::builder(address).open().await.unwrap();
    // As after an hour in which it was gone.
    cluster.pause(0);
    tokio::time::sleep(Duration::from_secs(SHORT + 1)).await;
    cluster.resume(0);
    let stream = stream(&cluster).await;
    stream.purge().filter("MQTT_EXECUTIONS.n.one").await.unwrap();
    let first = accept(&node, "acme").await;
    assert_eq!(claimed(&node, "acme").await, [first]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_stream_may_not_hold_is_refused_at_once_and_hinders_nobody() {
    let cluster = NatsCluster::start(1);
    let node = NatsStore::builder(address(&cluster, LONG)).open().await.unwrap();
    change(&cluster, |config| config.max_message_size = 16 * 1024).await;
    let began = Instant::now();
    let error = node.accept(new("acme", 20_000)).await.unwrap_err();
    assert!(matches!(error, StoreError::TooLong { bytes, .. } if bytes > 20_000), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(node.fault(), None);
    accept(&node, "acme").await;
    assert_eq!(accepted(&node).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_goes_on_with_a_stream_that_was_removed_and_made_again() {
    let cluster = NatsCluster::start(1);
    let node = NatsStore::builder(address(&cluster, SHORT)).open().await.unwrap();
    for _ in 0..20 {
        accept(&node, "acme").await;
    }
    let client = async_nats::connect(cluster.address()).await.unwrap();
    async_nats::jetstream::new(client).delete_stream("MQTT_EXECUTIONS").await.unwrap();
    // Whoever starts makes it again.
    let other = NatsStore::builder(address(&cluster, SHORT)).open().await.unwrap();
    other.leave().await;
    let after = accept(&other, "acme").await;
    assert_eq!(claimed(&node, "acme").await, [after]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_has_said_of_another_stream_does_not_keep_one_that_starts_from_hearing() {
    let cluster = NatsCluster::start(1);
    NatsStore::builder(address(&cluster, SHORT)).open().await.unwrap().leave().await;
    // As by a node that has not noticed yet that the stream was removed and made again.
    let jetstream = async_nats::jetstream::new(async_nats::connect(cluster.address()).await.unwrap());
    jetstream.publish("MQTT_EXECUTIONS.start", "1000000".into()).await.unwrap().await.unwrap();
    let node = NatsStore::builder(address(&cluster, SHORT)).open().await.unwrap();
    let first = accept(&node, "acme").await;
    assert_eq!(claimed(&node, "acme").await, [first]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_of_what_is_too_long_is_free_for_what_is_not() {
    let cluster = NatsCluster::start_with(1, "max_payload: 65536");
    let node = NatsStore::builder(address(&cluster, LONG)).open().await.unwrap();
    let keyed = |length| New { idempotency_key: Some("k".to_owned()), ..new("acme", length) };
    let error = node.accept(keyed(70_000)).await.unwrap_err();
    assert!(matches!(error, StoreError::TooLong { .. }), "{error}");
    assert!(matches!(node.accept(keyed(1)).await.unwrap(), Accepted::New));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_full_by_its_own_bounds_is_told_from_a_disk_that_is() {
    let cluster = NatsCluster::start(1);
    let node = NatsStore::builder(address(&cluster, LONG)).open().await.unwrap();
    change(&cluster, |config| config.max_bytes = 16 * 1024).await;
    let error = node.accept(new("acme", 20_000)).await.unwrap_err();
    let wanted = "the stream has as much as its max_bytes or max_msgs allow; they have to be -1, and --store-size says how much is accepted";
    assert_eq!(error, StoreError::Unusable(wanted.to_owned()));
    assert_eq!(node.fault(), Some(error));
}

/// How many messages a server has got so far.
fn messages(cluster: &NatsCluster) -> u64 {
    let mut connection = TcpStream::connect(("127.0.0.1", cluster.monitor(0))).unwrap();
    connection.write_all(b"GET /varz HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str::<serde_json::Value>(body).unwrap()["in_msgs"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_starts_while_there_is_no_room_waits_for_it_and_does_not_ask_without_a_pause() {
    let cluster = NatsCluster::start(1);
    let node = NatsStore::builder(address(&cluster, LONG)).open().await.unwrap();
    node.accept(new("acme", 8192)).await.unwrap();
    change(&cluster, |config| config.max_bytes = 8192).await;
    let before = messages(&cluster);
    let opening = tokio::spawn(NatsStore::builder(address(&cluster, LONG)).open());
    tokio::time::sleep(Duration::from_secs(2)).await;
    let asked = messages(&cluster) - before;
    assert!(!opening.is_finished() && asked < 200, "{asked}");
    change(&cluster, |config| config.max_bytes = -1).await;
    let opened = tokio::time::timeout(PATIENCE, opening).await.unwrap().unwrap().unwrap();
    accept(&opened, "acme").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_accepted_has_room_for_what_becomes_of_it() {
    let cluster = NatsCluster::start_with(1, "max_payload: 65536");
    let node = NatsStore::builder(address(&cluster, LONG)).open().await.unwrap();
    let mut length = 65_536;
    while node.accept(new("acme", length)).await.is_err() {
        length -= 64;
    }
    let mut execution = node.claim("acme", 1).await.unwrap().remove(0);
    for _ in 0..execution.options.attempts {
        execution.begin(Some("a/b"), Timestamp::now());
        assert!(node.begin(&execution, true).await.unwrap());
        execution.break_off(true, Timestamp::now());
    }
    node.settle(&execution, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_loses_what_waits_is_said() {
    let cluster = NatsCluster::start(1);
    let address = address(&cluster, LONG);
    let node = NatsStore::builder(address.clone()).open().await.unwrap();
    change(&cluster, |config| {
        config.max_age = Duration::from_secs(3600);
        config.discard = stream::DiscardPolicy::Old;
        config.max_bytes = 1 << 30;
    })
    .await;
    let wrong = |findings: Vec<NatsFinding>| {
        let wrong = findings.into_iter().filter(|finding| finding.verdict == NatsVerdict::Wrong);
        wrong.map(|finding| finding.text).filter(|text| text.starts_with("stream")).collect::<Vec<_>>()
    };
    let wanted = [
        "stream MQTT_EXECUTIONS: max_age is 3600 s: an execution that waits for longer is removed, and never carried out; it has to be 0, as what \
         has ended has a time of its own",
        "stream MQTT_EXECUTIONS: max_bytes or max_msgs is set: when it is full, what waits in it cannot be carried out either; both have to be -1, \
         and --store-size says how much is accepted",
        "stream MQTT_EXECUTIONS: when it is full, it removes what waits: discard has to be new; a service sets it when it starts",
    ];
    assert_eq!(wrong(check_nats(&address, NatsLogin::Nobody).await.unwrap()), wanted);
    assert_eq!(wrong(node.doubts().await), wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_late_for_an_idempotency_key_is_never_a_second_execution() {
    let cluster = NatsCluster::start(1);
    let node = NatsStore::builder(address(&cluster, LONG)).open().await.unwrap();
    let stream = stream(&cluster).await;
    let client = async_nats::connect(cluster.address()).await.unwrap();
    let keyed = |key: &str, length| New { idempotency_key: Some(key.to_owned()), ..new("acme", length) };
    for (key, length) in [("same", 1), ("other", 2)] {
        let first = keyed(key, 1);
        let id = first.execution.id;
        node.accept(first).await.unwrap();
        // As when a node has taken the key, was cut off, and what accepts the execution is on its way still.
        let subject = format!("MQTT_EXECUTIONS.x.acme.{id}");
        let late = stream.get_last_raw_message_by_subject(&subject).await.unwrap();
        stream.delete_message(late.sequence).await.unwrap();
        let taken = stream.get_last_raw_message_by_subject("MQTT_EXECUTIONS.k.acme.*").await.unwrap();
        let mut long_ago: serde_json::Value = serde_json::from_slice(&taken.payload).unwrap();
        long_ago["taken"] = serde_json::json!("2026-01-01T00:00:00.000Z");
        let jetstream = async_nats::jetstream::new(client.clone());
        let written = jetstream.publish(taken.subject, long_ago.to_string().into()).await.unwrap();
        written.await.unwrap();

        let Accepted::Before(again) = node.accept(keyed(key, length)).await.unwrap() else { panic!("{key}") };
        assert_eq!((again.id, again.status), (id, Status::Accepted));
        let Accepted::Before(again) = node.accept(keyed(key, length)).await.unwrap() else { panic!("{key}") };
        assert_eq!(again.id, id);
        let mut headers = late.headers.clone();
        headers.insert("Nats-Msg-Id", "late");
        headers.insert("Nats-Expected-Last-Subject-Sequence", "0");
        let late = jetstream.publish_with_headers(late.subject, headers, late.payload).await.unwrap();
        assert!(late.await.is_err(), "it expects that there is none");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_has_accepted_with_the_same_key_meanwhile_is_not_taken_for_ones_own() {
    let cluster = NatsCluster::start(1);
    let node = NatsStore::builder(address(&cluster, LONG)).open().await.unwrap();
    let keyed = |length| New { idempotency_key: Some("k".to_owned()), ..new("acme", length) };
    let first = keyed(1);
    let id = first.execution.id;
    node.accept(first).await.unwrap();
    for (length, is_same) in [(1, true), (2, false)] {
        // As when a node has taken the key, and stood still for so long that another one has accepted something with the identifier that was meant.
        stream(&cluster).await.purge().filter("MQTT_EXECUTIONS.k.acme.*").await.unwrap();
        let mut late = keyed(length);
        late.execution.id = id;
        match node.accept(late).await.unwrap() {
            Accepted::New => assert!(is_same),
            Accepted::Other(other) => assert!(!is_same && other == id),
            Accepted::Before(_) => panic!("its key was taken"),
        }
    }
}
