//! Certificates and keys in every shape and format in which people have them, judged by a real mutual handshake; and the formats
//! that are not taken, each with what converts it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqtt_connector_tests::pki::{KeyFormat, Pki};
use mqtt_connector_tests::{Mosquitto, ScriptedBroker};
use serde_json::{Value, json};

use super::workshop::Workshop;
use super::{secured, send_with, sent, unusable};
use crate::support::assert_meta;

/// A broker that wants a client certificate, and who has one.
struct Mutual {
    workshop: Workshop,
    pki: Pki,
    broker: Mosquitto,
}

impl Mutual {
    /// The workshop has `root.crt`, and a client's `client.crt` and `client.key` of this kind.
    fn new(kind: &str) -> Self {
        let (workshop, pki) = (Workshop::new(), Pki::new());
        workshop.authority("root", "EC P-256", "");
        workshop.issue("client", kind, "root", "extendedKeyUsage=clientAuth", "");
        let authority = pki.file("root.crt", &workshop.text("root.crt"));
        let broker = Mosquitto::builder().mutual_tls(&pki.server(&["127.0.0.1"]), &authority).start();
        Self { workshop, pki, broker }
    }

    /// Sends with `more` over a configuration that uses a certificate.
    #[track_caller]
    fn works(&self, more: Value) {
        let mut config = secured(self.broker.port(), &self.pki);
        config["use-certificate"] = true.into();
        assert_meta(&send_with(&config, more), 0, &sent(1, self.broker.port()));
    }

    #[track_caller]
    fn openssl(&self, arguments: &str) {
        self.workshop.openssl(arguments);
    }

    fn path(&self, name: &str) -> String {
        self.workshop.path(name)
    }
}

/// What has become of PEM on its way through forms, variables, editors and sources.
fn shapes(text: &str) -> Vec<String> {
    let joined = |by: &str| text.trim_end().split('\n').collect::<Vec<_>>().join(by);
    vec![
        joined(" "),
        joined(""),
        joined("\\n"),
        joined("\\r\\n"),
        joined("\r\n"),
        joined("\r"),
        joined("\n    "),
        joined("  \n"),
        format!("\u{feff}{text}"),
        format!("Bag Attributes\n    localKeyID: 01 02\nsubject=CN = client\n{text}"),
        format!("\n\n   {text}   \n"),
        format!("\"{text}\""),
        format!("\"{}\"", joined("\\n\" \\\n\"")),
        STANDARD.encode(text),
    ]
}

#[test]
fn pem_in_every_shape() {
    let mutual = Mutual::new("RSA 2048");
    let authority = mutual.pki.authority().text();
    // Two in one text.
    let authorities = format!("{}{authority}", mutual.pki.unknown_authority().text());
    let (certificate, key) = (mutual.workshop.text("client.crt"), mutual.workshop.text("client.key"));
    let shapes = shapes(&authorities).into_iter().zip(shapes(&certificate)).zip(shapes(&key));
    for ((authorities, certificate), key) in shapes {
        mutual.works(json!({ "root-ca-crt": authorities, "certificate": certificate, "private-key": key }));
        mutual.works(json!({
            "root-ca-crt": mutual.workshop.write("shape-ca.crt", &authorities),
            "certificate": mutual.workshop.write("shape.crt", &certificate),
            "private-key": mutual.workshop.write("shape.key", &key),
        }));
    }
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain(key.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    mutual.works(json!({
        "certificate": certificate, "private-key": mutual.workshop.write("utf16.key", utf16),
    }));
}

#[test]
fn other_labels_of_certificates() {
    let mutual = Mutual::new("EC P-256");
    mutual.openssl("x509 -in client.crt -trustout -addtrust clientAuth -setalias mine -out trusted.crt");
    assert!(mutual.workshop.text("trusted.crt").starts_with("-----BEGIN TRUSTED CERTIFICATE-----"));
    let old = mutual.workshop.text("client.crt").replace("CERTIFICATE", "X509 CERTIFICATE");
    for certificate in [mutual.path("trusted.crt"), mutual.workshop.text("trusted.crt"), old] {
        mutual.works(json!({ "certificate": certificate, "private-key": mutual.path("client.key") }));
    }
}

#[test]
fn der_as_file_and_as_base64() {
    for kind in ["RSA 2048", "EC P-256", "ED25519"] {
        let mutual = Mutual::new(kind);
        let workshop = &mutual.workshop;
        workshop.write("ca.crt", mutual.pki.authority().text());
        mutual.openssl("x509 -in ca.crt -outform DER -out ca.der");
        mutual.openssl("x509 -in client.crt -outform DER -out client.der");
        mutual.openssl("pkcs8 -topk8 -nocrypt -in client.key -outform DER -out client.pk8");
        mutual.openssl(
            "pkcs8 -topk8 -passout pass:right -in client.key -outform DER -out client.pk8.encrypted",
        );
        let mut keys = vec!["client.pk8", "client.pk8.encrypted"];
        if kind != "ED25519" {
            mutual.openssl("pkey -traditional -in client.key -outform DER -out client.traditional");
            keys.push("client.traditional");
        }
        let base64 = |name: &str| STANDARD.encode(workshop.bytes(name));
        for key in keys {
            mutual.works(json!({
                "root-ca-crt": mutual.path("ca.der"), "certificate": mutual.path("client.der"),
                "private-key": mutual.path(key), "private-key-password": "right",
            }));
            mutual.works(json!({
                "root-ca-crt": base64("ca.der"), "certificate": base64("client.der"), "private-key": base64(key),
                "private-key-password": "right",
            }));
        }
    }
}

/// One file for both, named once or twice, as path and as text.
#[test]
fn certificate_and_key_in_one() {
    let mutual = Mutual::new("EC P-256");
    let both = format!("{}{}", mutual.workshop.text("client.key"), mutual.workshop.text("client.crt"));
    let path = mutual.workshop.write("both.pem", &both);
    mutual.works(json!({ "certificate": path, "private-key": path }));
    mutual.works(json!({ "certificate": both, "private-key": both }));
    mutual.works(json!({ "certificate": both }));
}

#[test]
fn pkcs12_of_every_age() {
    let mutual = Mutual::new("RSA 2048");
    // Debian's openssl has the old algorithms in a provider of its own, which may not be there.
    for (name, how) in [
        ("new.p12", ""),
        ("chain.PFX", " -certfile root.crt -name me"),
        ("3des.p12", " -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1"),
        ("mixed.p12", " -keypbe AES-128-CBC -certpbe NONE -macalg sha512 -iter 10000"),
        ("nomac.p12", " -nomac"),
        ("windows.p12", " -legacy"),
    ] {
        mutual.openssl(&format!(
            "pkcs12 -export -in client.crt -inkey client.key -passout pass:pä55 -out {name}{how}"
        ));
        let base64 = STANDARD.encode(mutual.workshop.bytes(name));
        for store in [mutual.path(name), base64] {
            mutual.works(json!({ "certificate": store, "private-key-password": "pä55" }));
            mutual
                .works(json!({ "certificate": store, "private-key": store, "private-key-password": "pä55" }));
        }
    }
    mutual.openssl("pkcs12 -export -in client.crt -inkey client.key -passout pass: -out open.p12");
    mutual.works(json!({ "certificate": mutual.path("open.p12") }));
    mutual.works(json!({ "certificate": mutual.path("open.p12"), "private-key-password": "" }));
    // Authorities too.
    mutual.workshop.write("ca.crt", mutual.pki.authority().text());
    mutual.openssl("pkcs12 -export -nokeys -in ca.crt -passout pass: -out ca.p12");
    mutual.works(json!({
        "root-ca-crt": mutual.path("ca.p12"), "certificate": mutual.path("open.p12"),
    }));
}

/// Of which nothing is sent, with what is said.
struct Refused {
    /// Its files, for as long as they are needed.
    _pki: Pki,
    broker: ScriptedBroker,
    config: Value,
}

impl Refused {
    fn new() -> Self {
        let (pki, broker) = (Pki::new(), ScriptedBroker::untouched());
        let client = pki.client("thing", KeyFormat::Pkcs8);
        let mut config = secured(broker.port(), &pki);
        config["use-certificate"] = true.into();
        config["certificate"] = client.certificate().text().into();
        config["private-key"] = client.key().text().into();
        Self { _pki: pki, broker, config }
    }

    #[track_caller]
    fn says(&self, more: Value, reason: &str) {
        assert_meta(&send_with(&self.config, more), 66, &unusable(reason));
    }
}

#[test]
fn pkcs12_that_cannot_be_opened() {
    let refused = Refused::new();
    let workshop = Workshop::new();
    workshop.authority("root", "EC P-256", "");
    let store = |name: &str, how: &str| {
        let common = "pkcs12 -export -in root.crt -inkey root.key -passout pass:right -out";
        workshop.openssl(&format!("{common} {name}{how}"));
        workshop.path(name)
    };
    let (path, old) = (store("new.p12", ""), store("old.p12", " -legacy"));
    for path in [&path, &old] {
        let password = "private-key-password";
        refused.says(
            json!({ "certificate": path, "private-key": null, password: "wrong" }),
            &format!("private-key-password: does not decrypt {path}, which certificate names"),
        );
        refused.says(
            json!({ "certificate": path, "private-key": null }),
            &format!("certificate: {path} is encrypted, and private-key-password is not given"),
        );
        refused.says(
            json!({ "private-key": path }),
            &format!("private-key: {path} is encrypted, and private-key-password is not given"),
        );
        refused.says(
            json!({ "root-ca-crt": path }),
            &format!(
                "root-ca-crt: {path} is PKCS#12 under a password; `openssl pkcs12 -in OLD -nokeys -out NEW` takes its \
                 certificates out"
            ),
        );
    }
    // Three keys of a store, each of which could be afforded alone.
    let path = store("costly.p12", " -iter 900000");
    refused.says(
        json!({ "certificate": path, "private-key": null, "private-key-password": "right", "timeout": 60000 }),
        &format!(
            "certificate: {path} is PKCS#12 whose keys take too many iterations to derive; 2500000 are allowed for the whole file"
        ),
    );
    let path = store("camellia.p12", " -keypbe CAMELLIA-256-CBC -certpbe CAMELLIA-256-CBC");
    let meta = send_with(
        &refused.config,
        json!({ "certificate": path, "private-key": null, "private-key-password": "right" }),
    );
    let reason = "is PKCS#12 encrypted with the algorithm 1.2.840.113549.1.5.13, which is not supported; PBES2 is, and SHA-1 with \
                  3DES or RC2; `openssl pkcs12 -in OLD -nodes -out NEW` makes it PEM";
    assert_meta(&meta, 66, &unusable(&format!("certificate: {path} {reason}")));

    workshop.openssl("pkcs8 -topk8 -nocrypt -in root.key -outform DER -out key.der");
    for (parameter, name) in
        [("certificate", "new.p12"), ("private-key", "new.p12"), ("private-key", "key.der")]
    {
        let mut bytes = workshop.bytes(name);
        let announced = bytes.len();
        bytes.truncate(announced - 1);
        let path = workshop.write(&format!("cut-{name}"), bytes);
        let cut_off = format!(
            "is cut off: it is DER or PKCS#12 that announces {announced} bytes, and has {}",
            announced - 1
        );
        refused.says(json!({ parameter: path }), &format!("{parameter}: {path} {cut_off}"));
    }
    refused.broker.finish();
}

#[test]
fn formats_that_are_not_taken_are_named_with_what_converts_them() {
    let refused = Refused::new();
    let workshop = Workshop::new();
    workshop.authority("root", "RSA 2048", "");
    workshop.openssl("crl2pkcs7 -nocrl -certfile root.crt -out root.p7b");
    workshop.openssl("crl2pkcs7 -nocrl -certfile root.crt -outform DER -out root.p7c");
    workshop.openssl("req -new -subj /CN=x -key root.key -out root.csr");
    workshop.openssl("req -new -subj /CN=x -key root.key -outform DER -out root.csr.der");
    workshop.openssl("pkey -in root.key -pubout -out root.pub");
    workshop.openssl("pkey -in root.key -pubout -outform DER -out root.pub.der");
    workshop.openssl("rsa -in root.key -traditional -aes128 -passout pass:x -out legacy.key");
    workshop
        .write("ssh.key", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n");
    workshop.write("ssh.pub", "ssh-rsa AAAAB3NzaC1yc2E me@here\n");
    workshop.write("key.ppk", "PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\n");
    workshop.write("store.jks", [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 0]);
    let pkcs7 = "is PKCS#7; `openssl pkcs7 -print_certs -in OLD -out NEW` takes its certificates out (with -inform DER if it is \
                 not PEM)";
    let pkcs7_key = "is PKCS#7, which holds certificates and no key";
    let request = "is a signing request (PKCS#10), and no certificate yet: the authority answers it with the certificate \
                   (`openssl x509 -req -in REQUEST -CA CA.crt -CAkey CA.key -out NEW` does)";
    let request_key = "is a signing request (PKCS#10), and not the key that it was made with (`openssl genpkey` makes keys)";
    let public = "is a public key, and no certificate; the certificate that was issued for it is needed";
    let public_key = "is a public key; the private key is needed, of which `openssl pkey -pubout` made it";
    let java = "is a Java key store; `keytool -importkeystore -srckeystore OLD -destkeystore NEW.p12 -deststoretype PKCS12` makes \
                it PKCS#12, of which `openssl pkcs12 -in NEW.p12 -nodes` makes PEM";
    let ssh = "is an SSH public key, which TLS has no use for; an X.509 certificate and its key are needed";
    let a_key = "is a private key, and no certificate";
    for (name, certificate, key) in [
        ("root.p7b", pkcs7, pkcs7_key),
        ("root.p7c", pkcs7, pkcs7_key),
        ("root.csr", request, request_key),
        ("root.csr.der", request, request_key),
        ("root.pub", public, public_key),
        ("root.pub.der", public, public_key),
        ("store.jks", java, java),
        ("ssh.pub", ssh, ssh),
        (
            "ssh.key",
            a_key,
            "is a key in OpenSSH's own format; `ssh-keygen -p -m PKCS8 -f COPY` makes a copy of an RSA or ECDSA key PKCS#8, in its place; Ed25519 it \
             leaves as it is, for which a new key and certificate are needed",
        ),
        (
            "key.ppk",
            a_key,
            "is a key in PuTTY's format; `puttygen OLD -O private-openssh -o NEW` makes it PEM",
        ),
        (
            "legacy.key",
            "holds a private key, and no certificate",
            "is encrypted in the old format of OpenSSL; `openssl pkcs8 -topk8 -in OLD -out NEW` makes it a PKCS#8 key",
        ),
    ] {
        let path = workshop.path(name);
        refused.says(json!({ "certificate": path }), &format!("certificate: {path} {certificate}"));
        refused.says(json!({ "root-ca-crt": path }), &format!("root-ca-crt: {path} {certificate}"));
        refused.says(json!({ "private-key": path }), &format!("private-key: {path} {key}"));
    }
    let inline = workshop.text("root.p7b").replace('\n', " ");
    refused.says(json!({ "certificate": inline }), &format!("certificate: the text {pkcs7}"));
    refused.broker.finish();
}
