//! What a client sends, taken apart: a parser for MQTT 3.1.1 and 5 that shares no code with any client library.
//!
//! It is strict: a packet that the standard calls malformed is [`Packet::Malformed`], with the reason.

use std::fmt;

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

/// The length of the packet that `bytes` starts with: `None` when more bytes are needed to tell.
///
/// # Errors
///
/// When the remaining length has more than four bytes.
pub fn length(bytes: &[u8]) -> Result<Option<usize>, &'static str> {
    let mut remaining = 0;
    for position in 0..4 {
        let Some(byte) = bytes.get(1 + position) else { return Ok(None) };
        remaining += usize::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            return Ok(Some(2 + position + remaining));
        }
    }
    Err("the remaining length has more than four bytes")
}

impl Packet {
    /// Takes one whole packet apart, as [`length`] delimits it. `level` is that of the CONNECT before: 4 or 5.
    #[must_use]
    pub fn parse(bytes: &[u8], level: u8) -> Self {
        parse(bytes, level).unwrap_or_else(|why| Self::Malformed { why, bytes: bytes.to_vec() })
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
            if name != "properties" || value != "\"\"" {
                write!(f, " {name}={value}")?;
            }
        }
        Ok(())
    }
}

fn parse(bytes: &[u8], level: u8) -> Result<Packet, &'static str> {
    let first = *bytes.first().ok_or("no byte at all")?;
    let kind = PacketType::of(first).ok_or("packet type 0")?;
    let flags = first & 0x0f;
    if kind != PacketType::Publish && flags != kind.fixed_flags() {
        return Err("reserved flags in the first byte");
    }
    if length(bytes)? != Some(bytes.len()) {
        return Err("not one whole packet");
    }
    let header = 2 + bytes.iter().skip(1).take_while(|byte| **byte & 0x80 != 0).count();
    let mut body = Body(&bytes[header..]);
    let packet = match kind {
        PacketType::Connect => Packet::Connect(connect(&mut body)?),
        PacketType::Publish => Packet::Publish(publish(&mut body, flags, level)?),
        PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp => {
            let packet_id = body.packet_id()?;
            let (reason, properties) = body.reason(level)?;
            Packet::Ack(Ack { kind, packet_id, reason, properties })
        }
        PacketType::Disconnect => {
            let (reason, properties) = body.reason(level)?;
            Packet::Disconnect { reason, properties }
        }
        _ => Packet::Other { kind, body: body.rest() },
    };
    if body.0.is_empty() { Ok(packet) } else { Err("bytes after the last field") }
}

fn connect(body: &mut Body<'_>) -> Result<Connect, &'static str> {
    let protocol_name = body.text()?;
    let level = body.byte()?;
    let flags = body.byte()?;
    let bit = |number: u8| flags & (1 << number) != 0;
    if bit(0) {
        return Err("reserved flag in CONNECT");
    }
    let will_qos = flags >> 3 & 0b11;
    if will_qos == 3 || (!bit(2) && (will_qos != 0 || bit(5))) {
        return Err("will flags that contradict each other");
    }
    if bit(6) && !bit(7) && level < 5 {
        return Err("a password without a user name");
    }
    let keep_alive = body.number()?;
    let properties = body.properties(level)?;
    let client_id = body.text()?;
    let will = if bit(2) {
        let properties = body.properties(level)?;
        let topic = body.text()?;
        Some(Will { topic, payload: body.binary()?, qos: will_qos, retain: bit(5), properties })
    } else {
        None
    };
    let username = if bit(7) { Some(body.text()?) } else { None };
    let password = if bit(6) { Some(body.binary()?) } else { None };
    let clean_session = bit(1);
    Ok(Connect {
        protocol_name,
        level,
        flags,
        clean_session,
        keep_alive,
        properties,
        client_id,
        will,
        username,
        password,
    })
}

fn publish(body: &mut Body<'_>, flags: u8, level: u8) -> Result<Publish, &'static str> {
    let (dup, qos, retain) = (flags & 8 != 0, flags >> 1 & 3, flags & 1 != 0);
    if qos == 3 {
        return Err("quality of service 3");
    }
    if dup && qos == 0 {
        return Err("DUP with quality of service 0");
    }
    let topic = body.text()?;
    if topic.contains(['#', '+']) {
        return Err("a wildcard in a topic name");
    }
    let packet_id = if qos > 0 { Some(body.packet_id()?) } else { None };
    let properties = body.properties(level)?;
    Ok(Publish { dup, qos, retain, topic, packet_id, properties, payload: body.rest() })
}

/// What is left to read of a packet.
struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("a field goes beyond the packet's end")?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, &'static str> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self) -> Result<u16, &'static str> {
        Ok(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    fn packet_id(&mut self) -> Result<u16, &'static str> {
        match self.number()? {
            0 => Err("packet identifier 0"),
            id => Ok(id),
        }
    }

    fn binary(&mut self) -> Result<Vec<u8>, &'static str> {
        let length = self.number()?;
        Ok(self.take(usize::from(length))?.to_vec())
    }

    fn text(&mut self) -> Result<String, &'static str> {
        let text = String::from_utf8(self.binary()?).map_err(|_| "a string that is not UTF-8")?;
        if text.contains('\0') { Err("U+0000 in a string") } else { Ok(text) }
    }

    /// The properties of MQTT 5, which older versions do not have.
    fn properties(&mut self, level: u8) -> Result<Vec<u8>, &'static str> {
        if level < 5 {
            return Ok(Vec::new());
        }
        let mut count = 0;
        for position in 0..4 {
            let byte = self.byte()?;
            count += usize::from(byte & 0x7f) << (7 * position);
            if byte & 0x80 == 0 {
                return Ok(self.take(count)?.to_vec());
            }
        }
        Err("a property length of more than four bytes")
    }

    /// Reason code and properties at the end of a packet of MQTT 5, where both may be left out.
    fn reason(&mut self, level: u8) -> Result<(u8, Vec<u8>), &'static str> {
        if level < 5 || self.0.is_empty() {
            return Ok((0, Vec::new()));
        }
        let reason = self.byte()?;
        let properties = if self.0.is_empty() { Vec::new() } else { self.properties(level)? };
        Ok((reason, properties))
    }

    fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0).to_vec()
    }
}
