//! The messages between PUBLISH and their last acknowledgement: their packet identifiers, and how many there may be.

use std::collections::{BTreeMap, HashSet};

use rumqttc::QoS;

use super::batch::MessageId;
use crate::contract::ProtocolVersion;

/// Messages of QoS 1 and 2 that may be in flight at one time.
pub(super) const MAX_INFLIGHT: usize = 100;
/// Messages of QoS 2 that may be in flight at one time under MQTT 3.1.1. mosquitto 2.0 loses messages of a 3.1.1 client that
/// has more than 20 of them in flight, and acknowledges them all the same.
pub(super) const MAX_INFLIGHT_QOS2: usize = 20;

/// The packet identifiers of one client identifier.
#[derive(Default)]
pub(super) struct Inflight {
    /// The packet identifiers in use, [`MAX_INFLIGHT`] at most. Two messages never have the same one (section 2.3.1).
    messages: BTreeMap<u16, MessageId>,
    /// How many of `messages` have QoS 2.
    qos2: usize,
    /// Packet identifiers of QoS 2 messages that were given up. As long as the session lives, the broker may take a new
    /// message with one of them for a repetition of the old one.
    pub(super) abandoned: HashSet<u16>,
    pub(super) last_identifier: u16,
    /// How many messages count towards the Receive Maximum of this connection (MQTT 5.0, section 4.9).
    counted: usize,
}

impl Inflight {
    /// No message is in flight, and these packet identifiers were given up in the session.
    pub(super) fn after(abandoned: HashSet<u16>) -> Self {
        Self { abandoned, ..Self::default() }
    }

    /// A new connection begins. `first_identifier` is where the search for free packet identifiers begins in a session whose
    /// identifiers are not known here.
    pub(super) fn connected(&mut self, session_present: bool, is_same_broker: bool, first_identifier: u16) {
        self.counted = 0;
        if !session_present {
            self.abandoned.clear();
        } else if self.messages.is_empty() || !is_same_broker {
            self.last_identifier = first_identifier;
        }
    }

    /// The message that uses this packet identifier.
    pub(super) fn message(&self, identifier: u16) -> Option<MessageId> {
        self.messages.get(&identifier).copied()
    }

    /// A free packet identifier for a message of QoS 1 or 2; `None` while too many messages are in flight.
    pub(super) fn claim(&mut self, id: MessageId, qos: QoS, version: ProtocolVersion) -> Option<u16> {
        let is_qos2 = qos == QoS::ExactlyOnce;
        let max_qos2 = match version {
            ProtocolVersion::V311 => MAX_INFLIGHT_QOS2,
            // The broker says how many it takes: Receive Maximum.
            ProtocolVersion::V5 => MAX_INFLIGHT,
        };
        if self.messages.len() >= MAX_INFLIGHT || (is_qos2 && self.qos2 >= max_qos2) {
            return None;
        }
        let is_free = |identifier: &u16| {
            !self.messages.contains_key(identifier) && !self.abandoned.contains(identifier)
        };
        let next =
            std::iter::successors(Some(self.last_identifier), |last| Some(last.checked_add(1).unwrap_or(1)));
        let identifier = next.skip(1).take(usize::from(u16::MAX)).find(is_free)?;
        self.last_identifier = identifier;
        self.messages.insert(identifier, id);
        self.qos2 += usize::from(is_qos2);
        Some(identifier)
    }

    /// Frees a packet identifier that [`claim`](Self::claim) gave to a message of this quality of service.
    pub(super) fn release(&mut self, identifier: u16, qos: QoS) {
        self.messages.remove(&identifier);
        self.qos2 -= usize::from(qos == QoS::ExactlyOnce);
    }

    /// Keeps the packet identifier of a QoS 2 message that is given up from being used again in this session.
    pub(super) fn abandon(&mut self, identifier: u16) {
        self.abandoned.insert(identifier);
    }

    /// Whether the broker takes no further message now, because so many have no last acknowledgement.
    pub(super) fn has_reached(&self, receive_maximum: u16) -> bool {
        self.counted >= usize::from(receive_maximum)
    }

    /// A message of QoS 1 or 2 goes out on this connection.
    pub(super) fn count(&mut self) {
        self.counted += 1;
    }

    /// A message that was counted on this connection has come to its end.
    pub(super) fn uncount(&mut self) {
        self.counted -= 1;
    }
}
