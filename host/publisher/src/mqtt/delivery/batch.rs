//! The messages of one call, and what became of each.

use tokio::time::Instant;

use super::Delivery;
use super::exchange::{Awaits, Exchange, Owner};
use crate::contract::{Message, Progress, Receipt};
use crate::error::{Error, Refusal, Settlement, Unsettled};

/// The name of a batch, never used twice by one [`Delivery`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BatchId(u64);

/// What became of the messages of one call so far.
pub(super) struct Batch {
    started: Instant,
    settlements: Vec<Option<Settlement>>,
    unsettled: usize,
    /// A message was written: not all of them are as good as new.
    pub(super) touched: bool,
}

impl Delivery {
    /// Takes messages over, each with the moment before which it is not to be written; the receipts count from `started`.
    pub(crate) fn add(
        &mut self,
        messages: impl ExactSizeIterator<Item = (Message, Instant)>,
        started: Instant,
    ) -> BatchId {
        let batch = BatchId(self.name());
        let unsettled = messages.len();
        let settlements = (0..unsettled).map(|_| None).collect();
        self.batches.insert(batch, Batch { started, settlements, unsettled, touched: false });
        self.unsettled_batches += usize::from(unsettled > 0);
        for (position, (message, turn)) in messages.enumerate() {
            let id = self.name();
            self.exchanges.insert(id, Exchange::new(Owner { batch, position }, message, turn));
            if self.connected {
                self.queue.push_back(id);
            }
        }
        batch
    }

    /// Whether every message is settled.
    pub(crate) fn is_settled(&self) -> bool {
        self.unsettled_batches == 0
    }

    /// Whether `batch` is the only one that is not settled.
    pub(crate) fn is_last(&self, batch: BatchId) -> bool {
        self.unsettled_batches == 1 && !self.has_settled(batch)
    }

    /// Whether every message of `batch` is settled; also when there is no such batch.
    pub(crate) fn has_settled(&self, batch: BatchId) -> bool {
        self.batches.get(&batch).is_none_or(|batch| batch.unsettled == 0)
    }

    /// Whether nothing is known of any message of `batch`: none is settled, and none may have reached the broker.
    pub(crate) fn is_untouched(&self, batch: BatchId) -> bool {
        self.batches
            .get(&batch)
            .is_none_or(|batch| !batch.touched && batch.unsettled == batch.settlements.len())
    }

    /// The batches that have been settled since it was last asked.
    pub(crate) fn take_settled(&mut self) -> Vec<BatchId> {
        std::mem::take(&mut self.settled)
    }

    /// Ends a batch: one settlement per message, in order. What is not settled is given up, each message by how far it
    /// got.
    ///
    /// `goes_on` says whether the connection does: what is serialised by now will be written then, so that nobody can say
    /// any more that it does not arrive, and an acknowledgement that comes late is taken for what it is.
    pub(crate) fn end(&mut self, batch: BatchId, why: &Error, goes_on: bool) -> Vec<Settlement> {
        for id in self.members(batch) {
            self.give_up(id, why, goes_on);
        }
        self.settled.retain(|settled| *settled != batch);
        let settlements = self.batches.remove(&batch).map(|batch| batch.settlements).unwrap_or_default();
        let unsettled = || Err(Unsettled::not_sent(Error::Lost("the message was not settled".to_owned())));
        settlements.into_iter().map(|settlement| settlement.unwrap_or_else(unsettled)).collect()
    }

    /// Settles what is left of `batch`, each message by how far it got: there will be no further connection for it.
    pub(crate) fn fail_batch(&mut self, batch: BatchId, why: &Error) {
        for id in self.members(batch) {
            self.fail(id, why.clone());
        }
    }

    /// The messages of `batch` that are not settled. Their names follow that of the batch.
    fn members(&self, batch: BatchId) -> Vec<u64> {
        let Some(Batch { settlements, unsettled: 1.., .. }) = self.batches.get(&batch) else {
            return Vec::new();
        };
        let names = batch.0 + 1..=batch.0 + settlements.len() as u64;
        self.exchanges.range(names).filter(|(_, one)| one.owner.is_some()).map(|(id, _)| *id).collect()
    }

    fn give_up(&mut self, id: u64, why: &Error, goes_on: bool) {
        let Some(exchange) = self.exchanges.get_mut(&id) else { return };
        let under_way = exchange.sent_here || exchange.awaits != Awaits::Ready;
        if !(goes_on && self.connected && under_way) {
            self.fail(id, why.clone());
            return;
        }
        let owner = exchange.owner.take();
        let why = exchange.explained(why.clone());
        self.settle(owner, self.unsettled(why, true));
    }

    /// Settles a message with success, and this reason code, and forgets it.
    pub(super) fn succeed(&mut self, id: u64, reason_code: u8) {
        let Some(exchange) = self.forget(id) else { return };
        let started =
            exchange.owner.and_then(|owner| self.batches.get(&owner.batch)).map(|batch| batch.started);
        let elapsed = started.map(|started| started.elapsed().as_micros()).unwrap_or_default();
        let elapsed_microseconds = u64::try_from(elapsed).unwrap_or(u64::MAX);
        self.settle(
            exchange.owner,
            Ok(Receipt {
                qos: exchange.qos(),
                reason_code,
                broker: self.broker,
                assigned_client_id: self.terms.assigned_client_id.clone(),
                elapsed_microseconds,
            }),
        );
    }

    /// Settles a message that cannot go on and forgets it.
    pub(super) fn fail(&mut self, id: u64, why: Error) {
        let Some(exchange) = self.abandon(id) else { return };
        let why = exchange.explained(why);
        self.settle(exchange.owner, self.unsettled(why, exchange.sent));
    }

    /// Settles a message that the broker has refused, and forgets it.
    pub(super) fn reject(&mut self, id: u64, refusal: Refusal) {
        let Some(exchange) = self.forget(id) else { return };
        // What was sent on an earlier connection may have been taken there.
        self.settle(exchange.owner, self.unsettled(Error::Rejected(refusal), exchange.publish.dup));
    }

    fn unsettled(&self, error: Error, sent: bool) -> Settlement {
        let progress = if sent { Progress::SentUnacknowledged } else { Progress::NotSent };
        Err(Unsettled { error, progress, broker: self.broker })
    }

    fn settle(&mut self, owner: Option<Owner>, settlement: Settlement) {
        let Some(Owner { batch: id, position }) = owner else { return };
        let Some(batch) = self.batches.get_mut(&id) else { return };
        batch.settlements[position] = Some(settlement);
        batch.unsettled -= 1;
        if batch.unsettled == 0 {
            self.unsettled_batches -= 1;
            self.settled.push(id);
        }
    }
}
