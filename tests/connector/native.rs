//! The publisher without a component: for programs that publish by themselves.

use std::time::Duration;

use mqtt_connector::publisher::Publisher;
use mqtt_connector::publisher::contract::{
    Broker, ConnectOptions, Message, Progress, Qos, RetryPolicy, TlsOptions, Transport,
};
use mqtt_connector::{Error, Limits, Tenant, Unsettled};
use mqtt_connector_tests::port::ClosedPort;
use mqtt_connector_tests::{Expect, Mosquitto, Observer, ScriptedBroker, Step};

use crate::faults::{connected, publish, script};
use crate::support::{PATIENCE, block_on};

fn acme() -> Tenant {
    let tenant = Tenant::builder("acme").broker("tcp://127.0.0.1:*".parse().unwrap());
    tenant.topics("acme/#".parse().unwrap()).topics("t".parse().unwrap()).build()
}

fn options(port: u16) -> ConnectOptions {
    ConnectOptions::new(Broker::tcp("127.0.0.1", port), "native")
}

const ONCE: RetryPolicy = RetryPolicy { timeout: 5000, retries: 0 };

#[test]
fn messages_of_each_quality_of_service_arrive_over_one_connection() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let publisher = Publisher::default();
    let levels = [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce];
    let messages = levels.map(|qos| Message::new("acme/door", format!("{qos:?}"), qos)).to_vec();
    let results = block_on(async {
        let published =
            publisher.publish(&acme(), options(broker.port()), messages, RetryPolicy::default()).await;
        publisher.close().await;
        published
    });
    let reached: Vec<_> = results.unwrap().into_iter().map(|result| result.unwrap().qos).collect();
    assert_eq!(reached, levels);
    let arrived = observer.messages(3, PATIENCE);
    let arrived: Vec<_> = arrived.iter().map(|message| (message.qos, &*message.payload)).collect();
    assert_eq!(arrived, [(0, &b"AtMostOnce"[..]), (1, b"AtLeastOnce"), (2, b"ExactlyOnce")]);
    broker.wait_for_log("Received DISCONNECT from native", PATIENCE);
    assert_eq!(broker.log().matches(" as native (").count(), 1, "one connection");
}

#[test]
fn each_error_has_its_type_and_says_how_far_the_message_got() {
    let closed = ClosedPort::open();
    let broken = ScriptedBroker::builder()
        .connection(script([connected(false), vec![Step::expect(publish(1)), Step::close()]]))
        .start();
    let publish = |port, topic: &str| {
        let messages = vec![Message::new(topic, "x", Qos::AtLeastOnce)];
        let publisher = Publisher::default().with_idle(Duration::ZERO);
        block_on(publisher.publish(&acme(), options(port), messages, ONCE))
            .unwrap()
            .pop()
            .unwrap()
            .unwrap_err()
    };
    let Unsettled { error, progress, .. } = publish(closed.port(), "t");
    assert!(matches!(error, Error::Unreachable(_)) && error.is_transient(), "{error:?}");
    assert_eq!(progress, Progress::NotSent);

    let lost = publish(broken.port(), "t");
    assert!(matches!(lost.error, Error::Lost(_)) && lost.error.is_transient(), "{lost:?}");
    assert!(lost.may_have_arrived());
    assert!(lost.to_string().ends_with("; the message may have arrived"), "{lost}");
    broken.finish();

    let denied = publish(closed.port(), "other");
    assert_eq!(denied.to_string(), "topic: tenant acme may not publish to \"other\"; no grant names it");
    assert!(matches!(denied.error, Error::Denied(_)) && !denied.error.is_transient(), "{denied:?}");
    assert!(!denied.may_have_arrived());
}

#[test]
fn what_stands_against_the_connection_is_one_error_and_a_dry_run_says_the_same() {
    let publisher = Publisher::default();
    let broker = Broker { transport: Transport::Tls, ..Broker::tcp("127.0.0.1", 8883) };
    let tls = TlsOptions {
        root_ca: None,
        identity: None,
        server_name: None,
        alpn_protocols: Vec::new(),
        verify_server: false,
    };
    let options = ConnectOptions { tls: Some(tls), ..ConnectOptions::new(broker, "native") };
    let messages = vec![Message::new("t", "x", Qos::AtLeastOnce)];
    let words = "broker: tenant acme may not send to 127.0.0.1 port 8883; no grant names it; and verify-server: tenant \
                 acme may not send to a broker that is not verified";
    let published =
        block_on(publisher.publish(&acme(), options.clone(), messages.clone(), ONCE)).unwrap_err();
    assert_eq!((published.to_string().as_str(), published.may_have_arrived()), (words, false));
    let checked = block_on(publisher.check(&acme(), options, &messages, ONCE)).unwrap_err();
    assert_eq!(checked, published.error);
    assert_eq!(block_on(publisher.check(&acme(), self::options(1), &messages, ONCE)), Ok(Vec::new()));
}

#[test]
fn the_limit_on_sends_at_one_time_holds() {
    let silent = ScriptedBroker::builder()
        .connection(vec![Step::expect(Expect::connect()), Step::expect_end()])
        .start();
    let mut limits = Limits::default();
    limits.concurrent_sends = 1;
    limits.timeout = Duration::from_millis(200);
    let tenant = Tenant::builder("acme").broker("tcp://127.0.0.1:*".parse().unwrap());
    let tenant = tenant.topics("t".parse().unwrap()).limits(limits).build();
    let publisher = Publisher::default();
    let send = || {
        let messages = vec![Message::new("t", "x", Qos::AtLeastOnce)];
        publisher.publish(&tenant, options(silent.port()), messages, RetryPolicy::default())
    };
    let (first, second) = block_on(async { tokio::join!(send(), send()) });
    let first = first.unwrap().pop().unwrap().unwrap_err();
    assert!(matches!(first.error, Error::TimedOut { .. }), "{first:?}");
    let second = second.unwrap_err();
    assert!(
        second.to_string().starts_with("concurrent-sends: tenant acme may have 1 sends under way"),
        "{second}"
    );
    silent.finish();
}
