//! A rule that values break together, each of them right in itself.

use std::fmt;

use crate::vendor::{BrokerVendor, hub};

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
    /// `use-certificate` true, and one of several brokers has no TLS.
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
        /// How many it may have.
        maximum: usize,
    },
    /// A colon in the user name for an HTTP proxy (RFC 7617, section 2).
    BasicColon,
    /// A control character in the user name or the password for an HTTP proxy (RFC 7617, section 2).
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
            Rule::SocksLength { length, maximum } => {
                write!(f, "a socks5 proxy takes 1 to {maximum} bytes, not {length}")
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

/// The part of a topic that a vendor does not count, in words.
fn behind(vendor: BrokerVendor) -> &'static str {
    match vendor {
        BrokerVendor::AwsIot => " (after $aws/rules/RULE/)",
        BrokerVendor::AzureIotHub | BrokerVendor::AzureEventGrid => "",
    }
}
