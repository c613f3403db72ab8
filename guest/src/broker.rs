//! The broker's address: a URL such as `ssl://broker.example.com:8883`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::bindings::publisher::Transport;

/// How a broker's URL starts: which transport, and which port without one in the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `tcp`: plain TCP, port 1883.
    Tcp,
    /// `mqtt`: the same.
    Mqtt,
    /// `ssl`: TLS over TCP, port 8883.
    Ssl,
    /// `tls`: the same.
    Tls,
    /// `mqtts`: the same.
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

/// Why a text is not a broker's URL. Displayed after the word "wants".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrokerFault {
    /// No `://`.
    NoScheme,
    /// A scheme that is not one of ours.
    UnknownScheme,
    /// A user name, and perhaps a password, before an `@`.
    UserInformation,
    /// Nothing where the host should be.
    NoHost,
    /// Neither a host name nor an IPv4 address.
    Host,
    /// Brackets that do not hold an IPv6 address, or are not closed.
    Ipv6,
    /// More than one colon: an IPv6 address without brackets.
    Ipv6WithoutBrackets,
    /// Something else than 1 to 65,535 after the colon.
    Port,
    /// A path, a query or a fragment where only a WebSocket has one.
    Path,
    /// A character in the path that a URL cannot have, or a fragment.
    PathText,
}

impl fmt::Display for BrokerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BrokerFault::NoScheme => "a URL such as ssl://broker.example.com:8883 or tcp://broker.example.com:1883",
            BrokerFault::UnknownScheme => "one of the schemes tcp, mqtt, ssl, tls, mqtts, ws and wss",
            BrokerFault::UserInformation => {
                "a URL without user information: there are the parameters username and password"
            }
            BrokerFault::NoHost => "a host after ://",
            BrokerFault::Host => {
                "a host name (labels of 1 to 63 letters, digits, - and _, with dots between them) or an IP address"
            }
            BrokerFault::Ipv6 => "an IPv6 address in the brackets, as in tcp://[2001:db8::1]:1883",
            BrokerFault::Ipv6WithoutBrackets => "brackets around an IPv6 address, as in tcp://[2001:db8::1]:1883",
            BrokerFault::Port => "a port from 1 to 65535 after the colon",
            BrokerFault::Path => "nothing after host and port: only ws and wss have a path",
            BrokerFault::PathText => "a path of printable ASCII characters without a fragment (#)",
        })
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
    /// `ws` and `wss`, where no path means `/mqtt`.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, from left to right.
    pub fn parse(url: &str) -> Result<Self, BrokerFault> {
        let (scheme, rest) = url.split_once("://").ok_or(BrokerFault::NoScheme)?;
        let scheme = Scheme::find(scheme).ok_or(BrokerFault::UnknownScheme)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        // A password with a slash in it ends what looks like the authority too early.
        let holds_user = if scheme.is_websocket() { authority.contains('@') } else { rest.contains('@') };
        if holds_user {
            return Err(BrokerFault::UserInformation);
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            None => scheme.default_port(),
            Some(port) => parse_port(port).ok_or(BrokerFault::Port)?,
        };
        Ok(BrokerUrl { scheme, host, port, path: parse_path(scheme, path)? })
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

    /// The broker as the contract has it.
    pub fn into_wire(self) -> crate::bindings::publisher::Broker {
        crate::bindings::publisher::Broker {
            transport: self.scheme.transport(),
            host: self.host,
            port: self.port,
            path: self.path,
        }
    }
}

/// Whether the text may be a broker's URL that holds a password: then no message may show it.
///
/// One does when it has an `@`, and perhaps when what should be the port cannot be one: `tcp://user:password`, with the
/// host forgotten.
pub fn may_hold_password(text: &str) -> bool {
    let authority = match text.split_once("://") {
        Some((_, rest)) => rest.split(['/', '?', '#']).next().unwrap_or(rest),
        None => text,
    };
    let after_brackets = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((_, after)) => after,
        None => authority,
    };
    let looks_like_port = |text: &str| text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = after_brackets.split_once(':').map(|(_, port)| port);
    text.contains('@') || port.is_some_and(|port| !looks_like_port(port))
}

fn split_port(authority: &str) -> Result<(String, Option<&str>), BrokerFault> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or(BrokerFault::Ipv6)?;
        let address: Ipv6Addr = address.parse().map_err(|_| BrokerFault::Ipv6)?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((address.to_string(), Some(port))),
            None if after.is_empty() => Ok((address.to_string(), None)),
            None => Err(BrokerFault::Port),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => return Err(BrokerFault::Ipv6WithoutBrackets),
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    if host.is_empty() {
        Err(BrokerFault::NoHost)
    } else if !is_host_name(host) {
        Err(BrokerFault::Host)
    } else {
        Ok((host.to_ascii_lowercase(), port))
    }
}

fn parse_port(port: &str) -> Option<u16> {
    // `parse` alone would take `+1883`.
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse().ok().filter(|port| digits && *port != 0)
}

fn parse_path(scheme: Scheme, path: &str) -> Result<String, BrokerFault> {
    if !scheme.is_websocket() {
        return if matches!(path, "" | "/") { Ok(String::new()) } else { Err(BrokerFault::Path) };
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(BrokerFault::PathText);
    }
    Ok(match path {
        "" => "/mqtt".to_owned(),
        query if query.starts_with('?') => format!("/mqtt{query}"),
        path => path.to_owned(),
    })
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
