//! A host and, perhaps, a port: what every URL here has behind `://`.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::problem::AddressFault;
pub(super) use mqtt_connector_contract::url::{split_path, split_scheme};

/// `host[:port]`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A host name in lower case, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// 1 to 65,535; `None` when none is given.
    pub port: Option<u16>,
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

/// Whether the text has nothing but letters, digits and what stands between them in most URLs: no user name, no white space, and
/// nothing that people put between several URLs.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'/' | b':' | b'_'))
}

/// Whether there is a user name in front of the host: before an `@`, which some write as `%40`.
pub(crate) fn holds_user(text: &str) -> bool {
    text.contains('@') || text.contains("%40")
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
        Some((_, port)) if port.contains(':') => {
            if has_zone(authority) {
                return Err(AddressFault::Zone);
            }
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
    let labels = name.strip_suffix('.').unwrap_or(name).as_bytes();
    let is_label = |label: &[u8]| {
        (1..=63).contains(&label.len())
            && label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
    };
    let is_dot = |byte: &u8| *byte == b'.';
    let last = labels.rsplit(is_dot).next().unwrap_or(labels);
    if last.iter().all(u8::is_ascii_digit) {
        return name.parse::<Ipv4Addr>().is_ok();
    }
    labels.len() <= 253 && labels.split(is_dot).all(is_label)
}
