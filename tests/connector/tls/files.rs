//! Certificate, key and CA files: those that cannot be used, and those that a tenant may not read.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::Arc;

use mqtt_connector::Tenant;
use mqtt_connector_tests::pki::{KeyFormat, Pki};
use mqtt_connector_tests::{Mosquitto, ScriptedBroker};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{acme, secured, send_with, sent, unusable};
use crate::support::{assert_meta, send_as, with};

const NO_CERTIFICATE: &str = "holds no certificate (-----BEGIN CERTIFICATE-----)";
const NO_KEY: &str = "holds no private key (-----BEGIN PRIVATE KEY-----, RSA PRIVATE KEY or EC PRIVATE KEY)";
const ONLY_A_KEY: &str = "holds a private key, and no certificate";
const CUT_OFF: &str = "is cut off: a PEM section has no end";
const NOT_BASE64: &str = "is malformed: a PEM section is not base64";
const NO_FILE: &str = "cannot be read: it is not a regular file";
const PARAMETERS: [&str; 3] = ["root-ca-crt", "certificate", "private-key"];

/// A configuration in which everything is right.
fn right(port: u16, pki: &Pki) -> Value {
    let client = pki.client("thing", KeyFormat::Pkcs8);
    let identity = json!({
        "use-certificate": true,
        "certificate": client.certificate().path_str(),
        "private-key": client.key().path_str(),
    });
    with(&secured(port, pki), identity)
}

/// Each of the three files, wrong in each way: the message names parameter and path, and nothing is sent.
#[test]
fn files_that_cannot_be_used() {
    let pki = Pki::new();
    let broker = ScriptedBroker::untouched();
    let config = right(broker.port(), &pki);
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let fifo = path("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let client = pki.client("another", KeyFormat::Pkcs8);
    let (certificate, key) = (client.certificate().text(), client.key().text());
    let written = |name: &str, text: &str| {
        fs::write(path(name), text).unwrap();
        path(name)
    };
    let half = |text: &str| text[..text.len() / 2].to_owned();
    let no_base64 = |text: &str| text.replacen("\nM", "\n\u{7f}", 1);
    let section = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    let large = " ".repeat(1024 * 1024 + 1);
    let cases = [
        (path("missing"), ["cannot be read: no such file or directory"; 3]),
        (directory.path().to_str().unwrap().to_owned(), [NO_FILE; 3]),
        (fifo, [NO_FILE; 3]),
        ("/dev/null".to_owned(), [NO_FILE; 3]),
        (written("large", &large), ["cannot be read: it is larger than 1 MiB"; 3]),
        (written("empty", ""), ["is empty"; 3]),
        (written("blank", " \r\n\n"), ["is empty"; 3]),
        (written("text", "5ecret, but not PEM\n"), [NO_CERTIFICATE, NO_CERTIFICATE, NO_KEY]),
        (written("another section", &section("5ECRET")), [NO_CERTIFICATE, NO_CERTIFICATE, NO_KEY]),
        (written("key", key), [ONLY_A_KEY, ONLY_A_KEY, "is not the key of the certificate in certificate"]),
        (written("half a certificate", &half(certificate)), [CUT_OFF; 3]),
        (written("half a key", &half(key)), [CUT_OFF; 3]),
        (written("broken certificate", &no_base64(certificate)), [NOT_BASE64; 3]),
        (written("broken key", &no_base64(key)), [NOT_BASE64; 3]),
    ];
    for (path, reasons) in cases {
        for (parameter, reason) in PARAMETERS.into_iter().zip(reasons) {
            let meta = send_with(&config, json!({ parameter: path }));
            assert_meta(&meta, 66, &unusable(&format!("{parameter}: {path} {reason}")));
        }
    }
    for (parameter, text, reason) in [
        ("private-key", certificate.to_owned(), "holds a certificate, and no private key".to_owned()),
        (
            "root-ca-crt",
            section("CERTIFICATE"),
            "holds a certificate that cannot be used: it is not an X.509 certificate".to_owned(),
        ),
        (
            "certificate",
            section("CERTIFICATE"),
            "holds a certificate that cannot be used: it is not an X.509 certificate".to_owned(),
        ),
        (
            "private-key",
            section("PRIVATE KEY"),
            "cannot be used: what its private key holds is damaged, or no key at all".to_owned(),
        ),
        (
            "private-key",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA \
             PRIVATE KEY-----\n"
                .to_owned(),
            "is encrypted in the old format of OpenSSL; `openssl pkcs8 -topk8 -in OLD -out NEW` makes it a PKCS#8 key"
                .to_owned(),
        ),
    ] {
        let path = written("file", &text);
        let meta = send_with(&config, json!({ parameter: path }));
        assert_meta(&meta, 66, &unusable(&format!("{parameter}: {path} {reason}")));
        let meta = send_with(&config, json!({ parameter: text }));
        assert_meta(&meta, 66, &unusable(&format!("{parameter}: the text {reason}")));
    }
    broker.finish();
}

#[test]
fn certificate_of_another_key_names_the_key() {
    let pki = Pki::new();
    let broker = ScriptedBroker::untouched();
    let config = right(broker.port(), &pki);
    let other = pki.client("other", KeyFormat::Pkcs1);
    let meta = send_with(&config, json!({ "certificate": other.certificate().text() }));
    let key = config["private-key"].as_str().unwrap();
    assert_meta(
        &meta,
        66,
        &unusable(&format!(
            "private-key: {key} is not the key of the certificate in certificate: it holds an elliptic-curve key on P-256, and \
             the certificate is for an RSA key of 2048 bits"
        )),
    );
    broker.finish();
}

/// A tenant, its granted directory with a CA file in it and below it, and a broker that it may send to.
struct Granted {
    pki: Pki,
    broker: Mosquitto,
    all: TempDir,
}

impl Granted {
    fn new() -> Self {
        let pki = Pki::new();
        let broker = Mosquitto::builder().tls(&pki.server(&["127.0.0.1"])).start();
        let granted = Self { pki, broker, all: TempDir::new().unwrap() };
        for file in ["granted/ca.crt", "granted/below/ca.crt", "granted-not/ca.crt", "outside.crt"] {
            let path = granted.path(file);
            fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
            fs::write(path, granted.pki.authority().text()).unwrap();
        }
        granted
    }

    fn path(&self, name: &str) -> String {
        self.all.path().join(name).to_str().unwrap().to_owned()
    }

    fn tenant(&self, directories: &[&str]) -> Arc<Tenant> {
        let builder = acme(self.broker.port());
        let builder =
            directories.iter().fold(builder, |builder, name| builder.directory(self.path(name)).unwrap());
        Arc::new(builder.build())
    }

    #[track_caller]
    fn is_allowed(&self, tenant: &Arc<Tenant>, authority: &str) {
        let config = with(&secured(self.broker.port(), &self.pki), json!({ "root-ca-crt": authority }));
        assert_meta(&send_as(tenant, &config, &json!({})), 0, &sent(1, self.broker.port()));
    }

    #[track_caller]
    fn is_denied(&self, tenant: &Arc<Tenant>, authority: &str) {
        let config = with(&secured(self.broker.port(), &self.pki), json!({ "root-ca-crt": authority }));
        let message = format!(
            "Not sent, it is not allowed: root-ca-crt: tenant acme may not read {authority}; it is in no directory \
             that is granted."
        );
        assert_meta(&send_as(tenant, &config, &json!({})), 77, &message);
    }
}

#[test]
fn tenant_reads_files_in_and_below_its_directories() {
    let granted = Granted::new();
    let tenant = granted.tenant(&["granted/below", "granted"]);
    for file in ["granted/ca.crt", "granted/below/ca.crt", "granted/./below//ca.crt"] {
        granted.is_allowed(&tenant, &granted.path(file));
    }
    symlink("../ca.crt", granted.path("granted/below/link-inside.crt")).unwrap();
    granted.is_allowed(&granted.tenant(&["granted"]), &granted.path("granted/below/link-inside.crt"));
}

#[test]
fn tenant_reads_no_file_outside_its_directories() {
    let granted = Granted::new();
    symlink(granted.path("outside.crt"), granted.path("granted/absolute-link.crt")).unwrap();
    symlink("../outside.crt", granted.path("granted/link.crt")).unwrap();
    symlink("..", granted.path("granted/up")).unwrap();
    symlink("../ca.crt", granted.path("granted/below/link-inside.crt")).unwrap();
    let tenant = granted.tenant(&["granted"]);
    for file in [
        "outside.crt",
        "granted-not/ca.crt",
        "granted/../outside.crt",
        "granted/below/../ca.crt",
        "granted/absolute-link.crt",
        "granted/link.crt",
        "granted/up/outside.crt",
        // What does not exist is as forbidden as what does: nobody learns which files there are.
        "missing.crt",
        "granted/up/missing.crt",
    ] {
        granted.is_denied(&tenant, &granted.path(file));
    }
    // A link that stays inside one directory leaves a smaller one.
    granted.is_denied(&granted.tenant(&["granted/below"]), &granted.path("granted/below/link-inside.crt"));
}

#[test]
fn tenant_without_directories_brings_its_certificates_as_text() {
    let granted = Granted::new();
    let tenant = granted.tenant(&[]);
    granted.is_denied(&tenant, &granted.path("granted/ca.crt"));
    granted.is_allowed(&tenant, granted.pki.authority().text());
}

/// The directory was opened when it was granted: what stands under its name later is not what was granted.
#[test]
fn directory_that_is_swapped_grants_nothing_more() {
    let granted = Granted::new();
    let tenant = granted.tenant(&["granted"]);
    fs::rename(granted.path("granted"), granted.path("moved")).unwrap();
    symlink(granted.path("granted-not"), granted.path("granted")).unwrap();
    fs::write(granted.path("granted-not/other.crt"), granted.pki.authority().text()).unwrap();
    granted.is_allowed(&tenant, &granted.path("granted/below/ca.crt"));
    let other = granted.path("granted/other.crt");
    let config = with(&secured(granted.broker.port(), &granted.pki), json!({ "root-ca-crt": other }));
    let reason = format!("root-ca-crt: {other} cannot be read: no such file or directory");
    assert_meta(&send_as(&tenant, &config, &json!({})), 66, &unusable(&reason));
}

#[test]
fn client_certificates_are_granted_like_authorities() {
    let granted = Granted::new();
    let client = granted.pki.client("thing", KeyFormat::Sec1);
    let (certificate, key) = (granted.path("granted/thing.crt"), granted.path("granted/thing.key"));
    fs::write(&certificate, client.certificate().text()).unwrap();
    fs::write(&key, client.key().text()).unwrap();
    let tenant = granted.tenant(&["granted"]);
    let config = with(
        &secured(granted.broker.port(), &granted.pki),
        json!({
            "root-ca-crt": granted.path("granted/ca.crt"),
            "use-certificate": true, "certificate": certificate, "private-key": key,
        }),
    );
    assert_meta(&send_as(&tenant, &config, &json!({})), 0, &sent(1, granted.broker.port()));
    for parameter in ["certificate", "private-key"] {
        let outside = granted.path("outside.crt");
        let message = format!(
            "Not sent, it is not allowed: {parameter}: tenant acme may not read {outside}; it is in no directory that \
             is granted."
        );
        assert_meta(&send_as(&tenant, &config, &json!({ parameter: outside })), 77, &message);
    }
}
