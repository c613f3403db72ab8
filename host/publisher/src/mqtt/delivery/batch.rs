//! The messages of each call, and what became of them so far.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Instant;

use crate::error::{Error, Settlement, Unsettled};

/// The name of a batch. One delivery never gives a name twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BatchId(u64);

/// The name of a message. Later messages have higher names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MessageId(u64);

/// The batch that a message belongs to, and the message's position in it.
#[derive(Clone, Copy)]
pub(super) struct Owner {
    pub(super) batch: BatchId,
    pub(super) position: usize,
}

/// The batches of one delivery.
#[derive(Default)]
pub(super) struct Batches {
    batches: BTreeMap<BatchId, Batch>,
    /// How many batches have a message that is not settled.
    unsettled: usize,
    /// Batches that have been settled since [`take_settled`](Self::take_settled).
    settled: Vec<BatchId>,
    /// The last name that was given, to a batch or to a message.
    last_name: u64,
}

struct Batch {
    started: Instant,
    settlements: Vec<Option<Settlement>>,
    /// How many of its messages are not settled.
    unsettled: usize,
    /// One of its messages was written.
    is_written: bool,
}

impl BatchId {
    /// The name of the message at this position: names of messages follow the name of their batch.
    pub(super) fn message(self, position: usize) -> MessageId {
        MessageId(self.0 + 1 + position as u64)
    }
}

impl Batches {
    /// A new batch of so many messages.
    pub(super) fn add(&mut self, messages: usize, started: Instant) -> BatchId {
        let batch = BatchId(self.last_name + 1);
        self.last_name += 1 + messages as u64;
        let settlements = (0..messages).map(|_| None).collect();
        self.batches.insert(batch, Batch { started, settlements, unsettled: messages, is_written: false });
        self.unsettled += usize::from(messages > 0);
        batch
    }

    /// Takes a batch out: one settlement per message, in order.
    pub(super) fn remove(&mut self, batch: BatchId) -> Vec<Settlement> {
        self.settled.retain(|settled| *settled != batch);
        let settlements = self.batches.remove(&batch).map(|batch| batch.settlements).unwrap_or_default();
        let unsettled = || Err(Unsettled::not_sent(Error::Lost("the message was not settled".to_owned())));
        settlements.into_iter().map(|settlement| settlement.unwrap_or_else(unsettled)).collect()
    }

    /// The names of the messages of `batch`, unless all of them are settled.
    pub(super) fn unsettled_messages(&self, batch: BatchId) -> Option<RangeInclusive<MessageId>> {
        let messages = self.batches.get(&batch).filter(|batch| batch.unsettled > 0)?.settlements.len();
        Some(batch.message(0)..=batch.message(messages - 1))
    }

    pub(super) fn settle(&mut self, owner: Owner, settlement: Settlement) {
        let Some(batch) = self.batches.get_mut(&owner.batch) else { return };
        batch.settlements[owner.position] = Some(settlement);
        batch.unsettled -= 1;
        if batch.unsettled == 0 {
            self.unsettled -= 1;
            self.settled.push(owner.batch);
        }
    }

    /// Notes that a message of `batch` was written.
    pub(super) fn written(&mut self, batch: BatchId) {
        if let Some(batch) = self.batches.get_mut(&batch) {
            batch.is_written = true;
        }
    }

    pub(super) fn started(&self, batch: BatchId) -> Option<Instant> {
        self.batches.get(&batch).map(|batch| batch.started)
    }

    /// The number of batches that have a message that is not settled.
    pub(super) fn unsettled(&self) -> usize {
        self.unsettled
    }

    /// Whether every message of `batch` is settled; also when there is no such batch.
    pub(super) fn has_settled(&self, batch: BatchId) -> bool {
        self.batches.get(&batch).is_none_or(|batch| batch.unsettled == 0)
    }

    /// Whether no message of `batch` is settled, and none was written.
    pub(super) fn is_untouched(&self, batch: BatchId) -> bool {
        self.batches
            .get(&batch)
            .is_none_or(|batch| !batch.is_written && batch.unsettled == batch.settlements.len())
    }

    /// The batches that have been settled since the last call.
    pub(super) fn take_settled(&mut self) -> Vec<BatchId> {
        std::mem::take(&mut self.settled)
    }
}
