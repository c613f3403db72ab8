//! From rustls' errors to words about what happened: the library's own go to the log.

mod alert;
mod verdict;

use std::io;

use rustls::{InvalidMessage, PeerIncompatible, PeerMisbehaved};

use super::verifier::Seen;
use crate::error::Error;
use crate::platform::System;

pub(super) use verdict::about_certificate;

/// When TLS fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Handshake,
    /// With TLS 1.3 the broker's opinion of a client certificate arrives only after the handshake.
    After,
}

/// What an error of the handshake means. `seen` is what the broker showed, when that was refused.
pub(super) fn explain_handshake(error: &io::Error, seen: Option<&Seen>) -> Error {
    explain(error, Phase::Handshake, seen).unwrap_or_else(|| Error::Tls {
        reason: if error.kind() == io::ErrorKind::UnexpectedEof {
            "the broker closed the connection during the TLS handshake; perhaps this is not its port for TLS".to_owned()
        } else {
            format!(
                "the connection was lost during the TLS handshake: {}; perhaps this is not the broker's port for TLS",
                System(error)
            )
        },
        is_transient: true,
    })
}

/// What the reason of an [`Error::Tls`] means to a client that showed a certificate or showed none.
pub(crate) fn to_client(reason: String, shows_certificate: bool) -> String {
    alert::to_client(&reason, shows_certificate).unwrap_or(reason)
}

/// What an error of a connection whose handshake is done means, if it is one of TLS.
pub(crate) fn explain_after(error: &io::Error) -> Option<Error> {
    explain(error, Phase::After, None)
}

/// Whether the connection ended without the end of TLS (close_notify; RFC 8446, section 6.1), for which rustls has an error of
/// this kind with a text.
pub(crate) fn is_cut_off(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof && error.get_ref().is_some()
}

fn explain(error: &io::Error, phase: Phase, seen: Option<&Seen>) -> Option<Error> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    tracing::debug!(?error, "TLS failed");
    Some(Error::Tls { reason: words(error, phase, seen), is_transient: false })
}

fn words(error: &rustls::Error, phase: Phase, seen: Option<&Seen>) -> String {
    let what = match error {
        rustls::Error::InvalidCertificate(wrong) => {
            return format!("the broker's certificate was not accepted: {}", verdict::words(wrong, seen));
        }
        rustls::Error::AlertReceived(alert) => return alert::words(*alert),
        rustls::Error::NoApplicationProtocol => {
            return "the broker accepts none of the protocols in alpn-protocols".to_owned();
        }
        rustls::Error::InvalidMessage(message) => match about_message(*message) {
            About::NotTls if phase == Phase::Handshake => {
                return "the broker does not answer in TLS; a broker without TLS is named with tcp://"
                    .to_owned();
            }
            About::NotTls => "what it sent is not TLS",
            About::Clause(clause) => clause,
        },
        rustls::Error::PeerIncompatible(why) => {
            return format!("no version or cipher of TLS in common: {}", about_incompatible(why));
        }
        rustls::Error::PeerMisbehaved(how) => about_misbehaved(how),
        rustls::Error::InappropriateMessage { .. } | rustls::Error::InappropriateHandshakeMessage { .. } => {
            "the broker sent a message that was not due"
        }
        rustls::Error::InvalidEncryptedClientHello(_) => "the broker's Encrypted Client Hello is wrong",
        rustls::Error::NoCertificatesPresented => "the broker showed no certificate",
        rustls::Error::UnsupportedNameType => "the broker's name is of a kind that no certificate has",
        rustls::Error::DecryptError => {
            "its answer could not be decrypted, as if it had been changed on the way"
        }
        rustls::Error::EncryptError => "a message could not be encrypted",
        rustls::Error::InvalidCertRevocationList(_) => "a certificate revocation list is wrong",
        rustls::Error::FailedToGetCurrentTime => "the clock of this machine cannot be read",
        rustls::Error::FailedToGetRandomBytes => "this machine gave no random numbers",
        rustls::Error::PeerSentOversizedRecord => {
            "the broker sent a record that is larger than TLS allows (16 KiB)"
        }
        rustls::Error::HandshakeNotComplete
        | rustls::Error::BadMaxFragmentSize
        | rustls::Error::InconsistentKeys(_)
        | rustls::Error::General(_)
        | rustls::Error::Other(_) => "for a reason that has no name; the log has the details",
        // `rustls::Error` is not exhaustive.
        _ => "for a reason that is new to this version; the log has the details",
    };
    match phase {
        Phase::Handshake => format!("the TLS handshake failed: {what}"),
        Phase::After => match what.strip_prefix("the broker ") {
            Some(did) => format!("the broker broke TLS: it {did}"),
            None => format!("the broker broke TLS: {what}"),
        },
    }
}

enum About {
    /// Whoever sent it does not speak TLS at all.
    NotTls,
    Clause(&'static str),
}

fn about_message(message: InvalidMessage) -> About {
    About::Clause(match message {
        InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion => return About::NotTls,
        InvalidMessage::CertificatePayloadTooLarge | InvalidMessage::HandshakePayloadTooLarge => {
            "the broker's certificates, or another message of its handshake, are larger than 64 KiB; it should send its own \
             certificate and its intermediates, and no others"
        }
        InvalidMessage::MessageTooLarge => "the broker sent a record that is larger than TLS allows (16 KiB)",
        InvalidMessage::MessageTooShort | InvalidMessage::MissingData(_) => {
            "a message of the broker is cut off"
        }
        InvalidMessage::TrailingData(_) => "a message of the broker has something behind its end",
        InvalidMessage::InvalidEmptyPayload
        | InvalidMessage::IllegalEmptyList(_)
        | InvalidMessage::IllegalEmptyValue
        | InvalidMessage::NoSignatureSchemes
        | InvalidMessage::EmptyTicketValue
        | InvalidMessage::MissingKeyExchange => "a message of the broker is empty where it must not be",
        InvalidMessage::DuplicateExtension(_)
        | InvalidMessage::PreSharedKeyIsNotFinalExtension
        | InvalidMessage::UnknownHelloRetryRequestExtension
        | InvalidMessage::UnknownCertificateExtension => {
            "a message of the broker has an extension that it must not have"
        }
        InvalidMessage::UnsupportedCompression
        | InvalidMessage::UnsupportedCurveType
        | InvalidMessage::UnsupportedKeyExchangeAlgorithm(_)
        | InvalidMessage::InvalidDhParams => {
            "the broker chose a key exchange, a curve or a compression that is not supported"
        }
        InvalidMessage::UnexpectedMessage(_) | InvalidMessage::InvalidKeyUpdate => {
            "the broker sent a message that was not due"
        }
        InvalidMessage::InvalidCcs
        | InvalidMessage::InvalidCertificateStatusType
        | InvalidMessage::InvalidCertRequest
        | InvalidMessage::InvalidServerName => "a message of the broker is malformed",
        // `InvalidMessage` is not exhaustive.
        _ => "a message of the broker could not be read",
    })
}

fn about_incompatible(why: &PeerIncompatible) -> &'static str {
    match why {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::Tls13RequiredForQuic => "the broker speaks neither TLS 1.2 nor 1.3",
        PeerIncompatible::NoCipherSuitesInCommon => "the broker chose a cipher suite that is not supported",
        PeerIncompatible::NoKxGroupsInCommon
        | PeerIncompatible::KeyShareExtensionRequired
        | PeerIncompatible::NamedGroupsExtensionRequired => {
            "the broker's key exchange is none of X25519, P-256 and P-384"
        }
        PeerIncompatible::NoSignatureSchemesInCommon
        | PeerIncompatible::SignatureAlgorithmsExtensionRequired => {
            "the broker signs with an algorithm that is not supported"
        }
        PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon => {
            "the broker takes no signature that the key in private-key can make"
        }
        PeerIncompatible::EcPointsExtensionRequired
        | PeerIncompatible::NoEcPointFormatsInCommon
        | PeerIncompatible::UncompressedEcPointsRequired => {
            "the broker does not write points of elliptic curves uncompressed"
        }
        PeerIncompatible::ExtendedMasterSecretExtensionRequired => {
            "the broker has no extended master secret (RFC 7627)"
        }
        PeerIncompatible::IncorrectCertificateTypeExtension
        | PeerIncompatible::UnsolicitedCertificateTypeExtension => {
            "the broker shows something else than an X.509 certificate"
        }
        PeerIncompatible::NullCompressionRequired => "the broker wants TLS compression",
        PeerIncompatible::ServerSentHelloRetryRequestWithUnknownExtension
        | PeerIncompatible::ServerRejectedEncryptedClientHello(_) => {
            "the broker wants an extension that is not supported"
        }
        // `PeerIncompatible` is not exhaustive.
        _ => "the broker wants something that is not supported",
    }
}

fn about_misbehaved(how: &PeerMisbehaved) -> &'static str {
    match how {
        PeerMisbehaved::AttemptedDowngradeToTls12WhenTls13IsSupported => {
            "the broker supports TLS 1.3 and answered in TLS 1.2, as if something on the way had changed the handshake"
        }
        PeerMisbehaved::SelectedUnofferedApplicationProtocol => {
            "the broker chose an application protocol that is not in alpn-protocols"
        }
        PeerMisbehaved::SelectedUnofferedCertCompression
        | PeerMisbehaved::SelectedUnofferedCipherSuite
        | PeerMisbehaved::SelectedUnofferedCompression
        | PeerMisbehaved::SelectedUnofferedKxGroup
        | PeerMisbehaved::SelectedUnofferedPsk
        | PeerMisbehaved::SelectedUnusableCipherSuiteForVersion
        | PeerMisbehaved::SelectedTls12UsingTls13VersionExtension
        | PeerMisbehaved::SignedKxWithWrongAlgorithm
        | PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme
        | PeerMisbehaved::WrongGroupForKeyShare => "the broker chose what was not offered to it",
        PeerMisbehaved::InvalidKeyShare | PeerMisbehaved::MissingKeyShare => {
            "the broker's part of the key exchange is missing or invalid"
        }
        PeerMisbehaved::TooManyEmptyFragments
        | PeerMisbehaved::TooManyKeyUpdateRequests
        | PeerMisbehaved::TooManyRenegotiationRequests
        | PeerMisbehaved::TooManyWarningAlertsReceived => {
            "the broker sent too many empty records, warnings, key updates or renegotiations"
        }
        // `PeerMisbehaved` is not exhaustive, and its many other cases are one to a person.
        _ => "the broker broke the rules of the protocol",
    }
}
