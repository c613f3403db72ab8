//! What a tenant may publish, and how much of it: the message of each limit, and that the others do not notice.

use std::future::Future as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use mqtt_connector::publisher::{Resolver, Resolving};
use mqtt_connector::{Limits, Meta, Tenant, TenantBuilder};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::port::SilentPort;
use mqtt_connector_tests::{Expect, Mosquitto, Observer, ScriptedBroker, Step, encode};
use serde_json::{Value, json};

use crate::runtime::two_workers;
use crate::support::{PATIENCE, assert_meta, block_on, builder, config, connector, send_as, with};

/// A tenant that may send to loopback, and to topics below `acme`.
fn acme() -> TenantBuilder {
    Tenant::builder("acme").broker("*://127.0.0.0/8:*".parse().unwrap()).topics("acme/#".parse().unwrap())
}

fn limited(set: impl FnOnce(&mut Limits)) -> Arc<Tenant> {
    let mut limits = Limits::default();
    set(&mut limits);
    Arc::new(acme().limits(limits).build())
}

fn send_batch_as(tenant: &Arc<Tenant>, config: &Value, requests: &[Value]) -> Vec<Meta> {
    let requests: Vec<String> = requests.iter().map(Value::to_string).collect();
    let responses = block_on(connector().send_batch(tenant, &config.to_string(), &requests));
    responses.into_iter().map(|response| response.meta).collect()
}

#[test]
fn topic_or_will_without_a_grant_gets_no_packet() {
    let will = |topic: &str| json!({ "topic": "acme/door", "will": { "topic": topic, "content": "lost" } });
    for (request, message) in [
        (json!({ "topic": "other/door" }), "topic: tenant acme may not publish to \"other/door\""),
        (json!({ "topic": "acmeevil" }), "topic: tenant acme may not publish to \"acmeevil\""),
        (json!({ "topic": "$SYS/acme" }), "topic: tenant acme may not publish to \"$SYS/acme\""),
        (will("other/door"), "will: tenant acme may not publish to \"other/door\""),
        (will("$share/g/acme"), "will: tenant acme may not publish to \"$share/g/acme\""),
    ] {
        let broker = ScriptedBroker::untouched();
        let request = with(&request, json!({ "content": "x" }));
        let meta = send_as(&Arc::new(acme().build()), &config(broker.port()), &request);
        assert_meta(&meta, 77, &format!("Not sent, it is not allowed: {message}; no grant names it."));
        broker.finish();
    }
}

#[test]
fn tenant_without_topics_may_publish_nothing() {
    let broker = ScriptedBroker::untouched();
    let tenant = Tenant::builder("acme").broker("*://127.0.0.0/8:*".parse().unwrap()).build();
    let meta =
        send_as(&Arc::new(tenant), &config(broker.port()), &json!({ "topic": "acme/a", "content": "x" }));
    assert_meta(
        &meta,
        77,
        "Not sent, it is not allowed: topic: tenant acme may not publish to \"acme/a\"; no grant names it.",
    );
    broker.finish();
}

#[test]
fn denied_message_does_not_stop_the_others() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let tenant = limited(|limits| limits.payload = 4);
    let request = |topic: &str, content: &str| json!({ "topic": topic, "content": content });
    let metas = send_batch_as(
        &tenant,
        &config(broker.port()),
        &[
            request("acme/1", "one"),
            request("other/2", "two"),
            request("acme/3", "three"),
            request("acme/4", "four"),
        ],
    );
    assert_eq!(metas.iter().map(|meta| meta.exit_code).collect::<Vec<_>>(), [0, 77, 77, 0], "{metas:?}");
    let came: Vec<_> = observer.messages(2, PATIENCE).into_iter().map(|message| message.topic).collect();
    assert_eq!(came, ["acme/1", "acme/4"]);
    assert_eq!(observer.settled().len(), 2);
}

#[test]
fn denied_message_keeps_its_own_answer_when_the_connection_fails() {
    let broker = ScriptedBroker::builder()
        .connection([Step::expect(Expect::connect()), Step::send(encode::connack(false, 5))])
        .start();
    let requests = ["other/1", "acme/2"].map(|topic| json!({ "topic": topic, "content": "x" }));
    let metas = send_batch_as(&limited(|_| {}), &config(broker.port()), &requests);
    assert_eq!(metas.iter().map(|meta| meta.exit_code).collect::<Vec<_>>(), [77, 5], "{metas:?}");
    broker.finish();
}

#[test]
fn payload_over_the_limit_gets_no_packet() {
    let tenant = limited(|limits| limits.payload = 4);
    let will = json!({ "topic": "acme/w", "content": "12345" });
    let properties = json!({ "protocol-version": "5", "user-properties": { "ab": "c" } });
    for (request, what) in [
        (json!({ "topic": "acme/a", "content": "12345" }), "content: 5 bytes"),
        (json!({ "topic": "acme/a", "content-base64": "AAAAAAA=" }), "content: 5 bytes"),
        (json!({ "topic": "acme/a", "content": "1234", "will": will }), "the will's content: 5 bytes"),
        (
            with(&json!({ "topic": "acme/a", "content": "12" }), properties),
            "content: 2 bytes with 3 of properties",
        ),
    ] {
        let broker = ScriptedBroker::untouched();
        let meta = send_as(&tenant, &config(broker.port()), &request);
        assert_meta(
            &meta,
            77,
            &format!("Not sent, it is too large: {what}, and tenant acme may send 4 (its limit payload)."),
        );
        broker.finish();
    }
}

#[test]
fn payload_at_the_limit_is_sent() {
    let tenant = limited(|limits| limits.payload = 4);
    let broker = ScriptedBroker::builder()
        .connection([
            Step::expect(Expect::connect()),
            Step::send(encode::connack(false, 0)),
            Step::expect(Expect::publish().payload("1234")),
            Step::respond(PacketType::PubAck),
            Step::expect(Expect::disconnect()),
            Step::expect_end(),
        ])
        .start();
    let will = json!({ "topic": "acme/w", "content": "1234" });
    let request = json!({ "topic": "acme/a", "content": "1234", "qos": 1, "will": will });
    let meta = send_as(&tenant, &config(broker.port()), &request);
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    broker.finish();
}

/// A configuration with a client identifier of its own, so that sends do not take turns.
fn client(port: u16, name: &str, timeout: u32) -> String {
    with(&config(port), json!({ "client-id": name, "timeout": timeout, "qos": 1 })).to_string()
}

const REQUEST: &str = r#"{"topic": "acme/a", "content": "x"}"#;

#[test]
fn one_connection_too_many_waits_until_another_closes() {
    let (silent, broker) = (SilentPort::open(), Mosquitto::start());
    let tenant = limited(|limits| limits.connections = 1);
    let (first, second) = (client(silent.port(), "first", 400), client(broker.port(), "second", 5000));
    let started = Instant::now();
    let (first, second) = block_on(async {
        tokio::join!(connector().send(&tenant, &first, REQUEST), connector().send(&tenant, &second, REQUEST))
    });
    assert_eq!((first.meta.exit_code, second.meta.exit_code), (75, 0), "{first:?} {second:?}");
    assert!(started.elapsed() >= Duration::from_millis(390), "{:?}", started.elapsed());
}

#[test]
fn one_connection_too_many_is_denied_when_none_closes() {
    let silent = ScriptedBroker::builder().connection([Step::silence()]).start();
    let broker = ScriptedBroker::untouched();
    let tenant = limited(|limits| limits.connections = 1);
    let (first, second) = (client(silent.port(), "first", 3000), client(broker.port(), "second", 200));
    let (runtime, holder) = (two_workers(), Arc::clone(&tenant));
    let first = runtime.spawn(async move { connector().send(&holder, &first, REQUEST).await });
    silent.wait_for_packets(1, PATIENCE);
    let second = runtime.block_on(connector().send(&tenant, &second, REQUEST));
    first.abort();
    assert!(runtime.block_on(first).unwrap_err().is_cancelled(), "it held its connection all the time");
    assert_meta(
        &second.meta,
        77,
        "Not sent, it is not allowed: connections: tenant acme may have 1 open, and none of them closed within … ms.",
    );
    broker.finish();
    silent.finish();
}

#[test]
fn connections_of_another_tenant_do_not_count() {
    let (silent, broker) = (SilentPort::open(), Mosquitto::start());
    let (one, other) = (limited(|limits| limits.connections = 1), limited(|limits| limits.connections = 1));
    let (first, second) = (client(silent.port(), "first", 2000), client(broker.port(), "second", 1500));
    block_on(async {
        tokio::select! {
            biased;
            _ = connector().send(&one, &first, REQUEST) => panic!("nobody answers there"),
            response = connector().send(&other, &second, REQUEST) => {
                assert_eq!(response.meta.exit_code, 0, "{}", response.meta.message);
            }
        }
    });
}

#[test]
fn messages_beyond_the_rate_wait() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "acme/#");
    let tenant = limited(|limits| limits.messages_per_second = 10);
    let requests: Vec<_> =
        (0..13).map(|number| json!({ "topic": "acme/a", "content": number, "qos": 1 })).collect();
    let started = Instant::now();
    let metas = send_batch_as(&tenant, &config(broker.port()), &requests);
    assert!(metas.iter().all(|meta| meta.exit_code == 0), "{metas:?}");
    let elapsed = started.elapsed();
    assert!((300..2000).contains(&elapsed.as_millis()), "three of them waited 100 ms each: {elapsed:?}");
    let payloads: Vec<_> =
        observer.messages(13, PATIENCE).into_iter().map(|message| message.payload).collect();
    assert_eq!(payloads, (0..13).map(|number| number.to_string().into_bytes()).collect::<Vec<_>>());

    let meta = send_as(&tenant, &config(broker.port()), &requests[0]);
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    assert!(started.elapsed() >= Duration::from_millis(400), "the rate is the tenant's, not the call's");
}

#[test]
fn messages_whose_turn_is_too_late_are_denied_alone() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "acme/#");
    let tenant = limited(|limits| limits.messages_per_second = 2);
    let configuration = with(&config(broker.port()), json!({ "timeout": 300 }));
    let requests = ["one", "two", "three"].map(|content| json!({ "topic": "acme/a", "content": content }));
    let metas = send_batch_as(&tenant, &configuration, &requests);
    assert_eq!((metas[0].exit_code, metas[1].exit_code), (0, 0), "{metas:?}");
    let denied = "Not sent, it is not allowed: messages-per-second: tenant acme may send 2, and the turn of this message does not come within 300 ms.";
    assert_meta(&metas[2], 77, denied);
    assert_eq!(observer.settled().len(), 2);
}

#[test]
fn the_rate_is_the_tenants_and_not_the_brokers() {
    let broker = Mosquitto::start();
    let requests = ["one", "two", "three"].map(|content| json!({ "topic": "acme/a", "content": content }));
    let begin = Instant::now();
    let denied = loop {
        let untouched = ScriptedBroker::untouched();
        let tenant = limited(|limits| limits.messages_per_second = 2);
        let started = Instant::now();
        let metas = send_batch_as(&tenant, &config(broker.port()), &requests[..2]);
        assert_eq!((metas[0].exit_code, metas[1].exit_code), (0, 0), "{metas:?}");
        let configuration = with(&config(untouched.port()), json!({ "timeout": 50 }));
        let meta = send_as(&tenant, &configuration, &requests[2]);
        // On a machine so slow that the turn comes in time after all, nothing is told: another tenant tells.
        if started.elapsed() < Duration::from_millis(450) {
            untouched.finish();
            break meta;
        }
        let _ = untouched.finish_unchecked();
        assert!(begin.elapsed() < PATIENCE, "no two messages were sent within 450 ms");
    };
    assert_meta(
        &denied,
        77,
        "Not sent, it is not allowed: messages-per-second: tenant acme may send 2, and the turn of this message does not come within 50 ms.",
    );
}

#[test]
fn sends_beyond_the_limit_wait_their_turn() {
    let silent = SilentPort::open();
    let tenant = limited(|limits| limits.concurrent_sends = 2);
    let sends: Vec<_> =
        (0..6).map(|number| client(silent.port(), &format!("client {number}"), 150)).collect();
    let started = Instant::now();
    let codes = block_on(async {
        let [a, b, c, d, e, f] = std::array::from_fn(|n| connector().send(&tenant, &sends[n], REQUEST));
        let (a, b, c, d, e, f) = tokio::join!(a, b, c, d, e, f);
        [a, b, c, d, e, f].map(|response| response.meta.exit_code)
    });
    assert_eq!(codes, [75; 6]);
    assert!(started.elapsed() >= Duration::from_millis(440), "three pairs: {:?}", started.elapsed());
}

#[test]
fn send_beyond_the_limit_is_denied_when_none_ends() {
    let (silent, broker) = (SilentPort::open(), ScriptedBroker::untouched());
    let tenant = limited(|limits| {
        limits.concurrent_sends = 1;
        limits.timeout = Duration::from_millis(200);
    });
    let (first, second) = (client(silent.port(), "first", 200), client(broker.port(), "second", 200));
    let meta = block_on(async {
        // It begins, and is never asked again whether its time is over.
        let mut first = std::pin::pin!(connector().send(&tenant, &first, REQUEST));
        std::future::poll_fn(|context| {
            assert!(first.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        connector().send(&tenant, &second, REQUEST).await.meta
    });
    assert_meta(
        &meta,
        77,
        "Not sent, it is not allowed: concurrent-sends: tenant acme may have 1 sends under way, and none of them ended within … ms.",
    );
    broker.finish();
}

/// Counts look-ups, none of which ends.
#[derive(Default)]
struct Stuck {
    under_way: Arc<AtomicUsize>,
}

impl Resolver for Stuck {
    fn resolve<'a>(&'a self, _host: &'a str, _port: u16) -> Resolving<'a> {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::pending())
    }
}

#[test]
fn look_ups_that_hang_do_not_pile_up() {
    let stuck = Stuck::default();
    let under_way = Arc::clone(&stuck.under_way);
    let connector = builder().resolver(Arc::new(stuck)).build().unwrap();
    let tenant = Tenant::builder("acme").broker("tcp://acme.example".parse().unwrap());
    let tenant = Arc::new(tenant.topics("acme/#".parse().unwrap()).build());
    let config = json!({ "broker": "tcp://acme.example", "client-id": "", "timeout": 20 }).to_string();
    // The look-ups never end: the runtime ends without them.
    let runtime = two_workers();
    for _ in 0..12 {
        let meta = runtime.block_on(connector.send(&tenant, &config, REQUEST)).meta;
        assert_eq!(meta.exit_code, 75, "{}", meta.message);
    }
    assert_eq!(under_way.load(Ordering::SeqCst), 8, "of 12 sends that have given up");
}
