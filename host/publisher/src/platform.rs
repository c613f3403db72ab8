//! What differs between a machine and WASI: files, trust anchors, the look-up of names, work that blocks, sockets, random
//! bytes, and what the system has too little of.
//!
//! Both halves have the same modules with the same functions. Nothing outside asks what it is compiled for.

mod shortage;
mod system;

#[cfg(not(target_os = "wasi"))]
mod machine;
#[cfg(target_os = "wasi")]
mod wasi;

#[cfg(not(target_os = "wasi"))]
use machine as target;
#[cfg(target_os = "wasi")]
use wasi as target;

pub use shortage::Shortage;
pub(crate) use system::{System, Words};
pub(crate) use target::{blocking, files, names, random, socket, trust_anchors};

/// The authorities that the system trusts.
#[derive(Debug, Default)]
pub(crate) struct TrustAnchors {
    /// Their certificates, each once.
    pub(crate) certificates: Vec<rustls::pki_types::CertificateDer<'static>>,
    /// Those that this program brings along, where the system has none to read.
    pub(crate) built_in: &'static [rustls::pki_types::TrustAnchor<'static>],
    /// What could not be used, each as a clause. It leaves out the path, which is the operator's.
    pub(crate) wrong: Vec<String>,
}
