//! The delivery of messages: which packet is owed next, and what settles a message.
//!
//! The rules are those of MQTT 3.1.1 and 5.0, sections 4.3 (quality of service) and 4.4 (delivery retry), as a state
//! machine: it has no input, no output and no clock. [`connection`](super::connection) moves the bytes, and tells the time
//! with each event. The state machine is ours, and only the packet codec ([`packet`](super::packet)) is a library's, because
//! no client library tells apart what an honest answer needs: what the socket has taken, what the broker has acknowledged,
//! and what a lost session has made uncertain.
//!
//! A delivery serves one client identifier: the messages of many calls, across as many connections as they need. A call
//! may end before its messages are settled. What the broker says of them later settles no other message.
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
//! Under MQTT 5, PUBACK or PUBREC with a reason code from 128 settles the message as well: the broker has refused it. A
//! message that CONNACK rules out ([`ConnackLimits`]) is refused before a byte of it is written.
//!
//! - `batch`: the messages of a call, and what became of each
//! - `exchange`, `inflight`, `outbound`: the state of one message, of the packet identifiers, and of what is to go out
//! - `outgoing`, `incoming`: the events: what is written, and what the broker says

mod batch;
mod exchange;
mod incoming;
mod inflight;
mod outbound;
mod outgoing;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Instant;

use mqtt_connector_contract::secrets::Heard;

pub(crate) use batch::BatchId;

use super::packet::{ConnackLimits, Reply};
use crate::contract::{Message, Progress, Receipt};
use crate::error::{Error, Refusal, Settlement, Unsettled};
use batch::{Batches, MessageId, Owner};
use exchange::{Awaits, Exchange};
use inflight::Inflight;
use outbound::Outbound;

/// The messages of one client identifier.
#[derive(Default)]
pub(crate) struct Delivery {
    batches: Batches,
    /// The messages that are not settled, and those that were given up on this connection, in the order in which they were
    /// handed over (section 4.6). Each is in a box, because the map moves what is in it when messages come and go.
    exchanges: BTreeMap<MessageId, Box<Exchange>>,
    inflight: Inflight,
    outbound: Outbound,
    connected: bool,
    /// What the broker allows on this connection, or allowed on the last one.
    limits: ConnackLimits,
    /// The position of the broker that was tried last among those of the connect options.
    broker: u32,
    /// The broker of the last connection that was accepted.
    session_at: Option<u32>,
    /// Messages of QoS 2 that the broker has answered with PUBACK, as if they had QoS 1, and when each is given up.
    pubrec_until: VecDeque<(Instant, MessageId)>,
}

impl Delivery {
    /// A delivery in a session that an earlier delivery had: the broker may still hold messages with these packet
    /// identifiers.
    pub(crate) fn after(leftovers: HashSet<u16>) -> Self {
        Self { inflight: Inflight::after(leftovers), ..Self::default() }
    }

    /// Takes out the packet identifiers under which the broker may still hold a message of QoS 2 that was given up.
    pub(crate) fn leftovers(&mut self) -> HashSet<u16> {
        std::mem::take(&mut self.inflight.abandoned)
    }

    /// Whether somebody's words repeat what is in one of the messages. Words about the message with one packet `identifier`
    /// are compared with this message only.
    pub(crate) fn is_repeated_by(&self, heard: &Heard, identifier: Option<u16>) -> bool {
        match identifier {
            None => self.exchanges.values().any(|exchange| exchange.publish.is_repeated_by(heard)),
            Some(identifier) => {
                let exchange = self.inflight.message(identifier).and_then(|id| self.exchanges.get(&id));
                exchange.is_some_and(|exchange| exchange.publish.is_repeated_by(heard))
            }
        }
    }

    /// A connection to the broker at this position is tried.
    pub(crate) fn tries(&mut self, broker: u32) {
        self.broker = broker;
    }

    /// The broker that was tried last.
    pub(crate) fn broker(&self) -> u32 {
        self.broker
    }

    /// A new connection begins, on which the broker allows what CONNACK said.
    ///
    /// `first_identifier` is used in a session that was there before: the broker may still hold identifiers of messages
    /// that another process left half done. It would take a new QoS 2 message under the same identifier for a repetition,
    /// acknowledge it and drop it.
    pub(crate) fn connected(&mut self, limits: ConnackLimits, first_identifier: u16) {
        // An exchange of QoS 2 does not go on in a session that another broker has kept.
        let is_same_broker = self.session_at.replace(self.broker).is_none_or(|before| before == self.broker);
        let survived = limits.session_present && is_same_broker;
        self.inflight.connected(limits.session_present, is_same_broker, first_identifier);
        self.connected = true;
        self.limits = limits;
        self.pubrec_until.clear();
        let mut lost = Vec::new();
        for (&id, exchange) in &mut self.exchanges {
            exchange.sent_here = false;
            exchange.is_counted = false;
            exchange.has_puback = false;
            match (exchange.awaits, survived) {
                (Awaits::Ready, _) => self.outbound.queue.push_back(id),
                (Awaits::Puback, _) | (Awaits::Pubrec, true) => {
                    exchange.publish.dup = exchange.sent;
                    self.outbound.queue.push_back(id);
                }
                (Awaits::Release | Awaits::Pubcomp, true) => {
                    exchange.awaits = Awaits::Release;
                    exchange.sent_here = true;
                    exchange.resumed = true;
                    self.outbound.reply(Reply::Pubrel(exchange.publish.identifier));
                }
                (Awaits::Written | Awaits::Pubrec | Awaits::Release | Awaits::Pubcomp, _) => lost.push(id),
            }
        }
        for id in lost {
            self.fail(id, Error::Lost("the broker did not keep the session".to_owned()));
        }
    }

    /// The connection is lost. A message that was not written whole is ready to be sent again. With a clean session, a QoS 2
    /// exchange that had begun cannot go on and is settled.
    pub(crate) fn disconnected(&mut self, clean_session: bool, why: &Error) {
        self.connected = false;
        for id in std::mem::take(&mut self.outbound).into_unwritten() {
            if let Some(exchange) = self.exchanges.get_mut(&id).filter(|exchange| !exchange.sent) {
                exchange.awaits = Awaits::Ready;
                self.release(id);
            }
        }
        let is_over =
            |exchange: &Exchange| exchange.owner.is_none() || (clean_session && exchange.has_begun_qos2());
        let over: Vec<MessageId> =
            self.exchanges.iter().filter(|(_, exchange)| is_over(exchange)).map(|(id, _)| *id).collect();
        for id in over {
            self.fail(id, why.clone());
        }
    }

    /// Whether the broker asks for replies faster than it reads them: then nothing more is to be read from it.
    pub(crate) fn is_swamped(&self) -> bool {
        self.outbound.is_swamped()
    }

    /// When there is something to do although nothing has come: [`handle_timeout`](Self::handle_timeout), and
    /// [`serialise`](Self::serialise) for a message that was not to be written before.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let pubrec = self.pubrec_until.front().map(|(until, _)| *until);
        self.outbound.held_until.into_iter().chain(pubrec).min()
    }

    /// Takes over the messages of a call, each with the moment before which it is not to be written. The receipts tell the
    /// time since `started`.
    pub(crate) fn add(
        &mut self,
        messages: impl ExactSizeIterator<Item = (Message, Instant)>,
        started: Instant,
    ) -> BatchId {
        let batch = self.batches.add(messages.len(), started);
        for (position, (message, not_before)) in messages.enumerate() {
            let id = batch.message(position);
            let exchange = Exchange::new(Owner { batch, position }, message, not_before);
            self.exchanges.insert(id, Box::new(exchange));
            if self.connected {
                self.outbound.queue.push_back(id);
            }
        }
        batch
    }

    /// Whether every message is settled.
    pub(crate) fn is_settled(&self) -> bool {
        self.batches.unsettled() == 0
    }

    /// Whether several messages are not settled.
    pub(crate) fn has_several(&self) -> bool {
        self.exchanges.len() > 1
    }

    /// Whether `batch` is the only one that is not settled.
    pub(crate) fn is_last(&self, batch: BatchId) -> bool {
        self.batches.unsettled() == 1 && !self.has_settled(batch)
    }

    /// Whether every message of `batch` is settled; also when there is no such batch.
    pub(crate) fn has_settled(&self, batch: BatchId) -> bool {
        self.batches.has_settled(batch)
    }

    /// Whether no message of `batch` is settled, and none may have reached the broker.
    pub(crate) fn is_untouched(&self, batch: BatchId) -> bool {
        self.batches.is_untouched(batch)
    }

    /// The batches that have been settled since the last call.
    pub(crate) fn take_settled(&mut self) -> Vec<BatchId> {
        self.batches.take_settled()
    }

    /// Ends a batch: one settlement per message, in order. A message that is not settled is given up; its settlement tells
    /// how far it got.
    ///
    /// `goes_on` says whether the connection does. Then what is serialised by now will be written, so that the message may
    /// arrive, and its packet identifier is in use until the broker has acknowledged it.
    pub(crate) fn end(&mut self, batch: BatchId, why: &Error, goes_on: bool) -> Vec<Settlement> {
        for id in self.members(batch) {
            self.give_up(id, why, goes_on);
        }
        self.batches.remove(batch)
    }

    /// Settles what is left of `batch`, because no further connection is made for it. Each settlement tells how far its
    /// message got.
    pub(crate) fn fail_batch(&mut self, batch: BatchId, why: &Error) {
        for id in self.members(batch) {
            self.fail(id, why.clone());
        }
    }

    /// The messages of `batch` that are not settled.
    fn members(&self, batch: BatchId) -> Vec<MessageId> {
        let Some(names) = self.batches.unsettled_messages(batch) else { return Vec::new() };
        let has_owner = |exchange: &Exchange| exchange.owner.is_some();
        self.exchanges.range(names).filter(|(_, exchange)| has_owner(exchange)).map(|(id, _)| *id).collect()
    }

    /// The message with this packet identifier, if `awaits` is what it waits for on this connection.
    fn waiting(&mut self, identifier: u16, awaits: Awaits) -> Option<(MessageId, &mut Exchange)> {
        let id = self.inflight.message(identifier);
        let exchange = id.and_then(|id| Some((id, self.exchanges.get_mut(&id)?.as_mut())));
        let found = exchange.filter(|(_, exchange)| exchange.sent_here && exchange.awaits == awaits);
        if found.is_none() {
            tracing::debug!(identifier, "an acknowledgement that no message waits for is ignored");
        }
        found
    }

    fn give_up(&mut self, id: MessageId, why: &Error, goes_on: bool) {
        let Some(exchange) = self.exchanges.get_mut(&id) else { return };
        let is_under_way = exchange.sent_here || exchange.awaits != Awaits::Ready;
        if !(goes_on && self.connected && is_under_way) {
            self.fail(id, why.clone());
            return;
        }
        let owner = exchange.owner.take();
        let why = exchange.explained(why.clone());
        self.settle_unsuccessfully(owner, why, true);
    }

    /// Settles a message with success and this reason code, and forgets it.
    fn succeed(&mut self, now: Instant, id: MessageId, reason_code: u8) {
        let Some(exchange) = self.forget(id) else { return };
        let Some(owner) = exchange.owner else { return };
        let started = self.batches.started(owner.batch).unwrap_or(now);
        let elapsed = now.saturating_duration_since(started).as_micros();
        let receipt = Receipt {
            qos: exchange.qos(),
            reason_code,
            broker: self.broker,
            assigned_client_id: self.limits.assigned_client_id.clone(),
            elapsed_microseconds: u64::try_from(elapsed).unwrap_or(u64::MAX),
        };
        self.batches.settle(owner, Ok(receipt));
    }

    /// Settles a message that cannot go on, and forgets it.
    fn fail(&mut self, id: MessageId, why: Error) {
        let Some(exchange) = self.exchanges.get(&id) else { return };
        if exchange.sent && exchange.has_begun_qos2() {
            self.inflight.abandon(exchange.publish.identifier);
        }
        let Some(exchange) = self.forget(id) else { return };
        let why = exchange.explained(why);
        self.settle_unsuccessfully(exchange.owner, why, exchange.sent);
    }

    /// Settles a message that the broker has refused, and forgets it.
    fn reject(&mut self, id: MessageId, refusal: Refusal) {
        let Some(exchange) = self.forget(id) else { return };
        // The broker refused a repetition: it may have taken what was sent on an earlier connection.
        let was_sent_before = exchange.publish.dup;
        self.settle_unsuccessfully(exchange.owner, Error::Rejected(refusal), was_sent_before);
    }

    fn settle_unsuccessfully(&mut self, owner: Option<Owner>, error: Error, may_have_arrived: bool) {
        let Some(owner) = owner else { return };
        let progress = if may_have_arrived { Progress::SentUnacknowledged } else { Progress::NotSent };
        self.batches.settle(owner, Err(Unsettled { error, progress, broker: self.broker }));
    }

    /// Takes out a message that is over.
    fn forget(&mut self, id: MessageId) -> Option<Box<Exchange>> {
        self.release(id);
        let exchange = self.exchanges.remove(&id)?;
        if exchange.is_counted {
            self.inflight.uncount();
        }
        Some(exchange)
    }

    /// Takes its packet identifier from a message that has one.
    fn release(&mut self, id: MessageId) {
        if let Some(exchange) = self.exchanges.get_mut(&id)
            && exchange.publish.identifier != 0
        {
            let identifier = std::mem::take(&mut exchange.publish.identifier);
            self.inflight.release(identifier, exchange.publish.qos);
        }
    }
}

#[cfg(test)]
mod tests;
