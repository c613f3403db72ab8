//! Names in a TLS handshake: the server's, and those of application protocols.

use std::net::IpAddr;

use mqtt_connector_contract::white_space::Stray;

use super::address::is_host_name;
use crate::json::Value;
use crate::problem::Wants;

/// The most bytes that all application protocols take together, each with one more for its length. The lengths of the
/// list and of all extensions around it have 16 bits, and the other extensions need room too.
pub const MAX_ALPN: usize = 32 * 1024;

/// The name that the broker's certificate has to have and that is asked for (SNI, RFC 6066, section 3):
/// a host name or an IP address without brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerName(String);

impl ServerName {
    /// Checks a server name.
    ///
    /// # Errors
    ///
    /// When it is neither a host name nor an IP address, or has white space around it.
    pub fn new(name: impl Into<String>) -> Result<Self, Wants> {
        let name = name.into();
        if let Some(stray) = Stray::find(&name) {
            return Err(Wants::NoWhiteSpace(stray));
        }
        let right = name.parse::<IpAddr>().is_ok() || is_host_name(&name);
        if right { Ok(ServerName(name)) } else { Err(Wants::ServerName) }
    }

    /// Reads a server name.
    ///
    /// # Errors
    ///
    /// When the value is no string, or as [`ServerName::new`].
    pub fn read(value: Value<'_>) -> Result<Self, Wants> {
        Self::new(value.string()?)
    }

    /// The name's text.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Reads the application protocols to offer (ALPN, RFC 7301, section 3.1): a list of names of 1 to 255 bytes
/// each, in order of preference. An empty list offers none.
///
/// # Errors
///
/// When the value is not a list of strings, a name is empty or too long, or all together are too long.
pub fn read_alpn(value: Value<'_>) -> Result<Vec<String>, Wants> {
    let mut protocols: Vec<String> = Vec::new();
    for element in value.list()? {
        let protocol = element.string().map_err(|_| Wants::Strings)?;
        if !(1..=255).contains(&protocol.len()) {
            return Err(Wants::AlpnName);
        }
        protocols.push(protocol.into_owned());
    }
    let length = protocols.iter().map(|protocol| protocol.len() + 1).sum();
    if length > MAX_ALPN { Err(Wants::AlpnNames { length, maximum: MAX_ALPN }) } else { Ok(protocols) }
}
