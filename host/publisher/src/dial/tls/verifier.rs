//! Which certificate is accepted as the broker's.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::certificate::Certificate;
use super::keys::KeyKind;

/// Whom a tenant trusts.
pub(super) struct Trust {
    pub(super) anchors: Arc<RootCertStore>,
    /// The certificates of `root-ca-crt` themselves; none of the system's.
    pub(super) pinned: Vec<CertificateDer<'static>>,
}

/// The certificates of a broker that was refused. The message about the reason is made of them.
pub(super) struct Seen {
    /// The broker's own certificate first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) anchors: Arc<RootCertStore>,
    /// The certificate was right, and the broker's signature with its key was not.
    pub(super) by_signature: bool,
}

/// Verifies a broker's certificate as webpki does (RFC 5280), and believes one that `root-ca-crt` holds itself: webpki has no
/// notion of a certificate that is its own authority, which is what `openssl req -x509` makes.
#[derive(Debug)]
pub(super) struct VerifiedServer {
    webpki: Arc<WebPkiServerVerifier>,
    anchors: Arc<RootCertStore>,
    pinned: Vec<CertificateDer<'static>>,
    seen: Mutex<Option<Seen>>,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seen").field("chain", &self.chain.len()).finish_non_exhaustive()
    }
}

impl VerifiedServer {
    /// A verifier for `trust`; `None` when that holds no authority.
    pub(super) fn new(trust: Trust, provider: &Arc<CryptoProvider>) -> Option<Self> {
        let Trust { anchors, pinned } = trust;
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::clone(&anchors), Arc::clone(provider));
        Some(Self { webpki: webpki.build().ok()?, anchors, pinned, seen: Mutex::default() })
    }

    /// The certificates that were refused last, once.
    pub(super) fn take_seen(&self) -> Option<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn remember(&self, certificate: &CertificateDer<'_>, others: &[CertificateDer<'_>], by_signature: bool) {
        let all = std::iter::once(certificate).chain(others);
        let chain = all.map(|certificate| certificate.clone().into_owned()).collect();
        let seen = Seen { chain, anchors: Arc::clone(&self.anchors), by_signature };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    }
}

impl ServerCertVerifier for VerifiedServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified =
            self.webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let verified = match verified {
            Err(_) if self.pinned.contains(end_entity) => verify_pinned(end_entity, server_name, now),
            verified => verified,
        };
        verified.inspect_err(|_| self.remember(end_entity, intermediates, false))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let verified = self.webpki.verify_tls12_signature(message, certificate, signature);
        verified.inspect_err(|_| self.remember(certificate, &[], true))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let verified = self.webpki.verify_tls13_signature(message, certificate, signature);
        verified.inspect_err(|_| self.remember(certificate, &[], true))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

/// Verifies a certificate that the tenant trusts by itself. There is no path to verify, only its time, its purpose and its name.
/// The handshake shows that the broker has its key.
fn verify_pinned(
    certificate: &CertificateDer<'_>,
    server_name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, rustls::Error> {
    let parsed = ParsedCertificate::try_from(certificate)?;
    let read = Certificate::read(certificate).ok_or(CertificateError::BadEncoding)?;
    let (not_before, not_after) = read.validity;
    let time = Duration::from_secs(now.as_secs());
    if time < not_before {
        let not_before = UnixTime::since_unix_epoch(not_before);
        return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
    }
    if time > not_after {
        let not_after = UnixTime::since_unix_epoch(not_after);
        return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
    }
    if !read.is_for_servers() {
        return Err(CertificateError::InvalidPurpose.into());
    }
    verify_server_name(&parsed, server_name)?;
    Ok(ServerCertVerified::assertion())
}

/// Accepts any certificate, for tenants that are granted `verify-server: false`. That the server has the
/// certificate's key is still checked.
#[derive(Debug)]
pub(super) struct UnverifiedServer(pub(super) Arc<CryptoProvider>);

impl ServerCertVerifier for UnverifiedServer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl Seen {
    /// The kind of the key that belongs to the issuer of the certificate at `index`, and the issuer's name: of one that the broker
    /// sent too, or of a trust anchor.
    pub(super) fn issuer_of(&self, index: usize) -> Issuer {
        let Some(certificate) = self.chain.get(index).and_then(|der| Certificate::read(der)) else {
            return Issuer::Unread;
        };
        let name = certificate.issuer;
        let anchor = self.anchors.roots.iter().find(|anchor| anchor.subject.as_ref() == name.0);
        if let Some(anchor) = anchor {
            return Issuer::Anchor(KeyKind::of_public(anchor.subject_public_key_info.as_ref()));
        }
        let sent = self.chain.iter().enumerate().find(|(other, der)| {
            *other != index && Certificate::read(der).is_some_and(|certificate| certificate.subject == name)
        });
        match sent {
            Some((other, _)) => Issuer::Sent(other),
            None if certificate.is_self_issued() => Issuer::Itself,
            None => Issuer::Missing,
        }
    }
}

/// Where the issuer of a certificate was found.
pub(super) enum Issuer {
    /// The trust anchors have one of the name, with this kind of key.
    Anchor(Option<KeyKind>),
    /// The broker sent it, at this place of its chain.
    Sent(usize),
    /// The certificate names itself, and is no trust anchor.
    Itself,
    Missing,
    /// The certificate cannot be read.
    Unread,
}
