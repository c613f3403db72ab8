//! TLS: from the tenant's PEM files and options to a connection with a verified broker, and from rustls' errors to
//! words about the certificate.

mod credentials;
mod validity;

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, SecureRandom, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::bindings::flint::mqtt::publisher::{Broker, Pem, Remark, TlsOptions, Transport};
use crate::error::Error;
use crate::tenant::Tenant;
use credentials::{certificates, unusable_certificate};

const ROOT_CA_CRT: &str = "root-ca-crt";

/// The name of webpki's error for a server that shows a certificate with `CA:TRUE`, as `openssl req -x509` makes it.
const CA_AS_SERVER: &str = "CaUsedAsEndEntity";

/// What a WebSocket begins with is HTTP/1.1 (RFC 6455, section 4.1). It is offered as browsers do it: what stands before a
/// broker on port 443 may choose by this name who is connected to, or take silence for another version.
const HTTP_1_1: &[u8] = b"http/1.1";

/// The most plaintext that one record holds (RFC 8446, section 5.1): it arrives as a whole or not at all.
pub(super) const RECORD: usize = 16 * 1024;

/// What of TLS is the same at every broker of a call: whom to trust, and what to show.
pub(super) struct Material {
    config: ClientConfig,
    remarks: Vec<Remark>,
}

/// What a handshake with one broker needs, for each connection to it.
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
}

/// Whether `broker` is reached by TLS.
pub(super) fn is_secured(broker: &Broker) -> bool {
    matches!(broker.transport, Transport::Tls | Transport::WebsocketTls)
}

/// What [`Material::read`] reads, each with the parameter that names it.
pub(super) fn files(options: &TlsOptions) -> impl Iterator<Item = (&'static str, &Pem)> {
    let root_ca = options.root_ca.as_ref().filter(|_| options.verify_server);
    let root_ca = root_ca.map(|pem| (ROOT_CA_CRT, pem));
    let identity = options.identity.iter().flat_map(credentials::files);
    root_ca.into_iter().chain(identity)
}

impl Material {
    /// Reads the files and checks that they fit together. Blocks while it reads.
    ///
    /// # Errors
    ///
    /// [`Error::Credential`] for what cannot be read or used, [`Error::Denied`] for a file or an unverified server
    /// that the tenant's grants do not allow.
    pub(super) fn read(options: &TlsOptions, tenant: &Tenant) -> Result<Self, Error> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Tls { reason: error.to_string(), may_pass: false })?;
        let mut remarks = Vec::new();
        let builder = if options.verify_server {
            builder.with_root_certificates(trust_anchors(options.root_ca.as_ref(), tenant, &mut remarks)?)
        } else {
            tenant.grants().check_verification(tenant.name(), options.verify_server)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(UnverifiedServer(provider())))
        };
        let mut config = match &options.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let identity = credentials::client_identity(identity, tenant)?;
                remarks.extend(validity::of_chain(&identity.cert));
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity)))
            }
        };
        // Each connection shows and verifies everything itself.
        config.resumption = Resumption::disabled();
        config.alpn_protocols = options.alpn_protocols.iter().map(|name| name.clone().into_bytes()).collect();
        Ok(Self { config, remarks })
    }

    /// The same for one of the brokers.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`] for a name that no certificate can have.
    pub(super) fn at(&self, broker: &Broker, options: &TlsOptions) -> Result<Tls, Error> {
        let mut config = self.config.clone();
        if broker.transport == Transport::WebsocketTls && config.alpn_protocols.is_empty() {
            config.alpn_protocols.push(HTTP_1_1.to_vec());
        }
        let name = options.server_name.as_deref().unwrap_or(&broker.host);
        let server_name = ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(|_| {
            Error::Tls { reason: format!("{name:?} is not a name that TLS can verify"), may_pass: false }
        })?;
        Ok(Tls { config: Arc::new(config), server_name })
    }

    /// What is suspicious about the certificates.
    pub(super) fn remarks(self) -> Vec<Remark> {
        self.remarks
    }
}

impl Tls {
    /// Does the handshake over `stream`.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`]: what about the server's certificate was wrong, or what the broker said about ours.
    pub(super) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> Result<TlsStream<S>, Error> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        connector.connect(self.server_name.clone(), stream).await.map_err(|error| {
            explain(&error, Phase::Handshake).unwrap_or_else(|| Error::Tls {
                reason: if error.kind() == io::ErrorKind::UnexpectedEof {
                    "the broker closed the connection during the TLS handshake; perhaps this is not its port for TLS"
                        .to_owned()
                } else {
                    format!(
                        "the connection was lost during the TLS handshake: {error}; perhaps this is not the broker's \
                         port for TLS"
                    )
                },
                may_pass: true,
            })
        })
    }
}

/// When TLS fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Handshake,
    /// With TLS 1.3 the broker's opinion of a client certificate arrives only after the handshake.
    After,
}

/// The TLS error inside an error of a connection whose handshake is done, if that is what it is.
pub(super) fn explain_after(error: &io::Error) -> Option<Error> {
    explain(error, Phase::After)
}

fn explain(error: &io::Error, phase: Phase) -> Option<Error> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let reason = match error {
        rustls::Error::InvalidCertificate(wrong) => about_server_certificate(wrong),
        rustls::Error::AlertReceived(alert) => about_alert(*alert),
        rustls::Error::NoApplicationProtocol => {
            "the broker accepts none of the protocols in alpn-protocols".to_owned()
        }
        rustls::Error::InvalidMessage(_) if phase == Phase::Handshake => {
            "the broker does not answer in TLS; a broker without TLS is named with tcp://".to_owned()
        }
        rustls::Error::PeerIncompatible(why) => format!("no version or cipher of TLS in common: {why:?}"),
        other => match phase {
            Phase::Handshake => format!("the TLS handshake failed: {other}"),
            Phase::After => format!("the broker broke TLS: {other}"),
        },
    };
    Some(Error::Tls { reason, may_pass: false })
}

fn about_server_certificate(wrong: &CertificateError) -> String {
    let what = match wrong {
        CertificateError::Expired => "it has expired".to_owned(),
        CertificateError::ExpiredContext { time, not_after } => {
            format!("it expired {} ago", span(not_after, time))
        }
        CertificateError::NotValidYet => "it is not yet valid".to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => {
            format!("it is not yet valid, but will be in {}", span(time, not_before))
        }
        CertificateError::NotValidForName => "it is for another name (see server-name)".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "it is for another name: expected {}, it is for {} (see server-name)",
            expected.to_str(),
            if presented.is_empty() { "no name".to_owned() } else { presented_names(presented) }
        ),
        CertificateError::UnknownIssuer => {
            "its issuer is unknown: neither it nor its authority is among the trust anchors (see root-ca-crt)"
                .to_owned()
        }
        CertificateError::BadSignature => "its signature is not its authority's (see root-ca-crt)".to_owned(),
        CertificateError::Revoked => "it has been revoked".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not for servers".to_owned()
        }
        CertificateError::Other(reason) if reason.to_string() == CA_AS_SERVER => {
            "it is an authority's own, not a server's: the broker needs a certificate that the authority issued"
                .to_owned()
        }
        // `CertificateError` is not exhaustive; the rest are rare, and rustls has words for them.
        other => other.to_string(),
    };
    format!("the broker's certificate was not accepted: {what}")
}

/// The names in a certificate, which rustls gives as `DnsName("…")` and `IpAddress(…)`.
fn presented_names(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inside = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
        inside.unwrap_or(name).trim_matches('"').to_owned()
    };
    presented.iter().map(bare).collect::<Vec<_>>().join(", ")
}

fn about_alert(alert: AlertDescription) -> String {
    let what = match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            "it demands a client certificate (see use-certificate, certificate and private-key)"
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown => {
            "it does not accept the client certificate (see certificate)"
        }
        AlertDescription::CertificateRevoked => "the client certificate has been revoked (see certificate)",
        AlertDescription::CertificateExpired => "the client certificate has expired (see certificate)",
        AlertDescription::UnknownCA => {
            "it does not know the authority of the client certificate (see certificate)"
        }
        AlertDescription::AccessDenied => "it denies access to the client certificate (see certificate)",
        AlertDescription::NoApplicationProtocol => "it accepts none of the protocols in alpn-protocols",
        AlertDescription::UnrecognisedName => "it does not know the name it was asked for (see server-name)",
        AlertDescription::HandshakeFailure => {
            "it found nothing in common, or demands a client certificate (see use-certificate)"
        }
        AlertDescription::ProtocolVersion => "it speaks neither TLS 1.2 nor 1.3",
        // `AlertDescription` is not exhaustive; the name in the standard is all there is to say.
        other => return format!("the broker ended TLS with the alert {other:?}"),
    };
    format!("the broker ended TLS: {what}")
}

/// A span of time to the day, or to the minute when it is short.
fn span(from: &UnixTime, to: &UnixTime) -> String {
    let seconds = to.as_secs().saturating_sub(from.as_secs());
    match seconds {
        0..3_600 => format!("{} minutes", seconds / 60),
        3_600..172_800 => format!("{} hours", seconds / 3_600),
        172_800.. => format!("{} days", seconds / 86_400),
    }
}

/// The random numbers that TLS has its keys from.
pub(super) fn random() -> &'static dyn SecureRandom {
    provider().secure_random
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}

/// The authorities to trust: the tenant's, or the system's, which are read once per process.
fn trust_anchors(
    root_ca: Option<&Pem>,
    tenant: &Tenant,
    remarks: &mut Vec<Remark>,
) -> Result<Arc<RootCertStore>, Error> {
    static SYSTEM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let anchors = match root_ca {
        Some(pem) => {
            let mut anchors = RootCertStore::empty();
            let certificates = certificates(ROOT_CA_CRT, pem, tenant)?;
            remarks.extend(validity::of_authorities(&certificates));
            for certificate in certificates {
                anchors.add(certificate).map_err(|error| unusable_certificate(ROOT_CA_CRT, pem, &error))?;
            }
            return Ok(Arc::new(anchors));
        }
        None => SYSTEM.get_or_init(|| {
            let mut anchors = RootCertStore::empty();
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::warn!(%error, "some of the system's trust anchors could not be read");
            }
            anchors.add_parsable_certificates(found.certs);
            Arc::new(anchors)
        }),
    };
    if anchors.is_empty() {
        return Err(Error::Credential {
            parameter: ROOT_CA_CRT,
            reason: "not given, and this system has no trust anchors of its own".to_owned(),
        });
    }
    Ok(Arc::clone(anchors))
}

/// Accepts any certificate, for tenants that are granted `verify-server: false`. That the server has the
/// certificate's key is still checked.
#[derive(Debug)]
struct UnverifiedServer(Arc<CryptoProvider>);

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
