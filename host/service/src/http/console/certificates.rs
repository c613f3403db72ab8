//! The certificates that a tenant's configuration names, and when they end.

use std::time::{SystemTime, UNIX_EPOCH};

use maud::{Markup, html};
use mqtt_connector::Tenant;
use mqtt_connector::publisher::CertificateInUse;

use super::form;
use super::shown::{number, time, whole};
use super::visitor::Values;
use crate::Timestamp;

/// A day, in seconds.
const DAY: u64 = 24 * 60 * 60;

/// What a parameter of the configuration holds, or why that is not known.
struct Named {
    parameter: &'static str,
    found: Result<Vec<CertificateInUse>, String>,
}

/// A section about them; nothing when the configuration names none.
pub(super) async fn section(tenant: &Tenant, now: Timestamp) -> Markup {
    let tenant = tenant.clone();
    // Files are read, which may take a while.
    let named = tokio::task::spawn_blocking(move || named(&tenant)).await.unwrap_or_default();
    html! {
        @if !named.is_empty() {
            section aria-labelledby="certificates" {
                h2 id="certificates" { "Certificates in use" }
                table {
                    thead { tr { th scope="col" { "Parameter" } th scope="col" { "Whose" } th scope="col" { "Valid until" } } }
                    tbody {
                        @for Named { parameter, found } in &named {
                            @match found {
                                Ok(certificates) => {
                                    @for certificate in certificates { (row(parameter, certificate, now)) }
                                }
                                Err(why) => { tr { td { code { (parameter) } } td.topic colspan="2" { (whole(why)) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn named(tenant: &Tenant) -> Vec<Named> {
    let values = Values::new(form::values_of(tenant.config()));
    let shows_certificate = values.get("use-certificate") == Some("true");
    let parameters = [("certificate", false, shows_certificate), ("root-ca-crt", true, true)];
    let used = parameters.into_iter().filter(|(.., is_used)| *is_used);
    let read = used.filter_map(|(parameter, is_authority, _)| {
        let password = values.get("private-key-password").filter(|_| !is_authority);
        let found = tenant.certificates(is_authority, values.get(parameter)?, password);
        Some(Named { parameter, found: found.map_err(|error| error.to_string()) })
    });
    read.collect()
}

fn row(parameter: &str, certificate: &CertificateInUse, now: Timestamp) -> Markup {
    let ends = timestamp(certificate.not_after);
    let days = u64::try_from(ends.milliseconds() - now.milliseconds()).map(|left| left / (DAY * 1000));
    html! {
        tr {
            td { code { (parameter) } }
            td.topic { (whole(&certificate.subject)) }
            td {
                (time(ends)) " "
                @match days {
                    Err(_) => { span.badge.bad { "expired" } }
                    Ok(_) if now < timestamp(certificate.not_before) => { span.badge.uncertain { "not yet valid" } }
                    Ok(days) if days <= CertificateInUse::RENEW.as_secs() / DAY => { span.badge.uncertain { (number(days)) " days left" } }
                    Ok(days) => { span.badge { (number(days)) " days left" } }
                }
            }
        }
    }
}

fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_milliseconds(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_ends_soon_is_marked() {
        let now: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        let at = |days: i64| {
            UNIX_EPOCH + Duration::from_secs(u64::try_from(1_795_953_600 + days * 86_400).unwrap())
        };
        for (begins, ends, badge) in [
            (-10, 400, r#"<span class="badge">400 days left</span>"#),
            (-10, 30, r#"<span class="badge uncertain">30 days left</span>"#),
            (-10, -1, r#"<span class="badge bad">expired</span>"#),
            (10, 400, r#"<span class="badge uncertain">not yet valid</span>"#),
        ] {
            let mut certificate = sample();
            (certificate.not_before, certificate.not_after) = (at(begins), at(ends));
            let row = row("certificate", &certificate, now).into_string();
            assert!(row.contains(badge), "{row}");
        }
    }

    /// A certificate of a test's authority.
    fn sample() -> CertificateInUse {
        let pki = mqtt_connector_tests::Pki::new();
        let tenant = Tenant::builder("acme").build();
        tenant.certificates(true, pki.authority().text(), None).unwrap().remove(0)
    }
}
