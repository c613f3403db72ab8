//! `check` says what `send` says, wherever the network is not what decides; and neither looks a name up before.

mod credentials;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mqtt_connector::publisher::{PinnedResolver, Resolver, Resolving};
use mqtt_connector::{Connector, Limits, Meta, Tenant, TenantBuilder};
use mqtt_connector_tests::ScriptedBroker;
use serde_json::{Value, json};

use crate::support::{assert_meta, block_on, builder, with};

/// Finds no name, and counts how often it was asked for one.
#[derive(Default)]
struct Counting(AtomicUsize);

impl Resolver for Counting {
    fn resolve<'a>(&'a self, _host: &'a str, _port: u16) -> Resolving<'a> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Err(io::Error::other("there is no such name")) })
    }
}

/// A connector, and who counts its look-ups.
fn counting() -> (Connector, Arc<Counting>) {
    let resolver = Arc::new(Counting::default());
    let connector = builder().resolver(Arc::clone(&resolver) as Arc<dyn Resolver>).build().unwrap();
    (connector, resolver)
}

/// A tenant with some of everything.
fn acme() -> TenantBuilder {
    let mut limits = Limits::default();
    limits.payload = 16;
    Tenant::builder("acme")
        .broker("*://acme.example:*".parse().unwrap())
        .broker("tcp://10.1.0.0/16".parse().unwrap())
        .broker("socks5://proxy.example".parse().unwrap())
        .topics("acme/#".parse().unwrap())
        .limits(limits)
}

fn plain() -> Value {
    json!({ "broker": "tcp://acme.example", "client-id": "c", "topic": "acme/t", "content": "x", "qos": 1, "retries": 0 })
}

fn secured(more: Value) -> Value {
    with(&with(&plain(), json!({ "broker": "ssl://acme.example" })), more)
}

/// What both say.
#[track_caller]
fn both((connector, resolver): &(Connector, Arc<Counting>), tenant: &Arc<Tenant>, config: &Value) -> Meta {
    let (config, before) = (config.to_string(), resolver.0.load(Ordering::SeqCst));
    let sent = block_on(connector.send(tenant, &config, "{}")).meta;
    let checked = block_on(connector.check(tenant, &config, "{}")).meta;
    assert_eq!(checked, sent, "what check says, and what send says");
    let batch = block_on(connector.send_batch(tenant, &config, &["{}".to_owned()])).remove(0).meta;
    assert_eq!(batch, sent, "what send-batch says, and what send says");
    assert_eq!(resolver.0.load(Ordering::SeqCst), before, "looked up: {}", sent.message);
    sent
}

#[test]
fn grants_and_limits() {
    let counting = counting();
    let tenant = Arc::new(acme().build());
    for (config, message) in [
        (
            json!({ "broker": "tcp://other.example" }),
            "allowed: broker: tenant acme may not send to other.example port 1883; no grant names it",
        ),
        (
            json!({ "broker": ["tcp://acme.example", "tcp://other.example"] }),
            "allowed: broker: tenant acme may not send to other.example port 1883; no grant names it",
        ),
        (
            json!({ "broker": ["tcp://acme.example", "tcp://10.0.0.1"] }),
            "allowed: broker: tenant acme may not send to 10.0.0.1 port 1883; no grant names it",
        ),
        (
            json!({ "broker": "tcp://10.1.0.1:1884" }),
            "allowed: broker: tenant acme may not send to 10.1.0.1 port 1884; no grant names it",
        ),
        (
            json!({ "proxy": "socks5://proxy.example" }),
            "allowed: proxy: tenant acme may not name a proxy, which looks names up out of sight; that needs the grant \
             proxy-names",
        ),
        (
            json!({ "topic": "b/t" }),
            "allowed: topic: tenant acme may not publish to \"b/t\"; no grant names it",
        ),
        (
            json!({ "topic": "b/t", "broker": ["tcp://a.example", "tcp://b.example"] }),
            "allowed: broker: tenant acme may not send to a.example port 1883; no grant names it; and broker: tenant \
             acme may not send to b.example port 1883; no grant names it; and topic: tenant acme may not publish to \
             \"b/t\"; no grant names it",
        ),
        (
            json!({ "will": { "topic": "b/w", "content": "x" } }),
            "allowed: will: tenant acme may not publish to \"b/w\"; no grant names it",
        ),
        (
            json!({ "content": "x".repeat(17) }),
            "too large: content: 17 bytes, and tenant acme may send 16 (its limit payload)",
        ),
        (
            json!({ "content": "x".repeat(17), "will": { "topic": "acme/w", "content": "x".repeat(18) } }),
            "too large: the will's content: 18 bytes, and tenant acme may send 16 (its limit payload); and content: 17 \
             bytes, and tenant acme may send 16 (its limit payload)",
        ),
        (
            json!({ "protocol-version": "5", "user-properties": { "name": "and its value" } }),
            "too large: content: 1 bytes with 17 of properties, and tenant acme may send 16 (its limit payload)",
        ),
        (
            json!({ "broker": ["tcp://acme.example", "wss://acme.example"], "verify-server": false }),
            "allowed: verify-server: tenant acme may not send to a broker that is not verified",
        ),
    ] {
        let verb = if message.starts_with("too") { "it is " } else { "it is not " };
        let meta = both(&counting, &tenant, &with(&plain(), config));
        assert_meta(&meta, 77, &format!("Not sent, {verb}{message}."));
    }
}

#[test]
fn addresses_that_are_written_as_hosts() {
    let counting = counting();
    let tenant =
        acme().broker("*://[2000::]/3:*".parse().unwrap()).broker("socks5://[2000::]/3".parse().unwrap());
    let tenant = Arc::new(tenant.proxy_names(true).build());
    let inside = "2002:a00:1::: 10.0.0.1 is in a private network, which needs a grant";
    for (config, message) in [
        (
            json!({ "broker": ["tcp://acme.example", "tcp://[2002:a00:1::]"] }),
            format!("broker: tenant acme may not send to {inside}"),
        ),
        (
            json!({ "broker": ["tcp://acme.example", "tcp://[::1]"] }),
            "broker: tenant acme may not send to ::1 port 1883; no grant names it".to_owned(),
        ),
        (
            json!({ "proxy": "socks5://[2002:a00:1::]" }),
            format!("proxy: tenant acme may not send through {inside}"),
        ),
        (
            json!({ "proxy": "socks5://proxy.example", "broker": ["tcp://acme.example", "ws://[2002:a00:1::]"] }),
            format!("broker: tenant acme may not send to {inside}"),
        ),
    ] {
        let meta = both(&counting, &tenant, &with(&plain(), config));
        assert_meta(&meta, 77, &format!("Not sent, it is not allowed: {message}."));
    }
}

/// A pinned name is no matter of the network: where it leads is known before anything is looked up.
#[test]
fn names_whose_addresses_are_known() {
    let counting = Arc::new(Counting::default());
    let pinned = PinnedResolver::new(Arc::clone(&counting) as Arc<dyn Resolver>)
        .pin("inside.acme.example", 1883, "10.3.0.1:1883".parse().unwrap())
        .pin("proxy.example", 1080, "[fe80::1]:1080".parse().unwrap());
    let counting = (builder().resolver(Arc::new(pinned)).build().unwrap(), counting);
    let tenant = acme().broker("tcp://*.acme.example".parse().unwrap()).proxy_names(true).build();
    let tenant = Arc::new(tenant);
    for (config, message) in [
        (
            json!({ "broker": ["tcp://acme.example", "tcp://inside.acme.example"] }),
            "broker: tenant acme may not send to inside.acme.example: 10.3.0.1 is in a private network, which needs a \
             grant",
        ),
        (
            // The proxy looks the broker's name up, wherever that leads.
            json!({ "broker": "tcp://inside.acme.example", "proxy": "socks5://proxy.example" }),
            "proxy: tenant acme may not send through proxy.example: fe80::1 is not a public address, and needs a grant \
             of its own",
        ),
    ] {
        let meta = both(&counting, &tenant, &with(&plain(), config));
        assert_meta(&meta, 77, &format!("Not sent, it is not allowed: {message}."));
    }
}

/// A batch is told what stands against its connection; a message alone, what stands against itself as well.
#[test]
fn a_batch_is_told_what_stands_against_its_connection() {
    let (connector, resolver) = counting();
    let tenant = Arc::new(acme().build());
    let config = with(&plain(), json!({ "broker": "tcp://b.example", "topic": "t" })).to_string();
    let requests = ["{}", r#"{"topic":"acme/t"}"#].map(str::to_owned);
    for response in block_on(connector.send_batch(&tenant, &config, &requests)) {
        let reason = "broker: tenant acme may not send to b.example port 1883; no grant names it";
        assert_meta(&response.meta, 77, &format!("Not sent, it is not allowed: {reason}."));
    }
    assert_eq!(resolver.0.load(Ordering::SeqCst), 0);
}

#[test]
fn a_check_uses_up_nothing() {
    let broker = ScriptedBroker::untouched();
    let mut limits = Limits::default();
    limits.messages_per_second = 1;
    limits.timeout = Duration::from_secs(1);
    let address = format!("tcp://127.0.0.1:{}", broker.port());
    let tenant = Tenant::builder("acme").broker(address.parse().unwrap()).topics("acme/#".parse().unwrap());
    let tenant = Arc::new(tenant.limits(limits).build());
    let config = with(&plain(), json!({ "broker": address })).to_string();
    let (connector, _) = counting();
    for _ in 0..20 {
        let checked = block_on(connector.check(&tenant, &config, "{}")).meta;
        assert_eq!(checked.exit_code, 0, "{}", checked.message);
    }
    broker.finish();
}
