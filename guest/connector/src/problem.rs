//! What is wrong with a configuration and a request: everything, in one message.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt;

use mqtt_connector_contract::shown::{self, Shown};

use crate::document::Source;
use crate::json::Fault;
use crate::parameters::{self, Name, Parameter, TEXTS, Tip};
use crate::proxy::MAX_SOCKS;
use crate::value::{Got, JsonType};
use crate::vendor::{BrokerVendor, hub};
use crate::wants::Wants;
use crate::will;

/// How the members of a will start, as messages name them.
const IN_WILL: &str = "will.";

/// How many problems one message lists; of more, it says how many.
pub const MOST_LISTED: usize = 40;

/// One thing that is wrong, displayed as a clause without a full stop.
#[derive(Clone)]
pub enum Problem<'a> {
    /// The text is not JSON.
    NotJson {
        /// Which text.
        source: Source,
        /// Where, and why.
        fault: Fault,
    },
    /// The text is empty or white space.
    Empty {
        /// Which text.
        source: Source,
    },
    /// The text is JSON, but no object.
    NotAnObject {
        /// Which text.
        source: Source,
        /// What it is instead.
        got: JsonType,
    },
    /// No parameter has this name.
    Unknown {
        /// The name as it was given.
        name: Cow<'a, str>,
        /// Where it stood.
        source: Source,
        /// Which names there are; the nearest is looked for only when the problem is displayed.
        known: Known,
    },
    /// The name stands in one object more than once.
    Twice {
        /// The name.
        name: Cow<'a, str>,
        /// Where it stood.
        source: Source,
    },
    /// A required parameter stands neither in the configuration nor in the request.
    Missing {
        /// The parameter.
        name: Name,
    },
    /// A required member of `will` is not there.
    MissingInWill {
        /// Its name, `will.` included.
        name: &'static str,
        /// Where the will stood.
        source: Source,
    },
    /// The value is not what the parameter wants.
    Wrong {
        /// The parameter, or a member of `will`.
        name: &'static str,
        /// Where it stood.
        source: Source,
        /// What it got.
        got: Got<'a>,
        /// What it wants.
        wants: Wants,
    },
    /// The value is right in itself, but not together with others.
    Rule {
        /// The parameter to look at.
        name: &'static str,
        /// Where it stood; `None` when it is not there at all, which is what is wrong then.
        source: Option<Source>,
        /// The rule.
        rule: Rule,
    },
}

/// The names that an object may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Those of the parameters.
    Parameters,
    /// Those of the members of `will`, with `will.` in front.
    InWill,
}

/// A rule between parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `content` and `content-base64` in one document, or in one will.
    OneContent,
    /// A password without a user name (MQTT 3.1.1, section 3.1.2.9).
    PasswordWithoutUsername,
    /// An empty client identifier for a session that is to be kept (MQTT 3.1.1, section 3.1.3.1).
    EmptyClientId,
    /// `use-certificate` true on a broker without TLS.
    CertificateWithoutTls,
    /// The same, where one of several brokers has no TLS.
    CertificateWithoutTlsSomewhere,
    /// `use-certificate` true, and the named parameter is not given.
    CertificateIncomplete,
    /// A parameter that only MQTT 5 has.
    OnlyMqtt5,
    /// A parameter that only the WebSocket transports have.
    OnlyWebSocket,
    /// A parameter that is about the proxy, and there is none.
    OnlyProxy,
    /// A password for the proxy without a user name.
    ProxyPasswordWithoutUsername,
    /// A user name for a SOCKS proxy without a password (RFC 1929 has both).
    SocksUsernameWithoutPassword,
    /// A user name or a password that SOCKS cannot carry (RFC 1929, section 2).
    SocksLength {
        /// How many bytes it has.
        length: usize,
    },
    /// A colon in the user name for an HTTP proxy (RFC 7617, section 2).
    BasicColon,
    /// A control character in the user name or the password for an HTTP proxy (the same).
    BasicControl,
    /// A payload that is said to be UTF-8 and is not (MQTT 5.0, section 3.3.2.3.2).
    NotText {
        /// Where the first byte stands that is not UTF-8, counted from 0.
        position: usize,
    },
    /// The payload does not fit into one packet (MQTT 3.1.1, section 2.2.3).
    PacketTooLarge {
        /// Bytes of the payload.
        length: usize,
        /// How many would fit.
        maximum: usize,
    },
    /// The payload does not fit into one packet together with the properties.
    PropertiesTooLarge {
        /// Bytes of the properties.
        length: usize,
    },
    /// The payload is larger than the broker's vendor takes.
    VendorPayload {
        /// Whose rule it is.
        vendor: BrokerVendor,
        /// Bytes of the payload.
        length: usize,
    },
    /// The topic has more levels than the broker's vendor takes.
    VendorSlashes {
        /// Whose rule it is.
        vendor: BrokerVendor,
        /// How many slashes it has, those of a reserved prefix not counted.
        slashes: usize,
    },
    /// The topic is longer than the broker's vendor takes.
    VendorTopic {
        /// Whose rule it is.
        vendor: BrokerVendor,
        /// Its bytes, those of a reserved prefix not counted.
        length: usize,
    },
    /// The client identifier is longer than the broker's vendor takes.
    VendorClientId {
        /// Whose rule it is.
        vendor: BrokerVendor,
        /// Bytes of the client identifier.
        length: usize,
    },
    /// An empty client identifier, where the broker's vendor chooses none.
    VendorEmptyClientId {
        /// Whose rule it is.
        vendor: BrokerVendor,
    },
    /// The will's delay is longer than the broker's vendor takes.
    VendorWillDelay {
        /// Whose rule it is.
        vendor: BrokerVendor,
    },
    /// MQTT 5 at Azure IoT Hub.
    HubVersion,
    /// No user name at Azure IoT Hub.
    HubUsernameMissing,
    /// A user name that is not the client's at the hub.
    HubUsername,
    /// A topic that the hub does not take from the client.
    HubTopic,
}

impl Rule {
    /// What is wrong with a payload that is said to be text; `None` when it is text.
    pub fn text(payload: &[u8]) -> Option<Rule> {
        let error = std::str::from_utf8(payload).err()?;
        Some(Rule::NotText { position: error.valid_up_to() })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::OneContent => f.write_str("give either content or content-base64, not both"),
            Rule::PasswordWithoutUsername => f.write_str("it needs a username under MQTT 3.1.1"),
            Rule::EmptyClientId => {
                f.write_str("\"\" lets the broker choose, and that needs clean-session to be true")
            }
            Rule::CertificateWithoutTls => {
                f.write_str("true needs a broker with TLS, such as ssl://broker.example.com:8883")
            }
            Rule::CertificateWithoutTlsSomewhere => f.write_str("true needs TLS at each of the brokers"),
            Rule::CertificateIncomplete => f.write_str("is missing, and use-certificate true needs it"),
            Rule::OnlyMqtt5 => {
                f.write_str("it needs protocol-version \"5\"; MQTT 3.1.1 has no such property")
            }
            Rule::OnlyWebSocket => f.write_str("it needs a broker with the scheme ws or wss"),
            Rule::OnlyProxy => f.write_str("it needs proxy"),
            Rule::ProxyPasswordWithoutUsername => f.write_str("it needs a proxy-username"),
            Rule::SocksUsernameWithoutPassword => {
                f.write_str("a socks5 proxy needs a proxy-password with it")
            }
            Rule::SocksLength { length } => {
                write!(f, "a socks5 proxy takes 1 to {MAX_SOCKS} bytes, not {length}")
            }
            Rule::BasicColon => f.write_str("an http proxy takes no colon in it"),
            Rule::BasicControl => f.write_str("an http proxy takes no control characters in it"),
            Rule::NotText { position } => {
                write!(f, "true means text in UTF-8, which the content is not from its byte {position} on")
            }
            Rule::PacketTooLarge { length, maximum } => {
                write!(
                    f,
                    "{length} bytes do not fit into one MQTT packet, which takes {maximum} with this topic"
                )
            }
            Rule::PropertiesTooLarge { length } => {
                write!(
                    f,
                    "with its properties, which have {length} bytes, it does not fit into one MQTT packet"
                )
            }
            Rule::VendorPayload { vendor, length } => {
                let most = vendor.limits().payload;
                write!(f, "{vendor} takes {most} bytes ({} KiB) at most, not {length}", most / 1024)
            }
            Rule::VendorSlashes { vendor, slashes } => {
                let (most, behind) = (vendor.limits().slashes, behind(*vendor));
                write!(f, "{vendor} takes {most} slashes at most{behind}, not {slashes}")
            }
            Rule::VendorTopic { vendor, length } => {
                let (most, behind) = (vendor.limits().topic, behind(*vendor));
                write!(f, "{vendor} takes {most} bytes at most{behind}, not {length}")
            }
            Rule::VendorClientId { vendor, length } => {
                write!(f, "{vendor} takes {} bytes at most, not {length}", vendor.limits().client_id)
            }
            Rule::VendorEmptyClientId { vendor } => {
                write!(f, "\"\" lets the broker choose, and {vendor} chooses none: give the client a name")
            }
            Rule::VendorWillDelay { vendor } => {
                write!(f, "{vendor} takes {} seconds at most", vendor.limits().will_delay)
            }
            Rule::HubVersion => f.write_str("Azure IoT Hub speaks MQTT 3.1.1 only"),
            Rule::HubUsernameMissing => write!(f, "is missing, and Azure IoT Hub wants {}", hub::USERNAME),
            Rule::HubUsername => write!(f, "Azure IoT Hub wants {}", hub::USERNAME),
            Rule::HubTopic => write!(f, "Azure IoT Hub takes {}", hub::TOPIC),
        }
    }
}

/// Behind what a vendor begins to count.
fn behind(vendor: BrokerVendor) -> &'static str {
    match vendor {
        BrokerVendor::AwsIot => " (after $aws/rules/RULE/)",
        BrokerVendor::AzureIotHub | BrokerVendor::AzureEventGrid => "",
    }
}

impl fmt::Display for Problem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NotJson { source, fault } => write!(f, "{source} is not JSON: {fault}"),
            Problem::Empty { source } => write!(f, "{source} is empty, wants a JSON object, at least {{}}"),
            Problem::NotAnObject { source, got } => {
                write!(f, "{source} is {got}, wants a JSON object: {{…}}")
            }
            Problem::Unknown { name, source, known } => {
                let suggestion = match known.foreign(name) {
                    Some(Tip::Instead(clause)) => {
                        let name = Shown::quoted(name, shown::VALUE);
                        return write!(f, "{name} in {source} is unknown: {clause}");
                    }
                    Some(Tip::Called(called)) => known.called(called),
                    None => known.nearest(name),
                };
                let name = Shown::quoted(name, shown::VALUE);
                match suggestion {
                    Some(known) => write!(f, "{name} in {source} is unknown (did you mean {known}?)"),
                    None => write!(f, "{name} in {source} is unknown, and no parameter has a name like it"),
                }
            }
            Problem::Twice { name, source } => {
                write!(f, "{} stands in {source} more than once", Shown::quoted(name, shown::VALUE))
            }
            Problem::Missing { name } => {
                let Parameter { name, example, .. } = name.parameter();
                write!(
                    f,
                    "{name} is missing: give it in the configuration or the request, for example {example}"
                )
            }
            Problem::MissingInWill { name, source } => write!(f, "{name} is missing in {source}"),
            Problem::Wrong { name, source, got, wants } => {
                write!(f, "{name} in {source} got {got}, wants {wants}")?;
                match got.stray().filter(|_| wants.is_of_bare_value()) {
                    Some(stray) => write!(f, ", and no white space around it: it {stray}"),
                    None => Ok(()),
                }
            }
            Problem::Rule { name, source: Some(source), rule } => write!(f, "{name} in {source}: {rule}"),
            Problem::Rule { name, source: None, rule } => write!(f, "{name} {rule}"),
        }
    }
}

/// Every problem of a configuration and a request; never empty.
pub struct Invalid<'a>(pub Vec<Problem<'a>>);

impl fmt::Display for Invalid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("Not sent: ")?,
            several => write!(f, "Not sent, {several} problems: ")?,
        }
        for (index, problem) in self.0.iter().take(MOST_LISTED).enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            problem.fmt(f)?;
        }
        match self.0.len().saturating_sub(MOST_LISTED) {
            0 => f.write_str("."),
            more => write!(f, "; and {more} more."),
        }
    }
}

impl Known {
    /// The tip for a name that another tool has. Only a name for a name helps in a will.
    fn foreign(self, name: &str) -> Option<Tip> {
        match self {
            Known::Parameters => parameters::foreign(name),
            Known::InWill => {
                let tip = parameters::foreign(name.strip_prefix(IN_WILL)?);
                tip.filter(|tip| matches!(tip, Tip::Called(called) if self.called(*called).is_some()))
            }
        }
    }

    /// What is called here as the parameter is.
    fn called(self, name: Name) -> Option<&'static str> {
        match self {
            Known::Parameters => Some(name.as_str()),
            Known::InWill => member(name.as_str()),
        }
    }

    /// The name that is nearest to `name`: equal but for case, hyphens and underscores; or else a few typing errors
    /// away (one, and one more for every five characters); or else one of the two starts with the other.
    pub fn nearest(self, name: &str) -> Option<&'static str> {
        match self {
            Known::Parameters => nearest(name, &TEXTS),
            Known::InWill => {
                let members = will::MEMBERS.map(|member| member.strip_prefix(IN_WILL).unwrap_or(member));
                member(nearest(name.strip_prefix(IN_WILL)?, &members)?)
            }
        }
    }
}

/// The member of a will that has this name behind `will.`.
fn member(name: &str) -> Option<&'static str> {
    will::MEMBERS.into_iter().find(|member| member.strip_prefix(IN_WILL) == Some(name))
}

#[inline(never)]
fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let known = known.iter().copied();
    // The distance takes time by the square of the length, and no known name is nearly as long.
    if name.len() > 40 {
        return None;
    }
    let folded = fold(name);
    if let Some(same) = known.clone().find(|known| fold(known) == folded) {
        return Some(same);
    }
    let limit = 1 + folded.len() / 5;
    let mistyped = known
        .clone()
        .map(|known| (distance(folded.as_bytes(), fold(known).as_bytes()), known))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known);
    mistyped.or_else(|| {
        let start = |long: &str, short: &str| short.len() >= 3 && long.starts_with(short);
        known
            .filter(|known| start(&folded, &fold(known)) || start(&fold(known), &folded))
            .max_by_key(|known| (known.len().min(folded.len()), Reverse(known.len())))
    })
}

/// How many bytes to insert, leave out, change or swap with the next one make one name the other (optimal string
/// alignment). Nothing is that near to names that are longer than `N` - 1 bytes.
fn distance(name: &[u8], known: &[u8]) -> usize {
    const N: usize = 64;
    if known.len() >= N {
        return N;
    }
    // The last three rows of the table: before the one before, before, and this one.
    let (mut older, mut old, mut row) = ([0; N], [0; N], [0; N]);
    for (index, cell) in old.iter_mut().enumerate() {
        *cell = index;
    }
    let mut before = 0;
    for (i, byte) in name.iter().enumerate() {
        row[0] = i + 1;
        let mut known_before = 0;
        for (j, other) in known.iter().enumerate() {
            let mut least = (old[j] + usize::from(byte != other)).min(old[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && (*byte, before) == (known_before, *other) {
                least = least.min(older[j - 1] + 1);
            }
            row[j + 1] = least;
            known_before = *other;
        }
        before = *byte;
        (older, old) = (old, row);
    }
    old[known.len()]
}

/// The name in lower case, without hyphens, underscores, spaces and dots.
pub(crate) fn fold(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_' | ' ' | '.')).map(|c| c.to_ascii_lowercase()).collect()
}
