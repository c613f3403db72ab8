//! [`NatsLogin`], and [`Files`]: who a node is to NATS, and whom it trusts.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_nats::ConnectOptions;
use nkeys::{KeyPair, KeyPairType};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::address::NatsAddress;
use super::error::NatsError;
use crate::files;

/// How a node says to NATS who it is, where the address names no file for that (`credentials`, `nkey`). `Debug` shows no secret.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum NatsLogin {
    /// Not at all, or by its certificate alone.
    #[default]
    Nobody,
    /// By a user and its password.
    User {
        /// The user.
        user: String,
        /// Its password.
        password: String,
    },
    /// By a token.
    Token(String),
}

impl fmt::Debug for NatsLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "Nobody",
            Self::User { .. } => "User",
            Self::Token(_) => "Token",
        })
    }
}

/// The files that an address names, as far as they are read once: those for TLS are looked at, so that what is wrong with them is said.
pub(super) struct Files {
    credentials: Option<String>,
    nkey: Option<String>,
}

impl Files {
    /// Blocks.
    pub(super) fn read(address: &NatsAddress) -> Result<Self, NatsError> {
        if let Some(path) = &address.ca {
            certificates("ca", path)?;
        }
        if let (Some(certificate), Some(key)) = (&address.certificate, &address.key) {
            identity(certificate, key)?;
        }
        Ok(Self {
            credentials: address.credentials.as_deref().map(credentials).transpose()?,
            nkey: address.nkey.as_deref().map(seed).transpose()?,
        })
    }

    /// Whether they say who this node is.
    pub(super) fn is_user(&self) -> bool {
        self.credentials.is_some() || self.nkey.is_some()
    }

    /// Options that say who this node is.
    pub(super) fn options(self, login: NatsLogin) -> std::io::Result<ConnectOptions> {
        let options = ConnectOptions::new();
        Ok(match (self, login) {
            (Self { credentials: Some(credentials), .. }, _) => options.credentials(&credentials)?,
            (Self { nkey: Some(seed), .. }, _) => options.nkey(seed),
            (_, NatsLogin::User { user, password }) => options.user_and_password(user, password),
            (_, NatsLogin::Token(token)) => options.token(token),
            (_, NatsLogin::Nobody) => options,
        })
    }
}

fn wrong(parameter: &'static str, path: &Path, problem: impl Into<String>) -> NatsError {
    NatsError::File { parameter, path: path.to_owned(), problem: problem.into() }
}

fn content(parameter: &'static str, path: &Path) -> Result<Vec<u8>, NatsError> {
    files::content(path).map_err(|error| wrong(parameter, path, format!("it cannot be read: {error}")))
}

fn text(parameter: &'static str, path: &Path) -> Result<Option<String>, NatsError> {
    content(parameter, path).map(|content| String::from_utf8(content).ok())
}

fn credentials(path: &Path) -> Result<String, NatsError> {
    let text = text("credentials", path)?.filter(|text| ConnectOptions::new().credentials(text).is_ok());
    text.ok_or_else(|| {
        let wants = "it holds no credentials of a NATS user: -----BEGIN NATS USER JWT----- and -----BEGIN USER NKEY SEED-----, as `nsc` writes them";
        wrong("credentials", path, wants)
    })
}

/// The seed may have other lines around it.
fn seed(path: &Path) -> Result<String, NatsError> {
    let text = text("nkey", path)?.unwrap_or_default();
    let is_seed =
        |line: &&str| KeyPair::from_seed(line).is_ok_and(|pair| pair.key_pair_type() == KeyPairType::User);
    let seed = text.lines().map(str::trim).find(is_seed);
    seed.map(str::to_owned).ok_or_else(|| {
        wrong("nkey", path, "it holds no line with the seed of an NKEY of a user, which begins with SU")
    })
}

fn certificates(parameter: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, NatsError> {
    let content = content(parameter, path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
    all.ok().filter(|all| !all.is_empty()).ok_or_else(|| {
        wrong(parameter, path, "it holds no certificate in PEM, as in -----BEGIN CERTIFICATE-----")
    })
}

fn identity(certificate: &Path, key: &Path) -> Result<(), NatsError> {
    let chain = certificates("certificate", certificate)?;
    let private = PrivateKeyDer::from_pem_slice(&content("key", key)?).map_err(|_| {
        wrong(
            "key",
            key,
            "it holds no private key in PEM without a password, as in -----BEGIN PRIVATE KEY-----",
        )
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let pair = CertifiedKey::from_der(chain, private, &provider);
    pair.map(drop).map_err(|_| {
        let certificate = certificate.display();
        wrong("key", key, format!("it is not the key of the first certificate in {certificate}, or of a kind that TLS does not have"))
    })
}
