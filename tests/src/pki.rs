//! Certificates and keys made for the run: good ones, and ones with a known fault.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;

mod key;

pub use key::KeyFormat;
use key::{key_pair, new_key};

/// A PEM text, and the file (absolute path) that holds it while the [`Pki`] or anything issued by it lives.
#[derive(Clone, Debug)]
pub struct Pem {
    text: String,
    path: PathBuf,
    _directory: Arc<TempDir>,
}

impl Pem {
    /// The text, with its `-----BEGIN …-----` lines.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The absolute path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// [`path`](Self::path) as text, for JSON and command lines.
    ///
    /// # Panics
    ///
    /// If the machine's temporary directory has a name that is not UTF-8.
    #[track_caller]
    #[must_use]
    pub fn path_str(&self) -> &str {
        match self.path.to_str() {
            Some(path) => path,
            None => panic!("{} is not UTF-8", self.path.display()),
        }
    }
}

/// A certificate (with what intermediate certificates belong to it) and its private key.
#[derive(Clone, Debug)]
pub struct Identity {
    certificate: Pem,
    key: Pem,
}

impl Identity {
    /// The certificate; an intermediate one follows it in the same text.
    #[must_use]
    pub fn certificate(&self) -> &Pem {
        &self.certificate
    }

    /// The private key, in the [`KeyFormat`] that was asked for.
    #[must_use]
    pub fn key(&self) -> &Pem {
        &self.key
    }
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its time was the year 2020.
    Expired,
    /// Its time is the year 2090.
    NotYetValid,
    /// It is good for `wrong.test` only, not for the names that were asked for.
    WrongName,
    /// Another authority issued it, one with another name and key: [`Pki::unknown_authority`].
    UnknownAuthority,
    /// Nobody but its own key vouches for it.
    SelfSigned,
    /// An intermediate authority issued it, whose certificate the server does not send.
    MissingIntermediate,
    /// It is made for the other side: a server's certificate for clients only, or the reverse.
    WrongPurpose,
}

impl Fault {
    /// Every fault, for tests that go through them.
    pub const ALL: [Self; 7] = [
        Self::Expired,
        Self::NotYetValid,
        Self::WrongName,
        Self::UnknownAuthority,
        Self::SelfSigned,
        Self::MissingIntermediate,
        Self::WrongPurpose,
    ];
}

/// A public key infrastructure: one authority to trust, and everything that it issues.
///
/// ```
/// use mqtt_connector_tests::pki::{KeyFormat, Pki};
///
/// let pki = Pki::new();
/// let server = pki.server(&["localhost", "127.0.0.1"]);
/// let client = pki.client("thing-name", KeyFormat::Sec1);
/// assert!(client.key().text().starts_with("-----BEGIN EC PRIVATE KEY-----"));
/// assert!(pki.authority().path().is_absolute());
/// # let _ = server;
/// ```
#[derive(Debug)]
pub struct Pki {
    directory: Arc<TempDir>,
    files: AtomicUsize,
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
    stranger: CertifiedIssuer<'static, KeyPair>,
    authority: Pem,
    unknown_authority: Pem,
}

impl Default for Pki {
    fn default() -> Self {
        Self::new()
    }
}

/// Which side a certificate is for.
#[derive(Clone, Copy)]
enum Side {
    Server,
    Client,
}

impl Pki {
    /// Makes the authorities, with new keys.
    ///
    /// # Panics
    ///
    /// If the temporary directory cannot be written to.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        let directory = match TempDir::with_prefix("pki-") {
            Ok(directory) => Arc::new(directory),
            Err(error) => panic!("no directory for certificates: {error}"),
        };
        let root = or_panic(CertifiedIssuer::self_signed(authority_params("Test Root CA"), new_key()));
        let intermediate =
            or_panic(CertifiedIssuer::signed_by(authority_params("Test Intermediate CA"), new_key(), &root));
        let stranger = or_panic(CertifiedIssuer::self_signed(authority_params("Unknown CA"), new_key()));
        let authority = write(&directory, "ca.crt", root.pem());
        let unknown_authority = write(&directory, "unknown-ca.crt", stranger.pem());
        Self {
            directory,
            files: AtomicUsize::new(0),
            root,
            intermediate,
            stranger,
            authority,
            unknown_authority,
        }
    }

    /// The certificate of the authority that is to be trusted.
    #[must_use]
    pub fn authority(&self) -> &Pem {
        &self.authority
    }

    /// The certificate of the authority that issues for [`Fault::UnknownAuthority`].
    #[must_use]
    pub fn unknown_authority(&self) -> &Pem {
        &self.unknown_authority
    }

    /// A good server certificate for `names`: host names and IP addresses.
    ///
    /// # Panics
    ///
    /// If a name cannot stand in a certificate, or the file cannot be written.
    #[track_caller]
    #[must_use]
    pub fn server(&self, names: &[&str]) -> Identity {
        self.issue(Side::Server, names, "server", None, KeyFormat::Pkcs8)
    }

    /// A server certificate for `names` with one fault.
    ///
    /// # Panics
    ///
    /// As [`server`](Self::server).
    #[track_caller]
    #[must_use]
    pub fn faulty_server(&self, fault: Fault, names: &[&str]) -> Identity {
        self.issue(Side::Server, names, "server", Some(fault), KeyFormat::Pkcs8)
    }

    /// A good server certificate for `names` that an intermediate authority issued, with the intermediate certificate.
    ///
    /// # Panics
    ///
    /// As [`server`](Self::server).
    #[track_caller]
    #[must_use]
    pub fn server_with_intermediate(&self, names: &[&str]) -> Identity {
        let leaf =
            self.issue(Side::Server, names, "server", Some(Fault::MissingIntermediate), KeyFormat::Pkcs8);
        let chain = format!("{}{}", leaf.certificate.text, self.intermediate.pem());
        Identity { certificate: self.write("chain.crt", chain), key: leaf.key }
    }

    /// A good client certificate with the common name `name`.
    ///
    /// # Panics
    ///
    /// If there is no `openssl` program and `format` is not [`KeyFormat::Pkcs8`], or the file cannot be written.
    #[track_caller]
    #[must_use]
    pub fn client(&self, name: &str, format: KeyFormat<'_>) -> Identity {
        self.issue(Side::Client, &[], name, None, format)
    }

    /// A client certificate with the common name `name` and one fault ([`Fault::WrongName`] makes it `wrong.test`).
    ///
    /// # Panics
    ///
    /// If the file cannot be written.
    #[track_caller]
    #[must_use]
    pub fn faulty_client(&self, fault: Fault, name: &str) -> Identity {
        self.issue(Side::Client, &[], name, Some(fault), KeyFormat::Pkcs8)
    }

    /// An identity that was made elsewhere: `certificate` and `key` are PEM texts.
    ///
    /// # Panics
    ///
    /// If the files cannot be written.
    #[track_caller]
    #[must_use]
    pub fn identity(&self, certificate: String, key: String) -> Identity {
        Identity { certificate: self.write("leaf.crt", certificate), key: self.write("leaf.key", key) }
    }

    /// Writes any text into a file beside the certificates, to be used where a PEM file is expected.
    ///
    /// # Panics
    ///
    /// If the file cannot be written.
    #[track_caller]
    #[must_use]
    pub fn file(&self, name: &str, text: &str) -> Pem {
        self.write(name, text.to_owned())
    }

    #[track_caller]
    fn issue(
        &self,
        side: Side,
        names: &[&str],
        common_name: &str,
        fault: Option<Fault>,
        format: KeyFormat<'_>,
    ) -> Identity {
        let (key, written) = key_pair(format);
        let wrong_name = fault == Some(Fault::WrongName);
        let names = match side {
            Side::Server if wrong_name => vec!["wrong.test".to_owned()],
            Side::Server => names.iter().map(|name| (*name).to_owned()).collect(),
            Side::Client => Vec::new(),
        };
        let mut params = or_panic(CertificateParams::new(names));
        params
            .distinguished_name
            .push(DnType::CommonName, if wrong_name { "wrong.test" } else { common_name });
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = fault != Some(Fault::SelfSigned);
        params.extended_key_usages = match (side, fault == Some(Fault::WrongPurpose)) {
            (Side::Server, false) | (Side::Client, true) => vec![ExtendedKeyUsagePurpose::ServerAuth],
            (Side::Client, false) | (Side::Server, true) => vec![ExtendedKeyUsagePurpose::ClientAuth],
        };
        let (first_year, last_year) = match fault {
            Some(Fault::Expired) => (2020, 2021),
            Some(Fault::NotYetValid) => (2090, 2091),
            _ => (2024, 2080),
        };
        params.not_before = date_time_ymd(first_year, 1, 1);
        params.not_after = date_time_ymd(last_year, 1, 1);

        let certificate = or_panic(match fault {
            Some(Fault::SelfSigned) => params.self_signed(&key),
            Some(Fault::UnknownAuthority) => params.signed_by(&key, &self.stranger),
            Some(Fault::MissingIntermediate) => params.signed_by(&key, &self.intermediate),
            _ => params.signed_by(&key, &self.root),
        });
        Identity {
            certificate: self.write("leaf.crt", certificate.pem()),
            key: self.write("leaf.key", written),
        }
    }

    #[track_caller]
    fn write(&self, name: &str, text: String) -> Pem {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        write(&self.directory, &format!("{number}-{name}"), text)
    }
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(2095, 1, 1);
    params
}

#[track_caller]
fn write(directory: &Arc<TempDir>, name: &str, text: String) -> Pem {
    let path = directory.path().join(name);
    if let Err(error) = fs::write(&path, &text) {
        panic!("{} could not be written: {error}", path.display());
    }
    Pem { text, path, _directory: Arc::clone(directory) }
}

#[track_caller]
fn or_panic<T>(result: Result<T, rcgen::Error>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("the certificate could not be made: {error}"),
    }
}
