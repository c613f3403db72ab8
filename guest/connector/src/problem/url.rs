//! What is wrong with the URL of a broker or a proxy.

use std::fmt;

/// Why a text is not a broker's URL. Displayed after the word "wants".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrokerFault {
    /// No string, or one with half of a surrogate pair.
    NoText,
    /// The same broker as another of the list.
    Repeated,
    /// No `://`.
    NoScheme,
    /// Several URLs in one text.
    Several,
    /// A list, or a URL with quotation marks, inside the quotation marks of a JSON string.
    Quoted,
    /// Two schemes, one after the other.
    SchemeTwice,
    /// A scheme that is not one of ours.
    UnknownScheme,
    /// A user name, and perhaps a password, before an `@`.
    UserInformation,
    /// Host or port are wrong.
    Address(AddressFault),
    /// A path, a query or a fragment where only a WebSocket has one.
    Path,
    /// A character in the path that a URL cannot have, or a fragment.
    PathText,
}

impl fmt::Display for BrokerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BrokerFault::NoText => "a string of whole characters",
            BrokerFault::Repeated => "each broker once",
            BrokerFault::NoScheme => {
                "a URL such as ssl://broker.example.com:8883 or tcp://broker.example.com:1883"
            }
            BrokerFault::Several => {
                "one URL, or a list of URLs: [\"mqtt://a.example.com\", \"mqtt://b.example.com\"]"
            }
            BrokerFault::Quoted => {
                "a URL without quotation marks or brackets around it, or a list: [\"mqtt://a.example.com\", \"mqtt://b.example.com\"]"
            }
            BrokerFault::SchemeTwice => "one scheme, as in tcp://broker.example.com:1883",
            BrokerFault::UnknownScheme => "one of the schemes tcp, mqtt, ssl, tls, mqtts, ws and wss",
            BrokerFault::UserInformation => {
                "a URL without user information: there are the parameters username and password"
            }
            BrokerFault::Address(fault) => return fault.fmt(f),
            BrokerFault::Path => "nothing after host and port: only ws and wss have a path",
            BrokerFault::PathText => "a path of the characters that a URL may have, without a fragment (#)",
        })
    }
}

/// Why a text is not a proxy's URL. Displayed after the word "wants".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyFault {
    /// No `://`.
    NoScheme,
    /// Several URLs in one text.
    Several,
    /// Neither of the two schemes.
    UnknownScheme,
    /// A user name, and perhaps a password, before an `@`.
    UserInformation,
    /// Host or port are wrong.
    Address(AddressFault),
    /// A path, a query or a fragment.
    Path,
}

impl fmt::Display for ProxyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProxyFault::NoScheme => {
                "a URL such as socks5://proxy.example.com:1080 or http://proxy.example.com:3128"
            }
            ProxyFault::Several => "the URL of one proxy: there is no list of proxies",
            ProxyFault::UnknownScheme => "one of the schemes socks5 and http",
            ProxyFault::UserInformation => {
                "a URL without user information: there are the parameters proxy-username and proxy-password"
            }
            ProxyFault::Address(fault) => return fault.fmt(f),
            ProxyFault::Path => "nothing after host and port",
        })
    }
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
