//! What is suspicious about certificates and not wrong: whether it matters is the broker's decision.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::CertificateDer;

use super::CertificateInUse;
use super::certificate::Certificate;
use crate::contract::{CertificateParameter, CertificateTime, Remark};

/// From when and until when a certificate is valid, as times since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Validity {
    not_before: Duration,
    not_after: Duration,
}

/// What is suspicious about a client's certificate, which its intermediates follow.
pub(super) fn of_chain(chain: &[CertificateDer<'_>]) -> impl Iterator<Item = Remark> {
    time_of_chain(chain).into_iter().chain(chain.first().and_then(purpose))
}

/// That a certificate is not a client's (RFC 5280, section 4.2.1.12).
fn purpose(certificate: &CertificateDer<'_>) -> Option<Remark> {
    let certificate = Certificate::read(certificate).filter(|certificate| !certificate.is_for_clients())?;
    let purposes = certificate.purposes_in_words().unwrap_or_default();
    Some(Remark::Other(format!(
        "The client certificate (certificate) is not for clients: its extended key usage names {purposes}"
    )))
}

/// What is suspicious about the time of a chain, all of which is needed.
fn time_of_chain(chain: &[CertificateDer<'_>]) -> Option<Remark> {
    let all = || chain.iter().filter_map(|certificate| Validity::read(certificate));
    let not_before = all().map(|validity| validity.not_before).max()?;
    let not_after = all().map(|validity| validity.not_after).min()?;
    Validity { not_before, not_after }.remark(CertificateParameter::Certificate, now())
}

/// What is suspicious about the time of authorities. Any of them may be the broker's, so that only a time at which none of them is
/// valid is remarked.
pub(super) fn of_authorities(authorities: &[CertificateDer<'_>]) -> Option<Remark> {
    let all = || authorities.iter().filter_map(|certificate| Validity::read(certificate));
    let not_before = all().map(|validity| validity.not_before).min()?;
    let not_after = all().map(|validity| validity.not_after).max()?;
    Validity { not_before, not_after }.remark(CertificateParameter::RootCaCrt, now())
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl Validity {
    /// The validity of a certificate; `None` for bytes that are none, which is an error elsewhere.
    fn read(certificate: &[u8]) -> Option<Self> {
        let (not_before, not_after) = Certificate::read(certificate)?.validity;
        Some(Self { not_before, not_after })
    }

    fn remark(self, parameter: CertificateParameter, now: Duration) -> Option<Remark> {
        let Self { not_before, not_after } = self;
        let time = |span: Duration| CertificateTime { parameter, seconds: span.as_secs() };
        if let Some(since) = now.checked_sub(not_after) {
            Some(Remark::Expired(time(since)))
        } else if let Some(until) = not_before.checked_sub(now) {
            Some(Remark::NotYetValid(time(until)))
        } else {
            let left = not_after.saturating_sub(now);
            (left <= CertificateInUse::RENEW).then(|| Remark::Expires(time(left)))
        }
    }
}
