//! The broker's address: a URL such as `ssl://broker.example.com:8883`.

use mqtt_connector_contract::publisher::{Broker, Transport};
use mqtt_connector_contract::white_space::is_white_space;

use super::address::{self, Address};
use crate::problem::BrokerFault;
use crate::vendor;

/// How a broker's URL starts: which transport, and which port without one in the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `tcp`: plain TCP, port 1883.
    Tcp,
    /// `mqtt`: plain TCP, port 1883.
    Mqtt,
    /// `ssl`: TLS over TCP, port 8883.
    Ssl,
    /// `tls`: TLS over TCP, port 8883.
    Tls,
    /// `mqtts`: TLS over TCP, port 8883.
    Mqtts,
    /// `ws`: WebSocket over TCP, port 80.
    Ws,
    /// `wss`: WebSocket over TLS, port 443.
    Wss,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Scheme; 7] =
        [Scheme::Tcp, Scheme::Mqtt, Scheme::Ssl, Scheme::Tls, Scheme::Mqtts, Scheme::Ws, Scheme::Wss];

    /// The scheme in lower case, as it stands in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Tcp => "tcp",
            Scheme::Mqtt => "mqtt",
            Scheme::Ssl => "ssl",
            Scheme::Tls => "tls",
            Scheme::Mqtts => "mqtts",
            Scheme::Ws => "ws",
            Scheme::Wss => "wss",
        }
    }

    /// What carries the MQTT packets.
    pub fn transport(self) -> Transport {
        match self {
            Scheme::Tcp | Scheme::Mqtt => Transport::Tcp,
            Scheme::Ssl | Scheme::Tls | Scheme::Mqtts => Transport::Tls,
            Scheme::Ws => Transport::Websocket,
            Scheme::Wss => Transport::WebsocketTls,
        }
    }

    /// The port of a URL that gives none.
    pub fn default_port(self) -> u16 {
        match self.transport() {
            Transport::Tcp => 1883,
            Transport::Tls => 8883,
            Transport::Websocket => 80,
            Transport::WebsocketTls => 443,
        }
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(self) -> bool {
        matches!(self.transport(), Transport::Tls | Transport::WebsocketTls)
    }

    /// Whether MQTT is carried in WebSocket frames.
    pub fn is_websocket(self) -> bool {
        matches!(self.transport(), Transport::Websocket | Transport::WebsocketTls)
    }

    fn find(text: &str) -> Option<Scheme> {
        Scheme::ALL.into_iter().find(|scheme| scheme.as_str().eq_ignore_ascii_case(text))
    }
}

/// A broker's URL, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUrl {
    scheme: Scheme,
    host: String,
    port: u16,
    path: String,
}

impl BrokerUrl {
    /// Parses `scheme://host[:port][/path]`.
    ///
    /// Scheme and host may be in any case; the host is kept in lower case. An IPv6 address stands in
    /// brackets. One `/` after host and port is fine on every transport; a longer path, and a query, only on
    /// `ws` and `wss`, where no path means `/mqtt`, or what the host's vendor has instead.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, from left to right.
    pub fn parse(url: &str) -> Result<Self, BrokerFault> {
        if url.starts_with(['[', '"', '\'']) && url.contains("://") {
            return Err(BrokerFault::Quoted);
        }
        let (scheme, rest) = address::split_scheme(url).ok_or_else(|| {
            if address::has_comma(url) { BrokerFault::Several } else { BrokerFault::NoScheme }
        })?;
        let scheme = Scheme::find(scheme).ok_or(BrokerFault::UnknownScheme)?;
        let (authority, path) = address::split_path(rest);
        if !address::is_plain(rest) {
            // A password with a slash in it ends what looks like the authority too early.
            let may_hold_user = if scheme.is_websocket() { authority } else { rest };
            if address::holds_user(may_hold_user) {
                return Err(BrokerFault::UserInformation);
            }
            let has_another = || rest.split(':').skip(1).any(|after| after.starts_with("//"));
            if address::has_comma(authority) || (authority.contains(is_white_space) && has_another()) {
                return Err(BrokerFault::Several);
            }
        }
        let again = path.strip_prefix("//").and(authority.strip_suffix(':'));
        if again.is_some_and(|again| Scheme::find(again).is_some()) {
            return Err(BrokerFault::SchemeTwice);
        }
        let Address { host, port } = Address::parse(authority).map_err(BrokerFault::Address)?;
        let port = port.unwrap_or(scheme.default_port());
        let path = parse_path(scheme, path, &host)?;
        Ok(BrokerUrl { scheme, host, port, path })
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host: a name in lower case, an IPv4 address, or an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, 1 to 65,535.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the other URL leads to the same place in the same way.
    pub fn is_same(&self, other: &BrokerUrl) -> bool {
        self.scheme.transport() == other.scheme.transport()
            && (&self.host, self.port, &self.path) == (&other.host, other.port, &other.path)
    }

    /// The broker as the contract has it.
    pub fn into_wire(self) -> Broker {
        Broker { transport: self.scheme.transport(), host: self.host, port: self.port, path: self.path }
    }
}

/// Whether these are characters that path and query of a URL may have (RFC 3986, sections 3.3 and 3.4).
fn is_path(path: &str) -> bool {
    let mut pieces = path.split('%');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&byte);
    let is_escape = |piece: &str| piece.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    pieces.next().is_none_or(|first| first.bytes().all(is_plain))
        && pieces.all(|piece| is_escape(piece) && piece.bytes().all(is_plain))
}

fn parse_path(scheme: Scheme, path: &str, host: &str) -> Result<String, BrokerFault> {
    if !scheme.is_websocket() {
        return if matches!(path, "" | "/") { Ok(String::new()) } else { Err(BrokerFault::Path) };
    }
    if !is_path(path) {
        return Err(BrokerFault::PathText);
    }
    Ok(match path {
        path if path.is_empty() || path.starts_with('?') => format!("{}{path}", vendor::websocket_path(host)),
        path => path.to_owned(),
    })
}
