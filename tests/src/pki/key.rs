//! Private keys, in the forms in which they are found.

use std::io::Write as _;
use std::process::{Command, Stdio};

use rcgen::KeyPair;

use super::or_panic;
use crate::process;

/// How a private key is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFormat<'a> {
    /// `BEGIN PRIVATE KEY`, an elliptic-curve key (P-256).
    Pkcs8,
    /// `BEGIN PRIVATE KEY`, an RSA key of 2,048 bits.
    Pkcs8Rsa,
    /// `BEGIN EC PRIVATE KEY`, an elliptic-curve key (P-256).
    Sec1,
    /// `BEGIN RSA PRIVATE KEY`, an RSA key of 2,048 bits; what AWS IoT hands out.
    Pkcs1,
    /// `BEGIN ENCRYPTED PRIVATE KEY`, an elliptic-curve key (P-256) under this password (PBES2, AES-256-CBC).
    EncryptedPkcs8(&'a str),
}

#[track_caller]
pub(super) fn new_key() -> KeyPair {
    or_panic(KeyPair::generate())
}

/// A key to sign with, and the same key as text in `format`.
#[track_caller]
pub(super) fn key_pair(format: KeyFormat<'_>) -> (KeyPair, String) {
    let (key, arguments, password) = match format {
        KeyFormat::Pkcs8 => {
            let key = new_key();
            let text = key.serialize_pem();
            return (key, text);
        }
        KeyFormat::Pkcs8Rsa => {
            let text = new_rsa_key();
            return (or_panic(KeyPair::from_pem(&text)), text);
        }
        KeyFormat::Sec1 => (new_key(), "pkey -traditional", ""),
        KeyFormat::Pkcs1 => (or_panic(KeyPair::from_pem(&new_rsa_key())), "pkey -traditional", ""),
        KeyFormat::EncryptedPkcs8(password) => {
            (new_key(), "pkcs8 -topk8 -v2 aes-256-cbc -passout env:KEY_PASSWORD", password)
        }
    };
    let text = openssl(arguments, &key.serialize_pem(), password);
    (key, text)
}

/// ring signs with RSA keys and does not make them.
#[track_caller]
fn new_rsa_key() -> String {
    openssl("genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048", "", "")
}

#[track_caller]
fn openssl(arguments: &str, input: &str, password: &str) -> String {
    let mut command = Command::new(process::find("openssl", "openssl"));
    command.args(arguments.split(' ')).env("KEY_PASSWORD", password);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let output = child.and_then(|mut child| {
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        child.wait_with_output()
    });
    match output {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(output) => panic!("`openssl {arguments}` failed: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("`openssl {arguments}` could not be run: {error}"),
    }
}
