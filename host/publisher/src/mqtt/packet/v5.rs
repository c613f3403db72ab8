//! MQTT 5.0: the codec of rumqttc writes what is sent; what the broker sends is read here.
//!
//! The codec's reader accepts a property that stands in a packet twice, properties that are longer than they say, and bytes
//! behind them. The standard calls such packets malformed, and a malformed packet must not settle a message: exit code 0 is a
//! promise. So the codec's reader is used only for PUBLISH, which settles nothing, and its check of the length for every packet.

mod properties;

use std::ops::RangeInclusive;

use bytes::{Buf as _, Bytes, BytesMut};
use rumqttc_v5::mqttbytes::{Error as CodecError, PacketType, check};
use rumqttc_v5::{Connect, ConnectAuth, ConnectProperties, LastWill, LastWillProperties};

use super::codec;
use super::connack::{Connack, ConnackLimits};
use super::incoming::{Ack, Incoming};
use super::publish::Publish;
use super::size::{MAX_INCOMING, MAX_PACKET, too_large_to_take};
use crate::contract::{ConnectOptions, Credentials, ProtocolVersion, WillProperties};
use crate::error::{Error, Refusal};
use properties::{Of, Properties};

const CUT_OFF: &str = "it is cut off";

/// "Packet too large" and "Retain not supported" (section 2.4).
const PACKET_TOO_LARGE: u8 = 149;
const RETAIN_NOT_SUPPORTED: u8 = 154;

/// The reason codes from 128 on (section 2.4).
const FAILURES: RangeInclusive<u8> = 128..=162;

/// CONNECT (section 3.1).
pub(super) fn write_connect(options: &ConnectOptions, out: &mut BytesMut) -> Result<(), CodecError> {
    let properties = options.session_expiry_interval.map(|interval| ConnectProperties {
        session_expiry_interval: Some(interval),
        ..ConnectProperties::new()
    });
    let connect = Connect {
        keep_alive: options.keep_alive,
        client_id: options.client_id.clone(),
        clean_start: options.clean_session,
        properties,
    };
    let will = options.will.as_ref().map(|will| {
        let properties = will.properties.as_ref().map(will_properties);
        LastWill::new(
            will.topic.as_str(),
            will.payload.as_slice(),
            codec::qos(will.qos),
            will.retain,
            properties,
        )
    });
    let bytes = |password: &String| Bytes::copy_from_slice(password.as_bytes());
    let auth = match &options.credentials {
        None | Some(Credentials { username: None, password: None }) => ConnectAuth::None,
        Some(Credentials { username: Some(username), password: None }) => {
            ConnectAuth::Username { username: username.clone() }
        }
        Some(Credentials { username: None, password: Some(password) }) => {
            ConnectAuth::Password { password: bytes(password) }
        }
        Some(Credentials { username: Some(username), password: Some(password) }) => {
            ConnectAuth::UsernamePassword { username: username.clone(), password: bytes(password) }
        }
    };
    connect.write(&will, &auth, out).map(drop)
}

/// PUBLISH (section 3.3), unless the broker has said in CONNACK that it would not take it.
pub(super) fn write_publish(
    publish: &mut Publish,
    limits: &ConnackLimits,
    out: &mut BytesMut,
) -> Result<(), Error> {
    if publish.retain && !limits.retain_available {
        return Err(rejected(
            RETAIN_NOT_SUPPORTED,
            "it has said so in CONNACK (Retain Available 0)".to_owned(),
        ));
    }
    let packet = rumqttc_v5::Publish {
        dup: publish.dup,
        qos: publish.qos,
        retain: publish.retain,
        topic: std::mem::take(&mut publish.topic),
        pkid: publish.identifier,
        payload: std::mem::take(&mut publish.payload),
        properties: publish.properties.take().map(|properties| *properties),
    };
    let size = packet.size();
    let written = if size > MAX_PACKET {
        Err(Error::TooLarge(format!("a packet of {size} bytes, and MQTT has {MAX_PACKET} at most")))
    } else if size > limits.maximum_packet_size {
        let limit = limits.maximum_packet_size;
        Err(rejected(
            PACKET_TOO_LARGE,
            format!("the packet has {size} bytes, and it takes {limit} at most (Maximum Packet Size)"),
        ))
    } else {
        let failed =
            |error| Error::TooLarge(format!("the message does not fit a packet: {}", codec::of_5(&error)));
        packet.write(out).map(drop).map_err(failed)
    };
    publish.topic = packet.topic;
    publish.payload = packet.payload;
    publish.properties = packet.properties.map(Box::new);
    written
}

fn will_properties(properties: &WillProperties) -> LastWillProperties {
    LastWillProperties {
        delay_interval: Some(properties.delay_interval).filter(|seconds| *seconds > 0),
        payload_format_indicator: properties.payload_format_indicator.then_some(1),
        message_expiry_interval: properties.message_expiry_interval,
        content_type: properties.content_type.clone(),
        response_topic: None,
        correlation_data: None,
        user_properties: Vec::new(),
    }
}

fn rejected(code: u8, reason: String) -> Error {
    Error::Rejected(Refusal { reason, ..Refusal::new(code) })
}

/// Takes the next whole packet off `inbox`; `None` when there is none yet.
pub(super) fn read(inbox: &mut BytesMut) -> Result<Option<Incoming>, Error> {
    let malformed = |what: String| Error::Protocol(format!("a malformed packet ({what})"));
    let header = match check(inbox.iter(), Some(MAX_INCOMING)) {
        Ok(header) => header,
        Err(CodecError::InsufficientBytes(_)) => return Ok(None),
        Err(CodecError::PayloadSizeLimitExceeded { pkt_size, .. }) => {
            return Err(too_large_to_take(pkt_size));
        }
        Err(error) => return Err(malformed(codec::of_5(&error).to_owned())),
    };
    let packet_type = header.packet_type().map_err(|error| malformed(codec::of_5(&error).to_owned()))?;
    let packet = inbox.split_to(header.frame_length());
    if packet_type == PacketType::Publish {
        // The message is for another program, and settles nothing. It is read because a malformed packet has to end the
        // connection (section 4.13.1): what follows it cannot be trusted.
        let publish = rumqttc_v5::Publish::read(header, packet.freeze());
        return publish
            .map(|_| Some(Incoming::Publish))
            .map_err(|error| malformed(codec::of_5(&error).to_owned()));
    }
    // Each byte of the length whose highest bit is set is followed by another byte of it (section 1.5.5).
    let length = 1 + packet.iter().skip(1).take_while(|byte| **byte & 0x80 != 0).count();
    let flags_are_right = match packet_type {
        PacketType::PubRel | PacketType::Subscribe | PacketType::Unsubscribe => header.flags() == 0b0010,
        _ => header.flags() == 0,
    };
    if !flags_are_right {
        return Err(malformed("its reserved bits are not what they have to be".to_owned()));
    }
    incoming(packet_type, &packet[1 + length..]).map(Some).map_err(|what| malformed(what.to_owned()))
}

/// Reads the packet of this type from the bytes behind its length; the error says what is malformed.
fn incoming(packet_type: PacketType, mut body: &[u8]) -> Result<Incoming, &'static str> {
    let incoming = match packet_type {
        PacketType::ConnAck => Incoming::Connack(Box::new(connack(&mut body)?)),
        PacketType::PubAck => Incoming::Puback(ack(&mut body, &[0, 16])?),
        PacketType::PubRec => Incoming::Pubrec(ack(&mut body, &[0, 16])?),
        PacketType::PubComp => Incoming::Pubcomp(ack(&mut body, &[0])?),
        PacketType::PubRel => Incoming::Pubrel { identifier: ack(&mut body, &[0])?.identifier },
        PacketType::Disconnect => Incoming::Disconnect(Box::new(disconnect(&mut body)?)),
        PacketType::PingResp => Incoming::Pingresp,
        PacketType::Publish => return Ok(Incoming::Publish),
        PacketType::SubAck => return Ok(Incoming::Unexpected("a SUBACK without a SUBSCRIBE")),
        PacketType::UnsubAck => return Ok(Incoming::Unexpected("an UNSUBACK without an UNSUBSCRIBE")),
        PacketType::Auth => return Ok(Incoming::Unexpected("an AUTH without an authentication method")),
        PacketType::Connect | PacketType::Subscribe | PacketType::Unsubscribe | PacketType::PingReq => {
            return Ok(Incoming::Unexpected("a packet that only a client sends"));
        }
    };
    if body.is_empty() { Ok(incoming) } else { Err("it has bytes behind its end") }
}

/// CONNACK (section 3.2).
fn connack(body: &mut &[u8]) -> Result<Connack, &'static str> {
    let flags = body.try_get_u8().map_err(|_| CUT_OFF)?;
    let code = body.try_get_u8().map_err(|_| CUT_OFF)?;
    if flags & 0xfe != 0 {
        return Err("a CONNACK with reserved bits");
    }
    // A broker that knows only MQTT 3.1.1 answers with a CONNACK that has no properties.
    if body.is_empty() {
        return match code {
            1..=5 => Ok(Connack::Refused(Refusal::new(code))),
            _ => Err("a CONNACK of MQTT 3.1.1; see protocol-version"),
        };
    }
    let properties = Properties::read(Of::Connack, body)?;
    match code {
        0 => {}
        128.. => return Ok(Connack::Refused(properties.refusal(code))),
        1..128 => return Err("a CONNACK with a reason code that the standard does not have"),
    }
    let mut limits = ConnackLimits::new(ProtocolVersion::V5, flags == 1);
    if let Some(maximum_qos) = properties.maximum_qos {
        limits.maximum_qos = maximum_qos;
    }
    if let Some(bytes) = properties.maximum_packet_size {
        limits.maximum_packet_size = MAX_PACKET.min(usize::try_from(bytes).unwrap_or(MAX_PACKET));
    }
    limits.retain_available = properties.retain_available.unwrap_or(true);
    limits.receive_maximum = properties.receive_maximum.unwrap_or(u16::MAX);
    limits.server_keep_alive = properties.server_keep_alive;
    limits.assigned_client_id = properties.assigned_client_id;
    Ok(Connack::Accepted(limits))
}

/// PUBACK, PUBREC, PUBREL and PUBCOMP (sections 3.4 to 3.7). `successes` are the reason codes below 128 that the packet may
/// have.
fn ack(body: &mut &[u8], successes: &[u8]) -> Result<Ack, &'static str> {
    let identifier = body.try_get_u16().map_err(|_| CUT_OFF)?;
    if identifier == 0 {
        return Err("a packet identifier of 0");
    }
    let reason_code = if body.is_empty() { 0 } else { body.get_u8() };
    if !successes.contains(&reason_code) && !FAILURES.contains(&reason_code) {
        return Err("an acknowledgement with a reason code that the standard does not have");
    }
    let properties =
        if body.is_empty() { Properties::default() } else { Properties::read(Of::Acknowledgement, body)? };
    Ok(Ack { identifier, reason_code, reason: properties.reason_string.map(String::into_boxed_str) })
}

/// DISCONNECT (section 3.14).
fn disconnect(body: &mut &[u8]) -> Result<Refusal, &'static str> {
    let code = if body.is_empty() { 0 } else { body.get_u8() };
    let properties =
        if body.is_empty() { Properties::default() } else { Properties::read(Of::Disconnect, body)? };
    Ok(properties.refusal(code))
}
