//! MQTT 3.1.1: the codec of rumqttc.

use bytes::{Bytes, BytesMut};
use rumqttc::mqttbytes::Error as CodecError;
use rumqttc::{Connect, ConnectAuth, ConnectReturnCode, LastWill, Packet};

use super::codec;
use super::connack::{Connack, ConnackLimits};
use super::incoming::{Ack, Incoming};
use super::publish::Publish;
use super::size::{MAX_INCOMING, MAX_PACKET, too_large_to_take};
use crate::contract::{ConnectOptions, Credentials, ProtocolVersion};
use crate::error::{Error, Refusal};

/// CONNECT (section 3.1).
pub(super) fn write_connect(options: &ConnectOptions, out: &mut BytesMut) -> Result<(), CodecError> {
    let mut connect = Connect::new(options.client_id.as_str());
    connect.keep_alive = options.keep_alive;
    connect.clean_session = options.clean_session;
    connect.last_will = options.will.as_ref().map(|will| {
        LastWill::new(will.topic.as_str(), will.payload.as_slice(), codec::qos(will.qos), will.retain)
    });
    connect.auth = match &options.credentials {
        None | Some(Credentials { username: None, .. }) => ConnectAuth::None,
        Some(Credentials { username: Some(username), password: None }) => {
            ConnectAuth::Username { username: username.clone() }
        }
        Some(Credentials { username: Some(username), password: Some(password) }) => {
            ConnectAuth::UsernamePassword {
                username: username.clone(),
                password: Bytes::copy_from_slice(password.as_bytes()),
            }
        }
    };
    Packet::Connect(connect).write(out, MAX_PACKET).map(drop)
}

/// PUBLISH (section 3.3).
pub(super) fn write_publish(publish: &mut Publish, out: &mut BytesMut) -> Result<(), Error> {
    // The topic and the payload are moved into the codec's packet and back: a clone of `Bytes` would cost two allocations.
    let packet = rumqttc::Publish {
        dup: publish.dup,
        qos: publish.qos,
        retain: publish.retain,
        topic: std::mem::take(&mut publish.topic),
        pkid: publish.identifier,
        payload: std::mem::take(&mut publish.payload),
    };
    let written = packet.write(out);
    publish.topic = packet.topic;
    publish.payload = packet.payload;
    let too_large = |error: CodecError| {
        Error::TooLarge(format!("the message does not fit a packet: {}", codec::of_3_1_1(&error)))
    };
    written.map(drop).map_err(too_large)
}

/// Takes the next whole packet off `inbox`; `None` when there is none yet.
pub(super) fn read(inbox: &mut BytesMut) -> Result<Option<Incoming>, Error> {
    let packet = match Packet::read(inbox, MAX_INCOMING as usize) {
        Ok(packet) => packet,
        Err(CodecError::InsufficientBytes(_)) => return Ok(None),
        Err(CodecError::PayloadSizeLimitExceeded(size)) => return Err(too_large_to_take(size)),
        Err(error) => {
            return Err(Error::Protocol(format!("a malformed packet ({})", codec::of_3_1_1(&error))));
        }
    };
    let ack = |identifier| Ack { identifier, reason_code: 0, reason: None };
    Ok(Some(match packet {
        Packet::ConnAck(connack) => {
            Incoming::Connack(Box::new(answer(connack.code, connack.session_present)))
        }
        Packet::PubAck(packet) => Incoming::Puback(ack(packet.pkid)),
        Packet::PubRec(packet) => Incoming::Pubrec(ack(packet.pkid)),
        Packet::PubComp(packet) => Incoming::Pubcomp(ack(packet.pkid)),
        Packet::PubRel(packet) => Incoming::Pubrel { identifier: packet.pkid },
        Packet::Publish(_) => Incoming::Publish,
        Packet::PingResp => Incoming::Pingresp,
        Packet::SubAck(_) => Incoming::Unexpected("a SUBACK without a SUBSCRIBE"),
        Packet::UnsubAck(_) => Incoming::Unexpected("an UNSUBACK without an UNSUBSCRIBE"),
        Packet::Connect(_)
        | Packet::Subscribe(_)
        | Packet::Unsubscribe(_)
        | Packet::PingReq
        | Packet::Disconnect => Incoming::Unexpected("a packet that only a client sends"),
    }))
}

/// What a return code means (table 3.1).
fn answer(code: ConnectReturnCode, session_present: bool) -> Connack {
    let refused =
        |reason: &str| Connack::Refused(Refusal { reason: reason.to_owned(), ..Refusal::new(code as u8) });
    match code {
        ConnectReturnCode::Success => {
            Connack::Accepted(ConnackLimits::new(ProtocolVersion::V311, session_present))
        }
        ConnectReturnCode::RefusedProtocolVersion => refused("unacceptable protocol version"),
        ConnectReturnCode::BadClientId => refused("identifier rejected"),
        ConnectReturnCode::ServiceUnavailable => refused("server unavailable"),
        ConnectReturnCode::BadUserNamePassword => refused("bad user name or password"),
        ConnectReturnCode::NotAuthorized => refused("not authorized"),
    }
}
