//! [`CertificateInUse`]: a certificate that a tenant's configuration names, for whoever has to renew it in time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mqtt_connector_contract::pem::PemSource;

use super::ROOT_CA_CRT;
use super::certificate::Certificate;
use super::credentials::{CERTIFICATE, certificates};
use crate::contract::Pem;
use crate::error::Error;
use crate::tenant::Tenant;

/// A certificate that a tenant's configuration names, and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateInUse {
    /// Whose it is: its subject as text (RFC 4514), quoted, on one line and not too long.
    pub subject: String,
    /// From when it is valid.
    pub not_before: SystemTime,
    /// Until when it is valid.
    pub not_after: SystemTime,
}

impl CertificateInUse {
    /// How long before its end a certificate is to be renewed: a check remarks on it from then on.
    pub const RENEW: Duration = Duration::from_secs(30 * 24 * 60 * 60);
}

impl Tenant {
    /// The certificates that `value` holds: a text, or the path of a file that the tenant may read. A configuration has it as `root-ca-crt` when
    /// `is_authority`, and otherwise as `certificate`. `password` is that of a PKCS#12 store. Blocks while it reads a file.
    ///
    /// # Errors
    ///
    /// [`Error::Credential`] for what cannot be read or used, [`Error::Denied`] for a file that the tenant's grants do not allow.
    pub fn certificates(
        &self,
        is_authority: bool,
        value: &str,
        password: Option<&str>,
    ) -> Result<Vec<CertificateInUse>, Error> {
        let pem = match PemSource::of(value) {
            PemSource::Text | PemSource::Neither => Pem::Text(value.to_owned()),
            PemSource::Path => Pem::File(value.to_owned()),
        };
        let parameter = if is_authority { ROOT_CA_CRT } else { CERTIFICATE };
        let found = certificates(parameter, &pem, password, self)?;
        let at = |since: Duration| UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH);
        let read = found.iter().filter_map(|der| {
            let certificate = Certificate::read(der)?;
            let (not_before, not_after) = certificate.validity;
            let subject = certificate.subject.shown();
            Some(CertificateInUse { subject, not_before: at(not_before), not_after: at(not_after) })
        });
        Ok(read.collect())
    }
}
