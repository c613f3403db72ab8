//! The way through a proxy. The proxy is asked for a connection to the broker, and looks the broker's name up itself.
//!
//! HTTP CONNECT is written here and not by a library: it is a request of four lines, and its answer is read as the answer to a
//! WebSocket handshake is. The libraries for it read without a bound, and may read more than the answer.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqtt_connector_contract::proxy::{BASIC_SEPARATOR, fits_basic, fits_socks};
use mqtt_connector_contract::shown::Shown;
use mqtt_connector_contract::white_space::Stray;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_socks::tcp::Socks5Stream;
use zeroize::Zeroizing;

use super::http;
use super::http::{Answer, NoAnswer};
use crate::contract::{Broker, ConnectOptions, Credentials, Proxy, ProxyProtocol};
use crate::error::Error;
use crate::options::MayBeShown;
use crate::platform::System;

/// Whether the request to the proxy of `options` can be written. A component that somebody else wrote may ask for anything.
///
/// # Errors
///
/// [`Error::Denied`], which names the parameter and never its value.
pub(crate) fn check(options: &ConnectOptions) -> Result<(), Error> {
    let Some(proxy) = &options.proxy else { return Ok(()) };
    for broker in &options.brokers {
        http::host(&broker.host)?;
    }
    let Some(credentials) = &proxy.credentials else { return Ok(()) };
    let (username, password) = pair(credentials);
    let denied = |reason: &str| Err(Error::Denied(format!("proxy: {reason}")));
    match proxy.protocol {
        ProxyProtocol::Socks5 => {
            if !fits_socks(username.len()) || !fits_socks(password.len()) {
                return denied("user name and password have 1 to 255 bytes each for socks5");
            }
        }
        ProxyProtocol::Http => {
            if username.contains(BASIC_SEPARATOR) || !fits_basic(username) || !fits_basic(password) {
                return denied(
                    "for http, the user name has no colon, and neither it nor the password a control character",
                );
            }
        }
    }
    Ok(())
}

/// Asks `proxy`, over `stream`, for a connection to `broker`. The stream that it returns leads to the broker. The options have
/// passed [`check`]; the proxy's words are in an error where they `may_be_shown`.
///
/// # Errors
///
/// [`Error::Proxy`].
pub(crate) async fn tunnel(
    mut stream: TcpStream,
    proxy: &Proxy,
    broker: &Broker,
    may_be_shown: MayBeShown<'_>,
) -> Result<TcpStream, Error> {
    match proxy.protocol {
        ProxyProtocol::Socks5 => socks5(stream, proxy, broker).await,
        ProxyProtocol::Http => {
            connect(&mut stream, proxy, broker, may_be_shown).await?;
            Ok(stream)
        }
    }
}

/// The error of a connection to the proxy that was not made, told as one about the proxy and not about the broker.
pub(crate) fn unreachable(error: Error) -> Error {
    match error {
        Error::HostNotFound { host, reason } => {
            failed(false, format!("the proxy's host name {} was not found: {reason}", Shown::whole(&host)))
        }
        Error::Unreachable(reason) => failed(true, format!("the proxy could not be reached: {reason}")),
        error => error,
    }
}

async fn socks5(stream: TcpStream, proxy: &Proxy, broker: &Broker) -> Result<TcpStream, Error> {
    let tunnel = match (broker.host.parse::<IpAddr>(), &proxy.credentials) {
        (Ok(address), None) => {
            Socks5Stream::connect_with_socket(stream, SocketAddr::new(address, broker.port)).await
        }
        (Err(_), None) => {
            Socks5Stream::connect_with_socket(stream, (broker.host.as_str(), broker.port)).await
        }
        (Ok(address), Some(credentials)) => {
            let (username, password) = pair(credentials);
            let target = SocketAddr::new(address, broker.port);
            Socks5Stream::connect_with_password_and_socket(stream, target, username, password).await
        }
        (Err(_), Some(credentials)) => {
            let (username, password) = pair(credentials);
            let target = (broker.host.as_str(), broker.port);
            Socks5Stream::connect_with_password_and_socket(stream, target, username, password).await
        }
    };
    tunnel.map(Socks5Stream::into_inner).map_err(|error| about_socks(&error, proxy))
}

fn about_socks(error: &tokio_socks::Error, proxy: &Proxy) -> Error {
    use tokio_socks::Error as Socks;
    let (is_transient, what) = match error {
        Socks::Io(error) => return lost(error),
        Socks::GeneralSocksServerFailure => (true, "the proxy failed (SOCKS reply 1, general failure)"),
        Socks::ConnectionNotAllowedByRuleset => {
            (false, "the proxy does not allow a connection to the broker (SOCKS reply 2)")
        }
        Socks::NetworkUnreachable => (true, "the proxy has no way to the broker's network (SOCKS reply 3)"),
        Socks::HostUnreachable => {
            (true, "the proxy cannot reach the broker, or does not find its name (SOCKS reply 4)")
        }
        Socks::ConnectionRefused => (true, "the broker refused the proxy's connection (SOCKS reply 5)"),
        Socks::TtlExpired => (true, "the proxy's way to the broker is too long (SOCKS reply 6, TTL expired)"),
        Socks::CommandNotSupported => (false, "the proxy makes no connections (SOCKS reply 7)"),
        Socks::AddressTypeNotSupported => {
            (false, "the proxy does not look names up, or not this kind of address (SOCKS reply 8)")
        }
        Socks::NoAcceptableAuthMethods | Socks::AuthorizationRequired => {
            let what = "the proxy demands another user name and password, or other credentials than these";
            return failed(false, format!("{what}{}", About(proxy)));
        }
        Socks::PasswordAuthFailure(_) => {
            let what = "the proxy does not accept the user name and password";
            return failed(false, format!("{what}{}", About(proxy)));
        }
        Socks::InvalidResponseVersion => (false, "it does not answer in SOCKS5; this is no such proxy"),
        // A reply beyond 8 is one of these too.
        Socks::UnknownAuthMethod
        | Socks::InvalidReservedByte
        | Socks::UnknownAddressType
        | Socks::InvalidTargetAddress(_)
        | Socks::UnknownError => (false, "the proxy's answer is none that SOCKS5 has"),
        other => {
            tracing::debug!(error = %other, "the proxy made no connection");
            return failed(
                false,
                "the proxy made no connection, for a reason that SOCKS5 does not have".to_owned(),
            );
        }
    };
    failed(is_transient, what.to_owned())
}

/// HTTP CONNECT (RFC 9110, section 9.3.6).
async fn connect(
    stream: &mut TcpStream,
    proxy: &Proxy,
    broker: &Broker,
    may_be_shown: MayBeShown<'_>,
) -> Result<(), Error> {
    let authority = format!("{}:{}", http::host(&broker.host)?, broker.port);
    let mut request = Zeroizing::new(String::with_capacity(1024));
    request.push_str(&format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n"));
    let encoded = proxy.credentials.as_ref().map(|credentials| {
        let (username, password) = pair(credentials);
        let plain = Zeroizing::new(format!("{username}:{password}"));
        Zeroizing::new(STANDARD.encode(plain.as_bytes()))
    });
    if let Some(encoded) = &encoded {
        request.reserve(encoded.len() + 64);
        request.push_str("Proxy-Authorization: Basic ");
        request.push_str(encoded);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|error| lost(&error))?;
    let answer = Answer::read(stream).await.map_err(|why| match why {
        NoAnswer::Lost(error) => lost(&error),
        NoAnswer::NotHttp(_) => failed(false, "it does not answer in HTTP; this is no such proxy".to_owned()),
        NoAnswer::Unusable(what) => failed(false, format!("this is no proxy: {what}")),
    })?;
    if !(200..300).contains(&answer.status) {
        let is_transient = matches!(answer.status, 408 | 429 | 500..);
        let line = answer.status_line(may_be_shown);
        let about = match answer.status {
            407 if !takes_basic(&answer) => {
                "; it wants credentials of another kind than Basic, and the connector has no other".to_owned()
            }
            401 | 407 => About(proxy).to_string(),
            _ => String::new(),
        };
        return Err(failed(is_transient, format!("the proxy answered CONNECT with {line}{about}")));
    }
    // The broker speaks only when it is spoken to, so that these bytes are the proxy's.
    if !answer.rest.is_empty() {
        return Err(failed(false, "the proxy sent more than its answer to CONNECT".to_owned()));
    }
    Ok(())
}

/// Whether a proxy that demands credentials takes them as they are sent here, or does not say how it takes them (RFC 9110, section
/// 11.7.1).
fn takes_basic(answer: &Answer) -> bool {
    let mut schemes = answer
        .values("proxy-authenticate")
        .flat_map(|value| value.split(|byte| *byte == b','))
        .filter_map(|challenge| challenge.trim_ascii().split(u8::is_ascii_whitespace).next())
        .filter(|scheme| !scheme.is_empty())
        .peekable();
    schemes.peek().is_none() || schemes.any(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
}

/// Which parameters to look at when the proxy does not take the credentials. `Display` begins with a semicolon.
struct About<'a>(&'a Proxy);

impl fmt::Display for About<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(credentials) = &self.0.credentials else {
            return f.write_str("; proxy-username and proxy-password were not given");
        };
        f.write_str("; look at proxy-username and proxy-password")?;
        let (username, password) = pair(credentials);
        for (name, text) in [("proxy-username", username), ("proxy-password", password)] {
            if let Some(stray) = Stray::find(text) {
                write!(f, "; {name} {stray}, which was sent with it")?;
            }
        }
        Ok(())
    }
}

/// User name and password; what is not given is empty.
fn pair(credentials: &Credentials) -> (&str, &str) {
    let Credentials { username, password } = credentials;
    (username.as_deref().unwrap_or_default(), password.as_deref().unwrap_or_default())
}

fn lost(error: &io::Error) -> Error {
    failed(
        true,
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                "the proxy closed the connection when it was asked for one to the broker".to_owned()
            }
            _ => format!("the connection to the proxy was lost: {}", System(error)),
        },
    )
}

fn failed(is_transient: bool, reason: String) -> Error {
    Error::Proxy { reason, is_transient }
}
