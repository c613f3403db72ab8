//! How a broker is reached.

use std::str::FromStr;

use mqtt_connector_contract::shown::Shown;

use crate::contract::{ProxyProtocol, Transport};
use crate::tenant::excerpt::excerpt;

/// How a broker, or the proxy before it, is reached: what the scheme of its URL says. Schemes with one meaning are one
/// value.
///
/// ```
/// use mqtt_connector_publisher::Scheme;
///
/// assert_eq!(Scheme::Tls.default_port(), 8883);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheme {
    /// Plain TCP: `tcp`, `mqtt`.
    Tcp,
    /// TLS over TCP: `ssl`, `tls`, `mqtts`.
    Tls,
    /// WebSocket over TCP: `ws`.
    WebSocket,
    /// WebSocket over TLS: `wss`.
    WebSocketTls,
    /// A proxy that speaks SOCKS5: `socks5`.
    Socks5,
    /// A proxy that is asked by HTTP CONNECT: `http`.
    HttpProxy,
}

/// Why a text is not the scheme of a grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the scheme {} is not known; tcp, mqtt, ssl, tls, mqtts, ws, wss and * are, and socks5 and http for proxies",
    Shown::whole(.scheme)
)]
pub(super) struct SchemeError {
    scheme: String,
}

/// The scheme of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SchemePattern {
    /// Any broker, and no proxy.
    Any,
    One(Scheme),
}

impl Scheme {
    /// The port of a URL that gives none.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Tcp => 1883,
            Self::Tls => 8883,
            Self::WebSocket => 80,
            Self::WebSocketTls => 443,
            Self::Socks5 => 1080,
            Self::HttpProxy => 80,
        }
    }

    /// Whether it is that of a proxy.
    #[must_use]
    pub fn is_proxy(self) -> bool {
        match self {
            Self::Tcp | Self::Tls | Self::WebSocket | Self::WebSocketTls => false,
            Self::Socks5 | Self::HttpProxy => true,
        }
    }
}

impl SchemePattern {
    pub(super) fn allows(self, scheme: Scheme) -> bool {
        match self {
            Self::Any => !scheme.is_proxy(),
            Self::One(one) => one == scheme,
        }
    }
}

impl FromStr for SchemePattern {
    type Err = SchemeError;

    fn from_str(scheme: &str) -> Result<Self, Self::Err> {
        match scheme.to_ascii_lowercase().as_str() {
            "*" => Ok(Self::Any),
            "tcp" | "mqtt" => Ok(Self::One(Scheme::Tcp)),
            "ssl" | "tls" | "mqtts" => Ok(Self::One(Scheme::Tls)),
            "ws" => Ok(Self::One(Scheme::WebSocket)),
            "wss" => Ok(Self::One(Scheme::WebSocketTls)),
            "socks5" => Ok(Self::One(Scheme::Socks5)),
            "http" => Ok(Self::One(Scheme::HttpProxy)),
            _ => Err(SchemeError { scheme: excerpt(scheme) }),
        }
    }
}

impl From<Transport> for Scheme {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Tcp => Self::Tcp,
            Transport::Tls => Self::Tls,
            Transport::Websocket => Self::WebSocket,
            Transport::WebsocketTls => Self::WebSocketTls,
        }
    }
}

impl From<ProxyProtocol> for Scheme {
    fn from(protocol: ProxyProtocol) -> Self {
        match protocol {
            ProxyProtocol::Socks5 => Self::Socks5,
            ProxyProtocol::Http => Self::HttpProxy,
        }
    }
}
