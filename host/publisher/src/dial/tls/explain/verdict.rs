//! Why a certificate is not accepted, by what it holds.

use std::time::Duration;

use mqtt_connector_contract::span::Span;
use pkcs8::der::DateTime;
use rustls::CertificateError;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use crate::dial::tls::certificate::Certificate;
use crate::dial::tls::keys::{KeyKind, Signature, VERIFIED};
use crate::dial::tls::verifier::{Issuer, Seen};

const ENDS_BEFORE: &str = "the time of its validity ends before it begins";

const WEAK: &str = "which can be forged; a certificate is signed with SHA-256, SHA-384 or SHA-512 today";

/// The clause about the certificate of a broker that was refused: `it` is that certificate.
pub(super) fn words(wrong: &CertificateError, seen: Option<&Seen>) -> String {
    let chain = seen.map_or(&[][..], |seen| &seen.chain);
    match wrong {
        CertificateError::ExpiredContext { time, not_after } => {
            let who = who(chain, |certificate| certificate.validity.1.as_secs() == not_after.as_secs());
            format!("{who} expired {} ago, on {}", span(not_after, time), date(not_after))
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            let who = who(chain, |certificate| certificate.validity.0.as_secs() == not_before.as_secs());
            format!(
                "{who} is not yet valid, but will be in {}, on {} (the clock of this machine says {})",
                span(time, not_before),
                date(not_before),
                date(time)
            )
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names = host_names(presented);
            if names.is_empty() {
                let leaf = chain.first().and_then(|der| Certificate::read(der));
                return no_name(leaf.as_ref(), &expected.to_str());
            }
            let address = expected.to_str();
            if matches!(expected, ServerName::IpAddress(_)) && names.iter().any(|name| *name == address) {
                return format!(
                    "it has the address {address} as a host name (DNS:{address}), which does not count: an address has to \
                     stand in the subject alternative name as one (IP:{address})"
                );
            }
            format!(
                "it is for another name: expected {}, it is for {} (see server-name)",
                expected.to_str(),
                names.join(", ")
            )
        }
        CertificateError::UnknownIssuer => match seen {
            Some(seen) => unknown_issuer(seen),
            None => "its issuer is unknown: neither it nor its authority is among the trust anchors (see root-ca-crt)"
                .to_owned(),
        },
        CertificateError::BadSignature => bad_signature(seen),
        CertificateError::UnsupportedSignatureAlgorithmContext { signature_algorithm_id, .. } => {
            unsupported_signature(Signature::of(signature_algorithm_id), seen)
        }
        CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { signature_algorithm_id, .. } => {
            unsupported_key(Signature::of(signature_algorithm_id), seen)
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            let purposes = chain.iter().find_map(|der| {
                Certificate::read(der).filter(|certificate| !certificate.is_for_servers())?.purposes_in_words()
            });
            match purposes {
                Some(purposes) => format!("it is not for servers: its extended key usage is for {purposes}"),
                None => "it is not for servers".to_owned(),
            }
        }
        CertificateError::BadEncoding => match chain.iter().position(|der| Certificate::read(der).is_none()) {
            Some(0) | None => "it is no X.509 certificate, or damaged".to_owned(),
            Some(_) => "another certificate that the broker sent with it is damaged".to_owned(),
        },
        other => about_certificate(other, chain),
    }
}

/// The clause about a certificate, or the first of a chain, that is wrong in itself.
pub(in super::super) fn about_certificate(wrong: &CertificateError, chain: &[CertificateDer<'_>]) -> String {
    match wrong {
        CertificateError::BadEncoding => "it is not an X.509 certificate".to_owned(),
        CertificateError::Expired if chain.iter().any(|der| ends_before_it_begins(der)) => {
            ENDS_BEFORE.to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not yet valid".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name (see server-name)".to_owned()
        }
        CertificateError::UnknownIssuer => "its issuer is unknown (see root-ca-crt)".to_owned(),
        CertificateError::BadSignature => "its signature is not its authority's (see root-ca-crt)".to_owned(),
        CertificateError::Revoked => "it has been revoked".to_owned(),
        CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => {
            "whether it has been revoked is not known".to_owned()
        }
        CertificateError::UnhandledCriticalExtension => unknown_extension(chain),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not for this purpose".to_owned()
        }
        CertificateError::InvalidOcspResponse => "the proof that it is not revoked is wrong".to_owned(),
        CertificateError::UnsupportedSignatureAlgorithmContext { signature_algorithm_id, .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id, ..
        } => unsupported_signature(Signature::of(signature_algorithm_id), None),
        CertificateError::Other(other) => match other.0.downcast_ref::<webpki::Error>() {
            Some(error) => about_webpki(error, chain),
            None => "it could not be verified".to_owned(),
        },
        // `CertificateError` is not exhaustive.
        _ => "it could not be verified".to_owned(),
    }
}

fn about_webpki(error: &webpki::Error, chain: &[CertificateDer<'_>]) -> String {
    match error {
        webpki::Error::UnsupportedCertVersion => old_version(chain),
        webpki::Error::CaUsedAsEndEntity => {
            "it is an authority's own, not a server's: the broker needs a certificate that the authority issued, or \
             root-ca-crt holds this very certificate"
                .to_owned()
        }
        webpki::Error::EndEntityUsedAsCa => {
            "the certificate that issued it is not an authority's (its basic constraints do not say CA:TRUE)".to_owned()
        }
        webpki::Error::UnsupportedCriticalExtension => unknown_extension(chain),
        webpki::Error::NameConstraintViolation => {
            "it breaks the name constraints of its authority, which may not issue certificates for this name".to_owned()
        }
        webpki::Error::MalformedNameConstraint | webpki::Error::InvalidNetworkMaskConstraint => {
            "the name constraints of its authority are malformed".to_owned()
        }
        webpki::Error::PathLenConstraintViolated => {
            "there are more intermediates between it and its authority than the authority allows (path length)".to_owned()
        }
        webpki::Error::MaximumPathDepthExceeded
        | webpki::Error::MaximumPathBuildCallsExceeded
        | webpki::Error::MaximumSignatureChecksExceeded
        | webpki::Error::MaximumNameConstraintComparisonsExceeded => {
            "its chain is too long or too intricate: more than 6 intermediates are not followed".to_owned()
        }
        webpki::Error::EmptyEkuExtension => "its extended key usage is empty".to_owned(),
        webpki::Error::InvalidCertValidity => ENDS_BEFORE.to_owned(),
        webpki::Error::InvalidSerialNumber => "its serial number is malformed".to_owned(),
        webpki::Error::SignatureAlgorithmMismatch => {
            "it names two different algorithms for its one signature".to_owned()
        }
        webpki::Error::MalformedDnsIdentifier => "a host name in it is malformed".to_owned(),
        webpki::Error::MalformedExtensions | webpki::Error::ExtensionValueInvalid => {
            "an extension of it is malformed".to_owned()
        }
        webpki::Error::UnsupportedNameType => "it has a kind of name that is not supported".to_owned(),
        webpki::Error::CertDistrusted => "its key is known not to be trusted".to_owned(),
        // What is left is about revocation lists, which are not used, or is a `CertificateError` of its own; and
        // `webpki::Error` is not exhaustive.
        _ => "it could not be verified".to_owned(),
    }
}

/// Names the certificate that `is_meant` finds: the broker's own is `it`.
fn who(chain: &[CertificateDer<'_>], is_meant: impl Fn(&Certificate<'_>) -> bool) -> String {
    let read = chain.iter().map(|der| Certificate::read(der));
    let found = read.enumerate().find_map(|(index, read)| Some((index, read.filter(|read| is_meant(read))?)));
    match found {
        Some((1.., certificate)) => {
            format!("the certificate of its issuer {}", certificate.subject.shown())
        }
        Some((0, _)) | None => "it".to_owned(),
    }
}

fn no_name(leaf: Option<&Certificate<'_>>, expected: &str) -> String {
    let what = match leaf {
        Some(leaf) if leaf.has_alternative_name() => {
            "its subject alternative name has no host name and no address".to_owned()
        }
        Some(leaf) => match leaf.subject.common_name() {
            Some(name) => {
                format!("it has no subject alternative name, and the common name {name} does not count")
            }
            None => "it has no subject alternative name".to_owned(),
        },
        None => "it is for no name".to_owned(),
    };
    format!(
        "{what}: no server-name can help, the broker needs a certificate with {expected} as a subject alternative name"
    )
}

/// Follows the chain up to where it breaks off.
fn unknown_issuer(seen: &Seen) -> String {
    let mut index = 0;
    let mut followed = vec![index];
    loop {
        let Some(certificate) = seen.chain.get(index).and_then(|der| Certificate::read(der)) else {
            return "its issuer is unknown: a certificate of its chain cannot be read".to_owned();
        };
        match seen.issuer_of(index) {
            Issuer::Sent(next) if !followed.contains(&next) => {
                followed.push(next);
                index = next;
            }
            Issuer::Itself if index == 0 => {
                return "its issuer is unknown: it is signed with its own key, and is not itself among the trust anchors (see \
                        root-ca-crt)"
                    .to_owned();
            }
            Issuer::Itself => {
                return format!(
                    "its issuer is unknown: its authority {}, which the broker sent too, is not among the trust anchors (see \
                     root-ca-crt)",
                    certificate.subject.shown()
                );
            }
            Issuer::Anchor(_) => {
                return format!(
                    "its issuer is unknown: the trust anchor {} could not be used for it (see root-ca-crt)",
                    certificate.issuer.shown()
                );
            }
            Issuer::Sent(_) | Issuer::Missing | Issuer::Unread => {
                return format!(
                    "its issuer is unknown: {} is neither among the trust anchors (see root-ca-crt) nor among the \
                     certificates that the broker sent, where an intermediate may be missing",
                    certificate.issuer.shown()
                );
            }
        }
    }
}

fn bad_signature(seen: Option<&Seen>) -> String {
    let Some(seen) = seen else { return "its signature is not its authority's (see root-ca-crt)".to_owned() };
    if seen.by_signature {
        return match key_of(seen, 0).filter(|key| !key.is_verified()) {
            Some(key) => format!("it has {key}, and {VERIFIED}"),
            None => "the broker's signature was not made with the key of its certificate".to_owned(),
        };
    }
    for (certificate, key) in with_keys_of_issuers(seen) {
        if let Some(key) = key.filter(|key| !key.is_verified()) {
            return format!("its issuer {} has {key}, and {VERIFIED}", certificate.issuer.shown());
        }
    }
    let with_anchor = (0..seen.chain.len()).find(|index| matches!(seen.issuer_of(*index), Issuer::Anchor(_)));
    match with_anchor.and_then(|index| seen.chain.get(index)).and_then(|der| Certificate::read(der)) {
        Some(certificate) => format!(
            "its signature is not its authority's (see root-ca-crt): the trust anchor {} has another key, as if the authority \
             had been made anew",
            certificate.issuer.shown()
        ),
        None => "its signature is not its authority's (see root-ca-crt)".to_owned(),
    }
}

/// The certificates that can be read, each with the key of its issuer, where that is known.
fn with_keys_of_issuers(seen: &Seen) -> impl Iterator<Item = (Certificate<'_>, Option<KeyKind>)> {
    seen.chain.iter().enumerate().filter_map(|(index, der)| {
        let key = match seen.issuer_of(index) {
            Issuer::Anchor(key) => key,
            Issuer::Sent(other) => key_of(seen, other),
            Issuer::Itself | Issuer::Missing | Issuer::Unread => None,
        };
        Some((Certificate::read(der)?, key))
    })
}

fn key_of(seen: &Seen, index: usize) -> Option<KeyKind> {
    Certificate::read(seen.chain.get(index)?)?.key()
}

fn unsupported_signature(signature: Option<Signature>, seen: Option<&Seen>) -> String {
    let chain = seen.map_or(&[][..], |seen| &seen.chain);
    let who = who(chain, |certificate| Some(certificate.signature) == signature);
    match signature {
        Some(signature) if signature.is_weak() => format!("{who} is signed with {signature}, {WEAK}"),
        Some(signature) => format!("{who} is signed with {signature}, which is not supported; {VERIFIED}"),
        None => format!("{who} is signed in a way that is not supported; {VERIFIED}"),
    }
}

/// The signature's algorithm is supported, and not with the key of the issuer.
fn unsupported_key(signature: Option<Signature>, seen: Option<&Seen>) -> String {
    let Some(seen) = seen else { return unsupported_signature(signature, None) };
    if seen.by_signature {
        return match key_of(seen, 0) {
            Some(key) if !key.is_verified() => format!("it has {key}, and {VERIFIED}"),
            _ => "the broker signed with another algorithm than the key of its certificate is for".to_owned(),
        };
    }
    for (certificate, key) in with_keys_of_issuers(seen) {
        if let Some(key) = key
            && Some(certificate.signature) == signature
        {
            let issuer = certificate.issuer.shown();
            return if key.is_verified() {
                format!(
                    "its issuer {issuer} has {key}, and signed with {}, which is not supported together",
                    certificate.signature
                )
            } else {
                format!("its issuer {issuer} has {key}, and {VERIFIED}")
            };
        }
    }
    unsupported_signature(signature, Some(seen))
}

fn unknown_extension(chain: &[CertificateDer<'_>]) -> String {
    let who = who(chain, |certificate| certificate.unknown_critical().next().is_some());
    let read = chain.iter().filter_map(|der| Certificate::read(der));
    match read.flat_map(|certificate| certificate.unknown_critical().collect::<Vec<_>>()).next() {
        Some(identifier) => format!(
            "{who} has the extension {identifier}, which is critical and not supported: who does not know it must not accept \
             the certificate"
        ),
        None => "a certificate of its chain has a critical extension that is not supported".to_owned(),
    }
}

fn old_version(chain: &[CertificateDer<'_>]) -> String {
    let who = who(chain, |certificate| certificate.version < 3);
    let version = chain
        .iter()
        .filter_map(|der| Certificate::read(der))
        .map(|read| read.version)
        .find(|version| *version < 3);
    match version {
        Some(version) => format!(
            "{who} is of X.509 version {version}, which has no extensions and so names no host: version 3 is needed, with a \
             subject alternative name"
        ),
        None => "a certificate of its chain is not of X.509 version 3".to_owned(),
    }
}

fn ends_before_it_begins(der: &[u8]) -> bool {
    Certificate::read(der).is_some_and(|read| read.validity.1 < read.validity.0)
}

/// The names of hosts in a certificate, which rustls gives as `DnsName("…")` and `IpAddress(…)`, among others of other kinds.
fn host_names(presented: &[String]) -> Vec<&str> {
    fn bare(name: &str) -> Option<&str> {
        let name = name.strip_prefix("DnsName(").or_else(|| name.strip_prefix("IpAddress("))?;
        Some(name.strip_suffix(')')?.trim_matches('"'))
    }
    presented.iter().filter_map(|name| bare(name)).collect()
}

/// The time between the two.
fn span(from: &UnixTime, to: &UnixTime) -> Span {
    Span(to.as_secs().saturating_sub(from.as_secs()))
}

/// A day, in UTC; to the minute it would tell no more to a person.
fn date(time: &UnixTime) -> String {
    match DateTime::from_unix_duration(Duration::from_secs(time.as_secs())) {
        Ok(date) => format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day()),
        Err(_) => "a day beyond the year 9999".to_owned(),
    }
}
