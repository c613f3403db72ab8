//! [`TenantQueue`]: which executions of one tenant may be claimed, and what the others wait for.
//!
//! The rules are those of the embedded store: of the executions with one ordering key, one at most is ready, to be retried, or running: it *holds* the key.
//! The others are behind it, or delayed. When it has ended, the first one behind it is ready.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::record::Entry;
use super::share::Share;
use crate::Timestamp;
use crate::backoff;
use crate::execution::{Id, Status};

/// The executions of one tenant that have not ended, by the place in the order in which they were accepted.
#[derive(Default)]
pub(super) struct TenantQueue {
    /// How many changes of these may be on their way to NATS.
    pub(super) share: Share,
    items: BTreeMap<u64, Item>,
    /// Those that may be claimed, and are not.
    ready: BTreeSet<u64>,
    running: BTreeSet<u64>,
    delayed: BTreeSet<(Timestamp, u64)>,
    to_be_retried: BTreeSet<(Timestamp, u64)>,
    expiring: BTreeSet<(Timestamp, u64)>,
    by_key: HashMap<String, Key>,
}

/// One execution, as it was seen last.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) id: Id,
    /// The sequence of the message that says so.
    pub(super) sequence: u64,
    pub(super) entry: Entry,
    waits_for: WaitsFor,
    is_claimed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WaitsFor {
    Nothing,
    /// The time before which it is not to begin.
    Begin(Timestamp),
    /// Another one with its ordering key.
    Key,
    /// The time when it is tried again.
    Retry(Timestamp),
    /// Its worker.
    Worker,
}

/// The executions with one ordering key.
#[derive(Default)]
struct Key {
    holder: Option<u64>,
    behind: BTreeSet<u64>,
}

impl TenantQueue {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// The sequence of the oldest message that says how an execution of these is.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.items.values().map(|item| item.sequence).min()
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The executions that have this status, the newest first.
    pub(super) fn with_status(&self, status: Status) -> impl Iterator<Item = Id> + '_ {
        self.items.values().rev().filter(move |item| item.entry.status == status).map(|item| item.id)
    }

    /// An execution is as the message with this sequence says. What was seen later already stays.
    pub(super) fn show(&mut self, place: u64, id: Id, sequence: u64, entry: Entry) {
        let before = self.items.get(&place);
        if before.is_some_and(|before| before.sequence >= sequence) {
            return;
        }
        let is_claimed = before.is_some_and(|before| before.is_claimed);
        let held = self.take(place);
        if entry.status.is_final() {
            return self.pass_on(held);
        }
        let waits_for = match (entry.status, entry.due, entry.was_tried) {
            (Status::Running, _, _) => WaitsFor::Worker,
            (_, Some(due), true) => WaitsFor::Retry(due),
            (_, Some(due), false) => WaitsFor::Begin(due),
            (_, None, true) => WaitsFor::Nothing,
            (_, None, false) => self.when_due(place, entry.order.as_ref()),
        };
        let item = Item { id, sequence, entry, waits_for, is_claimed };
        self.put(place, item);
        self.pass_on(held);
    }

    /// What an execution waits for whose time has come, and that was never tried: for another one that holds its ordering key, unless that was accepted
    /// later and nobody has it yet.
    fn when_due(&self, place: u64, order: Option<&String>) -> WaitsFor {
        let holder = order.and_then(|order| self.by_key.get(order)).and_then(|key| key.holder);
        let is_held = holder.is_some_and(|holder| {
            let is_untouched = |item: &Item| {
                item.waits_for == WaitsFor::Nothing && !item.is_claimed && !item.entry.was_tried
            };
            holder < place || !self.items.get(&holder).is_some_and(is_untouched)
        });
        if is_held { WaitsFor::Key } else { WaitsFor::Nothing }
    }

    fn put(&mut self, place: u64, item: Item) {
        let mut displaced = None;
        match item.waits_for {
            WaitsFor::Nothing if item.is_claimed => {}
            WaitsFor::Nothing => drop(self.ready.insert(place)),
            WaitsFor::Begin(due) => drop(self.delayed.insert((due, place))),
            WaitsFor::Retry(due) => drop(self.to_be_retried.insert((due, place))),
            WaitsFor::Worker => drop(self.running.insert(place)),
            WaitsFor::Key => {}
        }
        if let Some(order) = &item.entry.order {
            let key = self.by_key.entry(order.clone()).or_default();
            match item.waits_for {
                WaitsFor::Begin(_) => {}
                WaitsFor::Key => drop(key.behind.insert(place)),
                // One that has begun comes first, whatever was shown before it.
                WaitsFor::Nothing | WaitsFor::Retry(_) | WaitsFor::Worker => {
                    displaced = key.holder.replace(place).filter(|other| *other != place);
                }
            }
        }
        if let (Some(expires), false) = (item.entry.expires, item.waits_for == WaitsFor::Worker) {
            self.expiring.insert((expires, place));
        }
        self.items.insert(place, item);
        if let Some(other) = displaced {
            self.put_behind(other);
        }
    }

    /// Another execution has its ordering key after all.
    fn put_behind(&mut self, place: u64) {
        self.ready.remove(&place);
        if let Some(item) = self.items.get_mut(&place)
            && let Some(key) = item.entry.order.as_ref().and_then(|order| self.by_key.get_mut(order))
        {
            item.waits_for = WaitsFor::Key;
            key.behind.insert(place);
        }
    }

    /// Takes an execution out, and answers with the ordering key that nobody holds for that.
    fn take(&mut self, place: u64) -> Option<String> {
        let item = self.items.remove(&place)?;
        self.ready.remove(&place);
        self.running.remove(&place);
        match item.waits_for {
            WaitsFor::Begin(due) => drop(self.delayed.remove(&(due, place))),
            WaitsFor::Retry(due) => drop(self.to_be_retried.remove(&(due, place))),
            WaitsFor::Nothing | WaitsFor::Key | WaitsFor::Worker => {}
        }
        if let Some(expires) = item.entry.expires {
            self.expiring.remove(&(expires, place));
        }
        let order = item.entry.order?;
        let key = self.by_key.get_mut(&order)?;
        key.behind.remove(&place);
        if key.holder == Some(place) {
            key.holder = None;
            return Some(order);
        }
        None
    }

    /// An execution is no longer in the stream, although it has not ended. Answers whether it was known.
    pub(super) fn forget(&mut self, place: u64, id: Id) -> bool {
        let is_known = self.items.get(&place).is_some_and(|item| item.id == id);
        if is_known {
            let held = self.take(place);
            self.pass_on(held);
        }
        is_known
    }

    /// The executions whose last message was one before `sequence` are no longer in the stream. Answers how many these are.
    pub(super) fn forget_before(&mut self, sequence: u64) -> usize {
        let before = self.items.iter().filter(|(_, item)| item.sequence < sequence);
        let before: Vec<_> = before.map(|(place, item)| (*place, item.id)).collect();
        before.into_iter().filter(|(place, id)| self.forget(*place, *id)).count()
    }

    /// Whoever is first behind an execution that is no longer there is ready.
    fn pass_on(&mut self, order: Option<String>) {
        let Some(order) = order else { return };
        let Some(key) = self.by_key.get_mut(&order) else { return };
        if key.holder.is_some() {
            return;
        }
        match key.behind.pop_first() {
            Some(next) => {
                key.holder = Some(next);
                if let Some(item) = self.items.get_mut(&next) {
                    item.waits_for = WaitsFor::Nothing;
                    if !item.is_claimed {
                        self.ready.insert(next);
                    }
                }
            }
            None => drop(self.by_key.remove(&order)),
        }
    }

    /// Lets executions begin whose time has come. Answers whether there are any.
    pub(super) fn let_begin(&mut self, now: Timestamp) -> bool {
        let mut any = false;
        while let Some((due, place)) = self.delayed.first().copied().filter(|(due, _)| *due <= now) {
            self.delayed.remove(&(due, place));
            let Some(mut item) = self.items.get(&place).cloned() else { continue };
            item.waits_for = self.when_due(place, item.entry.order.as_ref());
            self.put(place, item);
            any = true;
        }
        // A clock that was put back must not keep an execution longer than it was to wait.
        let latest = now.after(backoff::LONGEST);
        let is_due = |(due, _): &(Timestamp, u64)| *due <= now || *due > latest;
        let first = |set: &BTreeSet<_>| set.first().copied().filter(is_due);
        let last = |set: &BTreeSet<_>| set.last().copied().filter(is_due);
        while let Some((due, place)) = first(&self.to_be_retried).or_else(|| last(&self.to_be_retried)) {
            self.to_be_retried.remove(&(due, place));
            let Some(mut item) = self.items.get(&place).cloned() else { continue };
            item.waits_for = WaitsFor::Nothing;
            self.put(place, item);
            any = true;
        }
        any
    }

    /// When an execution is next to begin, or expires.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let first = |set: &BTreeSet<(Timestamp, u64)>| set.first().map(|(time, _)| *time);
        [first(&self.delayed), first(&self.to_be_retried), first(&self.expiring)].into_iter().flatten().min()
    }

    /// Those whose time is over, and that have not begun.
    pub(super) fn over(&self, now: Timestamp) -> Vec<Item> {
        let over = self.expiring.iter().take_while(|(expires, _)| *expires <= now);
        over.filter_map(|(_, place)| self.items.get(place).cloned()).collect()
    }

    /// Those that are running and that nobody here has claimed: their worker is gone.
    pub(super) fn orphans(&self) -> Vec<Item> {
        let running = self.running.iter().filter_map(|place| self.items.get(place));
        running.filter(|item| !item.is_claimed).cloned().collect()
    }

    /// Gives up to `most` to a worker, in their order.
    pub(super) fn claim(&mut self, most: usize) -> Vec<(u64, Item)> {
        let mut claimed = Vec::new();
        while claimed.len() < most
            && let Some(place) = self.ready.pop_first()
        {
            if let Some(item) = self.items.get_mut(&place) {
                item.is_claimed = true;
                claimed.push((place, item.clone()));
            }
        }
        claimed
    }

    /// The worker no longer has it. Answers whether it may be claimed again.
    pub(super) fn release(&mut self, place: u64, id: Id) -> bool {
        // In a stream that was made again, another execution may have its place.
        let Some(item) = self.items.get_mut(&place).filter(|item| item.id == id) else { return false };
        item.is_claimed = false;
        let is_ready = item.waits_for == WaitsFor::Nothing;
        if is_ready {
            self.ready.insert(place);
        }
        is_ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Execution, Options, Request};

    #[test]
    fn whoever_had_an_execution_of_another_stream_releases_and_removes_nothing() {
        let request = Request::parse("{}").unwrap();
        let execution = Execution::new("acme".into(), request, Options::default(), Timestamp::now());
        let (id, other) = (execution.id, Id::new());
        let mut queue = TenantQueue::default();
        queue.show(7, id, 7, Entry::of_new(&execution));
        assert_eq!(queue.claim(2).len(), 1);
        assert!(!queue.release(7, other) && !queue.forget(7, other));
        assert_eq!((queue.claim(2).len(), queue.len()), (0, 1));
        assert!(queue.release(7, id));
        assert_eq!(queue.claim(2).len(), 1);
        assert!(queue.forget(7, id) && queue.is_empty());
    }
}
