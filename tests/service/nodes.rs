//! Promises across nodes: several that share one stream of NATS.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use mqtt_connector::{Connector, Limits, Tenant};
use mqtt_connector_service::store::{Accepted, New};
use mqtt_connector_service::{
    Execution, Executions, NatsStore, Options, Query, Request, Status, Store, StoreError, Submission,
    Timestamp,
};
use mqtt_connector_tests::{Collector, Mosquitto, NatsCluster, Observer};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::nats::{LONG, SHORT, address};
use crate::support::{PATIENCE, acknowledging_broker, exit_code, request, silent_broker, tenant};

/// One of the nodes: as each process of the service is one.
struct Node {
    executions: Executions,
    connector: Arc<Connector>,
}

impl Node {
    /// One that has these tenants, whose broker listens on `port`.
    async fn start(cluster: &NatsCluster, lease: u64, tenants: &[&str], port: u16) -> Self {
        let connector = Arc::new(Connector::builder().idle(Duration::ZERO).build().unwrap());
        for name in tenants {
            let unhurried = Limits::builder().messages_per_second(1_000_000).build();
            tenant(&connector, name, port, &json!({}), unhurried);
        }
        let store = NatsStore::builder(address(cluster, lease)).open().await.unwrap();
        let executions = Executions::builder(Arc::clone(&connector), Arc::new(store)).start();
        Self { executions, connector }
    }

    fn tenant(&self, name: &str) -> Tenant {
        self.connector.tenants().get(name).unwrap()
    }

    async fn submit(&self, name: &str, sent: &Value, options: Options) -> Execution {
        let submission = Submission::new(request(sent)).options(options);
        self.executions.submit(&self.tenant(name), submission).await.unwrap().execution
    }

    async fn ended(&self, execution: &Execution) -> Execution {
        let ended = self.executions.wait(&execution.tenant, execution.id, PATIENCE).await.unwrap().unwrap();
        assert!(ended.status.is_final(), "{ended:?}");
        ended
    }

    async fn end(self) {
        assert!(self.executions.drain(PATIENCE).await);
        self.connector.close().await;
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_accepts_is_waited_for_at_another_and_each_client_identifier_is_at_one_node() {
    let cluster = NatsCluster::start(1);
    let broker = Mosquitto::builder().persistence_when_stopped().start();
    let (sender, received) = mpsc::channel();
    let _collector = Collector::start(broker.port(), "collector", "#", move |publish| {
        sender.send((publish.topic, String::from_utf8(publish.payload).unwrap())).unwrap();
    });
    let tenants = ["a", "b", "c", "d", "e", "f"];
    let one = Node::start(&cluster, LONG, &tenants, broker.port()).await;
    let other = Node::start(&cluster, LONG, &tenants, broker.port()).await;
    let mut all = Vec::new();
    for number in 0..30 {
        for (index, name) in tenants.iter().enumerate() {
            let node = if (number + index) % 2 == 0 { &one } else { &other };
            let sent = json!({"topic": name, "content": number.to_string(), "qos": 1});
            let options = Options { ordering_key: Some("k".to_owned()), ..Options::default() };
            all.push(node.submit(name, &sent, options).await);
        }
    }
    for (index, accepted) in all.iter().enumerate() {
        let node = if index % 2 == 0 { &other } else { &one };
        assert_eq!(exit_code(&node.ended(accepted).await), 0);
    }
    let mut arrived = vec![Vec::new(); tenants.len()];
    for _ in &all {
        let (topic, content) = received.recv_timeout(PATIENCE).unwrap();
        arrived[usize::from(topic.as_bytes()[0] - b'a')].push(content);
    }
    let wanted: Vec<_> = (0..30).map(|number| number.to_string()).collect();
    assert_eq!(arrived, vec![wanted; tenants.len()]);
    // What mosquitto says when a client throws another one out.
    assert!(!broker.log().contains("already connected"), "{}", broker.log());
    one.end().await;
    other.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_idempotency_key_is_one_execution_at_whatever_nodes_it_is_asked_for() {
    let cluster = NatsCluster::start(1);
    let mut stores: Vec<Arc<dyn Store>> = Vec::new();
    for _ in 0..2 {
        stores.push(Arc::new(NatsStore::builder(address(&cluster, LONG)).open().await.unwrap()));
    }
    let mut asking = JoinSet::new();
    for number in 0..32 {
        let store = Arc::clone(&stores[number % 2]);
        asking.spawn(async move {
            let request = Request::parse(r#"{"topic": "a/b", "content": "planted"}"#).unwrap();
            let execution = Execution::new("acme".into(), request, Options::default(), Timestamp::now());
            let new = New { execution: execution.clone(), idempotency_key: Some("k".to_owned()) };
            match store.accept(new).await.unwrap() {
                Accepted::New => (execution.id, true),
                Accepted::Before(before) => (before.id, false),
                Accepted::Other(id) => panic!("{id} has another request"),
            }
        });
    }
    let answers = asking.join_all().await;
    let new: Vec<_> = answers.iter().filter(|(_, is_new)| *is_new).collect();
    assert_eq!(new.len(), 1);
    assert!(answers.iter().all(|(id, _)| *id == new[0].0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_is_begun_at_one_node_and_cancelled_at_another() {
    let cluster = NatsCluster::start(1);
    let broker = Mosquitto::start();
    let one = Node::start(&cluster, LONG, &["acme"], broker.port()).await;
    let other = Node::start(&cluster, LONG, &["acme"], broker.port()).await;
    let not_before = Some(Timestamp::now().after(Duration::from_secs(3600)));
    let options = Options { not_before, ..Options::default() };
    let sent = json!({"topic": "a", "content": "x"});
    let waiting = one.submit("acme", &sent, options).await;
    for node in [&one, &other] {
        let kept = node.executions.get("acme", waiting.id).await.unwrap().unwrap();
        assert_eq!(kept.status, Status::Accepted);
    }
    let told = tokio::spawn({
        let executions = one.executions.clone();
        async move { executions.wait("acme", waiting.id, PATIENCE).await.unwrap().unwrap().status }
    });
    other.executions.cancel("acme", waiting.id).await.unwrap();
    assert_eq!(told.await.unwrap(), Status::Cancelled);
    one.end().await;
    other.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_leaves_gives_its_tenants_to_the_others_at_once() {
    let cluster = NatsCluster::start(1);
    let broker = Mosquitto::start();
    let tenants = ["a", "b", "c", "d"];
    let one = Node::start(&cluster, LONG, &tenants, broker.port()).await;
    for name in tenants {
        let sent = json!({"topic": name, "content": "before", "qos": 1});
        let accepted = one.submit(name, &sent, Options::default()).await;
        assert_eq!(exit_code(&one.ended(&accepted).await), 0);
    }
    let other = Node::start(&cluster, LONG, &tenants, broker.port()).await;
    one.end().await;
    // Without that it would wait for an hour.
    for name in tenants {
        let sent = json!({"topic": name, "content": "after", "qos": 1});
        let accepted = other.submit(name, &sent, Options::default()).await;
        assert_eq!(exit_code(&other.ended(&accepted).await), 0);
    }
    other.end().await;
}

/// An execution that runs at a node, whose broker does not answer, when the node is gone; and what another node makes of it.
fn taken_over(qos: u8, then: impl AsyncFnOnce(Node, Execution)) {
    let cluster = NatsCluster::start(1);
    let silent = silent_broker(qos);
    let gone = runtime();
    let accepted = gone.block_on(async {
        let node = Node::start(&cluster, SHORT, &["acme"], silent.port()).await;
        let sent = json!({"topic": "a", "content": "x", "qos": qos});
        node.submit("acme", &sent, Options { attempts: 1, ..Options::default() }).await
    });
    silent.wait_for_packets(2, PATIENCE);
    // The node is dropped where it stands, as in a process that is killed.
    drop(gone);
    let broker = acknowledging_broker();
    runtime().block_on(async {
        let node = Node::start(&cluster, SHORT, &["acme"], broker.port()).await;
        then(node, accepted).await;
    });
    drop(silent.finish_unchecked());
    drop(broker.finish_unchecked());
}

#[test]
fn qos_1_of_a_node_that_is_gone_is_sent_again_by_another() {
    taken_over(1, async |node, accepted| {
        let ended = node.ended(&accepted).await;
        assert_eq!((exit_code(&ended), ended.attempts.len()), (0, 2));
        assert!(ended.attempts[0].meta.is_none() && ended.attempts[0].ended.is_some());
        node.end().await;
    });
}

#[test]
fn qos_2_of_a_node_that_is_gone_ends_with_79() {
    taken_over(2, async |node, accepted| {
        let ended = node.ended(&accepted).await;
        assert_eq!((exit_code(&ended), ended.attempts.len()), (79, 1));
        assert_eq!(
            ended.meta.as_ref().unwrap().message,
            "May have arrived: the service was ended while the message was being sent, and sent again it could arrive twice."
        );
        node.end().await;
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_claims_of_a_node_are_lost_when_another_has_its_name() {
    let cluster = NatsCluster::start(1);
    let named = || format!("{}?replicas=1&lease={LONG}&node=pod-0", cluster.address()).parse().unwrap();
    let first = NatsStore::builder(named()).open().await.unwrap();
    let request = Request::parse(r#"{"topic": "a/b", "content": "planted"}"#).unwrap();
    let execution = Execution::new("acme".into(), request, Options::default(), Timestamp::now());
    first.accept(New { execution: execution.clone(), idempotency_key: None }).await.unwrap();
    let mut claimed = first.claim("acme", 1).await.unwrap().remove(0);
    claimed.begin(None, Timestamp::now());
    assert!(first.begin(&claimed, true).await.unwrap());

    let second = NatsStore::builder(named()).open().await.unwrap();
    let again = second.claim("acme", 1).await.unwrap();
    assert_eq!((again[0].id, again[0].may_have_arrived()), (execution.id, true));
    first.lost(execution.id).await;
    // What the first one says then changes nothing.
    assert!(!first.begin(&claimed, true).await.unwrap());
    first.settle(&claimed, None).await.unwrap();
    let kept = second.get(execution.id).await.unwrap().unwrap();
    assert_eq!((kept.status, kept.attempts.len()), (Status::Accepted, 1));
    assert_eq!(first.claim("acme", 1).await.unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_full_or_too_long_is_refused_and_the_rest_is_carried_out() {
    let cluster = NatsCluster::start_with(1, "max_payload: 65536");
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let new = |length: usize| {
        let request = json!({"topic": "a/b", "content": "x".repeat(length)}).to_string();
        let request = Request::parse(request).unwrap();
        let execution = Execution::new("acme".into(), request, Options::default(), Timestamp::now());
        New { execution, idempotency_key: None }
    };
    let size = 64 * 1024;
    let store = NatsStore::builder(address(&cluster, SHORT)).size(size).open().await.unwrap();
    let error = store.accept(new(70_000)).await.unwrap_err();
    assert!(
        matches!(error, StoreError::TooLong { bytes, most } if bytes > 70_000 && most < 65_536),
        "{error}"
    );
    let mut accepted = 0;
    let error = loop {
        match store.accept(new(8000)).await {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
        store.tidy(Timestamp::now()).await.unwrap();
        assert!(accepted < 10_000);
    };
    assert_eq!(error, StoreError::Full { bytes: size });
    drop(store);

    let node = Node::start(&cluster, SHORT, &["acme"], broker.port()).await;
    let messages = observer.messages(accepted, PATIENCE);
    assert!(messages.iter().all(|message| message.payload.len() == 8000));
    node.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_another_tenants_backlog() {
    let cluster = NatsCluster::start(1);
    let (stopped, broker) = (Mosquitto::start(), Mosquitto::start());
    let nodes = [
        Node::start(&cluster, LONG, &["b"], broker.port()).await,
        Node::start(&cluster, LONG, &["b"], broker.port()).await,
    ];
    for node in &nodes {
        tenant(&node.connector, "a", stopped.port(), &json!({"timeout": 600_000}), Limits::default());
    }
    stopped.pause();
    let sent = json!({"topic": "t", "content": "x", "qos": 1});
    let mut waiting = Vec::new();
    for number in 0..300 {
        waiting.push(nodes[number % 2].submit("a", &sent, Options::default()).await);
    }
    for number in 0..20 {
        let accepted = nodes[number % 2].submit("b", &sent, Options::default()).await;
        assert_eq!(exit_code(&nodes[(number + 1) % 2].ended(&accepted).await), 0);
    }
    for accepted in &waiting {
        let now = nodes[0].executions.get("a", accepted.id).await.unwrap().unwrap();
        assert!(!now.status.is_final(), "{now:?}");
    }
    stopped.resume();
    for accepted in &waiting {
        assert_eq!(exit_code(&nodes[1].ended(accepted).await), 0);
    }
    for node in nodes {
        node.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_starts_need_not_hear_of_what_has_ended() {
    let cluster = NatsCluster::start(1);
    let new = || {
        let request = Request::parse(r#"{"topic": "a/b", "content": "x"}"#).unwrap();
        Execution::new("acme".into(), request, Options::default(), Timestamp::now())
    };
    let accept = async |store: &NatsStore, execution: &Execution| {
        store.accept(New { execution: execution.clone(), idempotency_key: None }).await.unwrap();
    };
    let first = NatsStore::builder(address(&cluster, SHORT)).open().await.unwrap();
    let mut ended = Vec::new();
    for _ in 0..600 {
        let execution = new();
        accept(&first, &execution).await;
        first.cancel(None, execution.id, Timestamp::now()).await.unwrap();
        ended.push(execution);
    }
    let waiting = [new(), new()];
    for execution in &waiting {
        accept(&first, execution).await;
    }
    assert_eq!(first.claim("acme", 1).await.unwrap().len(), 1);
    let client = async_nats::connect(cluster.address()).await.unwrap();
    let stream = async_nats::jetstream::new(client).get_stream("MQTT_EXECUTIONS").await.unwrap();
    let start = async {
        loop {
            if let Ok(start) = stream.get_last_raw_message_by_subject("MQTT_EXECUTIONS.start").await
                && let Ok(sequence) = str::from_utf8(&start.payload).unwrap().parse::<u64>()
                && sequence >= 1000
            {
                return sequence;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let start = tokio::time::timeout(PATIENCE, start).await.unwrap();
    let second = NatsStore::builder(address(&cluster, SHORT)).open().await.unwrap();
    let accepted = Query { status: Some(Status::Accepted), ..Query::default() };
    let listed = second.list(accepted).await.unwrap().executions;
    assert_eq!(
        listed.iter().map(|one| one.id).collect::<Vec<_>>(),
        [waiting[1].id, waiting[0].id],
        "{start}"
    );
    assert_eq!(second.get(ended[0].id).await.unwrap().unwrap().status, Status::Cancelled);
    // It knows whose they are.
    assert_eq!(second.claim("acme", 2).await.unwrap().len(), 0);
}
