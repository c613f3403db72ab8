//! Bytes to packets.

use super::property::{self, Of};
use super::{Ack, Connect, Packet, PacketType, Publish, Will};

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

pub(super) fn parse(bytes: &[u8], level: u8) -> Result<Packet, &'static str> {
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
            let (reason, properties) = body.reason(level, Of::Ack)?;
            Packet::Ack(Ack { kind, packet_id, reason, properties })
        }
        PacketType::Disconnect => {
            let (reason, properties) = body.reason(level, Of::Disconnect)?;
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
    let properties = body.properties(level, Of::Connect)?;
    let client_id = body.text()?;
    let will = if bit(2) {
        let properties = body.properties(level, Of::Will)?;
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
    let properties = body.properties(level, Of::Publish)?;
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
    fn properties(&mut self, level: u8, of: Of) -> Result<Vec<u8>, &'static str> {
        if level < 5 {
            return Ok(Vec::new());
        }
        let mut count = 0;
        for position in 0..4 {
            let byte = self.byte()?;
            count += usize::from(byte & 0x7f) << (7 * position);
            if byte & 0x80 == 0 {
                let properties = self.take(count)?;
                property::check(properties, of)?;
                return Ok(properties.to_vec());
            }
        }
        Err("a property length of more than four bytes")
    }

    /// Reason code and properties at the end of a packet of MQTT 5, where both may be left out.
    fn reason(&mut self, level: u8, of: Of) -> Result<(u8, Vec<u8>), &'static str> {
        if level < 5 || self.0.is_empty() {
            return Ok((0, Vec::new()));
        }
        let reason = self.byte()?;
        let properties = if self.0.is_empty() { Vec::new() } else { self.properties(level, of)? };
        Ok((reason, properties))
    }

    fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0).to_vec()
    }
}
