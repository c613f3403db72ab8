//! How much of a tenant is on its way to NATS at a time, while others have something as well.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::time::sleep_until;

/// So many changes of one tenant's executions are on their way from a node together. With more, another tenant's wait behind them; with fewer, NATS
/// writes as often for less.
const GROUP: usize = 16;

/// The longest that is waited after a group: whatever took longer, NATS had another leader to find, or stood still.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// For so long a tenant counts among those that have something.
const RECENT: Duration = Duration::from_secs(10);

/// A tenant's places for what is on its way: a group, and when all of it has been written, the next one.
///
/// NATS writes to disk together what comes together, so that a group costs little more than one change, and another tenant's waits behind one
/// group. After a group that was full, which is a backlog, it is waited for as long as the group took: others have NATS for half of the time,
/// whatever a change takes.
#[derive(Clone)]
pub(super) struct Share(Arc<Places>);

struct Places {
    free: Semaphore,
    group: Mutex<Group>,
}

struct Group {
    /// How many places have not been given back: those that are taken, and those that are free.
    left: usize,
    /// When the first of it was on its way.
    began: Option<Instant>,
    /// Before that it does not begin.
    not_before: Option<Instant>,
}

/// The place of one change.
pub(super) struct Place(Arc<Places>);

impl Default for Share {
    fn default() -> Self {
        let group = Group { left: GROUP, began: None, not_before: None };
        Self(Arc::new(Places { free: Semaphore::new(GROUP), group: Mutex::new(group) }))
    }
}

impl Places {
    fn group(&self) -> MutexGuard<'_, Group> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Waits for a place.
    pub(super) async fn place(self) -> Place {
        if let Ok(place) = self.0.free.acquire().await {
            place.forget();
        }
        let place = Place(self.0);
        let not_before = place.0.group().not_before;
        if let Some(not_before) = not_before {
            sleep_until(not_before.into()).await;
        }
        place.0.group().began.get_or_insert_with(Instant::now);
        place
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut group = self.0.group();
        group.left -= 1;
        let free = self.0.free.available_permits();
        if group.left == free {
            let now = Instant::now();
            let took = group.began.map(|began| now - began).filter(|_| free == 0);
            *group = Group {
                left: GROUP,
                began: None,
                not_before: took.map(|took| now + took.min(LONGEST_PAUSE)),
            };
            self.0.free.add_permits(GROUP - free);
        }
    }
}

/// The two tenants that something was heard of last, the last one first.
#[derive(Default)]
pub(super) struct Recent([Option<(Arc<str>, Instant)>; 2]);

impl Recent {
    pub(super) fn hear(&mut self, tenant: &Arc<str>, now: Instant) {
        let [last, before] = &mut self.0;
        if last.as_ref().is_some_and(|(last, _)| last != tenant) {
            *before = last.take();
        }
        *last = Some((Arc::clone(tenant), now));
    }

    /// Whether a tenant has the cluster for itself.
    pub(super) fn is_alone(&self, tenant: &str, now: Instant) -> bool {
        let mut heard = self.0.iter().flatten();
        !heard.any(|(other, at)| **other != *tenant && now.saturating_duration_since(*at) < RECENT)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_group_is_on_its_way_as_long_after_the_one_before_as_that_took() {
        let share = Share::default();
        let began = Instant::now();
        let mut group = Vec::new();
        for _ in 0..GROUP {
            group.push(share.clone().place().await);
        }
        let took = Duration::from_millis(50);
        tokio::time::sleep(took).await;
        let mut next = pin!(share.clone().place());
        let mut is_there = || next.as_mut().now_or_never().is_some();
        while let Some(written) = group.pop() {
            assert!(!is_there());
            drop(written);
        }
        assert!(!is_there());
        let _next = next.await;
        assert!(began.elapsed() >= took * 2);
    }

    #[tokio::test]
    async fn a_group_that_is_not_full_is_waited_for_by_nobody() {
        let share = Share::default();
        for _ in 0..2 {
            let places: Vec<_> = (1..GROUP).map(|_| share.clone().place().now_or_never().unwrap()).collect();
            drop(places);
        }
    }

    #[test]
    fn a_tenant_is_alone_when_nothing_was_heard_of_others_for_a_while() {
        let (a, b, c): (Arc<str>, Arc<str>, Arc<str>) = ("a".into(), "b".into(), "c".into());
        let (mut recent, start) = (Recent::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(recent.is_alone("a", start));
        recent.hear(&a, start);
        recent.hear(&a, at(1));
        assert!(recent.is_alone("a", at(1)) && !recent.is_alone("b", at(1)));
        recent.hear(&b, at(2));
        recent.hear(&a, at(3));
        recent.hear(&a, at(4));
        assert!(!recent.is_alone("a", at(11)) && recent.is_alone("a", at(12)));
        recent.hear(&c, at(12));
        recent.hear(&a, at(13));
        assert!(
            !recent.is_alone("a", at(21)) && recent.is_alone("a", at(22)) && !recent.is_alone("c", at(22))
        );
    }
}
