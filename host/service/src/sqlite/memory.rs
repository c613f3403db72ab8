//! [`Memory`]: what the process knows besides what the file holds.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::ready::Ready;
use crate::execution::{Execution, Id};
use crate::health::Health;
use crate::waiting::Waiting;

/// Which executions are claimed, which tenants may have something to claim, and who waits. None of it grows with what waits in the file.
#[derive(Default)]
pub(super) struct Memory {
    claims: Mutex<Claims>,
    /// Tenants that may have executions to claim.
    ready: Mutex<Ready>,
    changed: Notify,
    /// How many executions of each tenant have not ended.
    unfinished: Mutex<HashMap<Arc<str>, u64>>,
    pub(super) waiting: Waiting<Execution>,
    pub(super) health: Health,
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

impl Memory {
    pub(super) fn claim_of(&self, id: Id) -> Option<Claim> {
        lock(&self.claims).by_id.get(&id).cloned()
    }

    pub(super) fn is_claimed(&self, seq: i64) -> bool {
        lock(&self.claims).not_begun.contains(&seq)
    }

    fn claim(&self, id: Id, claim: Claim) {
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
        lock(&self.ready).tenants()
    }

    pub(super) fn mark_ready(&self, tenants: impl IntoIterator<Item = Arc<str>>) {
        for tenant in tenants {
            lock(&self.ready).in_file(tenant);
            // Also for one that is marked already: whoever claims now must not miss what has come since.
            self.changed.notify_one();
        }
    }

    /// An execution was accepted that may begin.
    pub(super) fn mark_accepted(&self, seq: i64, execution: Execution) {
        lock(&self.ready).accepted(seq, execution);
        self.changed.notify_one();
    }

    /// Claims up to `most` executions of the tenant without looking into the file; nothing, if it may have others there.
    pub(super) fn claim_accepted(&self, tenant: &Arc<str>, most: usize) -> Option<Vec<Execution>> {
        // Until they are claimed, so that nobody who looks into the file claims them as well.
        let mut ready = lock(&self.ready);
        let taken = ready.take(tenant, most)?;
        for (seq, execution) in &taken {
            self.claim(execution.id, Claim { seq: *seq, tenant: Arc::clone(tenant) });
        }
        Some(taken.into_iter().map(|(_, execution)| execution).collect())
    }

    /// Looks into the file for up to `most` executions of the tenant that are not claimed, and claims them: those that `find` answers with. Fewer are
    /// all that there are.
    pub(super) fn claim_found<E>(
        &self,
        tenant: &Arc<str>,
        most: usize,
        find: impl FnOnce() -> Result<Vec<(i64, Execution)>, E>,
    ) -> Result<Vec<Execution>, E> {
        // Before it is looked: who is ready from then on is found the next time.
        lock(&self.ready).forget(tenant);
        let found = find();
        if found.as_ref().map_or(true, |found| found.len() >= most) {
            lock(&self.ready).in_file(Arc::clone(tenant));
        }
        let claim = |(seq, execution): (i64, Execution)| {
            self.claim(execution.id, Claim { seq, tenant: Arc::clone(tenant) });
            execution
        };
        Ok(found?.into_iter().map(claim).collect())
    }

    /// The execution has ended otherwise than by its worker.
    pub(super) fn mark_ended(&self, id: Id) {
        lock(&self.ready).remove(id);
        self.waiting.wake(id);
    }

    /// How many executions of a tenant have not ended.
    pub(super) fn unfinished(&self, tenant: &str) -> u64 {
        lock(&self.unfinished).get(tenant).copied().unwrap_or_default()
    }

    /// What the file says of all tenants. Nothing is counted meanwhile.
    pub(super) fn set_unfinished(&self, counts: HashMap<Arc<str>, u64>) {
        *lock(&self.unfinished) = counts;
    }

    /// There is one more of a tenant.
    pub(super) fn accepted(&self, tenant: &Arc<str>) {
        *lock(&self.unfinished).entry(Arc::clone(tenant)).or_default() += 1;
    }

    /// There is one less of a tenant.
    pub(super) fn ended(&self, tenant: &str) {
        let mut unfinished = lock(&self.unfinished);
        if let Some(count) = unfinished.get_mut(tenant) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                unfinished.remove(tenant);
            }
        }
    }

    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Whether the file was changed by another connection than the one that writes, since this was asked last.
    pub(super) fn is_changed_by_others(&self, version: i64) -> bool {
        self.version.swap(version, Ordering::Relaxed) != version
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
