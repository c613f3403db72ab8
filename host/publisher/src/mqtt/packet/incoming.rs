//! What a broker sends to a publisher.

use super::connack::Connack;
use crate::error::Refusal;

/// A packet from the broker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// The broker's first packet.
    Connack(Box<Connack>),
    Puback(Ack),
    Pubrec(Ack),
    Pubcomp(Ack),
    Pubrel {
        identifier: u16,
    },
    /// A message for a subscription that another program made in the same session.
    Publish,
    Pingresp,
    /// MQTT 5: the broker ends the connection, and says why.
    Disconnect(Box<Refusal>),
    /// A packet that no server may send to a publisher, as a noun phrase.
    Unexpected(&'static str),
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

    /// The same packet, with the broker's words about a failure as `heard` gives them. Its words about a success are left
    /// out, because nothing shows them.
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
