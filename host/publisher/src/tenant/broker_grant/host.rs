//! The host of a grant.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use mqtt_connector_contract::shown::Shown;

use crate::tenant::excerpt::excerpt;

/// The host of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HostPattern {
    /// In lower case, without a dot at the end.
    Name(String),
    /// The suffix with its leading dot, in lower case, without a dot at the end.
    Below(String),
    /// One address or several. What an IPv4-mapped IPv6 range means is kept as IPv4.
    Addresses(IpNet),
}

/// Why a text is not the host of a grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum HostError {
    #[error("a host stands after ://, as in ssl://broker.example:8883")]
    Missing,
    #[error("the bracket has no end")]
    OpenBracket,
    #[error("brackets hold an IPv6 address, as in tcp://[fd00::1]:1883 or tcp://[fd00::]/8:1883")]
    Brackets,
    #[error("an IPv6 address stands in brackets, as in tcp://[fd00::1]:1883")]
    NoBrackets,
    #[error("the prefix length of {} is not one; 10.0.0.0/8 has one", Shown::whole(.0))]
    Prefix(String),
    #[error("the range {given} has bits after its prefix; {meant} is meant?")]
    BitsAfterPrefix { given: IpNet, meant: IpNet },
    #[error("{} has a path; a grant is scheme://host[:port]", Shown::whole(.0))]
    Path(String),
    #[error("the host {} ends in a number, as no name does; an IPv4 address has four of them, as in 127.0.0.1", Shown::whole(.0))]
    Number(String),
    #[error("the host {} is not ASCII; write it as it is looked up, as in xn--bcher-kva.example", Shown::whole(.0))]
    NotAscii(String),
    #[error("the host {} is not a name, *.suffix, an address or a range; a * stands for whole labels at the front", Shown::whole(.0))]
    Other(String),
}

impl HostPattern {
    /// Whether the host of a broker, as the tenant wrote it, is meant.
    pub(super) fn allows(&self, host: &str) -> bool {
        // Only the usual spellings are addresses here. Others ("127.1", "0x7f000001") count as names, and the addresses that
        // a resolver gives for them are checked.
        match (self, host.parse::<IpAddr>()) {
            (Self::Addresses(range), Ok(address)) => range.contains(&address.to_canonical()),
            (Self::Name(name), Err(_)) => without_root(host).eq_ignore_ascii_case(name),
            (Self::Below(suffix), Err(_)) => {
                let host = without_root(host).to_ascii_lowercase();
                host.strip_suffix(suffix.as_str()).is_some_and(|label| !label.is_empty())
            }
            (Self::Addresses(_), Err(_)) | (Self::Name(_) | Self::Below(_), Ok(_)) => false,
        }
    }

    /// Whether this is an address, or a range with a prefix of `narrowest` bits at least, that holds `address`.
    pub(super) fn allows_address(&self, address: IpAddr, narrowest: u8) -> bool {
        match self {
            Self::Addresses(range) => {
                range.prefix_len() >= narrowest && range.contains(&address.to_canonical())
            }
            Self::Name(_) | Self::Below(_) => false,
        }
    }
}

impl FromStr for HostPattern {
    type Err = HostError;

    fn from_str(host: &str) -> Result<Self, Self::Err> {
        if host.is_empty() {
            return Err(HostError::Missing);
        }
        if let Some(inside) = host.strip_prefix('[') {
            let (address, after) = inside.split_once(']').ok_or(HostError::OpenBracket)?;
            let address: Ipv6Addr = address.parse().map_err(|_| HostError::Brackets)?;
            return match after.strip_prefix('/') {
                Some(length) => range(&format!("{address}/{length}")),
                None if after.is_empty() => Ok(Self::Addresses(IpAddr::from(address).to_canonical().into())),
                None => Err(HostError::Brackets),
            };
        }
        if host.contains(':') {
            return Err(HostError::NoBrackets);
        }
        if let Some((address, _)) = host.split_once('/') {
            let is_range = address.parse::<IpAddr>().is_ok();
            return if is_range { range(host) } else { Err(HostError::Path(excerpt(host))) };
        }
        match host.parse::<IpAddr>() {
            Ok(address) => Ok(Self::Addresses(address.into())),
            Err(_) => name(host),
        }
    }
}

fn range(text: &str) -> Result<HostPattern, HostError> {
    let range: IpNet = text.parse().map_err(|_| HostError::Prefix(excerpt(text)))?;
    let meant = range.trunc();
    if meant != range {
        return Err(HostError::BitsAfterPrefix { given: range, meant });
    }
    let mapped = match (range.addr().to_canonical(), range) {
        (IpAddr::V4(address), IpNet::V6(_)) => {
            range.prefix_len().checked_sub(96).and_then(|length| Ipv4Net::new(address, length).ok())
        }
        (IpAddr::V4(_) | IpAddr::V6(_), _) => None,
    };
    Ok(HostPattern::Addresses(mapped.map_or(range, IpNet::V4)))
}

fn name(host: &str) -> Result<HostPattern, HostError> {
    if !host.is_ascii() {
        return Err(HostError::NotAscii(excerpt(host)));
    }
    let name = without_root(host).to_ascii_lowercase();
    let (below, name) = match name.strip_prefix("*.") {
        Some(name) => (true, name),
        None => (false, name.as_str()),
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if !name.split('.').all(is_label) {
        return Err(HostError::Other(excerpt(host)));
    }
    if name.rsplit('.').next().is_some_and(is_number) {
        return Err(HostError::Number(excerpt(host)));
    }
    Ok(if below { HostPattern::Below(format!(".{name}")) } else { HostPattern::Name(name.to_owned()) })
}

/// Whether some resolver would take a host with this last label for an IPv4 address.
fn is_number(label: &str) -> bool {
    let hexadecimal = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    label.bytes().all(|byte| byte.is_ascii_digit()) || label.strip_prefix("0x").is_some_and(hexadecimal)
}

/// A name without the dot at its end, which only says that the name is complete.
fn without_root(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}
