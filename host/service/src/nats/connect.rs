//! The connection: over TLS where the address says so, as the user that the address or the environment names.

use std::error::Error as _;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectError, ConnectErrorKind, ServerError};
use rustls::CertificateError;

use super::address::NatsAddress;
use super::error::NatsError;
use super::login::{Files, NatsLogin};
use super::said::Said;

/// The oldest server: messages that the server removes after a time of their own work in clusters from there on.
pub(super) const OLDEST: (u64, u64) = (2, 12);

/// How long it is waited for an answer of one server.
pub(super) const ANSWER: Duration = Duration::from_secs(3);

/// The connection, and what is said against it.
pub(super) async fn connect(
    address: &NatsAddress,
    login: NatsLogin,
) -> Result<(Client, Arc<Said>), NatsError> {
    let no_server = |reason: String| NatsError::Connect { address: address.to_string(), reason };
    let named = address.clone();
    let files = tokio::task::spawn_blocking(move || Files::read(&named)).await;
    let files = files.map_err(|_| no_server("its files could not be read".to_owned()))??;
    let has_user = files.is_user() || !matches!(login, NatsLogin::Nobody);
    let options = files.options(login).map_err(|_| no_server(of_user(has_user)))?;
    let said = Arc::new(Said::new(&address.stream, has_user));
    let hearing = Arc::clone(&said);
    let mut options = options
        .event_callback(move |event| {
            hearing.hear(&event);
            std::future::ready(())
        })
        .name("mqtt-connector")
        .connection_timeout(ANSWER)
        .request_timeout(Some(ANSWER))
        .ping_interval(Duration::from_secs(5))
        .max_reconnects(None)
        .reconnect_delay_callback(|attempts| {
            Duration::from_millis(50 * u64::try_from(attempts.min(20)).unwrap_or(20))
        })
        // Also of servers that are not in the address, of which others tell.
        .require_tls(address.is_tls)
        // What comes here are executions: other users of the account may listen to all of `_INBOX`.
        .custom_inbox_prefix(format!("_INBOX_{}", address.stream));
    if let Some(file) = &address.ca {
        options = options.add_root_certificates(file.clone());
    }
    if let (Some(certificate), Some(key)) = (&address.certificate, &address.key) {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    let connected = options.connect(&address.servers[..]).await;
    let client = connected.map_err(|error| no_server(explain(&error, address, has_user)))?;
    let version = client.server_info().version;
    if is_too_old(&version) {
        return Err(NatsError::TooOld { address: address.to_string(), version });
    }
    Ok((client, said))
}

/// Whether a server of this version is too old, or it cannot be said.
pub(super) fn is_too_old(version: &str) -> bool {
    parse(version).is_none_or(|version| version < OLDEST)
}

/// Major and minor.
fn parse(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Why the last server that was tried does not let us in.
fn explain(error: &ConnectError, address: &NatsAddress, has_user: bool) -> String {
    let source = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    if let Some(tls) = source.and_then(|source| source.get_ref()?.downcast_ref::<rustls::Error>()) {
        return of_tls(tls, address);
    }
    if let Some(ServerError::Other(said)) = error.source().and_then(|source| source.downcast_ref())
        && said.to_ascii_lowercase().contains("authentication")
    {
        return of_user(has_user);
    }
    match error.kind() {
        ConnectErrorKind::ServerParse => "an address of a server is wrong".to_owned(),
        ConnectErrorKind::Dns => "the name of a server was not found".to_owned(),
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => of_user(has_user),
        ConnectErrorKind::TimedOut => format!("it does not answer within {} s", ANSWER.as_secs()),
        ConnectErrorKind::Tls => {
            "TLS cannot begin: the authorities of this system cannot be read; ca=FILE in the address names others".to_owned()
        }
        ConnectErrorKind::Io | ConnectErrorKind::MaxReconnects => match source.map(std::io::Error::kind) {
            Some(ErrorKind::ConnectionRefused) => "nobody listens there".to_owned(),
            Some(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => "there is no way there".to_owned(),
            _ => ended(),
        },
    }
}

pub(super) fn of_user(has_user: bool) -> String {
    if has_user {
        return "the user, its password, its token or its key is not one that the server knows, or is no longer valid".to_owned();
    }
    "the server wants a user: credentials=FILE or nkey=FILE in the address, or NATS_USER and NATS_PASSWORD, or NATS_TOKEN, in the environment"
        .to_owned()
}

/// With TLS 1.3 a client may hear that its certificate was refused, or nothing but that the connection has ended.
fn ended() -> String {
    "the server has ended the connection: where it wants a certificate of its clients, certificate=FILE and key=FILE in the address name one \
     that it trusts"
        .to_owned()
}

fn of_tls(error: &rustls::Error, address: &NatsAddress) -> String {
    let certificate = match error {
        rustls::Error::InvalidCertificate(certificate) => certificate,
        rustls::Error::AlertReceived(_) => return ended(),
        rustls::Error::InvalidMessage(_) => return "it does not speak TLS there".to_owned(),
        _ => return "TLS failed".to_owned(),
    };
    match certificate {
        CertificateError::UnknownIssuer => match &address.ca {
            Some(ca) => format!("no authority in ca={} has issued the server's certificate", ca.display()),
            None => "no authority that this system trusts has issued the server's certificate: ca=FILE in the address names others".to_owned(),
        },
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the server's certificate is for another name than that in the address".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "the server's certificate has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet".to_owned()
        }
        _ => "the server's certificate cannot be trusted".to_owned(),
    }
}
