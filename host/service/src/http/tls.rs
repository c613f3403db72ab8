//! [`TlsFiles`]: the certificate and the key of the service, read again when they change.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::files;

/// The certificate and the key of the service, PEM, and what was read of them last.
pub struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
    read: RwLock<Read>,
}

/// What was read, and what came of it.
struct Read {
    certificate: Vec<u8>,
    key: Vec<u8>,
    config: Arc<ServerConfig>,
}

impl TlsFiles {
    /// Reads the certificate, the ones that it was issued by behind it, and its private key: PEM files of 1 MiB at most.
    ///
    /// # Errors
    ///
    /// A file cannot be read, is something else, or the key is not the certificate's.
    pub fn read(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, TlsError> {
        let (certificate, key) = (certificate.into(), key.into());
        let read = Read::of(content(&certificate)?, content(&key)?, &certificate, &key)?;
        Ok(Self { certificate, key, read: RwLock::new(read) })
    }

    /// Reads the files again, and uses them for connections from now on, when they have changed. Answers whether they had. Blocks.
    ///
    /// # Errors
    ///
    /// As of [`read`](Self::read); what was read before holds then.
    pub fn read_again(&self) -> Result<bool, TlsError> {
        let (certificate, key) = (content(&self.certificate)?, content(&self.key)?);
        {
            let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
            if read.certificate == certificate && read.key == key {
                return Ok(false);
            }
        }
        let read = Read::of(certificate, key, &self.certificate, &self.key)?;
        *self.read.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(true)
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.read.read().unwrap_or_else(PoisonError::into_inner).config)
    }
}

impl Read {
    fn of(
        certificate: Vec<u8>,
        key: Vec<u8>,
        certificate_file: &Path,
        key_file: &Path,
    ) -> Result<Self, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&certificate).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| TlsError::NotCertificate(certificate_file.to_owned()))?;
        let private =
            PrivateKeyDer::from_pem_slice(&key).map_err(|_| TlsError::NotKey(key_file.to_owned()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let refused =
            |_| TlsError::NotItsKey { certificate: certificate_file.to_owned(), key: key_file.to_owned() };
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(refused)?.with_no_client_auth();
        let mut config = builder.with_single_cert(chain, private).map_err(refused)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { certificate, key, config: Arc::new(config) })
    }
}

fn content(path: &Path) -> Result<Vec<u8>, TlsError> {
    files::content(path).map_err(|error| TlsError::Unreadable { path: path.to_owned(), error })
}

impl fmt::Debug for TlsFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsFiles")
            .field("certificate", &self.certificate)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Why the certificate and the key of the service cannot be used. Nothing of them is shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// There is no certificate in a file.
    #[error("{}: it holds no certificate in PEM, as in -----BEGIN CERTIFICATE-----", .0.display())]
    NotCertificate(PathBuf),
    /// There is no key in a file.
    #[error("{}: it holds no private key in PEM without a password, as in -----BEGIN PRIVATE KEY-----", .0.display())]
    NotKey(PathBuf),
    /// The two do not belong together.
    #[error("{} and {}: the key is not that of the first certificate, or of a kind that TLS does not have", certificate.display(), key.display())]
    NotItsKey {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}
