//! The delivery of messages: which packet is owed next, and what settles a message.
//!
//! The rules are those of MQTT 3.1.1, sections 4.3 (quality of service) and 4.4 (delivery retry), as a state machine
//! without input or output: [`connection`](super::connection) moves the bytes. It is ours, and only the packet codec
//! is the library's, because no client library tells the three things apart that an honest answer needs: what the
//! socket has taken, what the broker has acknowledged, and what a lost session has made uncertain.
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

mod schedule;

use std::collections::{HashMap, VecDeque};

use bytes::BytesMut;
use rumqttc::{Packet, PubComp, PubRec, PubRel, Publish, QoS};
use tokio::time::Instant;

use crate::bindings::flint::mqtt::publisher::{Message, Progress, Qos, Receipt};
use crate::error::Error;

/// Messages that may be between PUBLISH and their last acknowledgement at one time.
const WINDOW: usize = 100;
/// The same for QoS 2: mosquitto 2.0 loses QoS 2 messages of a 3.1.1 client that has more than 20 open, and
/// acknowledges them all the same.
const WINDOW_QOS2: usize = 20;
/// Bytes to serialise ahead of the socket.
const WRITE_AHEAD: usize = 64 * 1024;
/// Replies that may wait to be written before the broker is not listened to any more.
const MAX_OWED: usize = 1000;
/// The largest packet that MQTT can express (3.1.1, section 2.2.3).
pub(super) const MAX_PACKET: usize = 268_435_455 + 5;

/// How a message was settled.
pub(super) type Settlement = Result<Receipt, (Error, Progress)>;

/// The messages of one call, across as many connections as they need.
pub(super) struct Delivery {
    started: Instant,
    messages: Vec<Exchange>,
    unsettled: usize,
    /// The packet identifiers in use: never two messages with one identifier (section 2.3.1).
    identifiers: HashMap<u16, usize>,
    last_identifier: u16,
    in_flight_qos2: usize,
    /// Messages to write on this connection, in order (section 4.6).
    queue: VecDeque<usize>,
    /// PUBREL and PUBCOMP owed to the broker; they go out before further messages.
    replies: VecDeque<Packet>,
    /// What is serialised and not yet written, with the offset of its last byte in all that is written on this
    /// connection.
    unwritten: VecDeque<(u64, Unwritten)>,
    /// Replies that are not written yet.
    owed: usize,
}

/// A packet on its way to the socket.
#[derive(Clone, Copy)]
enum Unwritten {
    /// The message with this index.
    Publish(usize),
    /// PUBREL for this packet identifier.
    Pubrel(u16),
    Pubcomp,
}

struct Exchange {
    publish: Publish,
    awaits: Awaits,
    /// Not to be written before.
    turn: Instant,
    /// The last byte was written, on this connection or an earlier one: the broker may have the message.
    sent: bool,
    /// The same, on this connection.
    sent_here: bool,
    settlement: Option<Settlement>,
}

/// The next event of an exchange.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaits {
    /// To be written.
    Ready,
    /// QoS 1: the acknowledgement.
    Puback,
    /// QoS 2: that the broker has taken the message over.
    Pubrec,
    /// QoS 2: PUBREL is to be written.
    Release,
    /// QoS 2: that the broker has forgotten the packet identifier.
    Pubcomp,
}

impl Delivery {
    /// Prepares `messages`; the receipts count from `started`.
    pub(super) fn new(messages: Vec<Message>, started: Instant) -> Self {
        let messages: Vec<Exchange> =
            messages.into_iter().map(|message| Exchange::new(message, started)).collect();
        Self {
            started,
            unsettled: messages.len(),
            messages,
            identifiers: HashMap::new(),
            last_identifier: 0,
            in_flight_qos2: 0,
            queue: VecDeque::new(),
            replies: VecDeque::new(),
            unwritten: VecDeque::new(),
            owed: 0,
        }
    }

    /// Begins on a new connection, whose CONNACK said whether the session survived.
    ///
    /// `first_identifier` is used in a session that was there before this call: the broker may still hold identifiers
    /// of messages that another process left half done, and would take a new QoS 2 message under the same identifier
    /// for a repetition, acknowledge it and drop it.
    pub(super) fn connected(&mut self, session_present: bool, first_identifier: u16) {
        if session_present && self.identifiers.is_empty() {
            self.last_identifier = first_identifier;
        }
        for index in 0..self.messages.len() {
            let exchange = &mut self.messages[index];
            if exchange.settlement.is_some() {
                continue;
            }
            exchange.sent_here = false;
            match (exchange.awaits, session_present) {
                (Awaits::Ready, _) => self.queue.push_back(index),
                (Awaits::Puback, _) | (Awaits::Pubrec, true) => {
                    exchange.publish.dup = exchange.sent;
                    self.queue.push_back(index);
                }
                (Awaits::Release | Awaits::Pubcomp, true) => {
                    exchange.awaits = Awaits::Release;
                    exchange.sent_here = true;
                    let release = PubRel::new(exchange.publish.pkid);
                    self.reply(Packet::PubRel(release));
                }
                (Awaits::Pubrec | Awaits::Release | Awaits::Pubcomp, false) => {
                    let why = "the connection was lost, and the broker did not keep the session";
                    self.fail(index, Error::Lost(why.to_owned()));
                }
            }
        }
    }

    /// The connection is gone. What was not written whole is ready to be sent again; with a clean session, a
    /// QoS 2 exchange that had begun cannot go on and is settled.
    pub(super) fn disconnected(&mut self, clean_session: bool, why: &Error) {
        self.queue.clear();
        self.replies.clear();
        self.owed = 0;
        for (_, packet) in std::mem::take(&mut self.unwritten) {
            let Unwritten::Publish(index) = packet else { continue };
            let exchange = &self.messages[index];
            if !exchange.sent && exchange.settlement.is_none() {
                self.release(index);
                self.messages[index].awaits = Awaits::Ready;
            }
        }
        if !clean_session {
            return;
        }
        for index in 0..self.messages.len() {
            let exchange = &self.messages[index];
            let begun = matches!(exchange.awaits, Awaits::Pubrec | Awaits::Release | Awaits::Pubcomp);
            if begun && exchange.settlement.is_none() {
                self.fail(index, why.clone());
            }
        }
    }

    /// Settles everything that is left: each message by how far it got.
    pub(super) fn give_up(&mut self, why: &Error) {
        for index in 0..self.messages.len() {
            if self.messages[index].settlement.is_none() {
                self.fail(index, why.clone());
            }
        }
    }

    /// Whether every message is settled.
    pub(super) fn is_settled(&self) -> bool {
        self.unsettled == 0
    }

    /// Whether nothing is known of any message: none is settled, and none may have reached the broker.
    pub(super) fn is_untouched(&self) -> bool {
        self.messages.iter().all(|exchange| !exchange.sent && exchange.settlement.is_none())
    }

    /// One settlement per message, at its index.
    pub(super) fn into_settlements(self) -> Vec<Settlement> {
        let unsettled = || Err((Error::Lost("the message was not settled".to_owned()), Progress::NotSent));
        self.messages.into_iter().map(|exchange| exchange.settlement.unwrap_or_else(unsettled)).collect()
    }

    /// Whether the broker asks for replies faster than it reads them: then nothing more is to be read from it.
    pub(super) fn is_swamped(&self) -> bool {
        self.owed > MAX_OWED
    }

    /// Serialises what is owed to the broker now, as far as the windows and `WRITE_AHEAD` allow, behind what `out` holds
    /// already. `written` is how much of this connection has left `out` before.
    pub(super) fn serialise(&mut self, out: &mut BytesMut, written: u64) {
        while let Some(reply) = self.replies.pop_front() {
            let packet = match &reply {
                Packet::PubRel(release) => Unwritten::Pubrel(release.pkid),
                _ => Unwritten::Pubcomp,
            };
            let before = out.len();
            if let Err(error) = reply.write(out, MAX_PACKET) {
                tracing::error!(%error, "an acknowledgement could not be serialised");
                out.truncate(before);
            }
            self.unwritten.push_back((written + out.len() as u64, packet));
        }
        while out.len() < WRITE_AHEAD {
            let Some(&index) = self.queue.front() else { return };
            if self.next_turn().is_some() || !self.claim(index) {
                return;
            }
            self.queue.pop_front();
            let exchange = &mut self.messages[index];
            let before = out.len();
            if let Err(error) = exchange.publish.write(out) {
                out.truncate(before);
                self.fail(index, Error::TooLarge(format!("the message does not fit a packet: {error}")));
                continue;
            }
            exchange.awaits = match exchange.publish.qos {
                QoS::AtMostOnce => Awaits::Ready,
                QoS::AtLeastOnce => Awaits::Puback,
                QoS::ExactlyOnce => Awaits::Pubrec,
            };
            self.unwritten.push_back((written + out.len() as u64, Unwritten::Publish(index)));
        }
    }

    /// `written` bytes of this connection have left this process by now.
    pub(super) fn written(&mut self, written: u64) {
        while let Some(&(end, packet)) = self.unwritten.front()
            && end <= written
        {
            self.unwritten.pop_front();
            match packet {
                Unwritten::Publish(index) => {
                    let exchange = &mut self.messages[index];
                    exchange.sent = true;
                    exchange.sent_here = true;
                    if exchange.publish.qos == QoS::AtMostOnce {
                        self.succeed(index);
                    }
                }
                Unwritten::Pubrel(identifier) => {
                    self.owed -= 1;
                    if let Some(index) = self.waiting(identifier, Awaits::Release) {
                        self.messages[index].awaits = Awaits::Pubcomp;
                    }
                }
                Unwritten::Pubcomp => self.owed -= 1,
            }
        }
    }

    /// Takes a packet from the broker, after CONNACK.
    ///
    /// An acknowledgement settles the message with its packet identifier, if that is the packet the message waits for.
    /// Any other is ignored: it neither settles a message nor ends the connection that others depend on.
    ///
    /// # Errors
    ///
    /// A packet that a server must not send, in words.
    pub(super) fn received(&mut self, packet: &Packet) -> Result<(), &'static str> {
        match packet {
            Packet::PubAck(ack) => {
                if let Some(index) = self.waiting(ack.pkid, Awaits::Puback) {
                    self.succeed(index);
                }
                Ok(())
            }
            Packet::PubRec(PubRec { pkid }) => {
                if let Some(index) = self.waiting(*pkid, Awaits::Pubrec) {
                    self.messages[index].awaits = Awaits::Release;
                }
                // Also when it is repeated, or late: the broker waits for PUBREL, whatever it missed. Not when it
                // answers what it has not been sent.
                let early = self.identifiers.get(pkid).is_some_and(|index| {
                    matches!(self.messages[*index].awaits, Awaits::Puback | Awaits::Pubrec)
                });
                if !early {
                    self.reply(Packet::PubRel(PubRel::new(*pkid)));
                }
                Ok(())
            }
            Packet::PubComp(ack) => {
                if let Some(index) = self.waiting(ack.pkid, Awaits::Pubcomp) {
                    self.succeed(index);
                }
                Ok(())
            }
            Packet::PubRel(PubRel { pkid }) => {
                self.reply(Packet::PubComp(PubComp::new(*pkid)));
                Ok(())
            }
            // A session that survived may have subscriptions, which are another program's: what is not acknowledged
            // here stays with the broker for it.
            Packet::Publish(_) | Packet::PingResp => Ok(()),
            Packet::ConnAck(_) => Err("a second CONNACK"),
            Packet::SubAck(_) => Err("a SUBACK without a SUBSCRIBE"),
            Packet::UnsubAck(_) => Err("an UNSUBACK without an UNSUBSCRIBE"),
            Packet::Connect(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::PingReq
            | Packet::Disconnect => Err("a packet that only a client sends"),
        }
    }

    fn reply(&mut self, packet: Packet) {
        self.owed += 1;
        self.replies.push_back(packet);
    }

    /// The message with this identifier, if `awaits` is what it waits for on this connection.
    fn waiting(&self, identifier: u16, awaits: Awaits) -> Option<usize> {
        let found = self.identifiers.get(&identifier).copied().filter(|&index| {
            let exchange = &self.messages[index];
            exchange.sent_here && exchange.awaits == awaits
        });
        if found.is_none() {
            tracing::debug!(identifier, "an acknowledgement that no message waits for is ignored");
        }
        found
    }

    /// Gives the message its packet identifier and its place in the windows; false when there is no room now.
    fn claim(&mut self, index: usize) -> bool {
        let exchange = &mut self.messages[index];
        if exchange.publish.qos == QoS::AtMostOnce || exchange.publish.pkid != 0 {
            return true;
        }
        let exactly_once = exchange.publish.qos == QoS::ExactlyOnce;
        if self.identifiers.len() >= WINDOW || (exactly_once && self.in_flight_qos2 >= WINDOW_QOS2) {
            return false;
        }
        loop {
            self.last_identifier = self.last_identifier.checked_add(1).unwrap_or(1);
            if !self.identifiers.contains_key(&self.last_identifier) {
                break;
            }
        }
        exchange.publish.pkid = self.last_identifier;
        self.identifiers.insert(self.last_identifier, index);
        self.in_flight_qos2 += usize::from(exactly_once);
        true
    }

    /// Takes back what [`claim`](Self::claim) gave.
    fn release(&mut self, index: usize) {
        let publish = &mut self.messages[index].publish;
        if publish.pkid == 0 {
            return;
        }
        self.identifiers.remove(&publish.pkid);
        publish.pkid = 0;
        self.in_flight_qos2 -= usize::from(publish.qos == QoS::ExactlyOnce);
    }

    fn succeed(&mut self, index: usize) {
        let qos = match self.messages[index].publish.qos {
            QoS::AtMostOnce => Qos::AtMostOnce,
            QoS::AtLeastOnce => Qos::AtLeastOnce,
            QoS::ExactlyOnce => Qos::ExactlyOnce,
        };
        let elapsed_microseconds = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.settle(index, Ok(Receipt { qos, elapsed_microseconds }));
    }

    fn fail(&mut self, index: usize, why: Error) {
        let progress =
            if self.messages[index].sent { Progress::SentUnacknowledged } else { Progress::NotSent };
        self.settle(index, Err((why, progress)));
    }

    fn settle(&mut self, index: usize, settlement: Settlement) {
        if self.messages[index].settlement.is_some() {
            return;
        }
        self.release(index);
        self.messages[index].settlement = Some(settlement);
        self.unsettled -= 1;
    }
}

impl Exchange {
    fn new(message: Message, turn: Instant) -> Self {
        let mut publish = Publish::new(message.topic, codec_qos(message.qos), message.payload);
        publish.retain = message.retain;
        Self { publish, awaits: Awaits::Ready, turn, sent: false, sent_here: false, settlement: None }
    }
}

/// The codec's name for a quality of service of the contract.
pub(super) fn codec_qos(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
        Qos::ExactlyOnce => QoS::ExactlyOnce,
    }
}

#[cfg(test)]
mod tests;
