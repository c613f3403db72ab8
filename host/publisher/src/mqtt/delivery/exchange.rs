//! One message on its way to the broker: the packet it waits for, and how far it got.

use std::time::Instant;

use rumqttc::QoS;

use super::batch::Owner;
use crate::contract::{Message, Qos};
use crate::error::Error;
use crate::mqtt::packet::Publish;

/// What a message of QoS 2 waits for when the broker has answered it with PUBACK; the words stand after "while".
const ANSWERED_WITH_PUBACK: &str =
    "waiting for PUBREC; it answered with PUBACK, as a broker without QoS 2 does: see qos";

/// A message that is not settled, or a message that its call has given up while the broker may still answer it.
pub(super) struct Exchange {
    /// The batch that gets the settlement; `None` once its call has given the message up.
    pub(super) owner: Option<Owner>,
    pub(super) publish: Publish,
    /// The quality of service that the call asked for; the broker may take less.
    requested_qos: QoS,
    pub(super) awaits: Awaits,
    /// The message is not written before this moment.
    pub(super) not_before: Instant,
    /// The last byte was written, on this connection or an earlier one: the broker may have the message.
    pub(super) sent: bool,
    /// The last byte of PUBLISH was written on this connection, or PUBREL takes its place here.
    pub(super) sent_here: bool,
    /// The message counts towards the broker's Receive Maximum (MQTT 5.0, section 4.9).
    pub(super) is_counted: bool,
    /// PUBREC came on an earlier connection, and the exchange goes on with PUBREL on this one.
    pub(super) resumed: bool,
    /// PUBACK came for this message of QoS 2. It settles nothing, but says what is wrong with the broker.
    pub(super) has_puback: bool,
    /// The reason code of PUBREC.
    pub(super) reason_code: u8,
}

/// The next event of an exchange.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaits {
    /// PUBLISH is to be serialised.
    Ready,
    /// QoS 0: PUBLISH is to be written.
    Written,
    /// QoS 1: PUBACK.
    Puback,
    /// QoS 2: PUBREC, with which the broker takes the message over.
    Pubrec,
    /// QoS 2: PUBREL is to be written.
    Release,
    /// QoS 2: PUBCOMP, with which the broker forgets the packet identifier.
    Pubcomp,
}

impl Exchange {
    pub(super) fn new(owner: Owner, message: Message, not_before: Instant) -> Self {
        let publish = Publish::new(message);
        Self {
            owner: Some(owner),
            requested_qos: publish.qos,
            publish,
            awaits: Awaits::Ready,
            not_before,
            sent: false,
            sent_here: false,
            is_counted: false,
            resumed: false,
            has_puback: false,
            reason_code: 0,
        }
    }

    /// Adds to the reason of a failure what this exchange knows about the broker.
    pub(super) fn explained(&self, why: Error) -> Error {
        match why {
            Error::TimedOut { timeout, .. } if self.has_puback => {
                Error::TimedOut { timeout, stage: ANSWERED_WITH_PUBACK, failure: None }
            }
            why => why,
        }
    }

    /// The quality of service with which the message is sent, in the contract's type.
    pub(super) fn qos(&self) -> Qos {
        match self.publish.qos {
            QoS::AtMostOnce => Qos::AtMostOnce,
            QoS::AtLeastOnce => Qos::AtLeastOnce,
            QoS::ExactlyOnce => Qos::ExactlyOnce,
        }
    }

    /// Sets the quality of service to the requested one, or to `maximum` where that is lower. A message that has a packet
    /// identifier keeps the quality of service with which its exchange began.
    pub(super) fn lower_to(&mut self, maximum: QoS) {
        if self.publish.identifier == 0 {
            self.publish.qos =
                if (maximum as u8) < self.requested_qos as u8 { maximum } else { self.requested_qos };
        }
    }

    /// Whether the exchange of QoS 2 has begun, so that it can go on only in the same session.
    pub(super) fn has_begun_qos2(&self) -> bool {
        match self.awaits {
            Awaits::Pubrec | Awaits::Release | Awaits::Pubcomp => true,
            Awaits::Ready | Awaits::Written | Awaits::Puback => false,
        }
    }
}
