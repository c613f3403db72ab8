//! A host and, perhaps, a port: what every URL here has behind `://`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

pub use mqtt_connector_contract::url::{may_hold_secret, split_path, split_scheme};
use mqtt_connector_contract::white_space::is_white_space;

use crate::value::{Got, Value};

/// `host[:port]`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A host name in lower case, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// 1 to 65,535; `None` when none is given.
    pub port: Option<u16>,
}

/// Why a text is not a host with a port. Displayed after the word "wants".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressFault {
    /// Nothing where the host should be.
    NoHost,
    /// Neither a host name nor an IPv4 address.
    Host,
    /// Brackets that do not hold an IPv6 address, or are not closed.
    Ipv6,
    /// More than one colon: an IPv6 address without brackets.
    Ipv6WithoutBrackets,
    /// An IPv6 address with a zone identifier (RFC 6874), in brackets or without.
    Zone,
    /// Something else than 1 to 65,535 after the colon.
    Port,
}

impl fmt::Display for AddressFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AddressFault::NoHost => "a host after ://",
            AddressFault::Host => {
                "a host name (labels of 1 to 63 letters, digits, - and _, with dots between them) or an IP address"
            }
            AddressFault::Ipv6 => "an IPv6 address in the brackets, as in //[2001:db8::1]:1883",
            AddressFault::Ipv6WithoutBrackets => "brackets around an IPv6 address, as in //[2001:db8::1]:1883",
            AddressFault::Zone => {
                "an IPv6 address without a zone identifier (the part from % on): what is link-local cannot be reached, \
                 so give a host name or another address"
            }
            AddressFault::Port => "a port from 1 to 65535 after the colon",
        })
    }
}

impl Address {
    /// Parses `host[:port]`; an IPv6 address stands in brackets.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, from left to right.
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        let (host, port) = split_port(text)?;
        let port = match port {
            None => None,
            Some(port) => Some(parse_port(port).ok_or(AddressFault::Port)?),
        };
        Ok(Address { host, port })
    }
}

/// Whether the text has what people put between several URLs: a comma or a semicolon.
#[inline(never)]
pub fn has_comma(text: &str) -> bool {
    text.bytes().any(|byte| matches!(byte, b',' | b';'))
}

/// Whether there is a user name in front of the host: before an `@`, which some write as `%40`.
pub(crate) fn holds_user(text: &str) -> bool {
    text.contains('@') || text.contains("%40")
}

/// What was got, `value`, whose text is `url`: shown unless it may hold a secret.
pub fn got<'a>(value: Value<'a>, url: &str) -> Got<'a> {
    if may_hold_secret(url.trim_matches(is_white_space)) { Got::secret(value) } else { Got::open(value) }
}

fn split_port(authority: &str) -> Result<(String, Option<&str>), AddressFault> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or(AddressFault::Ipv6)?;
        if has_zone(address) {
            return Err(AddressFault::Zone);
        }
        let address: Ipv6Addr = address.parse().map_err(|_| AddressFault::Ipv6)?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((address.to_string(), Some(port))),
            None if after.is_empty() => Ok((address.to_string(), None)),
            None => Err(AddressFault::Port),
        };
    }
    let (host, port) = match authority.split_once(':') {
        _ if has_zone(authority) => return Err(AddressFault::Zone),
        Some((_, port)) if port.contains(':') => {
            let may_be_ipv6 = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
            let is_ipv6 = authority.bytes().all(may_be_ipv6);
            return Err(if is_ipv6 { AddressFault::Ipv6WithoutBrackets } else { AddressFault::Port });
        }
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    if host.is_empty() {
        Err(AddressFault::NoHost)
    } else if !is_host_name(host) {
        Err(AddressFault::Host)
    } else {
        Ok((host.to_ascii_lowercase(), port))
    }
}

/// Whether it is an IPv6 address with something from `%` on.
fn has_zone(text: &str) -> bool {
    text.split_once('%').is_some_and(|(address, _)| address.parse::<Ipv6Addr>().is_ok())
}

fn parse_port(port: &str) -> Option<u16> {
    // `parse` alone would take `+1883`.
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse().ok().filter(|port| digits && *port != 0)
}

/// Whether the text is a host name (RFC 1123, section 2.1, and `_`, which service names have): 253
/// characters at most, labels of 1 to 63 letters, digits, `-` and `_`, not starting or ending with `-`; a
/// dot at the end is allowed. A name whose last label is a number has to be an IPv4 address, because it would
/// be taken for one.
pub fn is_host_name(name: &str) -> bool {
    let labels = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = labels.rsplit('.').next().unwrap_or(labels);
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return name.parse::<Ipv4Addr>().is_ok();
    }
    labels.len() <= 253 && labels.split('.').all(is_label)
}
