//! [`Line`]: calls of a tenant that wait until they may compute, and with what, so that the one that may makes the step of all.
//!
//! A call takes a place in the line when it has to wait at its tenant's turnstile. Each of them is let in sooner or later; the
//! first that is makes the step for those behind it too, and they find it made. So nobody depends on another call to be polled
//! again: a call that is dropped leaves the line, and what one takes out of the line it does at once.

use std::hash::{BuildHasher as _, RandomState};
use std::iter;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use crate::publisher::Tenant;

/// How many calls have one step made for them together. What they have in common is a small part of each then, and other
/// tenants need not wait much longer than for a single one.
const MOST: usize = 16;

/// Bytes of documents that are read together.
const WEIGHT: usize = 64 * 1024;

/// Bytes of configuration and request of a call that may stand in line. With more, it is made by itself: it has little in common with
/// others.
const HEAVIEST: usize = 16 * 1024;

/// The tenants are spread over so many shelves, so that those who come and go seldom wait for each other.
const SHELVES: usize = 64;

/// Calls that wait for one and the same step, of all tenants.
pub(super) struct Line<I, O> {
    shelves: Box<[Mutex<Shelf<I, O>>]>,
    hasher: RandomState,
}

struct Shelf<I, O> {
    /// In the order in which they came.
    waiting: Vec<Waiting<I, O>>,
    /// How many have stood here.
    count: u64,
}

/// A call that waits.
pub(super) struct Waiting<I, O> {
    number: u64,
    tenant: Tenant,
    weight: usize,
    /// What the step is made of.
    pub(super) item: I,
    /// Told what came of the step. Dropped untold, the call makes it by itself.
    pub(super) tell: oneshot::Sender<O>,
}

/// A call's place in line. Dropping it leaves the line.
pub(super) struct Place<'a, I, O> {
    line: &'a Line<I, O>,
    shelf: usize,
    number: u64,
    answer: oneshot::Receiver<O>,
    /// Whether it may still stand in line.
    stands: bool,
}

/// What has become of the step of a call that waited.
pub(super) enum Turn<O> {
    /// Nobody has begun it: it is to be made, for others in line too.
    Own,
    /// It is made.
    Made(O),
    /// It could not be made together with others.
    Alone,
    /// It is made just now, on another thread.
    BeingMade,
}

impl<I, O> Line<I, O> {
    /// An empty line.
    pub(super) fn new() -> Self {
        let shelf = || Mutex::new(Shelf { waiting: Vec::new(), count: 0 });
        Self { shelves: iter::repeat_with(shelf).take(SHELVES).collect(), hasher: RandomState::new() }
    }

    /// A place in line for a call with so many bytes of documents, if they are few enough. The item is made with that of the call
    /// of the same tenant that came before, if there is one.
    pub(super) fn join(
        &self,
        tenant: &Tenant,
        weight: usize,
        item: impl FnOnce(Option<&I>) -> I,
    ) -> Option<Place<'_, I, O>> {
        if weight > HEAVIEST {
            return None;
        }
        let at = self.shelf_of(tenant);
        let mut shelf = self.lock(at);
        shelf.count += 1;
        let number = shelf.count;
        let before = shelf.waiting.iter().rfind(|waiting| waiting.tenant == *tenant);
        let item = item(before.map(|waiting| &waiting.item));
        let (tell, answer) = oneshot::channel();
        shelf.waiting.push(Waiting { number, tenant: tenant.clone(), weight, item, tell });
        Some(Place { line: self, shelf: at, number, answer, stands: true })
    }

    /// Takes out of the line those of the same tenant that a call with so many bytes of documents makes a step for, in order,
    /// of those whose item fits.
    pub(super) fn take(
        &self,
        tenant: &Tenant,
        weight: usize,
        fits: impl Fn(&I) -> bool,
    ) -> Vec<Waiting<I, O>> {
        let (mut places, mut room) = (MOST - 1, WEIGHT.saturating_sub(weight));
        let is_taken = |waiting: &mut Waiting<I, O>| {
            let is_taken =
                places > 0 && waiting.weight <= room && waiting.tenant == *tenant && fits(&waiting.item);
            if is_taken {
                places -= 1;
                room -= waiting.weight;
            }
            is_taken
        };
        self.lock(self.shelf_of(tenant)).waiting.extract_if(.., is_taken).collect()
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        (0..SHELVES).map(|shelf| self.lock(shelf).waiting.len()).sum()
    }

    fn shelf_of(&self, tenant: &Tenant) -> usize {
        usize::try_from(self.hasher.hash_one(tenant) % SHELVES as u64).unwrap_or_default()
    }

    fn lock(&self, shelf: usize) -> MutexGuard<'_, Shelf<I, O>> {
        self.shelves[shelf].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<I, O> Place<'_, I, O> {
    /// Leaves the line: what has become of the step by now.
    pub(super) fn turn(&mut self) -> Turn<O> {
        match self.answer.try_recv() {
            Ok(made) => {
                self.stands = false;
                Turn::Made(made)
            }
            Err(TryRecvError::Empty) if self.leave() => Turn::Own,
            Err(TryRecvError::Empty) => Turn::BeingMade,
            Err(TryRecvError::Closed) => {
                self.stands = false;
                Turn::Alone
            }
        }
    }

    /// Waits for a step that is being made; `None`: it could not be made together with others.
    pub(super) async fn made(&mut self) -> Option<O> {
        (&mut self.answer).await.ok()
    }

    /// Whether it stood in line until now.
    fn leave(&mut self) -> bool {
        if !std::mem::replace(&mut self.stands, false) {
            return false;
        }
        let mut shelf = self.line.lock(self.shelf);
        let at = shelf.waiting.iter().position(|waiting| waiting.number == self.number);
        let left = at.map(|at| shelf.waiting.remove(at));
        drop(shelf);
        left.is_some()
    }
}

impl<I, O> Drop for Place<'_, I, O> {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Numbers = Line<usize, usize>;

    fn items(taken: &[Waiting<usize, usize>]) -> Vec<usize> {
        taken.iter().map(|waiting| waiting.item).collect()
    }

    #[test]
    fn a_step_is_made_for_those_of_one_tenant_that_fit() {
        let line = Numbers::new();
        let [a, b] = ["a", "b"].map(Tenant::unrestricted);
        // One that has the name of another.
        let same_name = Tenant::unrestricted("a");
        let join = |tenant, item| line.join(tenant, 1, |_| item).unwrap();
        let _places: Vec<_> = [(&a, 1), (&b, 2), (&a, 3), (&same_name, 4), (&a, 50), (&a, 5)]
            .map(|(tenant, item)| join(tenant, item))
            .into();
        assert_eq!(items(&line.take(&a, 1, |item| *item < 10)), [1, 3, 5]);
        assert_eq!(items(&line.take(&a, 1, |_| true)), [50]);
        assert_eq!(items(&line.take(&b, 1, |_| true)), [2]);
        assert_eq!(items(&line.take(&same_name, 1, |_| true)), [4]);
    }

    #[test]
    fn a_step_is_made_for_so_many_at_most_and_for_so_many_bytes() {
        let line = Numbers::new();
        let tenant = Tenant::unrestricted("a");
        let _many: Vec<_> = (1..=MOST).map(|item| line.join(&tenant, 1, |_| item)).collect();
        assert_eq!(line.take(&tenant, 1, |_| true).len(), MOST - 1, "and the one that makes it");
        assert_eq!(items(&line.take(&tenant, 1, |_| true)), [MOST]);
        assert!(line.join(&tenant, HEAVIEST + 1, |_| 0).is_none());
        let _heavy: Vec<_> = (1..=4).map(|item| line.join(&tenant, HEAVIEST, |_| item)).collect();
        assert_eq!(items(&line.take(&tenant, HEAVIEST, |_| true)), [1, 2, 3]);
        assert!(line.take(&tenant, WEIGHT, |_| true).is_empty());
    }

    #[test]
    fn an_item_is_made_with_the_one_before_it() {
        let line = Numbers::new();
        let [a, b] = ["a", "b"].map(Tenant::unrestricted);
        let next = |before: Option<&usize>| before.map_or(1, |before| before + 1);
        let _places = [&a, &b, &a].map(|tenant| line.join(tenant, 1, next));
        assert_eq!(items(&line.take(&a, 1, |_| true)), [1, 2]);
    }

    #[tokio::test]
    async fn who_waits_finds_the_step_made_or_makes_it() {
        let line = Numbers::new();
        let tenant = Tenant::unrestricted("a");
        let [mut first, mut second, mut third, fourth] =
            [1, 2, 3, 4].map(|item| line.join(&tenant, 1, |_| item).unwrap());
        assert!(matches!(first.turn(), Turn::Own));
        drop(fourth);
        let mut taken = line.take(&tenant, 1, |_| true);
        assert_eq!(items(&taken), [2, 3], "the others have left");
        assert!(matches!(second.turn(), Turn::BeingMade));
        drop(taken.pop());
        assert!(matches!(third.turn(), Turn::Alone));
        taken.pop().unwrap().tell.send(20).unwrap();
        assert_eq!(second.made().await, Some(20));
        let mut fifth = line.join(&tenant, 1, |_| 5).unwrap();
        line.take(&tenant, 1, |_| true).pop().unwrap().tell.send(50).unwrap();
        assert!(matches!(fifth.turn(), Turn::Made(50)));
    }
}
