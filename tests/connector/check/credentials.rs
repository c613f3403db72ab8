//! Certificates and keys, in files and as text: what stands against them, and what is suspicious about them.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mqtt_connector::publisher::{Resolver, Resolving};
use mqtt_connector::{Limits, Tenant};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::pki::{Fault, Identity, KeyFormat, Pki};
use mqtt_connector_tests::{Expect, ScriptedBroker, ServerTls, Step, encode};
use serde_json::json;
use tempfile::TempDir;

use super::{acme, both, counting, secured};
use crate::support::{assert_meta, block_on, builder, with};

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
    limits.timeout = Duration::from_millis(500);
    let tenant = Arc::new(acme().limits(limits).unverified_servers(true).build());
    let (connector, _) = counting();
    let old = files.pki.faulty_client(Fault::Expired, "thing");
    let early = files.pki.faulty_client(Fault::NotYetValid, "thing");
    let identity = |of: &Identity| {
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
