//! Files and texts of a tenant, in whatever format → certificates and a private key.

mod der;
mod encrypted;
mod formats;
mod held;
mod pkcs12;
mod sections;

use mqtt_connector_contract::white_space::Stray;
use rustls::CertificateError;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::certificate::Certificate;
use super::explain::about_certificate;
use super::keys::{KeyKind, SIGNING};
use crate::contract::{ClientIdentity, Pem};
use crate::error::Error;
use crate::tenant::Tenant;
use held::{Held, Key};

pub(super) const CERTIFICATE: &str = "certificate";
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
    let mut chain =
        certificates(CERTIFICATE, &identity.certificate, identity.private_key_password.as_deref(), tenant)?;
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
    let pem = &identity.private_key;
    let password = identity.private_key_password.as_deref();
    let unusable = |reason: String| Error::Credential { parameter: PRIVATE_KEY, reason };
    let origin = origin(pem);
    let mut held = read(PRIVATE_KEY, pem, password, tenant)?;
    // A key that is ready to use before one that wants a password.
    let ready = held.keys.iter().position(|key| matches!(key, Key::Plain(_))).unwrap_or_default();
    if held.keys.is_empty() {
        return Err(unusable(format!("{origin} {}", formats::no_key(&held))));
    }
    match held.keys.swap_remove(ready) {
        Key::Plain(key) => Ok(key),
        Key::Encrypted(der) => match password {
            Some(password) => encrypted::decrypt(&der, password, &origin),
            None => Err(unusable(format!("{origin} is encrypted, and {PRIVATE_KEY_PASSWORD} is not given"))),
        },
        Key::LegacyEncrypted => Err(unusable(format!(
            "{origin} is encrypted in the old format of OpenSSL; `openssl pkcs8 -topk8 -in OLD -out NEW` makes it a PKCS#8 key"
        ))),
    }
}

/// The certificates that `parameter` names.
///
/// # Errors
///
/// As [`client_identity`].
pub(super) fn certificates(
    parameter: &'static str,
    pem: &Pem,
    password: Option<&str>,
    tenant: &Tenant,
) -> Result<Vec<CertificateDer<'static>>, Error> {
    let held = read(parameter, pem, password, tenant)?;
    if held.certificates.is_empty() {
        let reason = format!("{} {}", origin(pem), formats::no_certificate(&held));
        return Err(Error::Credential { parameter, reason });
    }
    Ok(held.certificates)
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

/// What the file or the text holds, out of its PKCS#12 store if it is one. It may be a key: it is wiped from memory when it is
/// dropped.
fn read(parameter: &'static str, pem: &Pem, password: Option<&str>, tenant: &Tenant) -> Result<Held, Error> {
    let bytes = match pem {
        Pem::Text(text) => Ok(text.clone().into_bytes()),
        Pem::File(path) => tenant.grants().read_file(tenant.name(), parameter, path),
    };
    let bytes = Zeroizing::new(bytes?);
    let origin = origin(pem);
    let unusable = |parameter, reason| Error::Credential { parameter, reason };
    let mut held =
        held::read(&bytes).map_err(|wrong| unusable(parameter, format!("{origin} {}", wrong.words())))?;
    if let Some(store) = held.store.take() {
        let opened = pkcs12::open(&store, password).map_err(|fault| match fault {
            pkcs12::Fault::Unusable(how) => unusable(parameter, format!("{origin} is PKCS#12 {how}")),
            pkcs12::Fault::Password if password.is_some() => {
                unusable(PRIVATE_KEY_PASSWORD, wrong_password(password.unwrap_or_default(), &origin, parameter))
            }
            pkcs12::Fault::Password if parameter == super::ROOT_CA_CRT => unusable(
                parameter,
                format!("{origin} is PKCS#12 under a password; `openssl pkcs12 -in OLD -nokeys -out NEW` takes its certificates out"),
            ),
            pkcs12::Fault::Password => {
                unusable(parameter, format!("{origin} is encrypted, and {PRIVATE_KEY_PASSWORD} is not given"))
            }
        })?;
        held.certificates.extend(opened.certificates);
        held.keys.extend(opened.keys.into_iter().map(Key::Plain));
    }
    Ok(held)
}

/// That a password is wrong, and what nobody sees about it.
fn wrong_password(password: &str, origin: &str, parameter: &str) -> String {
    let stray = Stray::find(password).map_or(String::new(), |stray| format!("; it {stray}"));
    format!("does not decrypt {origin}, which {parameter} names{stray}")
}

/// How a message names where the PEM text came from.
fn origin(pem: &Pem) -> String {
    match pem {
        Pem::File(path) => path.clone(),
        Pem::Text(_) => "the text".to_owned(),
    }
}
