//! Certificates and keys: what is a text and what a path, and when the certificate brings its key.

use mqtt_connector_contract::publisher::Pem;
use mqtt_connector_guest::publication::prepare;
use serde_json::json;

use crate::check;
use crate::schema::assert_agrees;

const CONFIG: &str =
    r#"{"broker":"ssl://h","client-id":"c","topic":"t","content":"x","use-certificate":true}"#;

/// The beginning of a PKCS#12 store in base64, long enough to be one.
fn pkcs12(beginning: &str) -> String {
    format!("{beginning}{}", "A".repeat(80))
}

#[test]
fn text_in_whatever_shape_and_paths() {
    let base64 = "M".repeat(64);
    for (given, is_text) in [
        ("-----BEGIN CERTIFICATE-----", true),
        ("\u{feff}-----BEGIN CERTIFICATE-----", true),
        ("\"-----BEGIN CERTIFICATE-----\\nMII\"", true),
        ("Bag Attributes\n  a: b\n-----BEGIN CERTIFICATE-----\nMII", true),
        ("/-----BEGIN CERTIFICATE-----", false),
        (&base64, true),
        (&format!("\n{}\\n{} ", &base64[..40], &base64[40..]), true),
        ("/ca.pem", false),
        ("/MII", false),
    ] {
        let request = json!({ "root-ca-crt": given, "use-certificate": false }).to_string();
        assert_agrees(CONFIG, &request);
        let root_ca =
            prepare(CONFIG, &request).unwrap_or_else(|why| panic!("{why}")).options.tls.unwrap().root_ca;
        let wanted = if is_text { Pem::Text(given.to_owned()) } else { Pem::File(given.to_owned()) };
        assert!(root_ca == Some(wanted), "{given:?}");
    }
    for given in ["ca.pem", "MII", &base64[1..], &format!("{base64}-"), &format!("x{base64}")] {
        let request = json!({ "root-ca-crt": given, "use-certificate": false }).to_string();
        assert_agrees(CONFIG, &request);
        assert_eq!(
            check(CONFIG, &request).message,
            format!(
                "Not sent: root-ca-crt in the request got a string of {} bytes, wants an absolute path, starting with /, or PEM \
                 text, starting with -----BEGIN.",
                given.len()
            )
        );
    }
}

#[test]
fn certificate_that_brings_its_key() {
    for certificate in [
        "/a.p12",
        "/A.P12",
        "/a.pfx",
        "/a.b.PFX",
        "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY-----\nMII",
        &pkcs12("MIIJqgIBAzCC"),
        &pkcs12("\n  MIIKVwIBAzCC"),
        &pkcs12("MIACAQMwgAYJ"),
    ] {
        let request = json!({ "certificate": certificate }).to_string();
        assert_agrees(CONFIG, &request);
        let publication = prepare(CONFIG, &request).unwrap_or_else(|why| panic!("{certificate}: {why}"));
        let identity = publication.options.tls.unwrap().identity.unwrap();
        assert!(identity.private_key == identity.certificate, "{certificate}");
        // One that is given is the one that is used.
        let request = json!({ "certificate": certificate, "private-key": "/k" }).to_string();
        assert_agrees(CONFIG, &request);
        let publication = prepare(CONFIG, &request).unwrap_or_else(|why| panic!("{certificate}: {why}"));
        assert!(publication.options.tls.unwrap().identity.unwrap().private_key == Pem::File("/k".to_owned()));
    }
    for certificate in [
        "/a.crt",
        "/a.p12.pem",
        "/p12",
        "-----BEGIN CERTIFICATE-----",
        &pkcs12("MIIJqgIBADCC"),
        &pkcs12("MIIDazCCAlOg"),
    ] {
        let request = json!({ "certificate": certificate }).to_string();
        assert_agrees(CONFIG, &request);
        assert_eq!(
            check(CONFIG, &request).message,
            "Not sent: private-key is missing, and use-certificate true needs it."
        );
    }
}
