//! One message on its way: what it waits for, and how far it got.

use rumqttc::{Publish, QoS};
use tokio::time::Instant;

use super::batch::BatchId;
use crate::bindings::flint::mqtt::publisher::{Message, Qos};

/// A message that is not settled, or one that was given up while the broker may still answer it.
pub(super) struct Exchange {
    /// Whose it is; nobody's, once it has been given up.
    pub(super) owner: Option<Owner>,
    pub(super) publish: Publish,
    pub(super) awaits: Awaits,
    /// Not to be written before.
    pub(super) turn: Instant,
    /// The last byte was written, on this connection or an earlier one: the broker may have the message.
    pub(super) sent: bool,
    /// The same, on this connection.
    pub(super) sent_here: bool,
}

/// A place among the messages of a batch.
#[derive(Clone, Copy)]
pub(super) struct Owner {
    pub(super) batch: BatchId,
    pub(super) position: usize,
}

/// The next event of an exchange.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaits {
    /// Its turn to be serialised.
    Ready,
    /// QoS 0: to be written.
    Written,
    /// QoS 1: the acknowledgement.
    Puback,
    /// QoS 2: that the broker has taken the message over.
    Pubrec,
    /// QoS 2: PUBREL is to be written.
    Release,
    /// QoS 2: that the broker has forgotten the packet identifier.
    Pubcomp,
}

impl Exchange {
    pub(super) fn new(owner: Owner, message: Message, turn: Instant) -> Self {
        let mut publish = Publish::new(message.topic, codec_qos(message.qos), message.payload);
        publish.retain = message.retain;
        Self { owner: Some(owner), publish, awaits: Awaits::Ready, turn, sent: false, sent_here: false }
    }

    /// The quality of service, in the contract's words.
    pub(super) fn qos(&self) -> Qos {
        match self.publish.qos {
            QoS::AtMostOnce => Qos::AtMostOnce,
            QoS::AtLeastOnce => Qos::AtLeastOnce,
            QoS::ExactlyOnce => Qos::ExactlyOnce,
        }
    }

    /// Whether the exchange of QoS 2 has begun, so that it can only go on in the same session.
    pub(super) fn has_begun_qos2(&self) -> bool {
        match self.awaits {
            Awaits::Pubrec | Awaits::Release | Awaits::Pubcomp => true,
            Awaits::Ready | Awaits::Written | Awaits::Puback => false,
        }
    }
}

/// The codec's name for a quality of service of the contract.
pub(in crate::publisher) fn codec_qos(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
        Qos::ExactlyOnce => QoS::ExactlyOnce,
    }
}
