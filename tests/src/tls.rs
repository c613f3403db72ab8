//! TLS at the scripted broker: [`ServerTls`].

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use crate::pki::{Identity, Pem};

/// How a [`ScriptedBroker`](crate::ScriptedBroker) speaks TLS.
#[derive(Clone, Debug)]
#[must_use]
pub struct ServerTls {
    identity: Identity,
    client_authority: Option<Pem>,
    alpn: Vec<Vec<u8>>,
    versions: Vec<&'static SupportedProtocolVersion>,
}

impl ServerTls {
    /// TLS 1.2 and 1.3, as `identity`, without a client certificate.
    pub fn new(identity: &Identity) -> Self {
        Self {
            identity: identity.clone(),
            client_authority: None,
            alpn: Vec::new(),
            versions: vec![&rustls::version::TLS13, &rustls::version::TLS12],
        }
    }

    /// Demands a client certificate that `authority` issued.
    pub fn require_client_certificate(mut self, authority: &Pem) -> Self {
        self.client_authority = Some(authority.clone());
        self
    }

    /// Offers these application protocols (ALPN); a client that offers only others is refused.
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        self
    }

    /// Speaks TLS 1.2 only. A client learns there during the handshake that its certificate is refused; with 1.3 it
    /// learns it only when it reads for the first time after its own handshake was done.
    pub fn only_tls12(mut self) -> Self {
        self.versions = vec![&rustls::version::TLS12];
        self
    }

    /// How a server of rustls speaks so.
    ///
    /// # Panics
    ///
    /// If it cannot: the certificate is none, for example.
    #[track_caller]
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        match self.try_config() {
            Ok(config) => Arc::new(config),
            Err(error) => panic!("the scripted broker cannot speak TLS like this: {error}"),
        }
    }

    fn try_config(&self) -> Result<ServerConfig, Box<dyn std::error::Error>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = CertificateDer::pem_slice_iter(self.identity.certificate().text().as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(self.identity.key().text().as_bytes())?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&self.versions)?;
        let builder = match &self.client_authority {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(authority.text().as_bytes())?)?;
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(chain, key)?;
        config.alpn_protocols.clone_from(&self.alpn);
        Ok(config)
    }
}
