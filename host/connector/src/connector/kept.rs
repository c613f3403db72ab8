//! Instances of the built-in component that are kept for the next call of the same tenant.
//!
//! What may be kept, and for how long, is bounded three ways: how often an instance is called, how much memory it has, and how
//! long nobody calls it. No instance is ever given to another tenant than the one that it was made for.

use std::array;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::steps::Instance;
use crate::publisher::Tenant;

/// How long an instance is kept that nobody calls.
pub(super) const IDLE: Duration = Duration::from_secs(1);

/// How often an instance is called.
const CALLS: u32 = 10_000;

/// The most bytes of memory that a kept instance has: more than a send with a few kilobytes of content needs.
const MEMORY: usize = 2 * 1024 * 1024;

/// The tenants are spread over so many shelves, so that those who put and take seldom wait for each other.
const SHELVES: usize = 64;

/// Instances on one shelf. When there is no room, the one that has waited longest goes.
const ROOM: usize = 32;

/// The instances that are kept, of all tenants.
pub(super) struct Kept {
    shelves: [Mutex<Vec<Waiting>>; SHELVES],
    hasher: RandomState,
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
    /// Keeps an instance that nobody calls for `idle`.
    pub(super) fn new(idle: Duration) -> Self {
        Self { shelves: array::from_fn(|_| Mutex::default()), hasher: RandomState::new(), idle }
    }

    /// An instance that was kept for `tenant`: the one that was called last.
    pub(super) fn take(&self, tenant: &Tenant) -> Option<Box<Instance>> {
        let mut shelf = self.shelf(tenant);
        let at = shelf.iter().rposition(|waiting| waiting.tenant == *tenant)?;
        Some(shelf.remove(at).instance)
    }

    /// Keeps an instance that has been called for `tenant`, and has come to the end of that as it should.
    pub(super) fn put(&self, tenant: &Tenant, instance: Box<Instance>) {
        if instance.calls() >= CALLS || instance.memory() > MEMORY {
            return;
        }
        let since = Instant::now();
        let mut shelf = self.shelf(tenant);
        let mut leaving = expired(&mut shelf, since, self.idle);
        if shelf.len() >= ROOM {
            leaving.push(shelf.remove(0));
        }
        shelf.push(Waiting { tenant: tenant.clone(), since, instance });
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
            let leaving = expired(&mut shelf, now, self.idle);
            is_empty &= shelf.is_empty();
            drop(shelf);
            drop(leaving);
        }
        !is_empty
    }

    fn shelf(&self, tenant: &Tenant) -> MutexGuard<'_, Vec<Waiting>> {
        let number = self.hasher.hash_one(tenant) % SHELVES as u64;
        lock(&self.shelves[usize::try_from(number).unwrap_or_default()])
    }
}

fn lock(shelf: &Mutex<Vec<Waiting>>) -> MutexGuard<'_, Vec<Waiting>> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes out those that have waited for `idle` by `now`: they stand first.
fn expired(shelf: &mut Vec<Waiting>, now: Instant, idle: Duration) -> Vec<Waiting> {
    let count = shelf.partition_point(|waiting| now.saturating_duration_since(waiting.since) >= idle);
    shelf.drain(..count).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Connector;

    const CONFIG: &str = r#"{"broker": "tcp://h", "client-id": "c", "topic": "t"}"#;

    /// A connector in which time decides nothing: no step is given up, and what is kept does not go by itself.
    fn connector(places: u32) -> Connector {
        let mut connector = Connector::builder().pool(places).build().unwrap();
        connector.clock = None;
        connector.kept = Some(Arc::new(Kept::new(Duration::MAX)));
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
        assert_eq!(kept(&connector), [pair("a", 2)], "prepare and conclude");
        assert_eq!(check(&connector, &a, r#"{"qos": 7}"#).await, 64);
        assert_eq!(kept(&connector), [pair("a", 3)], "what is wrong needs no conclusion");
        assert_eq!(check(&connector, &b, r#"{"content": 1}"#).await, 0);
        // One that has the name of another.
        assert_eq!(check(&connector, &Tenant::unrestricted("a"), r#"{"content": 1}"#).await, 0);
        assert_eq!(kept(&connector), [pair("a", 2), pair("a", 3), pair("b", 2)]);
        assert_eq!(check(&connector, &a.clone(), r#"{"content": 1}"#).await, 0);
        assert_eq!(kept(&connector), [pair("a", 2), pair("a", 5), pair("b", 2)]);
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

        for _ in 0..ROOM + 2 {
            let mut calls = Vec::new();
            while let Some(instance) = kept_ones.take(&tenant) {
                calls.push(instance);
            }
            check(&connector, &tenant, "{}").await;
            calls.into_iter().for_each(|instance| kept_ones.put(&tenant, instance));
        }
        assert_eq!(kept(&connector).len(), ROOM, "there is no room for more of one shelf");
        let later = Instant::now() + IDLE;
        assert_eq!(
            expired(&mut kept_ones.shelf(&tenant), later, IDLE).len(),
            ROOM,
            "nobody has called them for long"
        );
        assert!(!kept_ones.sweep());
    }
}
