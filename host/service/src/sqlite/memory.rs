//! [`Memory`]: what the process knows besides what the file holds.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::execution::Id;

/// Which executions are claimed, which tenants may have something to claim, and who waits. None of it grows with what waits in the file.
#[derive(Default)]
pub(super) struct Memory {
    claims: Mutex<Claims>,
    /// Tenants that may have executions to claim.
    ready: Mutex<BTreeSet<Arc<str>>>,
    changed: Notify,
    waiting: Mutex<HashMap<Id, Waiting>>,
    /// What SQLite counts when another connection changes the file, as it was seen last.
    version: AtomicI64,
}

#[derive(Default)]
struct Claims {
    by_id: HashMap<Id, Claim>,
    /// Those that have not begun: they are among those that are ready in the file.
    not_begun: HashSet<i64>,
}

/// An execution that a worker has.
#[derive(Clone)]
pub(super) struct Claim {
    pub(super) seq: i64,
    pub(super) tenant: Arc<str>,
}

/// Those who wait for an execution to end.
struct Waiting {
    callers: usize,
    ended: Arc<Notify>,
}

impl Memory {
    pub(super) fn claim_of(&self, id: Id) -> Option<Claim> {
        lock(&self.claims).by_id.get(&id).cloned()
    }

    pub(super) fn is_claimed(&self, seq: i64) -> bool {
        lock(&self.claims).not_begun.contains(&seq)
    }

    pub(super) fn claim(&self, id: Id, claim: Claim) {
        let mut claims = lock(&self.claims);
        claims.not_begun.insert(claim.seq);
        claims.by_id.insert(id, claim);
    }

    pub(super) fn begun(&self, seq: i64) {
        lock(&self.claims).not_begun.remove(&seq);
    }

    /// The worker no longer has it.
    pub(super) fn settled(&self, id: Id) {
        let mut claims = lock(&self.claims);
        if let Some(claim) = claims.by_id.remove(&id) {
            claims.not_begun.remove(&claim.seq);
        }
    }

    /// The worker gives it back.
    pub(super) fn release(&self, id: Id) {
        if let Some(claim) = self.claim_of(id) {
            self.settled(id);
            self.mark_ready([claim.tenant]);
        }
    }

    pub(super) fn ready(&self) -> Vec<Arc<str>> {
        lock(&self.ready).iter().cloned().collect()
    }

    pub(super) fn mark_ready(&self, tenants: impl IntoIterator<Item = Arc<str>>) {
        for tenant in tenants {
            lock(&self.ready).insert(tenant);
            // Also for one that is marked already: whoever claims now must not miss what has come since.
            self.changed.notify_one();
        }
    }

    /// All of a tenant's executions that are ready are claimed.
    pub(super) fn mark_claimed(&self, tenant: &str) {
        lock(&self.ready).remove(tenant);
    }

    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Answers when the execution has ended, from now on.
    pub(super) fn ended(&self, id: Id) -> impl Future<Output = ()> + Send + '_ {
        let ended = {
            let mut waiting = lock(&self.waiting);
            let waiting = waiting.entry(id).or_insert_with(|| Waiting { callers: 0, ended: Arc::default() });
            waiting.callers += 1;
            Arc::clone(&waiting.ended).notified_owned()
        };
        let leaving = Leaving { memory: self, id };
        async move {
            ended.await;
            drop(leaving);
        }
    }

    /// Wakes those who wait for the execution.
    pub(super) fn wake(&self, id: Id) {
        if let Some(waiting) = lock(&self.waiting).get(&id) {
            waiting.ended.notify_waiters();
        }
    }

    /// Whether the file was changed by another connection than the one that writes, since this was asked last.
    pub(super) fn is_changed_by_others(&self, version: i64) -> bool {
        self.version.swap(version, Ordering::Relaxed) != version
    }

    /// Wakes all who wait: somebody else has changed something.
    pub(super) fn wake_all(&self) {
        for waiting in lock(&self.waiting).values() {
            waiting.ended.notify_waiters();
        }
    }
}

/// Somebody waits no longer.
struct Leaving<'a> {
    memory: &'a Memory,
    id: Id,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if let Entry::Occupied(mut waiting) = lock(&self.memory.waiting).entry(self.id) {
            waiting.get_mut().callers -= 1;
            if waiting.get().callers == 0 {
                waiting.remove();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
