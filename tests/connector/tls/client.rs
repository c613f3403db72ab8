//! The client's certificate: every kind of key, what the broker thinks of it, and what is said when it is missing.

use mqtt_connector_tests::pki::{Fault, Identity, KeyFormat, Pem, Pki};
use mqtt_connector_tests::{Expect, Mosquitto, Observer, ScriptedBroker, ServerTls, Step};
use serde_json::{Value, json};

use super::{failed, secured, send_with, sent, unusable};
use crate::support::{PATIENCE, assert_meta, exchange};

const NOT_USED: &str = " certificate and private-key were given but not used, because use-certificate is false: if the \
                        broker wants them, set it to true.";

fn shown(client: &Identity, of: impl Fn(&Pem) -> &str) -> Value {
    json!({ "use-certificate": true, "certificate": of(client.certificate()), "private-key": of(client.key()) })
}

fn with_password(mut identity: Value, password: &str) -> Value {
    identity["private-key-password"] = password.into();
    identity
}

#[test]
fn keys_of_every_format_as_path_and_as_text() {
    let pki = Pki::new();
    let broker = Mosquitto::builder()
        .mutual_tls(&pki.server(&["127.0.0.1"]), pki.authority())
        .identity_as_username()
        .start();
    let witness = pki.client("witness", KeyFormat::Pkcs8);
    let observer = Observer::builder(broker.port())
        .tls(pki.authority())
        .client_certificate(&witness)
        .filter("t")
        .start();
    let config = secured(broker.port(), &pki);
    for (name, format, begin) in [
        ("pkcs8", KeyFormat::Pkcs8, "-----BEGIN PRIVATE KEY-----"),
        ("pkcs8-rsa", KeyFormat::Pkcs8Rsa, "-----BEGIN PRIVATE KEY-----"),
        ("sec1", KeyFormat::Sec1, "-----BEGIN EC PRIVATE KEY-----"),
        ("pkcs1", KeyFormat::Pkcs1, "-----BEGIN RSA PRIVATE KEY-----"),
        ("encrypted", KeyFormat::EncryptedPkcs8("pä55 wörd"), "-----BEGIN ENCRYPTED PRIVATE KEY-----"),
    ] {
        let client = pki.client(name, format);
        assert!(client.key().text().starts_with(begin), "{name}");
        for identity in [shown(&client, Pem::path_str), shown(&client, Pem::text)] {
            // A password for a key that is not encrypted changes nothing.
            let meta = send_with(&config, with_password(identity, "pä55 wörd"));
            assert_meta(&meta, 0, &sent(1, broker.port()));
        }
        broker.wait_for_log(&format!("as sender (p2, c1, k60, u'{name}')"), PATIENCE);
    }
    assert_eq!(observer.messages(10, PATIENCE).len(), 10);
}

#[test]
fn certificate_that_is_shown_is_the_one_that_is_given() {
    let pki = Pki::new();
    let client = pki.client("thing", KeyFormat::Sec1);
    let (server, der) = (pki.server(&["127.0.0.1"]), der(client.certificate()));
    for tls in [ServerTls::new(&server), ServerTls::new(&server).only_tls12()] {
        let broker = ScriptedBroker::builder()
            .tls(tls.require_client_certificate(pki.authority()))
            .connection(exchange())
            .start();
        let meta = send_with(&secured(broker.port(), &pki), shown(&client, Pem::path_str));
        assert_meta(&meta, 0, &sent(1, broker.port()));
        let record = broker.finish();
        assert_eq!(record.conversations[0].tls.as_ref().unwrap().client_certificate.as_ref(), Some(&der));
    }
}

fn der(pem: &Pem) -> Vec<u8> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    CertificateDer::from_pem_slice(pem.text().as_bytes()).unwrap().to_vec()
}

#[test]
fn encrypted_key_wants_its_password() {
    let pki = Pki::new();
    let broker = ScriptedBroker::untouched();
    let client = pki.client("thing", KeyFormat::EncryptedPkcs8("right"));
    let path = client.key().path_str();
    for (identity, reason) in [
        (
            shown(&client, Pem::path_str),
            format!("private-key: {path} is encrypted, and private-key-password is not given"),
        ),
        (
            shown(&client, Pem::text),
            "private-key: the text is encrypted, and private-key-password is not given".to_owned(),
        ),
        (
            with_password(shown(&client, Pem::path_str), "wrong"),
            format!("private-key-password: does not decrypt {path}, which private-key names"),
        ),
        (
            with_password(shown(&client, Pem::text), "right\n"),
            "private-key-password: does not decrypt the text, which private-key names; it ends in a line break"
                .to_owned(),
        ),
        (
            with_password(shown(&client, Pem::text), ""),
            "private-key-password: does not decrypt the text, which private-key names".to_owned(),
        ),
    ] {
        let meta = send_with(&secured(broker.port(), &pki), identity);
        assert_meta(&meta, 66, &unusable(&reason));
    }
    broker.finish();
}

const DEMANDS: &str = "the broker ended TLS: it demands a client certificate (see use-certificate, certificate and \
                       private-key)";

/// A broker that speaks TLS with rustls, to which `times` clients come with whom it does not agree.
fn refusing(tls: ServerTls, times: usize) -> ScriptedBroker {
    let builder = ScriptedBroker::builder().tls(tls);
    (0..times).fold(builder, |builder, _| builder.raw_connection([Step::expect_tls_failure()])).start()
}

/// With TLS 1.2 the broker's opinion comes in the handshake, with TLS 1.3 after it.
#[test]
fn broker_that_wants_a_certificate_says_so() {
    let pki = Pki::new();
    let client = pki.client("thing", KeyFormat::Pkcs8);
    let server = pki.server(&["127.0.0.1"]);
    let mosquitto = Mosquitto::builder().mutual_tls(&server, pki.authority()).start();
    let tls = ServerTls::new(&server).require_client_certificate(pki.authority()).only_tls12();
    let broker = refusing(tls, 3);
    for port in [mosquitto.port(), broker.port()] {
        let config = secured(port, &pki);
        let message = failed(port, DEMANDS);
        assert_meta(&send_with(&config, json!({})), 78, &message);
        let mut unused = shown(&client, Pem::path_str);
        unused["use-certificate"] = false.into();
        assert_meta(&send_with(&config, unused), 78, &format!("{message}{NOT_USED}"));
        let one = json!({ "certificate": client.certificate().path_str() });
        assert_meta(&send_with(&config, one), 78, &message);
    }
    broker.finish();
}

#[test]
fn refused_without_a_certificate_says_that_one_was_not_used() {
    let pki = Pki::new();
    let client = pki.client("thing", KeyFormat::Pkcs8);
    let broker = Mosquitto::builder().tls(&pki.server(&["127.0.0.1"])).allow_anonymous(false).start();
    let mut unused = shown(&client, Pem::path_str);
    unused["use-certificate"] = false.into();
    let meta = send_with(&secured(broker.port(), &pki), unused);
    let message = format!(
        "Not sent, the broker {} refused the connection with return code 5: the client is not authorised to connect. \
         Look at username, password and client-id. No user name and no password were given.{NOT_USED}",
        super::url(broker.port())
    );
    assert_meta(&meta, 5, &message);
}

#[test]
fn certificate_that_is_not_used_is_not_read() {
    let pki = Pki::new();
    let broker = ScriptedBroker::builder()
        .tls(ServerTls::new(&pki.server(&["127.0.0.1"])))
        .connection(exchange())
        .start();
    let unused = json!({ "use-certificate": false, "certificate": "/missing", "private-key": "/missing" });
    assert_meta(&send_with(&secured(broker.port(), &pki), unused), 0, &sent(1, broker.port()));
    broker.finish();
}

/// OpenSSL's opinion, after the handshake, and that of rustls, within it.
#[test]
fn what_the_broker_dislikes_about_the_certificate_is_told() {
    const EXPIRED: &str = "the client certificate has expired (see certificate)";
    const UNKNOWN: &str = "it does not know the authority of the client certificate (see certificate)";
    const DISLIKED: &str = "it does not accept the client certificate (see certificate)";
    const EARLY: &str = " (the client certificate is not yet valid, but will be in … days)";
    let pki = Pki::new();
    let server = pki.server(&["127.0.0.1"]);
    let mosquitto = Mosquitto::builder().mutual_tls(&server, pki.authority()).start();
    for (fault, openssl, rustls, known) in [
        (Fault::Expired, EXPIRED, EXPIRED, " (the client certificate expired … days ago)"),
        (Fault::NotYetValid, DISLIKED, EXPIRED, EARLY),
        (Fault::UnknownAuthority, UNKNOWN, UNKNOWN, ""),
        (Fault::SelfSigned, UNKNOWN, UNKNOWN, ""),
        (Fault::MissingIntermediate, UNKNOWN, UNKNOWN, ""),
        (Fault::WrongPurpose, DISLIKED, DISLIKED, ""),
    ] {
        let tls = ServerTls::new(&server).require_client_certificate(pki.authority()).only_tls12();
        let broker = refusing(tls, 1);
        let client = pki.faulty_client(fault, "thing");
        for (port, what) in [(mosquitto.port(), openssl), (broker.port(), rustls)] {
            let meta = send_with(&secured(port, &pki), shown(&client, Pem::path_str));
            assert_meta(&meta, 78, &failed(port, &format!("the broker ended TLS: {what}{known}")));
        }
        broker.finish();
    }
}

/// What is known of the certificate here is told where the broker says nothing.
#[test]
fn broker_that_closes_on_a_certificate_out_of_its_time() {
    let pki = Pki::new();
    let tls = ServerTls::new(&pki.server(&["127.0.0.1"]));
    let broker = ScriptedBroker::builder()
        .tls(tls)
        .connection([Step::expect(Expect::connect()), Step::close()])
        .start();
    let client = pki.faulty_client(Fault::Expired, "thing");
    let meta = send_with(&secured(broker.port(), &pki), shown(&client, Pem::path_str));
    let message = format!(
        "Not sent, the connection to the broker {} was lost before the message was sent: the broker closed the connection (the client \
         certificate expired … days ago), while waiting for CONNACK.…",
        super::url(broker.port())
    );
    assert_meta(&meta, 74, &message);
    broker.finish();
}

/// The connection is used at once, so that the broker's alert and the end of its connection may come in the midst of
/// our writing. The reason must be told each time.
#[test]
fn opinion_of_the_broker_is_never_lost() {
    let pki = Pki::new();
    let tls = ServerTls::new(&pki.server(&["127.0.0.1"])).require_client_certificate(pki.authority());
    let broker = refusing(tls, 50);
    for _ in 0..50 {
        let meta = send_with(&secured(broker.port(), &pki), json!({}));
        assert_meta(&meta, 78, &failed(broker.port(), DEMANDS));
    }
    broker.finish();
}
