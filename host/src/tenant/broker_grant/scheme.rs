//! How a broker is reached.

use std::str::FromStr;

use crate::bindings::flint::mqtt::publisher::Transport;
use crate::tenant::excerpt::excerpt;

/// How a broker is reached: what the scheme of its URL says. Schemes with one meaning are one value.
///
/// ```
/// use mqtt_connector::Scheme;
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
}

/// Why a text is not the scheme of a grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the scheme {scheme:?} is not known; tcp, mqtt, ssl, tls, mqtts, ws, wss and * are")]
pub(super) struct SchemeError {
    scheme: String,
}

/// The scheme of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SchemePattern {
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
        }
    }
}

impl SchemePattern {
    pub(super) fn allows(self, scheme: Scheme) -> bool {
        match self {
            Self::Any => true,
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
