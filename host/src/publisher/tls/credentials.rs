//! PEM text of a tenant → certificates and a private key.

mod encrypted;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, InconsistentKeys};
use zeroize::Zeroizing;

use crate::bindings::flint::mqtt::publisher::{ClientIdentity, Pem};
use crate::error::Error;
use crate::tenant::Tenant;

const CERTIFICATE: &str = "certificate";
const PRIVATE_KEY: &str = "private-key";
const PRIVATE_KEY_PASSWORD: &str = "private-key-password";

/// What [`client_identity`] reads, each with the parameter that names it.
pub(super) fn files(identity: &ClientIdentity) -> [(&'static str, &Pem); 2] {
    [(CERTIFICATE, &identity.certificate), (PRIVATE_KEY, &identity.private_key)]
}

/// What the client shows a broker that asks for a certificate.
///
/// # Errors
///
/// [`Error::Credential`] for what cannot be read or used or does not fit together, [`Error::Denied`] for a file that the
/// tenant may not read.
pub(super) fn client_identity(identity: &ClientIdentity, tenant: &Tenant) -> Result<CertifiedKey, Error> {
    let chain = certificates(CERTIFICATE, &identity.certificate, tenant)?;
    let key = private_key(identity, tenant)?;
    let fit = || {
        let identity = CertifiedKey::new(chain, any_supported_type(&key)?);
        match identity.keys_match() {
            // A kind of key of which rustls cannot tell is for the broker to judge.
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(identity),
            Err(error) => Err(error),
        }
    };
    fit().map_err(|error| {
        let (certificate, key) = (&identity.certificate, origin(&identity.private_key));
        let unusable = |reason| Error::Credential { parameter: PRIVATE_KEY, reason };
        match error {
            rustls::Error::InvalidCertificate(_) => unusable_certificate(CERTIFICATE, certificate, &error),
            rustls::Error::InconsistentKeys(_) => {
                unusable(format!("{key} is not the key of the certificate in {CERTIFICATE}"))
            }
            rustls::Error::General(reason) => unusable(format!("{key} cannot be used: {reason}")),
            error => unusable(format!("{key} cannot be used: {error}")),
        }
    })
}

/// The private key, decrypted.
fn private_key(
    identity: &ClientIdentity,
    tenant: &Tenant,
) -> Result<Zeroizing<PrivateKeyDer<'static>>, Error> {
    let text = read(PRIVATE_KEY, &identity.private_key, tenant)?;
    let origin = origin(&identity.private_key);
    let unusable = |reason: String| Error::Credential { parameter: PRIVATE_KEY, reason };
    if let Some(encrypted) = encrypted_section(&text) {
        let Some(password) = &identity.private_key_password else {
            return Err(unusable(format!("{origin} is encrypted, and {PRIVATE_KEY_PASSWORD} is not given")));
        };
        return encrypted::decrypt(encrypted, password, &origin);
    }
    if contains(&text, b"Proc-Type: 4,ENCRYPTED") {
        return Err(unusable(format!(
            "{origin} is encrypted in the old format of OpenSSL; `openssl pkcs8 -topk8 -in OLD -out NEW` makes \
             it a PKCS#8 key"
        )));
    }
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => Ok(Zeroizing::new(key)),
        Err(PemError::NoItemsFound) => Err(unusable(format!(
            "{origin} holds no private key (-----BEGIN PRIVATE KEY-----, RSA PRIVATE KEY or EC PRIVATE KEY)"
        ))),
        Err(error) => Err(unusable(format!("{origin} {}", malformed(&error)))),
    }
}

fn encrypted_section(text: &[u8]) -> Option<&[u8]> {
    const BEGIN: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";
    const END: &[u8] = b"-----END ENCRYPTED PRIVATE KEY-----";
    let start = text.windows(BEGIN.len()).position(|window| window == BEGIN)?;
    let text = &text[start..];
    let end = text.windows(END.len()).position(|window| window == END)?;
    Some(&text[..end + END.len()])
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The certificates that `parameter` names.
///
/// # Errors
///
/// As [`client_identity`].
pub(super) fn certificates(
    parameter: &'static str,
    pem: &Pem,
    tenant: &Tenant,
) -> Result<Vec<CertificateDer<'static>>, Error> {
    let text = read(parameter, pem, tenant)?;
    let origin = origin(pem);
    let found = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let reason = match found {
        Ok(found) if found.is_empty() => {
            format!("{origin} holds no certificate (-----BEGIN CERTIFICATE-----)")
        }
        Ok(found) => return Ok(found),
        Err(error) => format!("{origin} {}", malformed(&error)),
    };
    Err(Error::Credential { parameter, reason })
}

/// That rustls cannot use one of the certificates.
pub(super) fn unusable_certificate(parameter: &'static str, pem: &Pem, error: &rustls::Error) -> Error {
    let reason = match error {
        rustls::Error::InvalidCertificate(CertificateError::BadEncoding) => {
            "it is not an X.509 certificate".to_owned()
        }
        error => error.to_string(),
    };
    let reason = format!("{} holds a certificate that cannot be used: {reason}", origin(pem));
    Error::Credential { parameter, reason }
}

/// The PEM text, which may be a key: it is wiped from memory when it is dropped.
fn read(parameter: &'static str, pem: &Pem, tenant: &Tenant) -> Result<Zeroizing<Vec<u8>>, Error> {
    match pem {
        Pem::Text(text) => Ok(text.clone().into_bytes()),
        Pem::File(path) => tenant.grants().read_file(tenant.name(), parameter, path),
    }
    .map(Zeroizing::new)
}

/// How a message names where the PEM text came from.
fn origin(pem: &Pem) -> String {
    match pem {
        Pem::File(path) => path.clone(),
        Pem::Text(_) => "the text".to_owned(),
    }
}

/// What is wrong with PEM, without a line of it: it may be a key.
fn malformed(error: &PemError) -> &'static str {
    match error {
        PemError::MissingSectionEnd { .. } => "is cut off: a PEM section has no end",
        PemError::IllegalSectionStart { .. } => {
            "is malformed: the first line of a PEM section is not complete"
        }
        PemError::Base64Decode(_) => "is malformed: a PEM section is not base64",
        PemError::NoItemsFound => "holds no PEM section",
        // `PemError` is not exhaustive.
        _ => "is not valid PEM",
    }
}
