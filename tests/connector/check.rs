//! `check` says what `send` says, wherever the network is not what decides; and neither looks a name up before.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mqtt_connector::publisher::{PinnedResolver, Resolver, Resolving};
use mqtt_connector::{Connector, Limits, Meta, Tenant, TenantBuilder};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::pki::{Fault, KeyFormat, Pki};
use mqtt_connector_tests::{Expect, ScriptedBroker, ServerTls, Step, encode};
use serde_json::{Value, json};
use tempfile::TempDir;

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

/// Files of a tenant: some in its directory, some outside.
struct Files {
    pki: Pki,
    directory: TempDir,
    outside: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { pki: Pki::new(), directory: TempDir::new().unwrap(), outside: TempDir::new().unwrap() }
    }

    fn tenant(&self) -> Arc<Tenant> {
        Arc::new(acme().directory(self.directory.path()).unwrap().build())
    }

    fn inside(&self, name: &str, text: &str) -> String {
        written(self.directory.path(), name, text)
    }
}

fn written(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn files_and_texts() {
    let (counting, files) = (counting(), Files::new());
    let tenant = files.tenant();
    let (thing, other) =
        (files.pki.client("thing", KeyFormat::Pkcs8), files.pki.client("other", KeyFormat::Pkcs8));
    let certificate = files.inside("thing.crt", thing.certificate().text());
    let key = files.inside("thing.key", thing.key().text());
    let other_key = files.inside("other.key", other.key().text());
    let missing = files.directory.path().join("missing.pem").to_str().unwrap().to_owned();
    let outside = written(files.outside.path(), "ca.pem", files.pki.authority().text());
    let identity = |certificate: &str, key: &str| json!({ "use-certificate": true, "certificate": certificate, "private-key": key });
    let credential = "a certificate or key cannot be used";
    let no_file = "cannot be read: no such file or directory";
    let denied = "it is in no directory that is granted";
    for (config, exit_code, message) in [
        (json!({ "root-ca-crt": missing }), 66, format!("{credential}: root-ca-crt: {missing} {no_file}")),
        (identity(&missing, &key), 66, format!("{credential}: certificate: {missing} {no_file}")),
        (identity(&certificate, &missing), 66, format!("{credential}: private-key: {missing} {no_file}")),
        (
            identity(&certificate, &other_key),
            66,
            format!(
                "{credential}: private-key: {other_key} is not the key of the certificate in certificate"
            ),
        ),
        (
            identity(thing.certificate().text(), other.key().text()),
            66,
            format!("{credential}: private-key: the text is not the key of the certificate in certificate"),
        ),
        (
            json!({ "root-ca-crt": outside }),
            77,
            format!("it is not allowed: root-ca-crt: tenant acme may not read {outside}; {denied}"),
        ),
        (
            with(&identity("/a.pem", "/b.pem"), json!({ "root-ca-crt": missing, "topic": "t" })),
            77,
            format!(
                "it is not allowed: certificate: tenant acme may not read /a.pem; {denied}; and private-key: tenant \
                 acme may not read /b.pem; {denied}; and topic: tenant acme may not publish to \"t\"; no grant names it"
            ),
        ),
        (
            with(&identity(&missing, &key), json!({ "root-ca-crt": missing })),
            66,
            format!("{credential}: root-ca-crt: {missing} {no_file}; and certificate: {missing} {no_file}"),
        ),
        // The second broker's files are looked at before the first one's name is looked up.
        (
            json!({ "broker": ["tcp://acme.example", "wss://acme.example"], "root-ca-crt": missing }),
            66,
            format!("{credential}: root-ca-crt: {missing} {no_file}"),
        ),
    ] {
        let meta = both(&counting, &tenant, &secured(config));
        assert_meta(&meta, exit_code, &format!("Not sent, {message}."));
    }
}

/// What nothing stands against is looked up by a send, and never by a check.
#[test]
fn what_is_right_is_for_the_network_to_decide() {
    let (counting, files) = (counting(), Files::new());
    let tenant = files.tenant();
    let thing = files.pki.client("thing", KeyFormat::Sec1);
    let config = secured(json!({
        "root-ca-crt": files.inside("ca.pem", files.pki.authority().text()),
        "use-certificate": true,
        "certificate": files.inside("thing.crt", thing.certificate().text()),
        "private-key": files.inside("thing.key", thing.key().text()),
    }))
    .to_string();
    let (connector, resolver) = counting;
    let checked = block_on(connector.check(&tenant, &config, "{}")).meta;
    assert_meta(
        &checked,
        0,
        "The message would be sent with QoS 1 to topic \"acme/t\" at ssl://acme.example:8883.",
    );
    assert_eq!(resolver.0.load(Ordering::SeqCst), 0);
    let sent = block_on(connector.send(&tenant, &config, "{}")).meta;
    assert_eq!(sent.exit_code, 68, "{}", sent.message);
    assert_eq!(resolver.0.load(Ordering::SeqCst), 1);
}

/// Finds the broker, and takes the tenant's files away.
struct Clearing {
    broker: SocketAddr,
    files: PathBuf,
}

impl Resolver for Clearing {
    fn resolve<'a>(&'a self, _host: &'a str, _port: u16) -> Resolving<'a> {
        for file in fs::read_dir(&self.files).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
        Box::pin(async { Ok(vec![self.broker]) })
    }
}

/// Once they have been read, before the look-up, files are not read again for the further connections that are tried.
#[test]
fn files_are_read_once_before_the_look_up() {
    let files = Files::new();
    let tls = ServerTls::new(&files.pki.server(&["acme.example"]));
    let broker = ScriptedBroker::builder()
        .tls(tls)
        .connection([Step::expect(Expect::connect()), Step::close()])
        .connection([
            Step::expect(Expect::connect()),
            Step::send(encode::connack(false, 0)),
            Step::expect(Expect::publish().topic("acme/t").payload("x").qos(1)),
            Step::respond(PacketType::PubAck),
            Step::expect(Expect::disconnect()),
            Step::expect_end(),
        ])
        .start();
    let config = secured(json!({
        "root-ca-crt": files.inside("ca.pem", files.pki.authority().text()), "retries": 1,
    }))
    .to_string();
    let resolver = Clearing { broker: broker.address(), files: files.directory.path().to_owned() };
    let connector = builder().resolver(Arc::new(resolver)).build().unwrap();
    let tenant = acme().directory(files.directory.path()).unwrap().private_networks(true).build();
    let tenant = Arc::new(tenant);
    let meta = block_on(connector.send(&tenant, &config, "{}")).meta;
    assert_meta(
        &meta,
        0,
        "Sent with QoS 1 to topic \"acme/t\" at ssl://acme.example:8883 in … ms. 2 connections were tried.",
    );
    // Another connection, for which they are read anew.
    for meta in [
        block_on(connector.send(&tenant, &config, "{}")).meta,
        block_on(connector.check(&tenant, &config, "{}")).meta,
    ] {
        assert_eq!(meta.exit_code, 66, "{}", meta.message);
    }
    broker.finish();
}

#[test]
fn what_is_suspicious_is_remarked() {
    let files = Files::new();
    let mut limits = Limits::default();
    limits.time_out = Duration::from_millis(500);
    let tenant = Arc::new(acme().limits(limits).unverified_servers(true).build());
    let (connector, _) = counting();
    let old = files.pki.faulty_client(Fault::Expired, "thing");
    let early = files.pki.faulty_client(Fault::NotYetValid, "thing");
    let identity = |of: &mqtt_connector_tests::pki::Identity| {
        json!({
            "use-certificate": true, "certificate": of.certificate().text(), "private-key": of.key().text(),
        })
    };
    for (config, remark) in [
        (identity(&old), " The client certificate (certificate) expired … days ago."),
        (identity(&early), " The client certificate (certificate) is not yet valid, but will be in … days."),
        (
            identity(&files.pki.faulty_client(Fault::WrongPurpose, "thing")),
            " The client certificate (certificate) is not for clients: its extended key usage names servers.",
        ),
        (json!({ "timeout": 501 }), " timeout is more than the tenant's limit allows: the send has 500 ms."),
        (json!({ "timeout": 500 }), ""),
        (
            json!({ "root-ca-crt": old.certificate().text() }),
            " The authority's certificate (root-ca-crt) expired … days ago.",
        ),
        (json!({ "root-ca-crt": old.certificate().text().to_owned() + files.pki.authority().text() }), ""),
        (
            json!({ "verify-server": false, "root-ca-crt": "/missing" }),
            " verify-server is false: anybody on the way can read and change everything, the password included.",
        ),
    ] {
        let config = secured(config).to_string();
        let checked = block_on(connector.check(&tenant, &config, "{}")).meta;
        let said = format!(
            "The message would be sent with QoS 1 to topic \"acme/t\" at ssl://acme.example:8883.{remark}"
        );
        assert_meta(&checked, 0, &said);
    }
}

#[test]
fn a_check_uses_up_nothing() {
    let broker = ScriptedBroker::untouched();
    let mut limits = Limits::default();
    limits.messages_per_second = 1;
    limits.time_out = Duration::from_secs(1);
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
