//! The packets that a broker sends, as bytes; a script may cut, join or spoil them at will.

use crate::packet::PacketType;

/// Any packet: its first byte and what follows the remaining length, which is put between them.
///
/// # Panics
///
/// If `body` is longer than MQTT can say: 268,435,455 bytes.
#[track_caller]
#[must_use]
pub fn packet(first_byte: u8, body: &[u8]) -> Vec<u8> {
    assert!(body.len() < 1 << 28, "{} bytes do not fit into a packet", body.len());
    let mut bytes = vec![first_byte];
    bytes.extend_from_slice(&with_length(body));
    bytes
}

/// A length as a variable byte integer (MQTT 5.0, section 1.5.5), and what it is the length of: the form of properties.
#[must_use]
pub fn with_length(content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + 4);
    let mut left = content.len();
    loop {
        let digit = u8::try_from(left % 128).unwrap_or_default();
        left /= 128;
        bytes.push(if left > 0 { digit | 0x80 } else { digit });
        if left == 0 {
            break;
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

fn of_kind(kind: PacketType, body: &[u8]) -> Vec<u8> {
    packet((kind as u8) << 4 | kind.fixed_flags(), body)
}

/// CONNACK of MQTT 3.1.1; code 0 accepts, 1 to 5 refuse.
#[must_use]
pub fn connack(session_present: bool, code: u8) -> Vec<u8> {
    of_kind(PacketType::ConnAck, &[u8::from(session_present), code])
}

/// CONNACK of MQTT 5 with `properties` as bytes, without their length (section 3.2).
#[must_use]
pub fn connack_v5(session_present: bool, reason: u8, properties: &[u8]) -> Vec<u8> {
    let head = [u8::from(session_present), reason];
    of_kind(PacketType::ConnAck, &[&head[..], &with_length(properties)].concat())
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP; in MQTT 5 this form means success.
#[must_use]
pub fn ack(kind: PacketType, packet_id: u16) -> Vec<u8> {
    of_kind(kind, &packet_id.to_be_bytes())
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP of MQTT 5 with a reason code and no properties.
#[must_use]
pub fn ack_v5(kind: PacketType, packet_id: u16, reason: u8) -> Vec<u8> {
    let [high, low] = packet_id.to_be_bytes();
    of_kind(kind, &[high, low, reason])
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP of MQTT 5 with a reason code and `properties` as bytes, without their length (sections
/// 3.4 to 3.7).
#[must_use]
pub fn ack_v5_with(kind: PacketType, packet_id: u16, reason: u8, properties: &[u8]) -> Vec<u8> {
    let [high, low] = packet_id.to_be_bytes();
    of_kind(kind, &[&[high, low, reason][..], &with_length(properties)].concat())
}

/// PUBACK: the answer to a PUBLISH with QoS 1.
#[must_use]
pub fn puback(packet_id: u16) -> Vec<u8> {
    ack(PacketType::PubAck, packet_id)
}

/// PUBREC: the answer to a PUBLISH with QoS 2.
#[must_use]
pub fn pubrec(packet_id: u16) -> Vec<u8> {
    ack(PacketType::PubRec, packet_id)
}

/// PUBREL, which a broker sends only for its own messages.
#[must_use]
pub fn pubrel(packet_id: u16) -> Vec<u8> {
    ack(PacketType::PubRel, packet_id)
}

/// PUBCOMP: the answer to PUBREL.
#[must_use]
pub fn pubcomp(packet_id: u16) -> Vec<u8> {
    ack(PacketType::PubComp, packet_id)
}

/// PUBLISH of MQTT 3.1.1 to a subscriber, with a `packet_id` when `qos` is not 0.
#[must_use]
pub fn publish(topic: &str, qos: u8, retain: bool, packet_id: u16, payload: &[u8]) -> Vec<u8> {
    publish_with(topic, qos, retain, packet_id, &[], payload)
}

/// PUBLISH of MQTT 5 to a subscriber, with a `packet_id` when `qos` is not 0 and `properties` as bytes, without their
/// length (section 3.3).
#[must_use]
pub fn publish_v5(
    topic: &str,
    qos: u8,
    retain: bool,
    packet_id: u16,
    properties: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    publish_with(topic, qos, retain, packet_id, &with_length(properties), payload)
}

fn publish_with(
    topic: &str,
    qos: u8,
    retain: bool,
    packet_id: u16,
    properties: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    let length = u16::try_from(topic.len()).unwrap_or(u16::MAX);
    let mut body = length.to_be_bytes().to_vec();
    body.extend_from_slice(topic.as_bytes());
    if qos > 0 {
        body.extend_from_slice(&packet_id.to_be_bytes());
    }
    body.extend_from_slice(properties);
    body.extend_from_slice(payload);
    packet(0x30 | qos << 1 | u8::from(retain), &body)
}

/// SUBACK of MQTT 3.1.1: one code for each filter, 0 to 2 granted, 128 refused.
#[must_use]
pub fn suback(packet_id: u16, codes: &[u8]) -> Vec<u8> {
    of_kind(PacketType::SubAck, &[&packet_id.to_be_bytes(), codes].concat())
}

/// UNSUBACK of MQTT 3.1.1.
#[must_use]
pub fn unsuback(packet_id: u16) -> Vec<u8> {
    ack(PacketType::UnsubAck, packet_id)
}

/// PINGRESP.
#[must_use]
pub fn pingresp() -> Vec<u8> {
    of_kind(PacketType::PingResp, &[])
}

/// DISCONNECT of MQTT 5 with a reason code and no properties; in MQTT 3.1.1 a broker has none.
#[must_use]
pub fn disconnect_v5(reason: u8) -> Vec<u8> {
    of_kind(PacketType::Disconnect, &[reason])
}

/// DISCONNECT of MQTT 5 with a reason code and `properties` as bytes, without their length (section 3.14).
#[must_use]
pub fn disconnect_v5_with(reason: u8, properties: &[u8]) -> Vec<u8> {
    of_kind(PacketType::Disconnect, &[&[reason][..], &with_length(properties)].concat())
}

/// AUTH of MQTT 5 with a reason code and `properties` as bytes, without their length (section 3.15).
#[must_use]
pub fn auth_v5(reason: u8, properties: &[u8]) -> Vec<u8> {
    of_kind(PacketType::Auth, &[&[reason][..], &with_length(properties)].concat())
}
