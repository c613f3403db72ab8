//! The broker's certificate: whom the connector believes, and what it says about the others.

use std::sync::Arc;

use mqtt_connector_tests::pki::{Fault, Pki};
use mqtt_connector_tests::{Mosquitto, Observer, ScriptedBroker, ServerTls, Step};
use serde_json::json;

use super::{acme, failed, secured, send_with, sent};
use crate::support::{PATIENCE, assert_meta, exchange, send_as, with};

/// What is said of a certificate whose issuer `name` is not there.
fn unknown(name: &str) -> String {
    format!(
        "its issuer is unknown: \"CN={name}\" is neither among the trust anchors (see root-ca-crt) nor among the certificates \
         that the broker sent, where an intermediate may be missing"
    )
}

#[test]
fn every_quality_of_service_arrives_with_the_authority_as_path_and_as_text() {
    let pki = Pki::new();
    let broker = Mosquitto::builder().tls(&pki.server(&["127.0.0.1"])).start();
    let observer = Observer::builder(broker.port()).tls(pki.authority()).filter("t").start();
    let config = secured(broker.port(), &pki);
    for authority in [pki.authority().path_str(), pki.authority().text()] {
        for qos in 0..=2 {
            let content = format!("{qos}");
            let meta =
                send_with(&config, json!({ "root-ca-crt": authority, "qos": qos, "content": content }));
            assert_meta(&meta, 0, &sent(qos, broker.port()));
        }
    }
    let came = observer.messages(6, PATIENCE);
    let came: Vec<_> = came.iter().map(|message| (message.qos, &*message.payload)).collect();
    let once = [(0, &b"0"[..]), (1, b"1"), (2, b"2")];
    assert_eq!(came, [once, once].concat());
}

#[test]
fn content_larger_than_many_records_arrives() {
    let pki = Pki::new();
    let broker = Mosquitto::builder().tls(&pki.server(&["127.0.0.1"])).start();
    let observer = Observer::builder(broker.port()).tls(pki.authority()).filter("t").start();
    let content: String = ('a'..='z').cycle().take(1_000_000).collect();
    for qos in 0..=2 {
        let meta = send_with(&secured(broker.port(), &pki), json!({ "content": content, "qos": qos }));
        assert_meta(&meta, 0, &sent(qos, broker.port()));
    }
    let came = observer.messages(3, PATIENCE);
    assert!(came.iter().all(|message| message.payload == content.as_bytes()));
}

#[test]
fn several_authorities_may_be_trusted_and_the_chain_may_have_an_intermediate() {
    let pki = Pki::new();
    let broker = Mosquitto::builder().tls(&pki.server_with_intermediate(&["127.0.0.1"])).start();
    let both = pki.file("both.crt", &format!("{}{}", pki.unknown_authority().text(), pki.authority().text()));
    for authority in [pki.authority().path_str(), both.path_str()] {
        let meta = send_with(&secured(broker.port(), &pki), json!({ "root-ca-crt": authority }));
        assert_meta(&meta, 0, &sent(1, broker.port()));
    }
}

/// What is wrong with the broker's certificate is said, and not a byte of MQTT is sent.
#[test]
fn each_fault_is_told() {
    let pki = Pki::new();
    for (fault, what) in [
        (Fault::Expired, "it expired … days ago, on 2021-01-01"),
        (
            Fault::NotYetValid,
            "it is not yet valid, but will be in … days, on 2090-01-01 (the clock of this machine says 20…-…-…)",
        ),
        (
            Fault::WrongName,
            "it is for another name: expected 127.0.0.1, it is for wrong.test (see server-name)",
        ),
        (Fault::WrongPurpose, "it is not for servers: its extended key usage is for clients"),
        (Fault::UnknownAuthority, &unknown("Unknown CA")),
        (
            Fault::SelfSigned,
            "its issuer is unknown: it is signed with its own key, and is not itself among the trust anchors (see root-ca-crt)",
        ),
        (Fault::MissingIntermediate, &unknown("Test Intermediate CA")),
    ] {
        let server = pki.faulty_server(fault, &["127.0.0.1"]);
        for tls in [ServerTls::new(&server), ServerTls::new(&server).only_tls12()] {
            let broker =
                ScriptedBroker::builder().tls(tls).raw_connection([Step::expect_tls_failure()]).start();
            // A certificate that is wrong now will be wrong in a moment: no retry.
            let meta = send_with(&secured(broker.port(), &pki), json!({ "retries": 3 }));
            let reason = format!("the broker's certificate was not accepted: {what}");
            assert_meta(&meta, 78, &failed(broker.port(), &reason));
            broker.finish();
        }
    }
}

#[test]
fn certificate_that_vouches_for_itself_can_be_trusted_by_name() {
    let pki = Pki::new();
    let server = pki.faulty_server(Fault::SelfSigned, &["127.0.0.1"]);
    let broker = ScriptedBroker::builder().tls(ServerTls::new(&server)).connection(exchange()).start();
    let trust = json!({ "root-ca-crt": server.certificate().path_str() });
    assert_meta(&send_with(&secured(broker.port(), &pki), trust), 0, &sent(1, broker.port()));
    broker.finish();
}

#[test]
fn without_an_authority_the_systems_are_trusted() {
    let pki = Pki::new();
    let broker = ScriptedBroker::builder()
        .tls(ServerTls::new(&pki.server(&["127.0.0.1"])))
        .raw_connection([Step::expect_tls_failure()])
        .start();
    let meta = send_with(&secured(broker.port(), &pki), json!({ "root-ca-crt": null }));
    let reason = format!("the broker's certificate was not accepted: {}", unknown("Test Root CA"));
    assert_meta(&meta, 78, &failed(broker.port(), &reason));
    broker.finish();
}

#[test]
fn server_name_is_asked_for_and_verified() {
    let pki = Pki::new();
    let server = ServerTls::new(&pki.server(&["broker.test", "127.0.0.1", "localhost"]));
    for (host, name, asked) in [
        ("127.0.0.1", json!("broker.test"), Some("broker.test")),
        ("127.0.0.1", json!(null), None),
        ("localhost", json!(null), Some("localhost")),
        ("localhost", json!("broker.test"), Some("broker.test")),
        ("localhost", json!("127.0.0.1"), None),
    ] {
        let broker = ScriptedBroker::builder().tls(server.clone()).connection(exchange()).start();
        let url = format!("ssl://{host}:{}", broker.port());
        let meta = send_with(&secured(broker.port(), &pki), json!({ "broker": url, "server-name": name }));
        assert_meta(&meta, 0, &format!("Sent with QoS 1 to topic \"t\" at {url} in … ms."));
        let record = broker.finish();
        let facts = record.conversations[0].tls.as_ref().unwrap();
        assert_eq!(facts.server_name.as_deref(), asked, "{host} {name}");
    }

    let broker = ScriptedBroker::builder().tls(server).raw_connection([Step::expect_tls_failure()]).start();
    let meta = send_with(&secured(broker.port(), &pki), json!({ "server-name": "other.test" }));
    let reason = "the broker's certificate was not accepted: it is for another name: expected other.test, it is for \
                  broker.test, 127.0.0.1, localhost (see server-name)";
    assert_meta(&meta, 78, &failed(broker.port(), reason));
    broker.finish();
}

#[test]
fn broker_is_not_verified_only_for_a_tenant_that_may() {
    let pki = Pki::new();
    for fault in Fault::ALL {
        let broker = ScriptedBroker::builder()
            .tls(ServerTls::new(&pki.faulty_server(fault, &["127.0.0.1"])))
            .connection(exchange())
            .start();
        let config =
            with(&secured(broker.port(), &pki), json!({ "verify-server": false, "root-ca-crt": null }));
        let tenant = |allowed| Arc::new(acme(broker.port()).unverified_servers(allowed).build());
        assert_meta(
            &send_as(&tenant(false), &config, &json!({})),
            77,
            "Not sent, it is not allowed: verify-server: tenant acme may not send to a broker that is not verified.",
        );
        assert_meta(&send_as(&tenant(true), &config, &json!({})), 0, &sent(1, broker.port()));
        broker.finish();
    }
}

/// Whoever has heard a password can have a certificate that names it.
#[test]
fn a_name_that_repeats_a_secret_is_not_shown() {
    let pki = Pki::new();
    let server = ServerTls::new(&pki.server(&["correct-horse.example"]));
    for (password, told) in [
        ("correct-horse", "it repeats what it was sent, which is not shown"),
        (
            "another",
            "it is for another name: expected 127.0.0.1, it is for correct-horse.example (see server-name)",
        ),
    ] {
        let broker = ScriptedBroker::builder()
            .tls(server.clone())
            .raw_connection([Step::expect_tls_failure()])
            .start();
        let config = secured(broker.port(), &pki);
        let meta = send_with(&config, json!({ "username": "ann", "password": password }));
        let reason = format!("the broker's certificate was not accepted: {told}");
        assert_meta(&meta, 78, &failed(broker.port(), &reason));
        broker.finish();
    }
}
