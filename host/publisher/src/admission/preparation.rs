//! The part of a connection that can be prepared before anything leaves this process: the certificates and keys of TLS.

use std::sync::Arc;

use mqtt_connector_contract::span::Span;

use crate::contract::{CertificateParameter, CertificateTime, Remark};
use crate::dial::tls;
use crate::dial::tls::{Material, Tls, is_secured};
use crate::error::Error;
use crate::options::Options;
use crate::platform::{Shortage, blocking};
use crate::stage::Stage;
use crate::tenant::Tenant;

/// What TLS needs at each of the brokers.
#[derive(Default)]
pub(crate) struct Prepared {
    by_broker: Vec<Option<Tls>>,
    remarks: Vec<Remark>,
    shows_certificate: bool,
}

impl Prepared {
    /// What TLS needs at the broker with this index; `None` without TLS.
    pub(crate) fn tls(&self, broker: usize) -> Option<&Tls> {
        self.by_broker.get(broker)?.as_ref()
    }

    /// Adds what is known about the client's certificate to the error of a connection that no broker has accepted: a broker
    /// that refuses the certificate need not say why.
    pub(crate) fn explain(&self, error: Error) -> Error {
        let error = match error {
            Error::Tls { reason, is_transient } => {
                Error::Tls { reason: tls::to_client(reason, self.shows_certificate), is_transient }
            }
            error => error,
        };
        let Some(certificate) = self.remarks.iter().find_map(out_of_time) else { return error };
        match error {
            Error::Lost(reason) => Error::Lost(format!("{reason} ({certificate})")),
            Error::Closed(reason) => Error::Closed(format!("{reason} ({certificate})")),
            Error::Tls { reason, is_transient } => {
                Error::Tls { reason: format!("{reason} ({certificate})"), is_transient }
            }
            error => error,
        }
    }

    /// What is suspicious about the certificates.
    pub(crate) fn remarks(self) -> Vec<Remark> {
        self.remarks
    }
}

/// Says that the client's certificate is not valid now, if that is what `remark` is about.
fn out_of_time(remark: &Remark) -> Option<String> {
    match remark {
        Remark::Expired(CertificateTime { parameter: CertificateParameter::Certificate, seconds }) => {
            Some(format!("the client certificate expired {} ago", Span(*seconds)))
        }
        Remark::NotYetValid(CertificateTime { parameter: CertificateParameter::Certificate, seconds }) => {
            Some(format!("the client certificate is not yet valid, but will be in {}", Span(*seconds)))
        }
        Remark::Expired(_)
        | Remark::NotYetValid(_)
        | Remark::Expires(_)
        | Remark::TimeoutCapped(_)
        | Remark::Other(_) => None,
    }
}

/// Reads certificates and keys, on a thread that may block. Without TLS there is nothing to wait for, and neither is there where
/// the system's authorities are all that is needed and have been read before.
///
/// # Errors
///
/// As [`Material::read`] and [`Material::at`].
pub(crate) async fn prepare(options: &Arc<Options>, tenant: &Tenant) -> Result<Prepared, Error> {
    if options.tls.as_ref().is_none_or(tls::is_known) {
        return read(options, tenant);
    }
    let (options, tenant) = (Arc::clone(options), tenant.clone());
    let permit = tenant.quotas().blocking().await;
    let prepare = move || {
        let _permit = permit;
        read(&options, &tenant)
    };
    blocking::run(prepare).await.map_err(|error| match Shortage::of(&error) {
        Some(shortage) => Error::Shortage { shortage, stage: Stage::Certificates.words() },
        None => Error::Tls { reason: "reading the certificates failed".to_owned(), is_transient: false },
    })?
}

fn read(options: &Options, tenant: &Tenant) -> Result<Prepared, Error> {
    let Some(tls) = &options.tls else { return Ok(Prepared::default()) };
    let material = Material::read(tls, tenant)?;
    let by_broker = options
        .brokers
        .iter()
        .map(|broker| is_secured(broker).then(|| material.at(broker, tls)).transpose())
        .collect::<Result<_, _>>()?;
    Ok(Prepared { by_broker, remarks: material.remarks(), shows_certificate: tls.identity.is_some() })
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::contract::{Broker, ConnectOptions, TlsOptions, Transport};
    use crate::options::plain;

    /// Options for a broker behind TLS that shows no certificate and is verified by the system's authorities.
    fn secured(verify_server: bool) -> Arc<Options> {
        let broker = Broker { transport: Transport::Tls, host: "h".to_owned(), port: 1, path: String::new() };
        let tls = TlsOptions {
            root_ca: None,
            identity: None,
            server_name: None,
            alpn_protocols: Vec::new(),
            verify_server,
        };
        Arc::new(Options::new(ConnectOptions { tls: Some(tls), ..plain(broker) }))
    }

    #[tokio::test]
    async fn what_is_known_needs_no_thread() {
        let tenant = Tenant::unrestricted("t");
        // It need not succeed: a system without authorities is known as well.
        let first = prepare(&secured(true), &tenant).await;
        for (verify_server, is_prepared) in [(true, first.is_ok()), (false, true)] {
            let options = secured(verify_server);
            let polled = pin!(prepare(&options, &tenant)).poll(&mut Context::from_waker(Waker::noop()));
            assert!(
                matches!(polled, Poll::Ready(prepared) if prepared.is_ok() == is_prepared),
                "{verify_server}"
            );
        }
    }
}
