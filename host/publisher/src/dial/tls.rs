//! TLS: from the tenant's certificates, keys and options to a connection with a verified broker.

mod certificate;
mod credentials;
mod explain;
mod in_use;
mod keys;
mod remarks;
mod verifier;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mqtt_connector_contract::shown::{self, Shown};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, SecureRandom};
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::contract::{Broker, Pem, Remark, TlsOptions, Transport};
use crate::error::Error;
use crate::options::{LEFT_OUT, MayBeShown};
use crate::platform::socket::Gathering;
use crate::platform::{Shortage, socket, trust_anchors};
use crate::stage::Stage;
use crate::tenant::Tenant;
use credentials::{certificates, unusable_certificate};
use verifier::{Trust, UnverifiedServer, VerifiedServer};

pub use in_use::CertificateInUse;

pub(crate) use explain::{explain_after, is_cut_off, to_client};

const ROOT_CA_CRT: &str = "root-ca-crt";

/// A WebSocket begins with HTTP/1.1 (RFC 6455, section 4.1), and offers it as browsers do: a load balancer in front of a broker on
/// port 443 may choose the server by this name, or take a client that offers nothing for one of another version of HTTP.
const HTTP_1_1: &[u8] = b"http/1.1";

/// The most plaintext that one record holds, in bytes (RFC 8446, section 5.1). A record arrives as a whole or not at all.
pub(crate) const RECORD: usize = 16 * 1024;

/// What TLS needs that is the same at every broker of a call: whom to trust, and which certificate to show.
pub(crate) struct Material {
    config: Arc<ClientConfig>,
    verifier: Option<Arc<VerifiedServer>>,
    remarks: Vec<Remark>,
}

/// What a handshake with one broker needs, for each connection to it.
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
    /// Remembers a certificate that it refuses, for the message about it.
    verifier: Option<Arc<VerifiedServer>>,
}

/// Whether `broker` is reached by TLS.
pub(crate) fn is_secured(broker: &Broker) -> bool {
    matches!(broker.transport, Transport::Tls | Transport::WebsocketTls)
}

/// The files and texts that [`Material::read`] reads, each with the parameter that names it.
pub(crate) fn files(options: &TlsOptions) -> impl Iterator<Item = (&'static str, &Pem)> {
    let root_ca = options.root_ca.as_ref().filter(|_| options.verify_server);
    let root_ca = root_ca.map(|pem| (ROOT_CA_CRT, pem));
    let identity = options.identity.iter().flat_map(credentials::files);
    root_ca.into_iter().chain(identity)
}

/// Whether [`Material::read`] has nothing to read and nothing to decipher, so that it does not block: no certificate is shown, and
/// the broker is verified by the system's authorities, which are known, or not at all.
pub(crate) fn is_known(options: &TlsOptions) -> bool {
    let trust_is_known = !options.verify_server || (options.root_ca.is_none() && SYSTEM.get().is_some());
    trust_is_known && options.identity.is_none()
}

impl Material {
    /// Reads the files and checks that they fit together. Blocks while it reads, unless [all is known](is_known).
    ///
    /// # Errors
    ///
    /// [`Error::Credential`] for what cannot be read or used, [`Error::Denied`] for a file or an unverified server
    /// that the tenant's grants do not allow.
    pub(crate) fn read(options: &TlsOptions, tenant: &Tenant) -> Result<Self, Error> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| {
                tracing::error!(%error, "the versions of TLS");
                Error::Tls { reason: "this program speaks no version of TLS".to_owned(), is_transient: false }
            })?
            .dangerous();
        let mut remarked = Vec::new();
        let trusted = options.verify_server.then(|| trust(options.root_ca.as_ref(), tenant, &mut remarked));
        let identity = options.identity.as_ref();
        let identity = identity.map(|identity| credentials::client_identity(identity, tenant));
        let (trusted, identity) = both(trusted.transpose(), identity.transpose())?;
        let mut verifier = None;
        let builder = match trusted {
            Some(trusted) => {
                let verifying = VerifiedServer::new(trusted, &provider()).ok_or_else(|| no_anchors(None))?;
                let verifying = Arc::new(verifying);
                verifier = Some(Arc::clone(&verifying));
                builder.with_custom_certificate_verifier(verifying)
            }
            None => {
                tenant.grants().check_verification(tenant.name(), options.verify_server)?;
                builder.with_custom_certificate_verifier(Arc::new(UnverifiedServer(provider())))
            }
        };
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                remarked.extend(remarks::of_chain(&identity.cert));
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity)))
            }
        };
        // Each connection shows its certificate and verifies the broker's.
        config.resumption = Resumption::disabled();
        config.alpn_protocols = options.alpn_protocols.iter().map(|name| name.clone().into_bytes()).collect();
        Ok(Self { config: Arc::new(config), verifier, remarks: remarked })
    }

    /// What a handshake with `broker` needs.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`] for a name that no certificate can have.
    pub(crate) fn at(&self, broker: &Broker, options: &TlsOptions) -> Result<Tls, Error> {
        let mut config = Arc::clone(&self.config);
        if broker.transport == Transport::WebsocketTls && config.alpn_protocols.is_empty() {
            Arc::make_mut(&mut config).alpn_protocols.push(HTTP_1_1.to_vec());
        }
        let name = options.server_name.as_deref().unwrap_or(&broker.host);
        let server_name =
            ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(|_| Error::Tls {
                reason: format!("{} is not a name that TLS can verify", Shown::quoted(name, shown::TOPIC)),
                is_transient: false,
            })?;
        Ok(Tls { config, server_name, verifier: self.verifier.clone() })
    }

    /// What is suspicious about the certificates.
    pub(crate) fn remarks(self) -> Vec<Remark> {
        self.remarks
    }
}

impl Tls {
    /// Does the handshake over `stream`. An error tells what the broker's certificates hold where they `may_be_shown`.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`]: what about the server's certificate was wrong, or what the broker said about ours.
    pub(crate) async fn handshake(
        &self,
        stream: TcpStream,
        may_be_shown: MayBeShown<'_>,
    ) -> Result<TlsStream<Gathering>, Error> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        connector.connect(self.server_name.clone(), socket::gathering(stream)).await.map_err(|error| {
            let seen = self.verifier.as_ref().and_then(|verifier| verifier.take_seen());
            if seen
                .as_ref()
                .is_some_and(|seen| !seen.chain.iter().all(|certificate| may_be_shown(certificate)))
            {
                let reason = format!("the broker's certificate was not accepted: {LEFT_OUT}");
                return Error::Tls { reason, is_transient: false };
            }
            explain::explain_handshake(&error, seen.as_ref())
        })
    }
}

/// The random numbers that TLS has its keys from.
pub(crate) fn random() -> &'static dyn SecureRandom {
    provider().secure_random
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}

/// Both values, or one error with everything that is wrong.
fn both<A, B>(first: Result<A, Error>, second: Result<B, Error>) -> Result<(A, B), Error> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
        (Err(first), Err(second)) => Err(Error::joined(vec![first.clone(), second]).unwrap_or(first)),
    }
}

/// The authorities that this system trusts, and the first fault that was found with them, from when they were first needed: they are
/// read once per process.
static SYSTEM: OnceLock<(Arc<RootCertStore>, Option<String>)> = OnceLock::new();

/// The authorities to trust: the tenant's, or the system's.
fn trust(root_ca: Option<&Pem>, tenant: &Tenant, remarked: &mut Vec<Remark>) -> Result<Trust, Error> {
    /// The sends that come first wait for one of them to read, instead of reading the same hundreds of files side by side.
    static READING: Mutex<()> = Mutex::new(());
    if let Some(pem) = root_ca {
        let mut anchors = RootCertStore::empty();
        let pinned = certificates(ROOT_CA_CRT, pem, None, tenant)?;
        remarked.extend(remarks::of_authorities(&pinned));
        for certificate in &pinned {
            let unusable = |error| unusable_certificate(ROOT_CA_CRT, pem, certificate, &error);
            anchors.add(certificate.clone()).map_err(unusable)?;
        }
        return Ok(Trust { anchors: Arc::new(anchors), pinned });
    }
    let (anchors, wrong) = match SYSTEM.get() {
        Some(found) => found,
        None => {
            let _reading = READING.lock().unwrap_or_else(PoisonError::into_inner);
            match SYSTEM.get() {
                Some(found) => found,
                None => {
                    let (anchors, wrong) = system_trust_anchors()?;
                    SYSTEM.get_or_init(|| (Arc::new(anchors), wrong))
                }
            }
        }
    };
    if anchors.is_empty() {
        return Err(no_anchors(wrong.as_deref()));
    }
    Ok(Trust { anchors: Arc::clone(anchors), pinned: Vec::new() })
}

/// The authorities that this system trusts, and the first fault that was found with them.
///
/// # Errors
///
/// [`Error::Shortage`] when some could not be read because of one.
fn system_trust_anchors() -> Result<(RootCertStore, Option<String>), Error> {
    let mut anchors = RootCertStore::empty();
    let found = trust_anchors::read();
    for wrong in &found.wrong {
        tracing::warn!(wrong, "some of the system's trust anchors could not be read");
    }
    if !found.wrong.is_empty()
        && let Some(shortage) = Shortage::found()
    {
        return Err(Error::Shortage { shortage, stage: Stage::Certificates.words() });
    }
    anchors.extend(found.built_in.iter().cloned());
    anchors.add_parsable_certificates(found.certificates);
    Ok((anchors, found.wrong.into_iter().next()))
}

fn no_anchors(wrong: Option<&str>) -> Error {
    let wrong = wrong.map(|wrong| format!(": {wrong}")).unwrap_or_default();
    Error::Credential {
        parameter: ROOT_CA_CRT,
        reason: format!("not given, and this system has no trust anchors of its own{wrong}"),
    }
}
