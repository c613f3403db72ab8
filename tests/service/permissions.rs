//! What the user of a node may not do, at a start and when somebody changes that under the hands of a node: it is said by its name.

use std::fmt::Write as _;
use std::time::Duration;

use async_nats::ConnectOptions;
use futures_util::StreamExt as _;
use mqtt_connector_service::store::New;
use mqtt_connector_service::{
    Execution, NatsAddress, NatsError, NatsStore, Options, Request, Store, StoreError, Timestamp,
};
use mqtt_connector_tests::NatsCluster;
use tokio::task::JoinSet;

use crate::logins::{documented, user};
use crate::nats::{SHORT, address};
use crate::support::PATIENCE;

/// How what is missing is said.
fn publishing(to: &str) -> String {
    format!("the permissions of its user of NATS do not let this node publish to {to:?}")
}

fn subscribing(to: &str) -> String {
    format!("the permissions of its user of NATS do not let this node subscribe to {to:?}")
}

/// The subjects that docs/cluster.md lets a node publish to.
fn permissions() -> Vec<String> {
    let documented = documented("planted");
    let (publish, _) = documented.split_once("subscribe:").unwrap();
    let subjects = publish.lines().map(str::trim).filter(|line| line.starts_with('"'));
    subjects.map(|line| line.trim_matches('"').to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permission_that_is_missing_at_the_start_is_named() {
    let permissions = permissions();
    let mut users = String::new();
    for (number, missing) in permissions.iter().map(Some).chain([None]).enumerate() {
        let stream = format!("S{number}");
        let publish = permissions.iter().filter(|permission| Some(*permission) != missing);
        let publish: Vec<_> =
            publish.map(|subject| format!("{:?}", subject.replace("MQTT_EXECUTIONS", &stream))).collect();
        let subscribe = missing.map_or_else(|| "other".to_owned(), |_| format!("_INBOX_{stream}.>"));
        let publish = publish.join(", ");
        let _ = writeln!(
            users,
            "{{ user: {stream}, password: planted, permissions: {{ publish: [{publish}], subscribe: [{subscribe:?}] }} }}"
        );
    }
    let cluster = NatsCluster::start_with(
        1,
        &format!("accounts {{ EXECUTIONS {{ jetstream: enabled, users: [\n{users}] }} }}"),
    );
    let mut starts = JoinSet::new();
    for number in 0..=permissions.len() {
        let stream = format!("S{number}");
        let address: NatsAddress =
            format!("{}?replicas=1&lease={SHORT}&stream={stream}", cluster.address()).parse().unwrap();
        starts.spawn(async move {
            let opened = NatsStore::builder(address).login(user(&stream, "planted")).open().await;
            let reason = opened.err().map(|error| match error {
                NatsError::Stream { reason, .. } => reason,
                error => panic!("{stream}: {error}"),
            });
            (number, reason)
        });
    }
    let mut reasons = tokio::time::timeout(PATIENCE, starts.join_all()).await.unwrap();
    reasons.sort();
    for (number, reason) in reasons {
        let stream = format!("S{number}");
        let missing = permissions.get(number).map(|missing| missing.replace("MQTT_EXECUTIONS", &stream));
        let wanted = match missing.as_deref() {
            None => Some(subscribing(&format!("_INBOX_{stream}.>"))),
            // A stream that was made just now need not be changed, and a consumer that is there need not be made again.
            Some(missing)
                if ["STREAM.UPDATE", "CONSUMER.INFO", "CONSUMER.DELETE"]
                    .iter()
                    .any(|api| missing.contains(api))
                    || missing.contains("CONSUMER.CREATE") && missing.ends_with(".>") =>
            {
                None
            }
            Some(missing) => Some(publishing(missing)),
        };
        assert_eq!(reason, wanted, "{missing:?}");
    }
}

/// Waits until a node says that, and no longer something else.
async fn becomes(node: &NatsStore, wanted: Option<StoreError>) {
    let waited = async {
        while node.fault() != wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waited).await;
    assert!(waited.is_ok(), "{:?}, and not {wanted:?}", node.fault());
}

/// An execution that is to be accepted.
fn new() -> New {
    let request = Request::parse(r#"{"topic": "a/b", "content": "x"}"#).unwrap();
    let execution = Execution::new("acme".into(), request, Options::default(), Timestamp::now());
    New { execution, idempotency_key: None }
}

/// What a node says while something is changed under its hands, and that it goes on when that is as it was.
async fn is_said(changed: &str, wanted: &str) {
    let whole = documented("planted");
    let mut cluster = NatsCluster::start_with(1, &whole);
    let node = NatsStore::builder(address(&cluster, SHORT)).login(user("node", "planted"));
    let node = node.open().await.unwrap();
    let becomes = async |wanted: Option<StoreError>| becomes(&node, wanted).await;
    becomes(None).await;
    tokio::task::block_in_place(|| cluster.reconfigure(changed));
    becomes(Some(StoreError::Unusable(wanted.to_owned()))).await;
    tokio::task::block_in_place(|| cluster.reconfigure(&whole));
    becomes(None).await;
    node.accept(new()).await.unwrap();
    while node.claim("acme", 1).await.unwrap().is_empty() {
        node.changed().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_user_may_not_write_any_more_says_so() {
    let changed = documented("planted").replace("\"MQTT_EXECUTIONS.>\"", "");
    is_said(&changed, &publishing("MQTT_EXECUTIONS.>")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_may_not_hear_answers_any_more_says_so_and_hears_them_again() {
    let changed = documented("planted").replace("_INBOX_MQTT_EXECUTIONS.>", "other");
    is_said(&changed, &subscribing("_INBOX_MQTT_EXECUTIONS.>")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_password_was_changed_says_so() {
    let wanted = "NATS does not let this node in any more: the user, its password, its token or its key is not one that the server knows, or \
                  is no longer valid";
    is_said(&documented("another"), wanted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_account_has_no_jetstream_any_more_says_so() {
    let changed = documented("planted").replace("jetstream: enabled", "jetstream: disabled");
    let wanted = "NATS has no JetStream for this node (jetstream in the configuration of its servers, or of the account)";
    is_said(&changed, wanted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_may_not_read_any_more_is_not_ready_until_it_may() {
    let reading = "$JS.API.STREAM.MSG.GET.MQTT_EXECUTIONS";
    let whole = documented("planted");
    let mut cluster = NatsCluster::start_with(1, &whole);
    let node = NatsStore::builder(address(&cluster, SHORT)).login(user("node", "planted"));
    let node = node.open().await.unwrap();
    let new = new();
    let id = new.execution.id;
    node.accept(new).await.unwrap();
    tokio::task::block_in_place(|| cluster.reconfigure(&whole.replace(&format!("{reading:?}"), "")));
    let denied = StoreError::Unusable(publishing(reading));
    assert_eq!(node.get(id).await.unwrap_err(), denied);
    becomes(&node, Some(denied)).await;
    tokio::task::block_in_place(|| cluster.reconfigure(&whole));
    becomes(&node, None).await;
    assert_eq!(node.get(id).await.unwrap().unwrap().id, id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_nats_delivers_nothing_to_is_not_ready_until_it_does_also_when_it_has_lost_its_lease() {
    const LEASE: u64 = 5;
    let operator = "users: [ { user: operator, password: planted }";
    let whole = documented("planted").replace("users: [", operator);
    let mut cluster = NatsCluster::start_with(1, &whole);
    let node = NatsStore::builder(address(&cluster, LEASE)).login(user("node", "planted"));
    let node = node.open().await.unwrap();
    let becomes = async |wanted: Option<StoreError>| becomes(&node, wanted).await;
    let next = "$JS.API.CONSUMER.MSG.NEXT.MQTT_EXECUTIONS.>";
    tokio::task::block_in_place(|| cluster.reconfigure(&whole.replace(&format!("{next:?}"), "")));
    let options = ConnectOptions::with_user_and_password("operator".to_owned(), "planted".to_owned());
    let operator = options.connect(cluster.address()).await.unwrap();
    let stream = async_nats::jetstream::new(operator).get_stream("MQTT_EXECUTIONS").await.unwrap();
    let mut consumers = stream.consumer_names();
    while let Some(consumer) = consumers.next().await {
        stream.delete_consumer(&consumer.unwrap()).await.unwrap();
    }
    cluster.pause(0);
    tokio::time::sleep(Duration::from_secs(LEASE + 1)).await;
    cluster.resume(0);
    let deaf = format!("NATS does not deliver what is written to it: {}", publishing(next));
    becomes(Some(StoreError::Unusable(deaf))).await;
    // It renews its lease meanwhile.
    tokio::time::sleep(Duration::from_secs(LEASE)).await;
    tokio::task::block_in_place(|| cluster.reconfigure(&whole));
    becomes(None).await;
}
