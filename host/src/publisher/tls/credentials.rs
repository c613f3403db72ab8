//! PEM text of a tenant → certificates and a private key.

mod encrypted;

use rustls::CertificateError;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::certificate::Certificate;
use super::explain::about_certificate;
use super::keys::{KeyKind, SIGNING};
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
    let mut chain = certificates(CERTIFICATE, &identity.certificate, tenant)?;
    if let Some(damaged) = chain.iter().find(|der| Certificate::read(der).is_none()) {
        let error = CertificateError::BadEncoding.into();
        return Err(unusable_certificate(CERTIFICATE, &identity.certificate, damaged, &error));
    }
    let key = private_key(identity, tenant)?;
    let origin = origin(&identity.private_key);
    let unusable = |reason| Error::Credential { parameter: PRIVATE_KEY, reason };
    let signing = any_supported_type(&key).map_err(|error| {
        tracing::debug!(?error, "a private key cannot be used");
        unusable(match KeyKind::of_private(&key) {
            Some(kind) if !kind.signs() => format!("{origin} holds {kind}, and {SIGNING}"),
            Some(kind) => format!(
                "{origin} cannot be used: it should hold {kind}, and is damaged or without its public part"
            ),
            None => {
                format!("{origin} cannot be used: what its private key holds is damaged, or no key at all")
            }
        })
    })?;
    if let Some(public) = signing.public_key() {
        // The key's own certificate comes first (RFC 8446, section 4.4.2), wherever it stands in the file.
        let is_its_own = |der: &CertificateDer<'_>| {
            Certificate::read(der).is_some_and(|certificate| certificate.spki == public.as_ref())
        };
        match chain.iter().position(is_its_own) {
            Some(own) => chain[..=own].rotate_right(1),
            None => return Err(unusable(mismatch(&origin, &key, chain.first()))),
        }
    }
    Ok(CertifiedKey::new(chain, signing))
}

/// That the key is not the certificate's, and what each is where that shows it.
fn mismatch(origin: &str, key: &PrivateKeyDer<'_>, certificate: Option<&CertificateDer<'_>>) -> String {
    let private = KeyKind::of_private(key);
    let public = certificate.and_then(|der| Certificate::read(der)?.key());
    let kinds = match (private, public) {
        (Some(private), Some(public)) if private != public => {
            format!(": it holds {private}, and the certificate is for {public}")
        }
        _ => String::new(),
    };
    format!("{origin} is not the key of the certificate in {CERTIFICATE}{kinds}")
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
pub(super) fn unusable_certificate(
    parameter: &'static str,
    pem: &Pem,
    certificate: &CertificateDer<'_>,
    error: &rustls::Error,
) -> Error {
    tracing::debug!(?error, parameter, "a certificate cannot be used");
    let reason = match error {
        rustls::Error::InvalidCertificate(wrong) => {
            about_certificate(wrong, std::slice::from_ref(certificate))
        }
        _ => "it could not be read".to_owned(),
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
