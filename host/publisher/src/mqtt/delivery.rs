//! The delivery of messages: which packet is owed next, and what settles a message.
//!
//! The rules are those of MQTT 3.1.1 and 5.0, sections 4.3 (quality of service) and 4.4 (delivery retry), as a state
//! machine without input or output: [`connection`](super::connection) moves the bytes. It is ours, and only the packet
//! codec ([`packet`](super::packet)) is the library's, because no client library tells the three things apart that an honest answer needs: what the
//! socket has taken, what the broker has acknowledged, and what a lost session has made uncertain.
//!
//! A delivery serves one client identifier: the messages of many calls, across as many connections as they need. A call
//! may end before its messages are settled; what the broker says of them later settles nobody else's.
//!
//! ```text
//!                  written
//! QoS 0   Ready ───────────► settled
//!           ▲ lost before written
//!           │      written          PUBACK
//! QoS 1   Ready ───────────► Puback ──────► settled
//!           ▲                  │ lost: again, with DUP
//!           │      written          PUBREC           PUBREL written           PUBCOMP
//! QoS 2   Ready ───────────► Pubrec ──────► Release ────────────────► Pubcomp ───────► settled
//!                              │ lost: again with DUP    lost: PUBREL again │
//!                              └────────────────────────────────────────────┴─ only in a session that survived, else
//!                                                                              uncertain
//! ```
//!
//! Under MQTT 5, PUBACK or PUBREC with a reason code from 128 settles the message as well: the broker has refused it. What
//! the broker has said in CONNACK holds before a byte of a message is written ([`Terms`]).

mod batch;
mod exchange;
mod incoming;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use bytes::BytesMut;
use mqtt_connector_contract::secrets::Heard;
use rumqttc::QoS;
use tokio::time::Instant;

pub(crate) use batch::BatchId;

use super::packet::{Reply, Terms};
use crate::contract::ProtocolVersion;
use crate::error::Error;
use batch::Batch;
use exchange::{Awaits, Exchange};

/// Messages that may be between PUBLISH and their last acknowledgement at one time.
const WINDOW: usize = 100;
/// The same for QoS 2 under MQTT 3.1.1: mosquitto 2.0 loses QoS 2 messages of a 3.1.1 client that has more than 20 open,
/// and acknowledges them all the same.
const WINDOW_QOS2: usize = 20;
/// Bytes to serialise ahead of the socket.
const WRITE_AHEAD: usize = 64 * 1024;
/// Replies that may wait to be written before the broker is not listened to any more.
const MAX_OWED: usize = 1000;

/// The messages of one client identifier.
#[derive(Default)]
pub(crate) struct Delivery {
    /// What is not settled, and what was given up on this connection, in the order in which it was handed over
    /// (section 4.6).
    exchanges: BTreeMap<u64, Exchange>,
    batches: BTreeMap<BatchId, Batch>,
    unsettled_batches: usize,
    /// Batches that nobody has been told of.
    settled: Vec<BatchId>,
    /// Names given so far, to batches and to messages.
    names: u64,
    connected: bool,
    /// What holds on this connection, or the last one.
    terms: Terms,
    /// Which of the brokers this connection, or the last that was tried, is to.
    broker: u32,
    /// The broker of the last connection that was accepted.
    session_at: Option<u32>,
    /// Messages that count among those that the broker takes at one time.
    open: usize,
    /// The packet identifiers in use: never two messages with one identifier (section 2.3.1).
    identifiers: HashMap<u16, u64>,
    /// Packet identifiers of QoS 2 messages that were given up: as long as the session lives, the broker may take another
    /// message with one of them for a repetition.
    abandoned: HashSet<u16>,
    last_identifier: u16,
    in_flight_qos2: usize,
    /// Messages to write on this connection, in order.
    queue: VecDeque<u64>,
    /// PUBREL and PUBCOMP owed to the broker; they go out before further messages.
    replies: VecDeque<Reply>,
    /// What is serialised and not yet written, with the offset of its last byte in all that is written on this
    /// connection.
    unwritten: VecDeque<(u64, Unwritten)>,
    /// Replies that are not written yet.
    owed: usize,
    /// Messages of QoS 2 that the broker has acknowledged as if they were of QoS 1, and when each is given up.
    mistaken: VecDeque<(Instant, u64)>,
}

/// A packet on its way to the socket.
#[derive(Clone, Copy)]
enum Unwritten {
    /// The message with this name.
    Publish(u64),
    /// PUBREL for this packet identifier.
    Pubrel(u16),
    Pubcomp,
}

impl Delivery {
    /// A delivery in a session of before, in which the broker may still hold messages with these packet identifiers.
    pub(crate) fn after(leftovers: HashSet<u16>) -> Self {
        Self { abandoned: leftovers, ..Self::default() }
    }

    /// The packet identifiers under which the broker may still hold a message of QoS 2 that was given up.
    pub(crate) fn leftovers(&mut self) -> HashSet<u16> {
        std::mem::take(&mut self.abandoned)
    }

    /// Whether somebody's words repeat what is in one of the messages; in that one alone which has a packet identifier, when
    /// they are about it.
    pub(crate) fn is_repeated_by(&self, heard: &Heard, identifier: Option<u16>) -> bool {
        match identifier {
            None => self.exchanges.values().any(|exchange| exchange.publish.is_repeated_by(heard)),
            Some(identifier) => {
                let exchange = self.identifiers.get(&identifier).and_then(|id| self.exchanges.get(id));
                exchange.is_some_and(|exchange| exchange.publish.is_repeated_by(heard))
            }
        }
    }

    /// Another connection is tried, to this one of the brokers.
    pub(crate) fn tries(&mut self, broker: u32) {
        self.broker = broker;
    }

    /// The broker that was tried last.
    pub(crate) fn broker(&self) -> u32 {
        self.broker
    }

    /// Begins on a new connection, whose CONNACK said what holds on it.
    ///
    /// `first_identifier` is used in a session that was there before: the broker may still hold identifiers of messages
    /// that another process left half done, and would take a new QoS 2 message under the same identifier for a repetition,
    /// acknowledge it and drop it.
    pub(crate) fn connected(&mut self, terms: Terms, first_identifier: u16) {
        // A session that another broker has kept is not the one in which an exchange of QoS 2 goes on.
        let is_same_broker = self.session_at.replace(self.broker).is_none_or(|before| before == self.broker);
        let survived = terms.session_present && is_same_broker;
        let session_present = terms.session_present;
        self.connected = true;
        self.terms = terms;
        self.open = 0;
        self.mistaken.clear();
        if !session_present {
            self.abandoned.clear();
        } else if self.identifiers.is_empty() || !is_same_broker {
            self.last_identifier = first_identifier;
        }
        let mut lost = Vec::new();
        for (&id, exchange) in &mut self.exchanges {
            exchange.sent_here = false;
            exchange.counts = false;
            exchange.has_puback = false;
            match (exchange.awaits, survived) {
                (Awaits::Ready, _) => self.queue.push_back(id),
                (Awaits::Puback, _) | (Awaits::Pubrec, true) => {
                    exchange.publish.dup = exchange.sent;
                    self.queue.push_back(id);
                }
                (Awaits::Release | Awaits::Pubcomp, true) => {
                    exchange.awaits = Awaits::Release;
                    exchange.sent_here = true;
                    exchange.resumed = true;
                    self.owed += 1;
                    self.replies.push_back(Reply::Pubrel(exchange.publish.identifier));
                }
                (Awaits::Written | Awaits::Pubrec | Awaits::Release | Awaits::Pubcomp, _) => lost.push(id),
            }
        }
        for id in lost {
            self.fail(id, Error::Lost("the broker did not keep the session".to_owned()));
        }
    }

    /// The connection is gone. What was not written whole is ready to be sent again; with a clean session, a
    /// QoS 2 exchange that had begun cannot go on and is settled.
    pub(crate) fn disconnected(&mut self, clean_session: bool, why: &Error) {
        self.connected = false;
        self.queue.clear();
        self.replies.clear();
        self.owed = 0;
        for (_, packet) in std::mem::take(&mut self.unwritten) {
            let Unwritten::Publish(id) = packet else { continue };
            if let Some(exchange) = self.exchanges.get_mut(&id).filter(|exchange| !exchange.sent) {
                exchange.awaits = Awaits::Ready;
                self.release(id);
            }
        }
        let over =
            |exchange: &Exchange| exchange.owner.is_none() || (clean_session && exchange.has_begun_qos2());
        let over: Vec<u64> =
            self.exchanges.iter().filter(|(_, exchange)| over(exchange)).map(|(id, _)| *id).collect();
        for id in over {
            self.fail(id, why.clone());
        }
    }

    /// Whether the broker asks for replies faster than it reads them: then nothing more is to be read from it.
    pub(crate) fn is_swamped(&self) -> bool {
        self.owed > MAX_OWED
    }

    /// When there is something to do without anything having come: the next message of this connection may go, or one is
    /// given up.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.next_turn().into_iter().chain(self.mistaken.front().map(|(until, _)| *until)).min()
    }

    /// When the next message of this connection may go, if that is later.
    fn next_turn(&self) -> Option<Instant> {
        let next = self.queue.front().and_then(|id| self.exchanges.get(id)).map(|exchange| exchange.turn);
        next.filter(|turn| *turn > Instant::now())
    }

    /// Serialises what is owed to the broker now, as far as the windows and `WRITE_AHEAD` allow, behind what `out` holds
    /// already. `written` is how much of this connection has left `out` before.
    pub(crate) fn serialise(&mut self, out: &mut BytesMut, written: u64) {
        while let Some(reply) = self.replies.pop_front() {
            let packet = match reply {
                Reply::Pubrel(identifier) => Unwritten::Pubrel(identifier),
                Reply::Pubcomp(_) => Unwritten::Pubcomp,
            };
            reply.write(out);
            self.unwritten.push_back((written + out.len() as u64, packet));
        }
        let now = Instant::now();
        while out.len() < WRITE_AHEAD {
            let Some(&id) = self.queue.front() else { return };
            let Some(exchange) = self.exchanges.get(&id) else {
                // Given up, before it was serialised.
                self.queue.pop_front();
                continue;
            };
            if exchange.turn > now || !self.claim(id) {
                return;
            }
            self.queue.pop_front();
            let Some(exchange) = self.exchanges.get_mut(&id) else { continue };
            if let Err(error) = exchange.publish.write(&self.terms, out) {
                self.fail(id, error);
                continue;
            }
            if exchange.publish.qos != QoS::AtMostOnce {
                exchange.counts = true;
                self.open += 1;
            }
            exchange.awaits = match exchange.publish.qos {
                QoS::AtMostOnce => Awaits::Written,
                QoS::AtLeastOnce => Awaits::Puback,
                QoS::ExactlyOnce => Awaits::Pubrec,
            };
            self.unwritten.push_back((written + out.len() as u64, Unwritten::Publish(id)));
        }
    }

    /// `written` bytes of this connection have left this process by now.
    pub(crate) fn written(&mut self, written: u64) {
        while let Some(&(end, packet)) = self.unwritten.front()
            && end <= written
        {
            self.unwritten.pop_front();
            match packet {
                Unwritten::Publish(id) => {
                    let Some(exchange) = self.exchanges.get_mut(&id) else { continue };
                    exchange.sent = true;
                    exchange.sent_here = true;
                    if let Some(batch) = exchange.owner.and_then(|owner| self.batches.get_mut(&owner.batch)) {
                        batch.touched = true;
                    }
                    if exchange.awaits == Awaits::Written {
                        self.succeed(id, 0);
                    }
                }
                Unwritten::Pubrel(identifier) => {
                    self.owed -= 1;
                    if let Some((_, exchange)) = self.waiting(identifier, Awaits::Release) {
                        exchange.awaits = Awaits::Pubcomp;
                    }
                }
                Unwritten::Pubcomp => self.owed -= 1,
            }
        }
    }

    /// Gives the message its packet identifier and its place in the windows; false when there is no room now.
    fn claim(&mut self, id: u64) -> bool {
        let Some(exchange) = self.exchanges.get_mut(&id) else { return false };
        exchange.lower_to(self.terms.maximum_qos);
        if exchange.publish.qos == QoS::AtMostOnce {
            return true;
        }
        if self.open >= usize::from(self.terms.receive_maximum) {
            return false;
        }
        if exchange.publish.identifier != 0 {
            return true;
        }
        let exactly_once = exchange.publish.qos == QoS::ExactlyOnce;
        let window_qos2 = match self.terms.version {
            ProtocolVersion::V311 => WINDOW_QOS2,
            // The broker says how many it takes.
            ProtocolVersion::V5 => WINDOW,
        };
        if self.identifiers.len() >= WINDOW || (exactly_once && self.in_flight_qos2 >= window_qos2) {
            return false;
        }
        let is_free = |identifier: &u16| {
            !self.identifiers.contains_key(identifier) && !self.abandoned.contains(identifier)
        };
        let next =
            std::iter::successors(Some(self.last_identifier), |last| Some(last.checked_add(1).unwrap_or(1)));
        let Some(identifier) = next.skip(1).take(usize::from(u16::MAX)).find(is_free) else { return false };
        self.last_identifier = identifier;
        exchange.publish.identifier = identifier;
        self.identifiers.insert(identifier, id);
        self.in_flight_qos2 += usize::from(exactly_once);
        true
    }

    /// Takes back what [`claim`](Self::claim) gave.
    fn release(&mut self, id: u64) {
        let Some(exchange) = self.exchanges.get_mut(&id).filter(|exchange| exchange.publish.identifier != 0)
        else {
            return;
        };
        self.identifiers.remove(&exchange.publish.identifier);
        exchange.publish.identifier = 0;
        self.in_flight_qos2 -= usize::from(exchange.publish.qos == QoS::ExactlyOnce);
    }

    /// Takes a message out, whose exchange has come to its end.
    fn forget(&mut self, id: u64) -> Option<Exchange> {
        self.release(id);
        let exchange = self.exchanges.remove(&id)?;
        self.open -= usize::from(exchange.counts);
        Some(exchange)
    }

    /// Takes a message out, whose exchange has not come to its end.
    fn abandon(&mut self, id: u64) -> Option<Exchange> {
        let exchange = self.exchanges.get(&id)?;
        if exchange.sent && exchange.has_begun_qos2() {
            self.abandoned.insert(exchange.publish.identifier);
        }
        self.forget(id)
    }

    fn name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }
}

#[cfg(test)]
mod tests;
