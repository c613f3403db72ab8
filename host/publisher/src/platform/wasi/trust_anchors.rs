//! The authorities to trust: those of the file that `SSL_CERT_FILE` names, else those of the system's file where the host has
//! opened its directory for this program, else Mozilla's, as they were when this program was built.

use std::env;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::platform::TrustAnchors;

const VARIABLE: &str = "SSL_CERT_FILE";
/// Where Debian, Ubuntu, Alpine and Arch have them.
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The most bytes of the file; what systems come with has 0.3 MiB.
const MOST: u64 = 16 << 20;

/// Reads the certificates. A file that is named and cannot be used is not replaced by another.
pub(crate) fn read() -> TrustAnchors {
    if let Some(path) = env::var_os(VARIABLE) {
        return match certificates(Path::new(&path)) {
            Ok(certificates) => TrustAnchors { certificates, ..TrustAnchors::default() },
            Err(error) => TrustAnchors { wrong: vec![wrong(error.kind())], ..TrustAnchors::default() },
        };
    }
    match certificates(Path::new(SYSTEM)) {
        Ok(certificates) if !certificates.is_empty() => {
            TrustAnchors { certificates, ..TrustAnchors::default() }
        }
        Ok(_) | Err(_) => {
            TrustAnchors { built_in: webpki_roots::TLS_SERVER_ROOTS, ..TrustAnchors::default() }
        }
    }
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let mut text = Vec::new();
    File::open(path)?.take(MOST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MOST {
        return Err(ErrorKind::FileTooLarge.into());
    }
    let mut certificates: Vec<_> = CertificateDer::pem_slice_iter(&text).filter_map(Result::ok).collect();
    certificates.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
    certificates.dedup();
    Ok(certificates)
}

fn wrong(kind: ErrorKind) -> String {
    let what = match kind {
        ErrorKind::NotFound => {
            "does not exist, or is in no directory that the host has opened (wasmtime: --dir)"
        }
        ErrorKind::PermissionDenied => "may not be read",
        ErrorKind::IsADirectory => "is a directory",
        ErrorKind::FileTooLarge => return format!("what {VARIABLE} names is larger than {} MiB", MOST >> 20),
        _ => "cannot be read",
    };
    format!("what {VARIABLE} names {what}")
}
