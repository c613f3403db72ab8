//! The proxy between the host and the broker: a URL such as `socks5://proxy.example.com:1080`.

use mqtt_connector_contract::publisher::{Credentials, Proxy, ProxyProtocol};
use mqtt_connector_contract::white_space::Stray;

use super::address::{self, Address};
use crate::document::Given;
use crate::json::Value;
use crate::message::text::short;
use crate::problem::{Got, Problem, ProxyFault, Wants};

/// A user name for a proxy: 65,535 bytes at most, no U+0000. What else a protocol rules out is judged where it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyUsername(String);

impl ProxyUsername {
    /// Checks a user name.
    ///
    /// # Errors
    ///
    /// When it is longer than 65,535 bytes or holds U+0000.
    pub fn new(name: impl Into<String>) -> Result<Self, Wants> {
        let name = short(name.into())?;
        if name.contains('\0') { Err(Wants::NoNul) } else { Ok(ProxyUsername(name)) }
    }

    /// Reads a user name.
    ///
    /// # Errors
    ///
    /// When the value is no string, or as [`ProxyUsername::new`].
    pub fn read(value: Value<'_>) -> Result<Self, Wants> {
        Self::new(value.string()?)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// A proxy's URL, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyUrl {
    protocol: ProxyProtocol,
    host: String,
    port: u16,
}

impl ProxyUrl {
    /// Parses `socks5://host[:port]` (1080) or `http://host[:port]` (80); scheme and host may be in any case, an IPv6
    /// address stands in brackets, and one `/` at the end is fine.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, from left to right.
    pub fn parse(url: &str) -> Result<Self, ProxyFault> {
        let (scheme, rest) = address::split_scheme(url).ok_or(ProxyFault::NoScheme)?;
        let protocols = [ProxyProtocol::Socks5, ProxyProtocol::Http];
        let protocol = protocols.into_iter().find(|known| name(*known).eq_ignore_ascii_case(scheme));
        let protocol = protocol.ok_or(ProxyFault::UnknownScheme)?;
        if address::holds_user(rest) {
            return Err(ProxyFault::UserInformation);
        }
        let (authority, path) = address::split_path(rest);
        if address::has_comma(authority) {
            return Err(ProxyFault::Several);
        }
        let Address { host, port } = Address::parse(authority).map_err(ProxyFault::Address)?;
        if !matches!(path, "" | "/") {
            return Err(ProxyFault::Path);
        }
        let port = port.unwrap_or(match protocol {
            ProxyProtocol::Socks5 => 1080,
            ProxyProtocol::Http => 80,
        });
        Ok(ProxyUrl { protocol, host, port })
    }

    /// Reads `proxy`. What is wrong with it goes to `problems`; a text that may hold a password is not shown.
    pub fn read<'a>(given: Given<'a>, problems: &mut Vec<Problem<'a>>) -> Option<Self> {
        let Given { value, source, .. } = given;
        let (got, wants) = match value.string() {
            Err(mismatch) => (Got::open(value), mismatch.into()),
            Ok(url) => match (Stray::find(&url), Self::parse(&url)) {
                (Some(stray), _) => (Got::url(value, &url), Wants::NoWhiteSpace(stray)),
                (None, Err(fault)) => (Got::url(value, &url), Wants::Proxy(fault)),
                (None, Ok(proxy)) => return Some(proxy),
            },
        };
        problems.push(Problem::Wrong { name: "proxy", source, got, wants });
        None
    }

    /// How the proxy is asked.
    pub fn protocol(&self) -> ProxyProtocol {
        self.protocol
    }

    /// The host: a name in lower case, an IPv4 address, or an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, 1 to 65,535.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The proxy as the contract has it.
    pub fn into_wire(self, credentials: Option<Credentials>) -> Proxy {
        Proxy { protocol: self.protocol, host: self.host, port: self.port, credentials }
    }
}

/// The scheme of the URLs of such proxies.
pub fn name(protocol: ProxyProtocol) -> &'static str {
    match protocol {
        ProxyProtocol::Socks5 => "socks5",
        ProxyProtocol::Http => "http",
    }
}
