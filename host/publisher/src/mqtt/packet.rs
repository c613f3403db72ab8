//! The packets of MQTT, as far as a publisher has to do with them.
//!
//! What they mean is the same under MQTT 3.1.1 and 5.0, and stands here; how they are written differs, and stands in
//! [`v311`] and [`v5`]. A packet whose bytes are the same in both is written by the codec of 3.1.1.

mod codec;
mod v311;
mod v5;

use bytes::{Bytes, BytesMut};
use rumqttc::{Disconnect, PingReq, PubComp, PubRel, QoS};
use rumqttc_v5::PublishProperties;

use mqtt_connector_contract::secrets::Heard;

use crate::contract::{ConnectOptions, Message, ProtocolVersion, Qos};
use crate::error::{Error, Refusal};

/// The largest packet that MQTT can express (3.1.1, section 2.2.3; 5.0, section 2.1.4).
pub(crate) const MAX_PACKET: usize = 268_435_455 + 5;
/// The largest packet taken from a broker. It owes a publisher a few bytes; what is larger can only be a message
/// for somebody else's subscription in the same session.
const MAX_INCOMING: u32 = 1024 * 1024;

/// A packet from the broker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// The first one.
    Connack(Box<Connack>),
    Puback(Ack),
    Pubrec(Ack),
    Pubcomp(Ack),
    Pubrel {
        identifier: u16,
    },
    /// A message for a subscription that the session has: another program's.
    Publish,
    Pingresp,
    /// MQTT 5: the broker ends the connection, and says why.
    Disconnect(Box<Refusal>),
    /// One that no server may send to a publisher, in words.
    Unexpected(&'static str),
}

impl Incoming {
    /// The same with the broker's words as `heard` gives them. What it says with a success is nobody's business.
    pub(crate) fn map_words(mut self, heard: impl Fn(&str) -> String) -> Self {
        match &mut self {
            Self::Puback(ack) | Self::Pubrec(ack) | Self::Pubcomp(ack) => {
                let words = ack.reason.take().filter(|_| ack.reason_code >= 128);
                ack.reason = words.map(|words| heard(&words).into());
            }
            Self::Disconnect(refusal) => refusal.map_words(heard),
            Self::Connack(connack) => match &mut **connack {
                Connack::Refused(refusal) => refusal.map_words(heard),
                Connack::Accepted(_) => {}
            },
            Self::Pubrel { .. } | Self::Publish | Self::Pingresp | Self::Unexpected(_) => {}
        }
        self
    }
}

/// What PUBACK, PUBREC and PUBCOMP say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ack {
    pub(crate) identifier: u16,
    /// From 128 on a failure; under MQTT 3.1.1 always 0.
    pub(crate) reason_code: u8,
    /// The broker's own words.
    pub(crate) reason: Option<Box<str>>,
}

impl Incoming {
    /// The packet identifier of the message that a packet answers.
    pub(crate) fn answers(&self) -> Option<u16> {
        match self {
            Self::Puback(ack) | Self::Pubrec(ack) | Self::Pubcomp(ack) => Some(ack.identifier),
            Self::Connack(_)
            | Self::Pubrel { .. }
            | Self::Publish
            | Self::Pingresp
            | Self::Disconnect(_)
            | Self::Unexpected(_) => None,
        }
    }
}

/// The answer to CONNECT.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Connack {
    Accepted(ConnackLimits),
    Refused(Refusal),
}

/// What holds on a connection, from CONNACK on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnackLimits {
    pub(crate) version: ProtocolVersion,
    /// The broker kept the session of an earlier connection (3.1.1, section 3.2.2.2).
    pub(crate) session_present: bool,
    /// The highest quality of service that the broker takes (5.0, section 3.2.2.3.4).
    pub(crate) maximum_qos: QoS,
    /// Whether the broker keeps messages for later subscribers (5.0, section 3.2.2.3.5).
    pub(crate) retain_available: bool,
    /// The largest packet that the broker takes, in bytes (5.0, section 3.2.2.3.6).
    pub(crate) maximum_packet_size: usize,
    /// How many messages of QoS 1 and 2 may be without their last acknowledgement (5.0, section 3.2.2.3.3).
    pub(crate) receive_maximum: u16,
    /// Seconds, instead of those of CONNECT (5.0, section 3.2.2.3.14).
    pub(crate) server_keep_alive: Option<u16>,
    /// Instead of an empty one (5.0, section 3.2.2.3.7).
    pub(crate) assigned_client_id: Option<String>,
}

impl ConnackLimits {
    /// What holds when the broker says nothing about it; under MQTT 3.1.1 it cannot.
    pub(crate) fn new(version: ProtocolVersion, session_present: bool) -> Self {
        Self {
            version,
            session_present,
            maximum_qos: QoS::ExactlyOnce,
            retain_available: true,
            maximum_packet_size: MAX_PACKET,
            receive_maximum: u16::MAX,
            server_keep_alive: None,
            assigned_client_id: None,
        }
    }
}

impl Default for ConnackLimits {
    fn default() -> Self {
        Self::new(ProtocolVersion::V311, false)
    }
}

/// PUBLISH: a message, and what changes from one time it is sent to the next.
pub(crate) struct Publish {
    pub(crate) dup: bool,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    /// 0 as long as it has none.
    pub(crate) identifier: u16,
    topic: Bytes,
    payload: Bytes,
    properties: Option<Box<PublishProperties>>,
}

impl Publish {
    pub(crate) fn new(message: Message) -> Self {
        Self {
            dup: false,
            qos: codec_qos(message.qos),
            retain: message.retain,
            identifier: 0,
            topic: message.topic.into_bytes().into(),
            payload: message.payload.into(),
            properties: message.properties.map(v5::publish_properties),
        }
    }

    /// Whether somebody's words repeat what is in the message and not meant for those who read about it.
    pub(crate) fn is_repeated_by(&self, heard: &Heard) -> bool {
        let properties = self.properties.as_deref();
        let values = properties.iter().flat_map(|properties| &properties.user_properties);
        let correlation_data = properties.and_then(|properties| properties.correlation_data.as_ref());
        heard.repeats_content(&self.payload)
            || correlation_data.is_some_and(|data| heard.repeats_content(data))
            || values.map(|(_, value)| value.as_bytes()).any(|value| heard.repeats_content(value))
    }

    /// Writes the packet behind what `out` holds; nothing, when it fails.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] when MQTT cannot express it, [`Error::Rejected`] when the broker would not take it.
    pub(crate) fn write(&mut self, terms: &ConnackLimits, out: &mut BytesMut) -> Result<(), Error> {
        let before = out.len();
        let written = match terms.version {
            ProtocolVersion::V311 => v311::write_publish(self, out),
            ProtocolVersion::V5 => v5::write_publish(self, terms, out),
        };
        if written.is_err() {
            out.truncate(before);
        }
        written
    }
}

/// A packet that answers one of the broker's. It has the same bytes in both versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Pubrel(u16),
    Pubcomp(u16),
}

impl Reply {
    pub(crate) fn write(self, out: &mut BytesMut) {
        let before = out.len();
        let written = match self {
            Self::Pubrel(identifier) => PubRel::new(identifier).write(out),
            Self::Pubcomp(identifier) => PubComp::new(identifier).write(out),
        };
        if let Err(error) = written {
            tracing::error!(%error, "an acknowledgement could not be serialised");
            out.truncate(before);
        }
    }
}

/// Writes CONNECT.
///
/// # Errors
///
/// [`Error::TooLarge`] when MQTT cannot express the options.
pub(crate) fn write_connect(options: &ConnectOptions, out: &mut BytesMut) -> Result<(), Error> {
    let written = match options.protocol_version {
        ProtocolVersion::V311 => v311::write_connect(options, out).map_err(|error| codec::of_3_1_1(&error)),
        ProtocolVersion::V5 => v5::write_connect(options, out).map_err(|error| codec::of_5(&error)),
    };
    written.map_err(|error| Error::TooLarge(format!("the connect options do not fit a packet: {error}")))
}

/// Writes PINGREQ, which has the same bytes in both versions.
pub(crate) fn write_pingreq(out: &mut BytesMut) -> Result<(), Error> {
    let failed =
        |error| Error::Protocol(format!("PINGREQ could not be written: {}", codec::of_3_1_1(&error)));
    PingReq.write(out).map(drop).map_err(failed)
}

/// Writes the DISCONNECT that ends a connection in order, which has the same bytes in both versions.
pub(crate) fn write_disconnect(out: &mut BytesMut) -> Result<(), Error> {
    let failed =
        |error| Error::Protocol(format!("DISCONNECT could not be written: {}", codec::of_3_1_1(&error)));
    Disconnect.write(out).map(drop).map_err(failed)
}

/// Takes the next whole packet off `inbox`; `None` when there is none yet.
///
/// # Errors
///
/// [`Error::Protocol`]: a packet that is malformed, or larger than anything a publisher is owed.
pub(crate) fn read(version: ProtocolVersion, inbox: &mut BytesMut) -> Result<Option<Incoming>, Error> {
    if inbox.is_empty() {
        return Ok(None);
    }
    match version {
        ProtocolVersion::V311 => v311::read(inbox),
        ProtocolVersion::V5 => v5::read(inbox),
    }
}

/// The codec's name for a quality of service of the contract.
fn codec_qos(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
        Qos::ExactlyOnce => QoS::ExactlyOnce,
    }
}

fn too_large_to_take(size: usize) -> Error {
    Error::Protocol(format!("a packet of {size} bytes, for a client that only publishes"))
}

#[cfg(test)]
mod tests;
