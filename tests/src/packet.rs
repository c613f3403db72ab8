//! What a client sends, taken apart: a parser for MQTT 3.1.1 and 5 that shares no code with any client library.
//!
//! It is strict: a packet that the standard calls malformed is [`Packet::Malformed`], with the reason.

use std::fmt;

mod parse;
mod property;

pub use parse::length;

/// The control packet types of MQTT, by their number in the first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are those of the standard, section 2.2.1")]
pub enum PacketType {
    Connect = 1,
    ConnAck,
    Publish,
    PubAck,
    PubRec,
    PubRel,
    PubComp,
    Subscribe,
    SubAck,
    Unsubscribe,
    UnsubAck,
    PingReq,
    PingResp,
    Disconnect,
    Auth,
}

impl PacketType {
    fn of(first_byte: u8) -> Option<Self> {
        let all = [
            Self::Connect,
            Self::ConnAck,
            Self::Publish,
            Self::PubAck,
            Self::PubRec,
            Self::PubRel,
            Self::PubComp,
            Self::Subscribe,
            Self::SubAck,
            Self::Unsubscribe,
            Self::UnsubAck,
            Self::PingReq,
            Self::PingResp,
            Self::Disconnect,
            Self::Auth,
        ];
        all.into_iter().find(|kind| *kind as u8 == first_byte >> 4)
    }

    /// The four low bits of the first byte, which the standard fixes for all types but PUBLISH.
    #[must_use]
    pub fn fixed_flags(self) -> u8 {
        match self {
            Self::PubRel | Self::Subscribe | Self::Unsubscribe => 0b0010,
            _ => 0,
        }
    }
}

/// The name in capitals, as in the standard.
impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_uppercase())
    }
}

/// A packet from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Packet {
    /// CONNECT.
    Connect(Connect),
    /// PUBLISH.
    Publish(Publish),
    /// PUBACK, PUBREC, PUBREL or PUBCOMP.
    Ack(Ack),
    /// DISCONNECT.
    Disconnect {
        /// MQTT 5: the reason code; 0 when it is not given.
        reason: u8,
        /// MQTT 5: the properties as they came, without their length.
        properties: Vec<u8>,
    },
    /// Any other type, not looked into.
    Other {
        /// The type.
        kind: PacketType,
        /// What follows the remaining length.
        body: Vec<u8>,
    },
    /// Bytes that the standard does not allow.
    Malformed {
        /// What is wrong.
        why: &'static str,
        /// The packet, or all that came when not even its length made sense.
        bytes: Vec<u8>,
    },
}

/// The fields of a CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard, section 3.1")]
pub struct Connect {
    pub protocol_name: String,
    /// 4 is MQTT 3.1.1, 5 is MQTT 5.
    pub level: u8,
    pub flags: u8,
    pub clean_session: bool,
    /// Seconds; 0 turns it off.
    pub keep_alive: u16,
    /// MQTT 5: the properties as they came, without their length.
    pub properties: Vec<u8>,
    pub client_id: String,
    pub will: Option<Will>,
    pub username: Option<String>,
    pub password: Option<Vec<u8>>,
}

/// The will in a CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard, section 3.1")]
pub struct Will {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: u8,
    pub retain: bool,
    /// MQTT 5: the properties as they came, without their length.
    pub properties: Vec<u8>,
}

/// The fields of a PUBLISH.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard, section 3.3")]
pub struct Publish {
    pub dup: bool,
    pub qos: u8,
    pub retain: bool,
    pub topic: String,
    /// None with QoS 0.
    pub packet_id: Option<u16>,
    /// MQTT 5: the properties as they came, without their length.
    pub properties: Vec<u8>,
    pub payload: Vec<u8>,
}

/// The fields of a PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Which of the four.
    pub kind: PacketType,
    /// The packet identifier.
    pub packet_id: u16,
    /// MQTT 5: the reason code; 0 when it is not given.
    pub reason: u8,
    /// MQTT 5: the properties as they came, without their length.
    pub properties: Vec<u8>,
}

impl Packet {
    /// Takes one whole packet apart, as [`length`] delimits it. `level` is that of the CONNECT before: 4 or 5.
    #[must_use]
    pub fn parse(bytes: &[u8], level: u8) -> Self {
        parse::parse(bytes, level).unwrap_or_else(|why| Self::Malformed { why, bytes: bytes.to_vec() })
    }

    /// The type; `None` for malformed bytes.
    #[must_use]
    pub fn kind(&self) -> Option<PacketType> {
        Some(match self {
            Self::Connect(_) => PacketType::Connect,
            Self::Publish(_) => PacketType::Publish,
            Self::Ack(ack) => ack.kind,
            Self::Disconnect { .. } => PacketType::Disconnect,
            Self::Other { kind, .. } => *kind,
            Self::Malformed { .. } => return None,
        })
    }

    /// The packet identifier of a PUBLISH or an acknowledgement.
    #[must_use]
    pub fn packet_id(&self) -> Option<u16> {
        match self {
            Self::Publish(publish) => publish.packet_id,
            Self::Ack(ack) => Some(ack.packet_id),
            _ => None,
        }
    }

    /// The fields by name, as text: what [`Display`](fmt::Display) shows and [`Expect`](crate::Expect) compares.
    pub(crate) fn fields(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Connect(connect) => connect.fields(),
            Self::Publish(publish) => vec![
                ("dup", publish.dup.to_string()),
                ("qos", publish.qos.to_string()),
                ("retain", publish.retain.to_string()),
                ("packet id", publish.packet_id.map_or("none".to_owned(), |id| id.to_string())),
                ("topic", format!("{:?}", publish.topic)),
                ("properties", show(&publish.properties)),
                ("payload", show(&publish.payload)),
            ],
            Self::Ack(ack) => vec![
                ("packet id", ack.packet_id.to_string()),
                ("reason", ack.reason.to_string()),
                ("properties", show(&ack.properties)),
            ],
            Self::Disconnect { reason, properties } => {
                vec![("reason", reason.to_string()), ("properties", show(properties))]
            }
            Self::Other { body, .. } => vec![("body", show(body))],
            Self::Malformed { why, bytes } => vec![("why", (*why).to_owned()), ("bytes", show(bytes))],
        }
    }
}

impl Connect {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let will = |show: &dyn Fn(&Will) -> String| self.will.as_ref().map_or("none".to_owned(), show);
        vec![
            ("level", self.level.to_string()),
            ("client id", format!("{:?}", self.client_id)),
            ("clean session", self.clean_session.to_string()),
            ("keep alive", self.keep_alive.to_string()),
            ("username", self.username.as_ref().map_or("none".to_owned(), |name| format!("{name:?}"))),
            ("password", self.password.as_deref().map_or("none".to_owned(), show)),
            ("will topic", will(&|will| format!("{:?}", will.topic))),
            ("will payload", will(&|will| show(&will.payload))),
            ("will qos", will(&|will| will.qos.to_string())),
            ("will retain", will(&|will| will.retain.to_string())),
            ("will properties", will(&|will| show(&will.properties))),
            ("properties", show(&self.properties)),
        ]
    }
}

/// Bytes as text, for comparing and for messages.
pub(crate) fn show(bytes: &[u8]) -> String {
    const MUCH: usize = 200;
    let start = bytes.get(..MUCH).unwrap_or(bytes).escape_ascii();
    // Two long values that differ only far behind must not look the same.
    let digest = bytes.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    if bytes.len() > MUCH {
        format!("\"{start}\"… ({} bytes, digest {digest:x})", bytes.len())
    } else {
        format!("\"{start}\"")
    }
}

/// The name and the fields, without properties when there are none.
impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            Some(kind) => write!(f, "{kind}")?,
            None => f.write_str("malformed packet")?,
        }
        for (name, value) in self.fields() {
            if !name.ends_with("properties") || !["\"\"", "none"].contains(&value.as_str()) {
                write!(f, " {name}={value}")?;
            }
        }
        Ok(())
    }
}
