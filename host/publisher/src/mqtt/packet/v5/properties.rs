//! The properties that a server may send to a publisher (MQTT 5.0, section 2.2.2).

use bytes::Buf as _;
use rumqttc::QoS;

use crate::error::Refusal;

const CUT_OFF: &str = "a property is cut off";

/// The packet that the properties stand in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Connack,
    /// PUBACK, PUBREC, PUBREL or PUBCOMP.
    Acknowledgement,
    Disconnect,
}

/// The properties that a publisher uses.
#[derive(Default)]
pub(super) struct Properties {
    pub(super) reason_string: Option<String>,
    pub(super) server_reference: Option<String>,
    pub(super) assigned_client_id: Option<String>,
    pub(super) receive_maximum: Option<u16>,
    pub(super) maximum_qos: Option<QoS>,
    pub(super) retain_available: Option<bool>,
    pub(super) maximum_packet_size: Option<u32>,
    pub(super) server_keep_alive: Option<u16>,
}

impl Properties {
    /// Takes the length and the properties off `body`.
    ///
    /// # Errors
    ///
    /// What is malformed about the properties, or which of them this packet does not have.
    pub(super) fn read(of: Of, body: &mut &[u8]) -> Result<Self, &'static str> {
        let length = variable_byte_integer(body)?;
        let (mut bytes, rest) = body.split_at_checked(length).ok_or(CUT_OFF)?;
        *body = rest;
        let mut properties = Self::default();
        let mut seen = 0_u64;
        while let Ok(identifier) = bytes.try_get_u8() {
            // A bit for each property that was read: the identifiers of table 2-4 are below 64.
            let bit = 1_u64.checked_shl(identifier.into()).unwrap_or(0);
            if seen & bit != 0 {
                return Err("a property stands there twice");
            }
            properties.read_one(of, identifier, &mut bytes)?;
            if identifier != USER_PROPERTY {
                seen |= bit;
            }
        }
        Ok(properties)
    }

    /// Why the broker refuses, in its own words. They may repeat a secret: `Incoming::map_words` decides whether they are shown.
    pub(super) fn refusal(self, code: u8) -> Refusal {
        Refusal {
            code,
            reason: self.reason_string.unwrap_or_default(),
            server_reference: self.server_reference,
        }
    }

    fn read_one(&mut self, of: Of, identifier: u8, bytes: &mut &[u8]) -> Result<(), &'static str> {
        match (identifier, of) {
            (REASON_STRING, _) => self.reason_string = Some(string(bytes)?.to_owned()),
            (USER_PROPERTY, _) => {
                string(bytes)?;
                string(bytes)?;
            }
            (SERVER_REFERENCE, Of::Connack | Of::Disconnect) => {
                self.server_reference = Some(string(bytes)?.to_owned());
            }
            (ASSIGNED_CLIENT_IDENTIFIER, Of::Connack) => {
                self.assigned_client_id = Some(string(bytes)?.to_owned());
            }
            (SERVER_KEEP_ALIVE, Of::Connack) => self.server_keep_alive = Some(two_bytes(bytes)?),
            (RECEIVE_MAXIMUM, Of::Connack) => {
                self.receive_maximum = Some(two_bytes(bytes)?);
                if self.receive_maximum == Some(0) {
                    return Err("a Receive Maximum of 0");
                }
            }
            (MAXIMUM_QOS, Of::Connack) => {
                let is_one = flag(bytes)?;
                self.maximum_qos = Some(if is_one { QoS::AtLeastOnce } else { QoS::AtMostOnce });
            }
            (RETAIN_AVAILABLE, Of::Connack) => self.retain_available = Some(flag(bytes)?),
            (MAXIMUM_PACKET_SIZE, Of::Connack) => {
                self.maximum_packet_size = Some(four_bytes(bytes)?);
                if self.maximum_packet_size == Some(0) {
                    return Err("a Maximum Packet Size of 0");
                }
            }
            (SESSION_EXPIRY_INTERVAL, Of::Connack) => drop(four_bytes(bytes)?),
            (TOPIC_ALIAS_MAXIMUM, Of::Connack) => drop(two_bytes(bytes)?),
            (AVAILABLE_WILDCARDS | AVAILABLE_IDENTIFIERS | AVAILABLE_SHARED, Of::Connack) => {
                flag(bytes)?;
            }
            (AUTHENTICATION_METHOD | RESPONSE_INFORMATION, Of::Connack) => drop(string(bytes)?),
            (AUTHENTICATION_DATA, Of::Connack) => drop(binary(bytes)?),
            _ => return Err("a property that this packet does not have"),
        }
        Ok(())
    }
}

// Table 2-4.
const SESSION_EXPIRY_INTERVAL: u8 = 17;
const ASSIGNED_CLIENT_IDENTIFIER: u8 = 18;
const SERVER_KEEP_ALIVE: u8 = 19;
const AUTHENTICATION_METHOD: u8 = 21;
const AUTHENTICATION_DATA: u8 = 22;
const RESPONSE_INFORMATION: u8 = 26;
const SERVER_REFERENCE: u8 = 28;
const REASON_STRING: u8 = 31;
const RECEIVE_MAXIMUM: u8 = 33;
const TOPIC_ALIAS_MAXIMUM: u8 = 34;
const MAXIMUM_QOS: u8 = 36;
const RETAIN_AVAILABLE: u8 = 37;
const USER_PROPERTY: u8 = 38;
const MAXIMUM_PACKET_SIZE: u8 = 39;
const AVAILABLE_WILDCARDS: u8 = 40;
const AVAILABLE_IDENTIFIERS: u8 = 41;
const AVAILABLE_SHARED: u8 = 42;

/// Section 1.5.5.
fn variable_byte_integer(bytes: &mut &[u8]) -> Result<usize, &'static str> {
    let mut value = 0;
    for shift in [0, 7, 14, 21] {
        let byte = bytes.try_get_u8().map_err(|_| CUT_OFF)?;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a length of more than four bytes")
}

fn flag(bytes: &mut &[u8]) -> Result<bool, &'static str> {
    match bytes.try_get_u8().map_err(|_| CUT_OFF)? {
        0 => Ok(false),
        1 => Ok(true),
        2.. => Err("a property that is neither 0 nor 1"),
    }
}

fn two_bytes(bytes: &mut &[u8]) -> Result<u16, &'static str> {
    bytes.try_get_u16().map_err(|_| CUT_OFF)
}

fn four_bytes(bytes: &mut &[u8]) -> Result<u32, &'static str> {
    bytes.try_get_u32().map_err(|_| CUT_OFF)
}

/// Section 1.5.6.
fn binary<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], &'static str> {
    let length = two_bytes(bytes)?;
    let (data, rest) = bytes.split_at_checked(length.into()).ok_or(CUT_OFF)?;
    *bytes = rest;
    Ok(data)
}

/// Section 1.5.4.
fn string<'a>(bytes: &mut &'a [u8]) -> Result<&'a str, &'static str> {
    let text = str::from_utf8(binary(bytes)?).map_err(|_| "a text that is not UTF-8")?;
    if text.contains('\0') { Err("a text with U+0000") } else { Ok(text) }
}
