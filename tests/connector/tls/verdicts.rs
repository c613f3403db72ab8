//! What is wrong with a certificate or key is said by what it holds, in our own words.

use mqtt_connector_tests::pki::{KeyFormat, Pki};
use mqtt_connector_tests::{Mosquitto, ScriptedBroker, ServerTls, Step};
use serde_json::json;

use super::workshop::Workshop;
use super::{failed, secured, send_with, sent, unusable};
use crate::support::assert_meta;

const VERIFIED: &str = "RSA of 2048 to 8192 bits, P-256, P-384 and Ed25519 are supported";
const SIGNING: &str = "RSA of 2048 to 4096 bits, P-256, P-384 and Ed25519 are supported";
const SAN: &str = "subjectAltName=IP:127.0.0.1";

/// Sends to a broker that shows `{name}.crt`, trusting `{authority}.crt`, and wants this verdict.
#[track_caller]
fn judge(workshop: &Workshop, name: &str, authority: &str, verdict: &str) {
    let pki = Pki::new();
    let identity = pki.identity(workshop.text(&format!("{name}.crt")), workshop.text(&format!("{name}.key")));
    for tls in [ServerTls::new(&identity), ServerTls::new(&identity).only_tls12()] {
        let broker = ScriptedBroker::builder().tls(tls).raw_connection([Step::expect_tls_failure()]).start();
        let trust = json!({ "root-ca-crt": workshop.path(&format!("{authority}.crt")) });
        let meta = send_with(&secured(broker.port(), &pki), trust);
        let reason = format!("the broker's certificate was not accepted: {verdict}");
        assert_meta(&meta, 78, &failed(broker.port(), &reason));
        broker.finish();
    }
}

#[test]
fn certificate_without_alternative_name() {
    let workshop = Workshop::new();
    workshop.authority("root", "EC P-256", "");
    workshop.issue("127.0.0.1", "EC P-256", "root", "basicConstraints=CA:FALSE", "");
    let help = "no server-name can help, the broker needs a certificate with 127.0.0.1 as a subject alternative name";
    judge(
        &workshop,
        "127.0.0.1",
        "root",
        &format!(
            "it has no subject alternative name, and the common name \"127.0.0.1\" does not count: {help}"
        ),
    );
    workshop.issue("mail", "EC P-256", "root", "subjectAltName=email:someone@example.com", "");
    judge(
        &workshop,
        "mail",
        "root",
        &format!("its subject alternative name has no host name and no address: {help}"),
    );
}

#[test]
fn certificate_of_version_1() {
    let workshop = Workshop::new();
    workshop.authority("root", "EC P-256", "");
    workshop.issue("old", "EC P-256", "root", "", "");
    let broker = workshop.mosquitto("old");
    let meta =
        send_with(&secured(broker.port(), &Pki::new()), json!({ "root-ca-crt": workshop.path("root.crt") }));
    let reason = "the broker's certificate was not accepted: it is of X.509 version 1, which has no extensions and so names no \
                  host: version 3 is needed, with a subject alternative name";
    assert_meta(&meta, 78, &failed(broker.port(), reason));
}

/// A client's certificate of version 1 is the broker's to judge, and mosquitto takes it.
#[test]
fn client_certificate_of_version_1_is_shown() {
    let workshop = Workshop::new();
    let pki = Pki::new();
    workshop.authority("root", "EC P-256", "");
    workshop.issue("old", "EC P-256", "root", "", "");
    let authority = pki.file("root.crt", &workshop.text("root.crt"));
    let broker = Mosquitto::builder().mutual_tls(&pki.server(&["127.0.0.1"]), &authority).start();
    let identity = json!({
        "use-certificate": true, "certificate": workshop.path("old.crt"), "private-key": workshop.path("old.key"),
    });
    assert_meta(&send_with(&secured(broker.port(), &pki), identity), 0, &sent(1, broker.port()));
}

/// What a form makes that has one field for names.
#[test]
fn address_that_stands_as_a_host_name() {
    let workshop = Workshop::new();
    workshop.authority("root", "EC P-256", "");
    workshop.issue("leaf", "EC P-256", "root", "subjectAltName=DNS:127.0.0.1", "");
    judge(
        &workshop,
        "leaf",
        "root",
        "it has the address 127.0.0.1 as a host name (DNS:127.0.0.1), which does not count: an address has to stand in the \
         subject alternative name as one (IP:127.0.0.1)",
    );
}

#[test]
fn signatures_that_are_too_weak() {
    let workshop = Workshop::new();
    workshop.authority("root", "RSA 2048", "");
    for (digest, name) in [("-sha1", "SHA-1"), ("-md5", "MD5")] {
        workshop.issue("leaf", "EC P-256", "root", SAN, digest);
        judge(
            &workshop,
            "leaf",
            "root",
            &format!(
                "it is signed with RSA with {name}, which can be forged; a certificate is signed with SHA-256, SHA-384 or \
                 SHA-512 today"
            ),
        );
    }
}

#[test]
fn extension_that_is_critical_and_unknown() {
    let workshop = Workshop::new();
    workshop.authority("root", "EC P-256", "");
    workshop.issue("leaf", "EC P-256", "root", &format!("{SAN}\n1.2.3.4=critical,ASN1:NULL"), "");
    let pki = Pki::new();
    // rustls' own server does not take such a certificate.
    let broker = workshop.mosquitto("leaf");
    let meta = send_with(&secured(broker.port(), &pki), json!({ "root-ca-crt": workshop.path("root.crt") }));
    let reason = "the broker's certificate was not accepted: it has the extension 1.2.3.4, which is critical and not supported: \
                  who does not know it must not accept the certificate";
    assert_meta(&meta, 78, &failed(broker.port(), reason));
}

#[test]
fn name_constraints_of_the_authority() {
    let workshop = Workshop::new();
    let constraints = "nameConstraints=critical,permitted;IP:10.0.0.0/255.0.0.0";
    workshop.authority("root", "EC P-256", &format!("-addext {constraints}"));
    workshop.issue("leaf", "EC P-256", "root", SAN, "");
    judge(
        &workshop,
        "leaf",
        "root",
        "it breaks the name constraints of its authority, which may not issue certificates for this name",
    );
}

#[test]
fn keys_of_the_authority_that_are_not_supported() {
    let workshop = Workshop::new();
    for (kind, key) in [
        ("EC P-521", "an elliptic-curve key on P-521"),
        ("EC secp256k1", "an elliptic-curve key on secp256k1"),
        ("EC brainpoolP256r1", "an elliptic-curve key on brainpoolP256r1"),
        ("RSA 1024", "an RSA key of 1024 bits"),
    ] {
        workshop.authority("root", kind, "");
        workshop.issue("leaf", "EC P-256", "root", SAN, "");
        judge(&workshop, "leaf", "root", &format!("its issuer \"CN=root\" has {key}, and {VERIFIED}"));
    }
}

#[test]
fn authority_that_was_made_anew() {
    let workshop = Workshop::new();
    workshop.authority("root", "EC P-256", "");
    workshop.issue("leaf", "EC P-256", "root", SAN, "");
    workshop.authority("root", "EC P-256", "");
    judge(
        &workshop,
        "leaf",
        "root",
        "its signature is not its authority's (see root-ca-crt): the trust anchor \"CN=root\" has another key, as if the \
         authority had been made anew",
    );
}

/// OpenSSL, which offers its certificate only to who supports its key.
#[test]
fn key_of_the_broker_that_is_not_supported() {
    let workshop = Workshop::new();
    workshop.authority("root", "EC P-256", "");
    workshop.issue("leaf", "EC P-521", "root", SAN, "");
    let broker = workshop.mosquitto("leaf");
    let meta =
        send_with(&secured(broker.port(), &Pki::new()), json!({ "root-ca-crt": workshop.path("root.crt") }));
    let reason = "the broker ended TLS: it found nothing in common, or demands a client certificate (see use-certificate), or \
                  its own certificate has a kind of key that is not supported here, such as P-521, secp256k1, Ed448 or DSA (RSA \
                  of 2048 to 8192 bits, P-256, P-384 and Ed25519 are; of TLS, 1.3, \
                  and 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305, on X25519, P-256 or P-384)";
    assert_meta(&meta, 78, &failed(broker.port(), reason));
}

/// What `openssl req -x509` makes when it is not told otherwise: an authority that vouches for itself and serves.
#[test]
fn certificate_that_is_its_own_authority_works_when_it_is_named() {
    let workshop = Workshop::new();
    let other = Workshop::new();
    workshop.authority("127.0.0.1", "EC P-256", &format!("-addext {SAN}"));
    other.authority("127.0.0.1", "EC P-256", &format!("-addext {SAN}"));
    let broker = workshop.mosquitto("127.0.0.1");
    let config = secured(broker.port(), &Pki::new());
    let own = json!({ "root-ca-crt": workshop.path("127.0.0.1.crt") });
    assert_meta(&send_with(&config, own.clone()), 0, &sent(1, broker.port()));

    // It has to be the very certificate, and its name has to be right all the same.
    let refused = |more, what: &str| {
        let reason = format!("the broker's certificate was not accepted: {what}");
        assert_meta(&send_with(&config, more), 78, &failed(broker.port(), &reason));
    };
    refused(
        json!({ "root-ca-crt": workshop.path("127.0.0.1.crt"), "server-name": "other.test" }),
        "it is for another name: expected other.test, it is for 127.0.0.1 (see server-name)",
    );
    refused(
        json!({ "root-ca-crt": other.path("127.0.0.1.crt") }),
        "it is an authority's own, not a server's: the broker needs a certificate that the authority issued, or root-ca-crt \
         holds this very certificate",
    );
}

/// A certificate that is named itself is not believed after its time, nor for another purpose.
#[test]
fn certificate_that_is_named_itself_has_to_be_valid() {
    use mqtt_connector_tests::pki::Fault;
    let pki = Pki::new();
    for (fault, what) in [
        (Fault::Expired, "it expired … days ago, on 2021-01-01"),
        (
            Fault::NotYetValid,
            "it is not yet valid, but will be in … days, on 2090-01-01 (the clock of this machine says 20…-…-…)",
        ),
        (Fault::WrongPurpose, "it is not for servers: its extended key usage is for clients"),
        (
            Fault::WrongName,
            "it is for another name: expected 127.0.0.1, it is for wrong.test (see server-name)",
        ),
    ] {
        let server = pki.faulty_server(fault, &["127.0.0.1"]);
        let broker = ScriptedBroker::builder()
            .tls(ServerTls::new(&server))
            .raw_connection([Step::expect_tls_failure()])
            .start();
        let trust = json!({ "root-ca-crt": server.certificate().path_str() });
        let reason = format!("the broker's certificate was not accepted: {what}");
        assert_meta(&send_with(&secured(broker.port(), &pki), trust), 78, &failed(broker.port(), &reason));
        broker.finish();
    }
}

#[test]
fn chain_of_200_certificates() {
    let pki = Pki::new();
    let server = pki.server_with_intermediate(&["127.0.0.1"]);
    let chain = format!("{}{}", server.certificate().text(), pki.authority().text().repeat(200));
    let identity = pki.identity(chain, server.key().text().to_owned());
    for tls in [ServerTls::new(&identity), ServerTls::new(&identity).only_tls12()] {
        let broker = ScriptedBroker::builder().tls(tls).raw_connection([Step::expect_tls_failure()]).start();
        let reason = "the TLS handshake failed: the broker's certificates, or another message of its handshake, are larger than \
                      64 KiB; it should send its own certificate and its intermediates, and no others";
        assert_meta(&send_with(&secured(broker.port(), &pki), json!({})), 78, &failed(broker.port(), reason));
        broker.finish();
    }
}

#[test]
fn client_keys_that_are_not_supported() {
    let workshop = Workshop::new();
    let pki = Pki::new();
    let broker = ScriptedBroker::untouched();
    workshop.authority("root", "EC P-256", "");
    for (kind, key) in [
        ("EC P-521", "an elliptic-curve key on P-521"),
        ("EC secp256k1", "an elliptic-curve key on secp256k1"),
        ("RSA 4160", "an RSA key of 4160 bits"),
        ("RSA 1024", "an RSA key of 1024 bits"),
        ("ED448", "an Ed448 key"),
        ("X25519", "an X25519 key, which cannot sign"),
    ] {
        workshop.key("client", kind);
        let path = workshop.path("client.key");
        let mut written = vec![workshop.text("client.key")];
        if kind.starts_with("EC") || kind.starts_with("RSA") {
            written.push(String::from_utf8(workshop.openssl("pkey -traditional -in client.key")).unwrap());
        }
        for text in written {
            workshop.write("client.key", text);
            let identity = json!({
                "use-certificate": true, "certificate": workshop.path("root.crt"), "private-key": path,
            });
            let meta = send_with(&secured(broker.port(), &pki), identity);
            assert_meta(&meta, 66, &unusable(&format!("private-key: {path} holds {key}, and {SIGNING}")));
        }
    }
    broker.finish();
}

#[test]
fn client_keys_of_every_kind_that_is_supported() {
    let workshop = Workshop::new();
    let pki = Pki::new();
    workshop.authority("root", "EC P-384", "");
    let authority = pki.file("root.crt", &workshop.text("root.crt"));
    let broker = Mosquitto::builder().mutual_tls(&pki.server(&["127.0.0.1"]), &authority).start();
    for kind in ["EC P-256", "EC P-384", "ED25519", "RSA 3072"] {
        workshop.issue("client", kind, "root", "extendedKeyUsage=clientAuth", "");
        // The authority first: the certificate of the key is shown first all the same.
        let chain = format!("{}{}", workshop.text("root.crt"), workshop.text("client.crt"));
        let identity = json!({
            "use-certificate": true, "certificate": chain, "private-key": workshop.path("client.key"),
        });
        assert_meta(&send_with(&secured(broker.port(), &pki), identity), 0, &sent(1, broker.port()));
    }
}

#[test]
fn client_key_of_another_certificate_of_the_same_kind() {
    let pki = Pki::new();
    let broker = ScriptedBroker::untouched();
    let (one, other) = (pki.client("one", KeyFormat::Pkcs8), pki.client("other", KeyFormat::Pkcs8));
    let identity = json!({
        "use-certificate": true, "certificate": one.certificate().text(), "private-key": other.key().text(),
    });
    let reason = "private-key: the text is not the key of the certificate in certificate";
    assert_meta(&send_with(&secured(broker.port(), &pki), identity), 66, &unusable(reason));
    broker.finish();
}
