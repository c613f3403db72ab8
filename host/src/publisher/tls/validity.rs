//! When certificates are valid (RFC 5280, section 4.1.2.5), which rustls tells of a server's alone, and only when it refuses
//! it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::CertificateDer;

use super::certificate::Certificate;
use crate::bindings::flint::mqtt::publisher::{CertificateParameter, CertificateTime, Remark};

/// For how long before its end a certificate is remarked.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// From when and until when a certificate is valid, as times since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Validity {
    not_before: Duration,
    not_after: Duration,
}

/// What is suspicious about the time of a client's certificate and its intermediates: all of them are needed.
pub(super) fn of_chain(chain: &[CertificateDer<'_>]) -> Option<Remark> {
    let all = || chain.iter().filter_map(|certificate| Validity::read(certificate));
    let not_before = all().map(|validity| validity.not_before).max()?;
    let not_after = all().map(|validity| validity.not_after).min()?;
    Validity { not_before, not_after }.remark(CertificateParameter::Certificate, now())
}

/// The same of authorities: any of them may be the broker's, so that only the time of all together tells something.
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
            (left <= SOON).then(|| Remark::Expires(time(left)))
        }
    }
}
