//! MQTT in a few lines, for both directions: what has come whole, and whether it is right.

use std::ops::Range;

use crate::Version;

/// The packets at the start of `bytes` that are there whole: first byte, where the body is. What follows the last one is
/// cut off, or has a length that is none.
pub fn packets(bytes: &[u8]) -> Vec<(u8, Range<usize>)> {
    let mut packets = Vec::new();
    let mut at = 0;
    while let Some((first, body)) = packet(bytes, at) {
        at = body.end;
        packets.push((first, body));
    }
    packets
}

fn packet(bytes: &[u8], at: usize) -> Option<(u8, Range<usize>)> {
    let mut length = 0_usize;
    for digit in 0..4 {
        let byte = usize::from(*bytes.get(at + 1 + digit)?);
        length |= (byte & 0x7f) << (7 * digit);
        if byte < 0x80 {
            let start = at + 2 + digit;
            return (start + length <= bytes.len()).then(|| (bytes[at], start..start + length));
        }
    }
    None
}

/// What a client has sent.
#[derive(Debug, Default)]
pub struct Sent {
    /// Nothing that a publisher may not send, and in an order in which it may; what is cut off at the end is not seen.
    pub is_right: bool,
    /// How many PUBLISH packets there are.
    pub publishes: usize,
    /// The first of them.
    pub publish: Option<Publish>,
    /// Whether there is a PUBREL for it.
    pub released: bool,
    /// Whether the last packet is DISCONNECT.
    pub disconnected: bool,
}

/// A PUBLISH, taken apart.
#[derive(Debug)]
pub struct Publish {
    pub dup: bool,
    pub qos: u8,
    pub retain: bool,
    pub topic: Vec<u8>,
    pub identifier: [u8; 2],
    pub payload: Vec<u8>,
}

impl Sent {
    pub fn parse(bytes: &[u8], version: Version) -> Self {
        let level = match version {
            Version::V311 => 4,
            Version::V5 => 5,
        };
        let mut sent = Self { is_right: true, ..Self::default() };
        for (index, (first, body)) in packets(bytes).into_iter().enumerate() {
            let body = &bytes[body];
            let is_right = match first {
                0x10 => index == 0 && body.starts_with(b"\x00\x04MQTT") && body.get(6) == Some(&level),
                0x30..=0x3f => {
                    let publish = publish(first, body, version);
                    let is_right = publish.is_some();
                    sent.publishes += 1;
                    sent.publish = sent.publish.or(publish);
                    is_right
                }
                0x62 => {
                    let own = sent.publish.as_ref().is_some_and(|publish| publish.identifier == body);
                    sent.released |= own;
                    body.len() == 2
                }
                // PUBCOMP, for what the broker says it has published to somebody else.
                0x70 => body.len() == 2,
                0xe0 => body.is_empty(),
                _ => false,
            };
            sent.is_right &= is_right && !sent.disconnected && (index > 0 || first == 0x10);
            sent.disconnected = first == 0xe0;
        }
        sent
    }
}

fn publish(first: u8, body: &[u8], version: Version) -> Option<Publish> {
    let (length, rest) = body.split_first_chunk()?;
    let (topic, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let qos = first >> 1 & 3;
    let (identifier, payload) =
        if qos == 0 { ([0; 2], rest) } else { rest.split_first_chunk().map(|(id, rest)| (*id, rest))? };
    let payload = match version {
        Version::V311 => payload,
        // The content is text: the payload format indicator is the one property.
        Version::V5 => payload.strip_prefix(&[2, 1, 1])?,
    };
    let is_right = qos < 3 && (qos == 0 || identifier != [0; 2]);
    is_right.then(|| Publish {
        dup: first & 8 != 0,
        qos,
        retain: first & 1 != 0,
        topic: topic.to_vec(),
        identifier,
        payload: payload.to_vec(),
    })
}

/// What a broker has acknowledged, in time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Acknowledged {
    /// PUBACK, after PUBLISH had come.
    pub puback: bool,
    /// PUBREC after PUBLISH had come, and PUBCOMP after PUBREL had come.
    pub pubcomp: bool,
    /// There is nothing but CONNACK, acknowledgements and PINGRESP, and not many of them.
    pub plainly: bool,
}

/// What the bytes of a broker acknowledge. A mark is a packet identifier, and how many bytes had been sent when the
/// packet that it stands for had come.
pub fn acknowledged(
    bytes: &[u8],
    publish: Option<([u8; 2], usize)>,
    pubrel: Option<([u8; 2], usize)>,
    version: Version,
) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    let mut recorded = false;
    let packets = packets(bytes);
    acknowledged.plainly = packets.len() < 100
        && packets.iter().skip(1).all(|(first, body)| match first {
            0x40 | 0x50 | 0x62 | 0x70 => {
                let body = &bytes[body.clone()];
                let is_plain = match (body, version) {
                    ([_, _], _) | ([_, _, 0] | [_, _, 0, 0], Version::V5) => true,
                    ([_, _, 16] | [_, _, 16, 0], Version::V5) => matches!(first, 0x40 | 0x50),
                    _ => false,
                };
                is_plain && !body.starts_with(&[0, 0])
            }
            0xd0 => body.is_empty(),
            _ => false,
        })
        && is_whole(bytes);
    for (first, body) in packets {
        let after = |mark: Option<([u8; 2], usize)>| {
            let body = body.clone();
            let is_success = match version {
                Version::V311 => body.len() == 2,
                Version::V5 => body.len() == 2 || bytes[body.clone()].get(2).is_some_and(|code| *code < 128),
            };
            let is_of = |identifier: [u8; 2]| bytes[body.clone()].starts_with(&identifier);
            mark.is_some_and(|(identifier, at)| is_success && is_of(identifier) && body.end > at)
        };
        acknowledged.puback |= first == 0x40 && after(publish);
        recorded |= first == 0x50 && after(publish);
        acknowledged.pubcomp |= first == 0x70 && recorded && after(pubrel);
    }
    acknowledged
}

/// Whether one of the broker's packets that can refuse a message, or end the connection, has this reason code of MQTT 5.
pub fn says(bytes: &[u8], exit_code: i32) -> bool {
    packets(bytes).into_iter().any(|(first, body)| {
        let at = match first {
            0x40 | 0x50 => 2,
            0xe0 => 0,
            _ => return false,
        };
        bytes[body].get(at).is_some_and(|code| *code >= 128 && i32::from(*code) == exit_code)
    })
}

/// Whether the bytes of a broker end with a whole packet.
pub fn is_whole(bytes: &[u8]) -> bool {
    packets(bytes).last().map_or(0, |(_, body)| body.end) == bytes.len()
}
