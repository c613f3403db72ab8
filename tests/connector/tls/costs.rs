//! Encrypted keys: every way in which OpenSSL makes them is read, and none costs this process more than it has to spare.

use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqtt_connector_tests::pki::{Identity, KeyFormat, Pki};
use mqtt_connector_tests::{Mosquitto, ScriptedBroker};
use serde_json::{Value, json};

use super::{secured, send_with, sent, unusable};
use crate::support::assert_meta;

const SUPPORTED: &str =
    "PBES2 is supported, with PBKDF2 (HMAC-SHA-1 or HMAC-SHA-2) or scrypt, and with AES (CBC or GCM) or 3DES";

fn shown(client: &Identity, key: &str) -> Value {
    json!({
        "use-certificate": true, "certificate": client.certificate().text(), "private-key": key,
        "private-key-password": "right",
        // Unoptimised, beside other tests, one takes seconds, and on a busy machine a minute.
        "timeout": 600_000,
    })
}

/// The client's key, encrypted by OpenSSL in the way that `arguments` say.
fn encrypted(client: &Identity, arguments: &str) -> String {
    let mut command = Command::new("openssl");
    command.args(["pkcs8", "-topk8", "-passout", "pass:right", "-in", client.key().path_str()]);
    let output = command.args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn keys_that_openssl_encrypts_are_read() {
    let pki = Pki::new();
    let broker = Mosquitto::builder().mutual_tls(&pki.server(&["127.0.0.1"]), pki.authority()).start();
    let client = pki.client("thing", KeyFormat::Pkcs8);
    for arguments in [
        "-v2 aes-256-cbc",
        "-v2 aes-128-cbc -v2prf hmacWithSHA512",
        "-v2 aes-256-cbc -v2prf hmacWithSHA1",
        "-v2 des3",
        "-v2 des3 -v2prf hmacWithSHA1",
        "-v2 aes-256-cbc -iter 600000",
        "-scrypt",
        "-scrypt -scrypt_N 2",
        "-scrypt -scrypt_N 16384 -scrypt_r 8 -scrypt_p 16",
    ] {
        eprintln!("{arguments}");
        let key = encrypted(&client, arguments);
        let meta = send_with(&secured(broker.port(), &pki), shown(&client, &key));
        assert_meta(&meta, 0, &sent(1, broker.port()));
    }
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    assert!(content.len() < 256);
    let mut all = vec![tag, 0x81, content.len() as u8];
    if content.len() < 128 {
        all.remove(1);
    }
    all.extend_from_slice(content);
    all
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn integer(number: u64) -> Vec<u8> {
    let bytes = u128::from(number).to_be_bytes();
    // A leading zero where the number would be negative otherwise, and no other.
    let start = bytes.windows(2).position(|pair| pair[0] != 0 || pair[1] >= 128).unwrap_or(15);
    tlv(2, &bytes[start..])
}

/// An object identifier below 1.2.840.113549, which is RSA's.
fn rsa(arcs: &[u8]) -> Vec<u8> {
    tlv(6, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d], arcs].concat())
}

fn salt() -> Vec<u8> {
    tlv(4, b"saltsalt")
}

fn pbkdf2_with(prf: u8, iterations: u64) -> Vec<u8> {
    let prf = sequence(&[rsa(&[2, prf]), tlv(5, b"")]);
    sequence(&[rsa(&[1, 5, 12]), sequence(&[salt(), integer(iterations), prf])])
}

fn pbkdf2(iterations: u64) -> Vec<u8> {
    pbkdf2_with(9, iterations)
}

fn scrypt(n: u64, r: u64, p: u64) -> Vec<u8> {
    let scrypt = tlv(6, &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x04, 0x0b]);
    sequence(&[scrypt, sequence(&[salt(), integer(n), integer(r), integer(p)])])
}

fn pbes2_with(kdf: Vec<u8>, aes: u8) -> Vec<u8> {
    let cipher = tlv(6, &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, aes]);
    sequence(&[rsa(&[1, 5, 13]), sequence(&[kdf, sequence(&[cipher, tlv(4, &[7; 16])])])])
}

/// A key under AES-256-CBC.
fn pbes2(kdf: Vec<u8>) -> Vec<u8> {
    pbes2_with(kdf, 42)
}

fn pem(encryption: Vec<u8>) -> String {
    let der = sequence(&[encryption, tlv(4, &[7; 64])]);
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n{}\n-----END ENCRYPTED PRIVATE KEY-----\n",
        lines.join("\n")
    )
}

/// The tenant's file chooses how much work its password is: what is too much is refused before it is begun.
#[test]
fn keys_that_cost_too_much_are_refused_at_once() {
    let pki = Pki::new();
    let broker = ScriptedBroker::untouched();
    let client = pki.client("thing", KeyFormat::Pkcs8);
    let memory = "(N + p) times r is 532480 at most (65 MiB of memory)";
    let work = "N times r times p is 2097152 at most";
    let wrong = "N is a power of two from 2, and r and p are at least 1";
    let out_of_bounds = "parameters that are damaged or out of all bounds".to_owned();
    let iterations = |count: u64| format!("PBKDF2 and {count} iterations; 1 to 2000000 are allowed");
    let lanes = |n: u64, r: u64, p: u64, why: &str| {
        (scrypt(n, r, p), format!("scrypt and N = {n}, r = {r}, p = {p}; {why}"))
    };
    for (kdf, reason) in [
        (pbkdf2(0), iterations(0)),
        (pbkdf2(2_000_001), iterations(2_000_001)),
        (pbkdf2(100_000_000), iterations(100_000_000)),
        (pbkdf2(u32::MAX.into()), iterations(u32::MAX.into())),
        (pbkdf2(1 << 32), out_of_bounds.clone()),
        lanes(0, 0, 0, wrong),
        lanes(0, 8, 1, wrong),
        lanes(1, 8, 1, wrong),
        lanes(16_383, 8, 1, wrong),
        lanes(16_384, 0, 1, wrong),
        lanes(16_384, 8, 0, wrong),
        lanes(1 << 17, 8, 1, memory),
        lanes(1 << 20, 8, 1, memory),
        lanes(1 << 31, 8, 1, memory),
        lanes(1 << 50, 8, 1, memory),
        lanes(1 << 63, 65_535, 65_535, memory),
        lanes(1 << 14, 65_535, 1, memory),
        lanes(2, 65_535, 65_535, memory),
        lanes(1 << 14, 8, 17, work),
        lanes(1 << 14, 8, 40_000, work),
        (scrypt(1 << 14, 65_536, 1), out_of_bounds.clone()),
    ] {
        let started = Instant::now();
        let meta = send_with(&secured(broker.port(), &pki), shown(&client, &pem(pbes2(kdf))));
        assert_meta(&meta, 66, &unusable(&format!("private-key: the text is encrypted with {reason}")));
        assert!(started.elapsed() < Duration::from_secs(2), "{reason}: {:?}", started.elapsed());
    }
    broker.finish();
}

/// What is at the bound is tried: the password is wrong.
#[test]
fn keys_at_the_bounds_are_tried() {
    let pki = Pki::new();
    let broker = ScriptedBroker::untouched();
    let client = pki.client("thing", KeyFormat::Pkcs8);
    for kdf in [pbkdf2(2_000_000), scrypt(1 << 16, 8, 1), scrypt(1 << 16, 8, 4)] {
        let key = pem(pbes2(kdf));
        let meta = send_with(&secured(broker.port(), &pki), shown(&client, &key));
        let reason = "private-key-password: does not decrypt the text, which private-key names";
        assert_meta(&meta, 66, &unusable(reason));
    }
    broker.finish();
}

#[test]
fn encryption_that_is_not_supported_is_named() {
    let pki = Pki::new();
    let broker = ScriptedBroker::untouched();
    let client = pki.client("thing", KeyFormat::Pkcs8);
    let unknown =
        |oid: &str| format!("encrypted with the algorithm {oid}, which is not supported; {SUPPORTED}");
    let pbes1 = sequence(&[rsa(&[1, 5, 3]), sequence(&[salt(), integer(2048)])]);
    for (key, reason) in [
        (pem(pbes1), unknown("1.2.840.113549.1.5.3")),
        (encrypted(&client, "-v1 PBE-SHA1-3DES"), unknown("1.2.840.113549.1.12.1.3")),
        (encrypted(&client, "-v2 camellia-256-cbc"), unknown("1.2.392.200011.61.1.1.1.4")),
        (pem(pbes2_with(pbkdf2(2048), 49)), unknown("2.16.840.1.101.3.4.1.49")),
        (pem(pbes2(pbkdf2_with(5, 2048))), unknown("1.2.840.113549.2.5")),
    ] {
        let meta = send_with(&secured(broker.port(), &pki), shown(&client, &key));
        assert_meta(&meta, 66, &unusable(&format!("private-key: the text is {reason}")));
    }
    broker.finish();
}
