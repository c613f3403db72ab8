//! Formats that cannot be used: what each is called, and the command that converts it.

use super::held::{Format, Held};

const EMPTY: &str = "is empty";

/// The message about a file without a certificate, which begins with the file's name.
pub(super) fn no_certificate(held: &Held) -> String {
    match held.others.first() {
        Some(Format::Pkcs7) => "is PKCS#7; `openssl pkcs7 -print_certs -in OLD -out NEW` takes its certificates out (with \
                                -inform DER if it is not PEM)"
            .to_owned(),
        Some(Format::Request) => "is a signing request (PKCS#10), and no certificate yet: the authority answers it with the \
                                  certificate (`openssl x509 -req -in REQUEST -CA CA.crt -CAkey CA.key -out NEW` does)"
            .to_owned(),
        Some(Format::PublicKey) => "is a public key, and no certificate; the certificate that was issued for it is needed".to_owned(),
        Some(Format::OpenSshKey | Format::Putty | Format::Dsa) => "is a private key, and no certificate".to_owned(),
        Some(other) => other_format(*other),
        None if held.is_empty => EMPTY.to_owned(),
        None if !held.keys.is_empty() => "holds a private key, and no certificate".to_owned(),
        None => "holds no certificate (-----BEGIN CERTIFICATE-----)".to_owned(),
    }
}

/// The message about a file without a key, which begins with the file's name.
pub(super) fn no_key(held: &Held) -> String {
    match held.others.first() {
        Some(Format::Pkcs7) => "is PKCS#7, which holds certificates and no key".to_owned(),
        Some(Format::Request) => {
            "is a signing request (PKCS#10), and not the key that it was made with (`openssl genpkey` makes \
                                  keys)"
                .to_owned()
        }
        Some(Format::PublicKey) => {
            "is a public key; the private key is needed, of which `openssl pkey -pubout` made it".to_owned()
        }
        Some(Format::OpenSshKey) => {
            "is a key in OpenSSH's own format; `ssh-keygen -p -m PKCS8 -f COPY` makes a copy of an RSA or ECDSA key PKCS#8, in its \
             place; Ed25519 it leaves as it is, for which a new key and certificate are needed"
                .to_owned()
        }
        Some(Format::Putty) => {
            "is a key in PuTTY's format; `puttygen OLD -O private-openssh -o NEW` makes it PEM".to_owned()
        }
        Some(Format::Dsa) => format!("holds a DSA key, and {}", super::SIGNING),
        Some(other) => other_format(*other),
        None if held.is_empty => EMPTY.to_owned(),
        None if !held.certificates.is_empty() => "holds a certificate, and no private key".to_owned(),
        None => {
            "holds no private key (-----BEGIN PRIVATE KEY-----, RSA PRIVATE KEY or EC PRIVATE KEY)".to_owned()
        }
    }
}

fn other_format(format: Format) -> String {
    match format {
        Format::JavaKeyStore => "is a Java key store; `keytool -importkeystore -srckeystore OLD -destkeystore NEW.p12 \
                                 -deststoretype PKCS12` makes it PKCS#12, of which `openssl pkcs12 -in NEW.p12 -nodes` makes PEM",
        Format::OpenSshPublicKey => "is an SSH public key, which TLS has no use for; an X.509 certificate and its key are needed",
        Format::RevocationList => "is a revocation list, and no certificate",
        Format::CutOff { announced, present } => {
            return format!("is cut off: it is DER or PKCS#12 that announces {announced} bytes, and has {present}");
        }
        Format::OpenPgp => "is OpenPGP, which TLS has no use for; an X.509 certificate and its key are needed",
        Format::Pkcs7 | Format::Request | Format::PublicKey | Format::OpenSshKey | Format::Putty | Format::Dsa => {
            "is of another format"
        }
    }
    .to_owned()
}
