//! What a parameter should be: the second half of every message about a wrong value.

use std::fmt;

use mqtt_connector_contract::characters::Finding;
use mqtt_connector_contract::shown::{self, Shown};
use mqtt_connector_contract::white_space::Stray;

use super::url::{BrokerFault, ProxyFault};
use crate::json::Mismatch;

/// What was wanted of a value that was not right. Displayed after the word "wants".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wants {
    /// A value of another type was given.
    String,
    /// A value of another type was given; strings are another type.
    Boolean,
    /// Not a list, or not of strings.
    Strings,
    /// Not an object, or not of strings.
    Texts,
    /// Neither an object of strings nor a list of pairs of strings.
    Properties,
    /// A value of another type was given.
    Object,
    /// The string holds half of a UTF-16 surrogate pair (RFC 8259, section 8.2).
    WholeCharacters,
    /// Not a whole number, or outside the range.
    WholeNumber {
        /// The lowest value that is right.
        minimum: u32,
        /// The highest value that is right.
        maximum: u32,
        /// What it counts, in the plural; may be empty.
        unit: &'static str,
    },
    /// Not one of the three (MQTT 3.1.1, section 4.3).
    Qos,
    /// Another text than the only one.
    Constant(&'static str),
    /// Neither of the known protocol versions.
    ProtocolVersion,
    /// Not a broker's URL.
    Broker(BrokerFault),
    /// Neither a string nor a list.
    BrokerOrBrokers {
        /// How many brokers the list may have.
        maximum: usize,
    },
    /// A list of no or of too many brokers.
    BrokerCount {
        /// How many there are.
        count: usize,
        /// How many there may be.
        maximum: usize,
    },
    /// A broker of a list is wrong.
    BrokerEntry {
        /// Which, counted from 1.
        place: usize,
        /// What is wrong with it.
        fault: BrokerFault,
    },
    /// Not a proxy's URL.
    Proxy(ProxyFault),
    /// A name of a header that is no token (RFC 9110, section 5.6.2).
    HeaderName,
    /// A header that the WebSocket handshake sets itself.
    HeaderReserved(&'static str),
    /// A header twice.
    HeaderOnce,
    /// A control character in the value of a header (RFC 9110, section 5.5); the white space at an end of it.
    HeaderValue(Option<Stray>),
    /// Headers that are too long together.
    HeadersLength {
        /// How many bytes they may have, with four more for each.
        maximum: usize,
    },
    /// An empty topic (MQTT 3.1.1, section 4.7.3).
    TopicNotEmpty,
    /// A topic to publish to holds `+` or `#` (MQTT 3.1.1, section 3.3.2.1).
    TopicWithoutWildcard,
    /// A string of more than 65,535 bytes (MQTT 3.1.1, section 1.5.3).
    ShortString {
        /// How many bytes it has.
        length: usize,
    },
    /// A string with a character for which a broker may close the connection (MQTT 3.1.1, section 1.5.3).
    Characters(Finding),
    /// A user property with such a character.
    CharactersOfPair {
        /// Which, counted from 1.
        pair: usize,
        /// Whether it is in the name; otherwise in the value.
        is_name: bool,
        /// What it is, and where.
        finding: Finding,
    },
    /// White space around what cannot have any: a URL, a path, a name.
    NoWhiteSpace(Stray),
    /// White space around a URL in a list.
    NoWhiteSpaceInEntry {
        /// Which, counted from 1.
        place: usize,
        /// The white space.
        stray: Stray,
    },
    /// A text with U+0000.
    NoNul,
    /// Neither PEM text nor an absolute path.
    Pem,
    /// Neither a host name nor an IP address.
    ServerName,
    /// A protocol name of no or of more than 255 bytes (RFC 7301, section 3.1).
    AlpnName,
    /// Protocol names that do not fit a handshake together.
    AlpnNames {
        /// How many bytes they have, with one more for each.
        length: usize,
        /// How many they may have.
        maximum: usize,
    },
    /// Nested more deeply than is sent.
    ShallowContent {
        /// How many lists and objects may stand inside each other.
        maximum: usize,
    },
    /// A character that is not of the standard base64 alphabet (RFC 4648, section 4).
    Base64Alphabet {
        /// Its position, in bytes from 0.
        position: usize,
    },
    /// A line break among base64, as many programs write it.
    Base64Lines {
        /// Its position, in bytes from 0.
        position: usize,
    },
    /// Base64 whose length is not a multiple of 4: cut off, or its padding is missing.
    Base64Padding,
    /// Base64 whose last character holds bits that are lost: cut off or damaged.
    Base64End,
    /// A will's payload of more than 65,535 bytes (MQTT 3.1.1, section 3.1.3.3).
    WillPayload {
        /// How many bytes it has.
        length: usize,
    },
}

impl From<Mismatch> for Wants {
    fn from(mismatch: Mismatch) -> Self {
        match mismatch {
            Mismatch::NoString => Wants::String,
            Mismatch::HalfCharacter => Wants::WholeCharacters,
            Mismatch::NoBoolean => Wants::Boolean,
            Mismatch::NoList => Wants::Strings,
            Mismatch::NoObject => Wants::Object,
        }
    }
}

impl Wants {
    /// Whether white space around a text that was given instead has to be told besides.
    pub fn is_of_bare_value(&self) -> bool {
        matches!(
            self,
            Wants::Boolean
                | Wants::WholeNumber { .. }
                | Wants::Qos
                | Wants::Constant(_)
                | Wants::ProtocolVersion
        )
    }
}

impl fmt::Display for Wants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wants::String => f.write_str("a string"),
            Wants::Boolean => f.write_str("true or false, without quotes"),
            Wants::Strings => f.write_str("a list of strings"),
            Wants::Object => f.write_str("an object"),
            Wants::Texts => f.write_str("an object of strings"),
            Wants::Properties => {
                f.write_str("an object of strings, or a list of pairs of strings: [[\"name\", \"value\"]]")
            }
            Wants::WholeCharacters => f.write_str("whole characters: \\ud800 to \\udfff only in pairs"),
            Wants::WholeNumber { minimum, maximum, unit } => {
                let of = if unit.is_empty() { "" } else { " of " };
                write!(f, "a whole number{of}{unit} from {minimum} to {maximum}")
            }
            Wants::Qos => f.write_str("the number 0, 1 or 2"),
            Wants::Constant(text) => write!(f, "{}", Shown::quoted(text, shown::VALUE)),
            Wants::ProtocolVersion => f.write_str("\"3.1.1\" or \"5\""),
            Wants::Broker(fault) => fault.fmt(f),
            Wants::BrokerOrBrokers { maximum } => {
                write!(f, "a string, or a list of 1 to {maximum} strings")
            }
            Wants::BrokerCount { count, maximum } => write!(f, "1 to {maximum} URLs, not {count}"),
            Wants::BrokerEntry { place, fault } => write!(f, "{fault} (entry {place} of the list)"),
            Wants::Proxy(fault) => fault.fmt(f),
            Wants::HeaderName => {
                f.write_str("names of headers that have letters, digits and !#$%&'*+-.^_`|~ only")
            }
            Wants::HeaderReserved(name) => {
                write!(f, "other headers than those of the handshake itself, of which {name} is one")
            }
            Wants::HeaderOnce => f.write_str("each header once, in whatever case"),
            Wants::HeaderValue(stray) => {
                f.write_str("values of headers without control characters")?;
                stray.map_or(Ok(()), |stray| write!(f, ": one {stray}"))
            }
            Wants::HeadersLength { maximum } => {
                write!(f, "headers of {maximum} bytes at most, four more for each counted")
            }
            Wants::TopicNotEmpty => f.write_str("at least one character"),
            Wants::TopicWithoutWildcard => {
                f.write_str("a topic without the wildcards + and #, which only a subscription may have")
            }
            Wants::ShortString { length } => write!(f, "65535 bytes at most, not {length}"),
            Wants::Characters(finding) => {
                write!(f, "a text without {}: {}", finding.kind(), finding.about(&"it"))
            }
            Wants::CharactersOfPair { pair, is_name, finding } => {
                let part = if *is_name { "name" } else { "value" };
                let subject = fmt::from_fn(|f| write!(f, "the {part} of pair {pair}"));
                write!(f, "texts without {}: {}", finding.kind(), finding.about(&subject))
            }
            Wants::NoWhiteSpace(stray) => write!(f, "no white space around it: it {stray}"),
            Wants::NoWhiteSpaceInEntry { place, stray } => {
                write!(f, "no white space around a URL: entry {place} of the list {stray}")
            }
            Wants::NoNul => f.write_str("a text without the character U+0000"),
            Wants::Pem => {
                f.write_str("an absolute path, starting with /, or PEM text, starting with -----BEGIN")
            }
            Wants::ServerName => f.write_str("a host name or an IP address, without scheme and port"),
            Wants::AlpnName => f.write_str("protocol names of 1 to 255 bytes"),
            Wants::AlpnNames { length, maximum } => {
                write!(
                    f,
                    "protocol names of {maximum} bytes at most, one more for each counted, not {length}"
                )
            }
            Wants::ShallowContent { maximum } => {
                write!(f, "no more than {maximum} lists and objects inside each other")
            }
            Wants::Base64Alphabet { position } => {
                write!(f, "base64 of the alphabet A-Z a-z 0-9 + / only: byte {position} is another")
            }
            Wants::Base64Lines { position } => {
                write!(f, "base64 on one line: byte {position} is a line break")
            }
            Wants::Base64Padding => {
                f.write_str("base64 whose length is a multiple of 4, filled up with = at the end")
            }
            Wants::Base64End => f.write_str("complete base64: its last character has bits left over"),
            Wants::WillPayload { length } => write!(f, "65535 bytes at most, not {length}"),
        }
    }
}
