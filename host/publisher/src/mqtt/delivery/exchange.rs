//! One message on its way: what it waits for, and how far it got.

use rumqttc::QoS;
use tokio::time::Instant;

use super::batch::BatchId;
use crate::contract::{Message, Qos};
use crate::error::Error;
use crate::mqtt::packet::Publish;

/// What is waited for where a broker answers QoS 2 as if it were QoS 1; after "while".
const ANSWERED_WITH_PUBACK: &str =
    "waiting for PUBREC; it answered with PUBACK, as a broker without QoS 2 does: see qos";

/// A message that is not settled, or one that was given up while the broker may still answer it.
pub(super) struct Exchange {
    /// Whose it is; nobody's, once it has been given up.
    pub(super) owner: Option<Owner>,
    pub(super) publish: Publish,
    /// The quality of service that was asked for; a broker may not have it.
    asked: QoS,
    pub(super) awaits: Awaits,
    /// Not to be written before.
    pub(super) turn: Instant,
    /// The last byte was written, on this connection or an earlier one: the broker may have the message.
    pub(super) sent: bool,
    /// The same, on this connection.
    pub(super) sent_here: bool,
    /// It counts among those that the broker takes at one time (MQTT 5.0, section 4.9).
    pub(super) counts: bool,
    /// The exchange of QoS 2 goes on after PUBREC, on another connection than that of PUBREC.
    pub(super) resumed: bool,
    /// PUBACK has come for this message of QoS 2: that settles nothing, and tells what to look at.
    pub(super) has_puback: bool,
    /// What PUBREC said.
    pub(super) reason_code: u8,
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
        let publish = Publish::new(message);
        Self {
            owner: Some(owner),
            asked: publish.qos,
            publish,
            awaits: Awaits::Ready,
            turn,
            sent: false,
            sent_here: false,
            counts: false,
            resumed: false,
            has_puback: false,
            reason_code: 0,
        }
    }

    /// Why it is not settled, in the words of one who knows what the broker does to it.
    pub(super) fn explained(&self, why: Error) -> Error {
        match why {
            Error::TimedOut { timeout, .. } if self.has_puback => {
                Error::TimedOut { timeout, stage: ANSWERED_WITH_PUBACK, failure: None }
            }
            why => why,
        }
    }

    /// The quality of service, in the contract's words.
    pub(super) fn qos(&self) -> Qos {
        match self.publish.qos {
            QoS::AtMostOnce => Qos::AtMostOnce,
            QoS::AtLeastOnce => Qos::AtLeastOnce,
            QoS::ExactlyOnce => Qos::ExactlyOnce,
        }
    }

    /// Takes the quality of service that was asked for, or the highest that there is; unless the exchange has begun.
    pub(super) fn lower_to(&mut self, maximum: QoS) {
        if self.publish.identifier == 0 {
            self.publish.qos = if (maximum as u8) < self.asked as u8 { maximum } else { self.asked };
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
