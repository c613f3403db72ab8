//! Instances of the built-in component that are kept for the next call of the same tenant.
//!
//! What may be kept, and for how long, is bounded four ways: how many instances there are, how often one is called, how much
//! memory it has, and how long nobody calls it. No instance is ever given to another tenant than the one that it was made for.

use std::array;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::instance::Instance;
use crate::publisher::Tenant;

/// How long an instance is kept that nobody calls.
pub(super) const IDLE: Duration = Duration::from_secs(1);

/// How often an instance is called.
const CALLS: u32 = 10_000;

/// The most bytes of memory that a kept instance has: more than a send with a few kilobytes of content needs.
const MEMORY: usize = 2 * 1024 * 1024;

/// The tenants are spread over so many shelves, so that those who put and take seldom wait for each other.
const SHELVES: usize = 64;

/// Instances on all shelves together. When there is no room, the one that has waited longest on a shelf goes for the next one of
/// that shelf. A bound for each shelf would be reached early by the shelf that has the most tenants by chance: tenants that send in
/// turns would each take away the instance that is called next.
pub(super) const ROOM: usize = 2048;

/// The instances that are kept, of all tenants.
pub(super) struct Kept {
    shelves: [Mutex<Vec<Waiting>>; SHELVES],
    /// How many are on all shelves.
    count: AtomicUsize,
    hasher: RandomState,
    /// How many there may be.
    room: usize,
    /// How long an instance is kept that nobody calls.
    idle: Duration,
}

/// An instance that waits for a call.
struct Waiting {
    tenant: Tenant,
    since: Instant,
    instance: Box<Instance>,
}

impl Kept {
    /// Keeps `room` instances, each for `idle` while nobody calls it.
    pub(super) fn new(room: usize, idle: Duration) -> Self {
        let (count, hasher) = (AtomicUsize::new(0), RandomState::new());
        Self { shelves: array::from_fn(|_| Mutex::default()), count, hasher, room, idle }
    }

    /// An instance that was kept for `tenant`: the one that was called last.
    pub(super) fn take(&self, tenant: &Tenant) -> Option<Box<Instance>> {
        let mut shelf = self.shelf(tenant);
        let at = shelf.iter().rposition(|waiting| waiting.tenant == *tenant)?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        Some(shelf.remove(at).instance)
    }

    /// Keeps an instance that has been called for `tenant`, and has come to the end of that as it should.
    pub(super) fn put(&self, tenant: &Tenant, instance: Box<Instance>) {
        if instance.calls() >= CALLS || instance.memory() > MEMORY {
            return;
        }
        let since = Instant::now();
        let mut shelf = self.shelf(tenant);
        let mut leaving = self.expired(&mut shelf, since);
        let waiting = Waiting { tenant: tenant.clone(), since, instance };
        let one_more = |count| (count < self.room).then_some(count + 1);
        if self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok() {
            shelf.push(waiting);
        } else if shelf.is_empty() {
            leaving.push(waiting);
        } else {
            leaving.push(shelf.remove(0));
            shelf.push(waiting);
        }
        // An instance takes long to go, and others need the shelf.
        drop(shelf);
        drop(leaving);
    }

    /// Lets those go that nobody has called for long; returns whether there are others.
    pub(super) fn sweep(&self) -> bool {
        let now = Instant::now();
        let mut is_empty = true;
        for shelf in &self.shelves {
            let mut shelf = lock(shelf);
            let leaving = self.expired(&mut shelf, now);
            is_empty &= shelf.is_empty();
            drop(shelf);
            drop(leaving);
        }
        !is_empty
    }

    /// Takes out those that nobody has called for long by `now`: they stand first.
    fn expired(&self, shelf: &mut Vec<Waiting>, now: Instant) -> Vec<Waiting> {
        let is_over = |waiting: &Waiting| now.saturating_duration_since(waiting.since) >= self.idle;
        let over = shelf.partition_point(is_over);
        self.count.fetch_sub(over, Ordering::Relaxed);
        shelf.drain(..over).collect()
    }

    /// Lets an instance go that has one of the places that are kept ready: the one that has waited longest on its shelf. Returns
    /// whether there was one.
    pub(super) fn give_place_up(&self) -> bool {
        let leaving = self.shelves.iter().find_map(|shelf| {
            let mut shelf = lock(shelf);
            let at = shelf.iter().position(|waiting| waiting.instance.has_place())?;
            self.count.fetch_sub(1, Ordering::Relaxed);
            Some(shelf.remove(at))
        });
        leaving.is_some()
    }

    fn shelf(&self, tenant: &Tenant) -> MutexGuard<'_, Vec<Waiting>> {
        let number = self.hasher.hash_one(tenant) % SHELVES as u64;
        lock(&self.shelves[usize::try_from(number).unwrap_or_default()])
    }
}

fn lock(shelf: &Mutex<Vec<Waiting>>) -> MutexGuard<'_, Vec<Waiting>> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Connector;

    const CONFIG: &str = r#"{"broker": "tcp://h", "client-id": "c", "topic": "t"}"#;

    /// As many as are made in a test.
    const SOME: usize = 32;

    /// A connector in which time decides nothing: no step is given up, and what is kept does not go by itself.
    fn connector(places: u32) -> Connector {
        let mut connector = Connector::builder().pool(places).build().unwrap();
        connector.clock = None;
        connector.kept = Some(Arc::new(Kept::new(SOME, Duration::MAX)));
        connector
    }

    /// How often each instance that is kept was called, and for whom.
    fn kept(connector: &Connector) -> Vec<(String, u32)> {
        let shelves = connector.kept.as_ref().unwrap().shelves.iter();
        let mut all: Vec<_> = shelves
            .flat_map(|shelf| {
                let shelf = lock(shelf);
                let of = |waiting: &Waiting| (waiting.tenant.name().to_owned(), waiting.instance.calls());
                shelf.iter().map(of).collect::<Vec<_>>()
            })
            .collect();
        all.sort();
        all
    }

    async fn check(connector: &Connector, tenant: &Tenant, request: &str) -> i32 {
        connector.check(tenant, CONFIG, request).await.meta.exit_code
    }

    fn pair(name: &str, calls: u32) -> (String, u32) {
        (name.to_owned(), calls)
    }

    #[tokio::test]
    async fn an_instance_is_called_again_for_its_tenant_and_for_no_other() {
        let connector = connector(2);
        let [a, b] = ["a", "b"].map(Tenant::unrestricted);
        assert_eq!(check(&connector, &a, r#"{"content": 1}"#).await, 0);
        assert_eq!(kept(&connector), [pair("a", 1)], "what was foreseen needs no conclusion");
        assert_eq!(check(&connector, &a, r#"{"qos": 7}"#).await, 64);
        assert_eq!(kept(&connector), [pair("a", 2)], "and neither does what is wrong");
        let unreadable = r#"{"content": 1, "broker": "ssl://h", "root-ca-crt": "/nowhere"}"#;
        assert_eq!(check(&connector, &a, unreadable).await, 66);
        assert_eq!(kept(&connector), [pair("a", 4)], "what the publisher has found is concluded");
        assert_eq!(check(&connector, &b, r#"{"content": 1}"#).await, 0);
        // One that has the name of another.
        assert_eq!(check(&connector, &Tenant::unrestricted("a"), r#"{"content": 1}"#).await, 0);
        assert_eq!(kept(&connector), [pair("a", 1), pair("a", 4), pair("b", 1)]);
        assert_eq!(check(&connector, &a.clone(), r#"{"content": 1}"#).await, 0);
        assert_eq!(kept(&connector), [pair("a", 1), pair("a", 5), pair("b", 1)]);
    }

    #[tokio::test]
    async fn who_waits_for_a_call_gives_its_place_up_to_one() {
        let connector = connector(1);
        let [a, b] = ["a", "b"].map(Tenant::unrestricted);
        check(&connector, &a, "{}").await;
        check(&connector, &b, "{}").await;
        assert_eq!(kept(&connector), [pair("a", 1), pair("b", 1)], "the second has none of the places");
        let taken = || connector.engines.take(connector.kept.as_deref()).1;
        let place = taken();
        assert!(place.is_some());
        assert_eq!(kept(&connector), [pair("b", 1)]);
        assert!(taken().is_none());
        assert_eq!(kept(&connector), [pair("b", 1)], "there is no other place");
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded() {
        let connector = connector(1);
        let kept_ones = connector.kept.as_deref().unwrap();
        let tenant = Tenant::unrestricted("a");
        check(&connector, &tenant, "{}").await;
        assert_eq!(kept(&connector), [pair("a", 1)]);
        let mut instance = kept_ones.take(&tenant).unwrap();
        assert_eq!(kept(&connector), []);
        instance.set_calls(CALLS);
        kept_ones.put(&tenant, instance);
        assert_eq!(kept(&connector), [], "it was called often enough");

        for _ in 0..SOME + 2 {
            let mut calls = Vec::new();
            while let Some(instance) = kept_ones.take(&tenant) {
                calls.push(instance);
            }
            check(&connector, &tenant, "{}").await;
            calls.into_iter().for_each(|instance| kept_ones.put(&tenant, instance));
        }
        assert_eq!(kept(&connector).len(), SOME, "there is no room for more");
        assert!(kept_ones.sweep(), "and they stay");
        let instance = kept_ones.take(&tenant).unwrap();
        let idle = Kept::new(SOME, Duration::ZERO);
        idle.put(&tenant, instance);
        assert!(!idle.sweep(), "nobody has called it for long");
        assert_eq!(idle.count.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn tenants_have_the_room_together_wherever_they_stand() {
        let connector = connector(1);
        let tenants: Vec<_> = (0..SOME).map(|number| Tenant::unrestricted(number.to_string())).collect();
        for tenant in tenants.iter().chain(&tenants) {
            check(&connector, tenant, "{}").await;
        }
        let mut expected: Vec<_> = tenants.iter().map(|tenant| pair(tenant.name(), 2)).collect();
        expected.sort();
        assert_eq!(kept(&connector), expected, "each was called again");

        for tenant in (0..SOME).map(|number| Tenant::unrestricted(number.to_string())) {
            check(&connector, &tenant, "{}").await;
        }
        assert_eq!(kept(&connector).len(), SOME, "there is no room for more");
        assert_eq!(connector.kept.as_ref().unwrap().count.load(Ordering::Relaxed), SOME);
    }
}
