//! The packets of MQTT, as far as a publisher has to do with them.
//!
//! What they mean is the same under MQTT 3.1.1 and 5.0; how they are written differs, and stands in [`v311`] and [`v5`]. A
//! packet whose bytes are the same in both is written by the codec of 3.1.1.

mod codec;
mod connack;
mod incoming;
mod publish;
mod size;
mod v311;
mod v5;

use bytes::BytesMut;
use rumqttc::{Disconnect, PingReq, PubComp, PubRel};

pub(crate) use connack::{Connack, ConnackLimits};
pub(crate) use incoming::{Ack, Incoming};
pub(crate) use publish::Publish;

use crate::contract::{ConnectOptions, ProtocolVersion};
use crate::error::Error;

/// A packet that answers one of the broker's. It has the same bytes in both versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Pubrel(u16),
    Pubcomp(u16),
}

impl Reply {
    /// Writes the packet behind what `out` holds.
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

/// Writes PUBLISH behind what `out` holds; writes nothing when it fails.
///
/// `publish` is the same afterwards. It is mutable because the codec owns the topic and the payload while it writes them.
///
/// # Errors
///
/// [`Error::TooLarge`] when MQTT cannot express the message, [`Error::Rejected`] when the broker has said in CONNACK that it
/// would not take it.
pub(crate) fn write_publish(
    publish: &mut Publish,
    limits: &ConnackLimits,
    out: &mut BytesMut,
) -> Result<(), Error> {
    let before = out.len();
    let written = match limits.version {
        ProtocolVersion::V311 => v311::write_publish(publish, out),
        ProtocolVersion::V5 => v5::write_publish(publish, limits, out),
    };
    if written.is_err() {
        out.truncate(before);
    }
    written
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
/// [`Error::Protocol`]: a packet that is malformed, or larger than any packet that a broker sends to a publisher.
pub(crate) fn read(version: ProtocolVersion, inbox: &mut BytesMut) -> Result<Option<Incoming>, Error> {
    if inbox.is_empty() {
        return Ok(None);
    }
    match version {
        ProtocolVersion::V311 => v311::read(inbox),
        ProtocolVersion::V5 => v5::read(inbox),
    }
}

#[cfg(test)]
mod tests;
