//! The way out: a name cannot lead anywhere else than where it was checked to lead.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use mqtt_connector::publisher::{Resolver, Resolving};
use mqtt_connector::{Connector, Meta, Tenant};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, ScriptedBroker, Step, encode};
use serde_json::{Value, json};

use crate::support::{assert_meta, block_on, builder};

/// Answers each look-up with the next list of addresses: somebody else's DNS server.
struct Rebinding {
    answers: Mutex<Vec<Vec<SocketAddr>>>,
    asked: AtomicUsize,
}

impl Rebinding {
    fn new(answers: impl IntoIterator<Item = Vec<SocketAddr>>) -> Arc<Self> {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        Arc::new(Self { answers: Mutex::new(answers), asked: AtomicUsize::new(0) })
    }
}

impl Resolver for Rebinding {
    fn resolve<'a>(&'a self, _host: &'a str, _port: u16) -> Resolving<'a> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.lock().unwrap().pop();
        Box::pin(async move { answer.ok_or_else(|| std::io::Error::other("asked too often")) })
    }
}

/// A tenant whose name may lead to 127.0.0.1 and to nowhere else inside.
fn send(connector: &Connector, request: &Value) -> Meta {
    let tenant = Tenant::builder("acme")
        .broker("tcp://acme.example".parse().unwrap())
        .broker("tcp://127.0.0.1".parse().unwrap())
        .topics("#".parse().unwrap())
        .build();
    let config = json!({ "broker": "tcp://acme.example", "client-id": "c", "topic": "t", "content": "x" });
    block_on(connector.send(&Arc::new(tenant), &config.to_string(), &request.to_string())).meta
}

fn inside(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), 1883)
}

#[test]
fn a_name_is_looked_up_once_per_call_and_its_address_is_kept_when_connecting_again() {
    let broker = ScriptedBroker::builder()
        .connection([Step::expect(Expect::connect()), Step::close()])
        .connection([
            Step::expect(Expect::connect()),
            Step::send(encode::connack(false, 0)),
            Step::expect(Expect::publish()),
            Step::respond(PacketType::PubAck),
            Step::expect(Expect::disconnect()),
        ])
        .start();
    let resolver = Rebinding::new([vec![broker.address()], vec![inside("169.254.169.254")]]);
    let connector = builder().resolver(Arc::clone(&resolver) as Arc<dyn Resolver>).build().unwrap();
    let meta = send(&connector, &json!({ "qos": 1, "retries": 1 }));
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1);
    broker.finish();
}

#[test]
fn a_name_that_leads_elsewhere_the_next_time_is_checked_again() {
    let broker = ScriptedBroker::builder()
        .connection([
            Step::expect(Expect::connect()),
            Step::send(encode::connack(false, 0)),
            Step::expect(Expect::publish()),
            Step::respond(PacketType::PubAck),
            Step::expect(Expect::disconnect()),
        ])
        .start();
    let resolver =
        Rebinding::new([vec![broker.address()], vec![inside("169.254.169.254")], vec![inside("10.0.0.1")]]);
    let connector = builder().resolver(resolver).build().unwrap();
    assert_eq!(send(&connector, &json!({ "qos": 1 })).exit_code, 0);
    for reason in [
        "169.254.169.254 is not a public address, and needs a grant of its own",
        "10.0.0.1 is in a private network, which needs a grant",
    ] {
        let denied = format!("broker: tenant acme may not send to acme.example: {reason}");
        assert_meta(&send(&connector, &json!({})), 77, &format!("Not sent, it is not allowed: {denied}."));
    }
    broker.finish();
}

#[test]
fn one_address_that_is_not_allowed_is_one_too_many() {
    for forbidden in
        ["10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "0.0.0.0", "ff02::1"]
    {
        let broker = ScriptedBroker::untouched();
        let resolver = Rebinding::new([vec![broker.address(), inside(forbidden)]]);
        let connector = builder().resolver(resolver).build().unwrap();
        let meta = send(&connector, &json!({}));
        assert_eq!(meta.exit_code, 77, "{forbidden}: {}", meta.message);
        broker.finish();
    }
}

#[test]
fn a_name_without_addresses_is_not_found() {
    let connector = builder().resolver(Rebinding::new([vec![]])).build().unwrap();
    let meta = send(&connector, &json!({}));
    let start = "Not sent, the host of the broker tcp://acme.example:1883 was not found: ";
    assert_meta(&meta, 68, &format!("{start}it has no address."));
}

/// The system of a service that has all its sockets open, as its resolver tells it.
struct Exhausted;

impl Resolver for Exhausted {
    fn resolve<'a>(&'a self, _host: &'a str, _port: u16) -> Resolving<'a> {
        Box::pin(async { Err(std::io::Error::from_raw_os_error(libc::EMFILE)) })
    }
}

#[test]
fn a_shortage_of_the_machine_is_told_at_once_and_not_called_a_name_that_is_not_found() {
    let connector = builder().resolver(Arc::new(Exhausted)).build().unwrap();
    let meta = send(&connector, &json!({ "qos": 1 }));
    let message = "Not sent, this machine has too few file descriptors left (see ulimit -n), while looking up the \
                   broker. Sending it again is safe.";
    assert_meta(&meta, 71, message);
}
