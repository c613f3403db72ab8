//! One entry of a tenant's list of brokers.

mod host;
mod port;
mod scheme;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use mqtt_connector_contract::shown::Shown;
use mqtt_connector_contract::url;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::tenant::excerpt::excerpt;
use crate::tenant::grants::METADATA;
use host::{HostError, HostPattern};
use port::{PortError, PortPattern};
pub use scheme::Scheme;
use scheme::{SchemeError, SchemePattern};

/// Brokers that a tenant may send to: `scheme://host[:port]`.
///
/// - **scheme**: one that the `broker` parameter knows, or `*` for any of them. Schemes with one meaning (`ssl`, `tls`,
///   `mqtts`) grant each other. `socks5` and `http` grant a proxy, which `*` does not.
/// - **host**: a name, `*.suffix` (any name below it, not the suffix itself), an address, or a range of addresses
///   (`10.0.0.0/8`, `[fd00::]/8`). An IPv4 address means its IPv4-mapped IPv6 address too, and the other way round.
/// - **port**: a number, or `*`; without one, the scheme's default port.
///
/// An address or a range grants brokers that are written as addresses, and lets granted names lead there.
/// [`Display`](fmt::Display) gives back the original. In a document it is a string.
///
/// ```
/// use mqtt_connector_publisher::BrokerGrant;
///
/// let grant: BrokerGrant = "ssl://*.iot.eu-west-1.amazonaws.com:8883".parse()?;
/// assert_eq!(grant.to_string(), "ssl://*.iot.eu-west-1.amazonaws.com:8883");
/// # Ok::<(), mqtt_connector_publisher::BrokerGrantError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerGrant {
    original: String,
    scheme: SchemePattern,
    host: HostPattern,
    port: PortPattern,
}

/// Why a text is not a [`BrokerGrant`]. Nothing that may be a password is in it, and of a long text only start and end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("broker grant {}: {reason}", Shown::whole(.grant))]
pub struct BrokerGrantError {
    grant: String,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("wants scheme://host[:port], as in ssl://broker.example:8883")]
    Shape,
    #[error("a grant has no user name and no password; those are parameters of the connector")]
    UserInformation,
    #[error(
        "wants scheme://host[:port], as in ssl://broker.example:8883; what it has instead is not shown: it may be a \
         secret"
    )]
    Hidden,
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Port(#[from] PortError),
}

/// The shortest prefix of a range that may be the networks of one organisation, as 10.0.0.0/8 and fd00::/8 are.
const WIDE: u8 = 8;

impl BrokerGrant {
    /// What an operator should consider before granting this, as a clause whose subject is the grant; `None` when there is nothing to consider.
    #[must_use]
    pub fn caution(&self) -> Option<&'static str> {
        match &self.host {
            HostPattern::Addresses(range) => {
                if METADATA.iter().any(|address| range.contains(address)) {
                    Some(
                        "it includes an address at which clouds hand out credentials (169.254.169.254, 100.100.100.200, \
                         fd00:ec2::254 and others)",
                    )
                } else if range.prefix_len() < WIDE {
                    Some("it is a very wide range of addresses")
                } else {
                    None
                }
            }
            HostPattern::Below(suffix) if !suffix.trim_start_matches('.').contains('.') => {
                Some("it means every name below a whole top-level domain")
            }
            HostPattern::Below(_) | HostPattern::Name(_) => None,
        }
    }

    /// How what is granted is reached; `None` when it may be any broker.
    #[must_use]
    pub fn scheme(&self) -> Option<Scheme> {
        match self.scheme {
            SchemePattern::Any => None,
            SchemePattern::One(scheme) => Some(scheme),
        }
    }

    /// Whether the broker, or the proxy, at `host` (as it is written, without brackets) and `port` is meant.
    pub(crate) fn allows(&self, scheme: Scheme, host: &str, port: u16) -> bool {
        self.host.allows(host) && self.scheme.allows(scheme) && self.port.allows(scheme, port)
    }

    /// Whether a granted name of what is reached by `scheme` at `port` may lead to `address`: the grant names the address
    /// itself, or a range with a prefix of `narrowest` bits at least.
    pub(crate) fn allows_address(&self, scheme: Scheme, port: u16, address: IpAddr, narrowest: u8) -> bool {
        self.host.allows_address(address, narrowest)
            && self.scheme.allows(scheme)
            && self.port.allows(scheme, port)
    }
}

impl fmt::Display for BrokerGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.original)
    }
}

impl FromStr for BrokerGrant {
    type Err = BrokerGrantError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map_err(|reason| {
            if !may_hold_secret(text) {
                return BrokerGrantError { grant: excerpt(text), reason };
            }
            let reason = if reason == Reason::UserInformation { reason } else { Reason::Hidden };
            BrokerGrantError { grant: excerpt(&masked(text)), reason }
        })
    }
}

fn parse(text: &str) -> Result<BrokerGrant, Reason> {
    if url::may_hold_user(text) {
        return Err(Reason::UserInformation);
    }
    let (scheme, rest) = text.split_once("://").ok_or(Reason::Shape)?;
    let scheme = scheme.parse()?;
    let (host, port) = split_port(rest);
    let host = host.parse()?;
    let port = match port {
        None => PortPattern::Default,
        Some(port) => match port.split_once('/') {
            Some(_) => return Err(HostError::Path(excerpt(rest)).into()),
            None => port.parse()?,
        },
    };
    Ok(BrokerGrant { original: text.to_owned(), scheme, host, port })
}

/// The host, and what stands after the colon. An IPv6 address without brackets is left whole.
fn split_port(rest: &str) -> (&str, Option<&str>) {
    let after_brackets = &rest[rest.rfind(']').unwrap_or(0)..];
    match after_brackets.split_once(':') {
        Some((_, port)) if !port.contains(':') => (&rest[..rest.len() - port.len() - 1], Some(port)),
        Some(_) | None => (rest, None),
    }
}

/// Whether no message may show the text: it may have a user name and a password, the password where the port should be, or a
/// token in a query.
fn may_hold_secret(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let (authority, _) = url::split_path(rest);
    let after_brackets = &authority[authority.rfind(']').map_or(0, |end| end + 1)..];
    let is_port = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'*' | b'+' | b'-');
    let is_address = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let is_plain = match (after_brackets.strip_prefix('['), after_brackets.split_once(':')) {
        (Some(open), _) => open.bytes().all(is_address),
        (None, Some((_, port))) => port.bytes().all(is_port) || authority.parse::<Ipv6Addr>().is_ok(),
        (None, None) => true,
    };
    url::may_hold_user(text) || text.contains('?') || !is_plain
}

/// What a message shows of a text that may hold a password: its scheme, and its host where it is certainly one.
fn masked(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if scheme.parse::<SchemePattern>().is_ok() => (format!("{scheme}://"), rest),
        Some(_) | None => (String::new(), text),
    };
    // With several `@`, the last may be part of a password, whose rest looks like a host name of one label.
    let is_one = rest.matches('@').count() == 1;
    let is_host = |text: &&str| {
        let (host, port) = split_port(text);
        (is_one || host.contains(['.', '[']))
            && host.parse::<HostPattern>().is_ok()
            && port.is_none_or(|port| port.parse::<PortPattern>().is_ok())
    };
    let host = rest.rsplit_once('@').map(|(_, host)| host).filter(is_host);
    format!("{scheme}…{}", host.map(|host| format!("@{host}")).unwrap_or_default())
}

impl Serialize for BrokerGrant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.original)
    }
}

impl<'de> Deserialize<'de> for BrokerGrant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
