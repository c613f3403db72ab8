//! One entry of a tenant's list of brokers.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use crate::bindings::flint::mqtt::publisher::{Broker, Transport};

/// Brokers that a tenant may send to: `scheme://host[:port]`.
///
/// - **scheme**: one that the `broker` parameter knows, or `*`. Schemes with one meaning (`ssl`, `tls`, `mqtts`) grant
///   each other.
/// - **host**: a name, `*.suffix` (any name below it, not the suffix itself), an address, or a range of addresses
///   (`10.0.0.0/8`, `[fd00::]/8`).
/// - **port**: a number, or `*`; without one, the scheme's default port.
///
/// An address or a range grants brokers that are written as addresses, and lets granted names lead there.
/// [`Display`](fmt::Display) gives back the original.
///
/// ```
/// use mqtt_connector::BrokerGrant;
///
/// let grant: BrokerGrant = "ssl://*.iot.eu-west-1.amazonaws.com:8883".parse()?;
/// assert_eq!(grant.to_string(), "ssl://*.iot.eu-west-1.amazonaws.com:8883");
/// # Ok::<(), mqtt_connector::BrokerGrantError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerGrant {
    original: String,
    transport: Option<Transport>,
    host: HostPattern,
    port: PortPattern,
}

/// Why a text is not a [`BrokerGrant`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("broker grant {grant:?}: {reason}")]
pub struct BrokerGrantError {
    grant: String,
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostPattern {
    Name(String),
    /// The suffix with its leading dot.
    Below(String),
    Addresses(IpNet),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PortPattern {
    Any,
    Default,
    One(u16),
}

impl BrokerGrant {
    /// Whether `broker`, as the tenant wrote it, is meant.
    pub(crate) fn allows(&self, broker: &Broker) -> bool {
        let host = broker.host.trim_end_matches('.');
        let host_matches = match (&self.host, host.parse::<IpAddr>()) {
            (HostPattern::Addresses(range), Ok(address)) => range.contains(&address),
            (HostPattern::Name(name), Err(_)) => host.eq_ignore_ascii_case(name),
            (HostPattern::Below(suffix), Err(_)) => {
                host.len() > suffix.len() && host.to_ascii_lowercase().ends_with(suffix.as_str())
            }
            (HostPattern::Addresses(_), Err(_)) | (HostPattern::Name(_) | HostPattern::Below(_), Ok(_)) => {
                false
            }
        };
        host_matches && self.allows_transport(broker.transport, broker.port)
    }

    /// Whether a granted name of this broker may lead to `address`: the grant names the address itself.
    pub(crate) fn allows_address(&self, broker: &Broker, address: IpAddr) -> bool {
        match &self.host {
            HostPattern::Addresses(range) => {
                range.contains(&address) && self.allows_transport(broker.transport, broker.port)
            }
            HostPattern::Name(_) | HostPattern::Below(_) => false,
        }
    }

    fn allows_transport(&self, transport: Transport, port: u16) -> bool {
        let port_matches = match self.port {
            PortPattern::Any => true,
            PortPattern::Default => port == default_port(transport),
            PortPattern::One(one) => port == one,
        };
        port_matches && self.transport.is_none_or(|granted| granted == transport)
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
        let wrong = |reason: String| BrokerGrantError { grant: text.to_owned(), reason };
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(wrong("wants scheme://host[:port], as in ssl://broker.example:8883".to_owned()));
        };
        let transport = match scheme.to_ascii_lowercase().as_str() {
            "*" => None,
            "tcp" | "mqtt" => Some(Transport::Tcp),
            "ssl" | "tls" | "mqtts" => Some(Transport::Tls),
            "ws" => Some(Transport::Websocket),
            "wss" => Some(Transport::WebsocketTls),
            _ => {
                return Err(wrong(format!(
                    "the scheme {scheme:?} is not known; tcp, mqtt, ssl, tls, mqtts, ws, wss and * are"
                )));
            }
        };
        let (host, port) = split_port(rest).map_err(wrong)?;
        let port = match port {
            None => PortPattern::Default,
            Some("*") => PortPattern::Any,
            Some(number) => match number.parse::<u16>() {
                Ok(number) if number > 0 => PortPattern::One(number),
                Ok(_) | Err(_) => {
                    return Err(wrong(format!("the port {number:?} is not a number from 1 to 65535, or *")));
                }
            },
        };
        let host = host_pattern(host).map_err(wrong)?;
        Ok(Self { original: text.to_owned(), transport, host, port })
    }
}

/// The port that a scheme has when the URL has none.
fn default_port(transport: Transport) -> u16 {
    match transport {
        Transport::Tcp => 1883,
        Transport::Tls => 8883,
        Transport::Websocket => 80,
        Transport::WebsocketTls => 443,
    }
}

fn split_port(rest: &str) -> Result<(&str, Option<&str>), String> {
    if rest.starts_with('[') {
        let Some(end) = rest.find(']') else { return Err("the bracket has no end".to_owned()) };
        return Ok(match rest[end..].find(':') {
            Some(colon) => (&rest[..end + colon], Some(&rest[end + colon + 1..])),
            None => (rest, None),
        });
    }
    match rest.matches(':').count() {
        0 => Ok((rest, None)),
        1 => Ok(rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)))),
        _ => Err("an IPv6 address stands in brackets, as in tcp://[fd00::1]:1883".to_owned()),
    }
}

fn host_pattern(host: &str) -> Result<HostPattern, String> {
    let bare = host.replace(['[', ']'], "");
    if let Some((address, _)) = bare.split_once('/') {
        return match bare.parse::<IpNet>() {
            Ok(range) if range.trunc() == range => Ok(HostPattern::Addresses(range)),
            Ok(range) => {
                Err(format!("the range {bare} has bits after its prefix; {} is meant?", range.trunc()))
            }
            Err(_) if address.parse::<IpAddr>().is_ok() => {
                Err(format!("the prefix length of {bare:?} is not one; 10.0.0.0/8 has one"))
            }
            Err(_) => Err(format!("{bare:?} has a path; a grant is scheme://host[:port]")),
        };
    }
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(HostPattern::Addresses(address.into()));
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let (below, labels) = match name.strip_prefix("*.") {
        Some(labels) => (true, labels),
        None => (false, name.as_str()),
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if !labels.split('.').all(label) {
        return Err(format!(
            "the host {host:?} is not a name, *.suffix, an address or a range; a * stands for whole labels at the front"
        ));
    }
    Ok(if below { HostPattern::Below(format!(".{labels}")) } else { HostPattern::Name(labels.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(transport: Transport, host: &str, port: u16) -> Broker {
        Broker { transport, host: host.to_owned(), port, path: String::new() }
    }

    #[test]
    fn a_grant_allows_what_it_names_and_nothing_else() {
        use Transport::{Tcp, Tls, Websocket, WebsocketTls};
        for (grant, transport, host, port, allowed) in [
            ("tcp://broker.example", Tcp, "broker.example", 1883, true),
            ("mqtt://broker.example", Tcp, "Broker.Example.", 1883, true),
            ("tcp://broker.example", Tcp, "broker.example", 1884, false),
            ("tcp://broker.example", Tls, "broker.example", 8883, false),
            ("tcp://broker.example", Tcp, "broker.example.evil", 1883, false),
            ("tcp://broker.example:*", Tcp, "broker.example", 1, true),
            ("*://broker.example", Tls, "broker.example", 8883, true),
            ("*://broker.example", Tls, "broker.example", 1883, false),
            ("*://broker.example:*", Websocket, "broker.example", 9001, true),
            ("wss://broker.example", WebsocketTls, "broker.example", 443, true),
            ("ssl://*.iot.example:8883", Tls, "a.iot.example", 8883, true),
            ("ssl://*.iot.example:8883", Tls, "a.b.iot.example", 8883, true),
            ("ssl://*.iot.example:8883", Tls, "iot.example", 8883, false),
            ("ssl://*.iot.example:8883", Tls, "eviliot.example", 8883, false),
            ("tcp://10.0.0.0/8:1883", Tcp, "10.1.2.3", 1883, true),
            ("tcp://10.0.0.0/8:1883", Tcp, "11.1.2.3", 1883, false),
            ("tcp://10.0.0.0/8:1883", Tcp, "ten.example", 1883, false),
            ("tcp://[fd00::]/8:1883", Tcp, "fd00::1", 1883, true),
            ("tcp://[fd00::1]", Tcp, "fd00::1", 1883, true),
            ("tcp://[fd00::1]", Tcp, "fd00::2", 1883, false),
            ("tcp://127.0.0.1:1883", Tcp, "127.0.0.1", 1883, true),
            ("tcp://127.0.0.1:1883", Tcp, "localhost", 1883, false),
        ] {
            let parsed: BrokerGrant = grant.parse().unwrap();
            assert_eq!(parsed.to_string(), grant);
            assert_eq!(parsed.allows(&broker(transport, host, port)), allowed, "{grant} {host}:{port}");
        }
    }

    #[test]
    fn a_wrong_grant_says_what_would_be_right() {
        for (grant, reason) in [
            ("broker.example", "wants scheme://host[:port], as in ssl://broker.example:8883"),
            ("http://a", "the scheme \"http\" is not known; tcp, mqtt, ssl, tls, mqtts, ws, wss and * are"),
            ("tcp://a:0", "the port \"0\" is not a number from 1 to 65535, or *"),
            ("tcp://a:70000", "the port \"70000\" is not a number from 1 to 65535, or *"),
            ("tcp://a:", "the port \"\" is not a number from 1 to 65535, or *"),
            ("tcp://::1", "an IPv6 address stands in brackets, as in tcp://[fd00::1]:1883"),
            ("tcp://[::1", "the bracket has no end"),
            ("tcp://10.1.0.0/8", "the range 10.1.0.0/8 has bits after its prefix; 10.0.0.0/8 is meant?"),
            ("tcp://10.0.0.0/99", "the prefix length of \"10.0.0.0/99\" is not one; 10.0.0.0/8 has one"),
            ("tcp://a/b", "\"a/b\" has a path; a grant is scheme://host[:port]"),
            (
                "tcp://*",
                "the host \"*\" is not a name, *.suffix, an address or a range; a * stands for whole labels at the front",
            ),
            (
                "tcp://a*.b",
                "the host \"a*.b\" is not a name, *.suffix, an address or a range; a * stands for whole labels at the front",
            ),
        ] {
            let error = grant.parse::<BrokerGrant>().unwrap_err();
            assert_eq!(error.to_string(), format!("broker grant {grant:?}: {reason}"));
        }
    }
}
