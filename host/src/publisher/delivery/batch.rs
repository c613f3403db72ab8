//! The messages of one call, and what became of each.

use tokio::time::Instant;

use super::Delivery;
use super::exchange::{Awaits, Exchange, Owner};
use crate::bindings::flint::mqtt::publisher::{Message, Progress, Receipt};
use crate::error::Error;

/// How a message was settled.
pub(in crate::publisher) type Settlement = Result<Receipt, (Error, Progress)>;

/// The name of a batch, never used twice by one [`Delivery`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::publisher) struct BatchId(u64);

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
    pub(in crate::publisher) fn add(
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
    pub(in crate::publisher) fn is_settled(&self) -> bool {
        self.unsettled_batches == 0
    }

    /// Whether `batch` is the only one that is not settled.
    pub(in crate::publisher) fn is_last(&self, batch: BatchId) -> bool {
        self.unsettled_batches == 1 && !self.has_settled(batch)
    }

    /// Whether every message of `batch` is settled; also when there is no such batch.
    pub(in crate::publisher) fn has_settled(&self, batch: BatchId) -> bool {
        self.batches.get(&batch).is_none_or(|batch| batch.unsettled == 0)
    }

    /// Whether nothing is known of any message of `batch`: none is settled, and none may have reached the broker.
    pub(in crate::publisher) fn is_untouched(&self, batch: BatchId) -> bool {
        self.batches
            .get(&batch)
            .is_none_or(|batch| !batch.touched && batch.unsettled == batch.settlements.len())
    }

    /// The batches that have been settled since it was last asked.
    pub(in crate::publisher) fn take_settled(&mut self) -> Vec<BatchId> {
        std::mem::take(&mut self.settled)
    }

    /// Ends a batch: one settlement per message, in order. What is not settled is given up, each message by how far it
    /// got.
    ///
    /// `goes_on` says whether the connection does: what is serialised by now will be written then, so that nobody can say
    /// any more that it does not arrive, and an acknowledgement that comes late is taken for what it is.
    pub(in crate::publisher) fn end(
        &mut self,
        batch: BatchId,
        why: &Error,
        goes_on: bool,
    ) -> Vec<Settlement> {
        for id in self.members(batch) {
            self.give_up(id, why, goes_on);
        }
        self.settled.retain(|settled| *settled != batch);
        let settlements = self.batches.remove(&batch).map(|batch| batch.settlements).unwrap_or_default();
        let unsettled = || Err((Error::Lost("the message was not settled".to_owned()), Progress::NotSent));
        settlements.into_iter().map(|settlement| settlement.unwrap_or_else(unsettled)).collect()
    }

    /// Settles what is left of `batch`, each message by how far it got: there will be no further connection for it.
    pub(in crate::publisher) fn fail_batch(&mut self, batch: BatchId, why: &Error) {
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
        self.settle(owner, Err((why.clone(), Progress::SentUnacknowledged)));
    }

    /// Settles a message with success and forgets it.
    pub(super) fn succeed(&mut self, id: u64) {
        let Some(exchange) = self.forget(id) else { return };
        let started =
            exchange.owner.and_then(|owner| self.batches.get(&owner.batch)).map(|batch| batch.started);
        let elapsed = started.map(|started| started.elapsed().as_micros()).unwrap_or_default();
        let elapsed_microseconds = u64::try_from(elapsed).unwrap_or(u64::MAX);
        self.settle(
            exchange.owner,
            Ok(Receipt {
                qos: exchange.qos(),
                reason_code: 0,
                broker: 0,
                assigned_client_id: None,
                elapsed_microseconds,
            }),
        );
    }

    /// Settles a message that cannot go on and forgets it.
    pub(super) fn fail(&mut self, id: u64, why: Error) {
        let Some(exchange) = self.abandon(id) else { return };
        let progress = if exchange.sent { Progress::SentUnacknowledged } else { Progress::NotSent };
        self.settle(exchange.owner, Err((why, progress)));
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
