//! What this node's workers have.

use std::sync::Arc;
use std::time::Instant;

use super::super::share::Share;
use super::super::telemetry;
use super::{Claim, Item, Record, State, View};
use crate::execution::Id;

impl View {
    /// Gives executions that may begin to this node's workers, with what they are, where that is held.
    pub(in crate::nats) fn claim(&self, tenant: &str, most: usize) -> Vec<(Item, Option<Record>)> {
        let mut state = self.lock();
        if !state.owns(tenant) || state.yielding.contains(tenant) {
            return Vec::new();
        }
        let state = &mut *state;
        let name = state.tenants.get_key_value(tenant).map(|(name, _)| Arc::clone(name));
        let Some((name, queue)) = name.zip(state.tenants.get_mut(tenant)) else { return Vec::new() };
        let claimed = queue.claim(most);
        for (place, item) in &claimed {
            let claim = Claim {
                is_lost: false,
                tenant: Arc::clone(&name),
                place: *place,
                sequence: item.sequence,
                key: None,
                request: None,
            };
            state.claims.insert(item.id, claim);
        }
        let with_held = |(place, item): (u64, Item)| {
            let held = state.held.take(place).filter(|_| item.sequence == place);
            (item, held)
        };
        claimed.into_iter().map(with_held).collect()
    }

    /// An execution is no longer in the stream. Answers whether it was known.
    pub(in crate::nats) fn forget_execution(&self, item: &Item) -> bool {
        let mut state = self.lock();
        let place = item.entry.place.unwrap_or(item.sequence);
        let is_known = state.tenants.values_mut().any(|queue| queue.forget(place, item.id));
        state.tenants.retain(|_, queue| !queue.is_empty());
        self.changed.notify_one();
        is_known
    }

    /// Forgets the executions whose last message was one before `sequence`, and answers how many these are.
    pub(in crate::nats) fn forget_before(&self, sequence: u64) -> usize {
        let mut state = self.lock();
        let forgotten = state.tenants.values_mut().map(|queue| queue.forget_before(sequence)).sum();
        if forgotten > 0 {
            state.tenants.retain(|_, queue| !queue.is_empty());
            self.changed.notify_one();
        }
        forgotten
    }

    /// The share of a tenant that has executions, unless it is alone.
    pub(in crate::nats) fn share_of(&self, tenant: &str) -> Option<Share> {
        let state = self.lock();
        let queue = state.tenants.get(tenant).filter(|_| !state.recent.is_alone(tenant, Instant::now()))?;
        Some(queue.share.clone())
    }

    pub(in crate::nats) fn claim_of(&self, id: Id) -> Option<Claim> {
        self.lock().claims.get(&id).filter(|claim| !claim.is_lost).cloned()
    }

    /// Changes a claim. Answers whether this node still has it, and may send for it.
    pub(in crate::nats) fn change_claim(&self, id: Id, change: impl FnOnce(&mut Claim)) -> bool {
        let mut state = self.lock();
        let Some(claim) = state.claims.get_mut(&id).filter(|claim| !claim.is_lost) else { return false };
        change(claim);
        let tenant = Arc::clone(&claim.tenant);
        state.owns(&tenant)
    }

    /// The worker no longer has it.
    pub(in crate::nats) fn release(&self, id: Id) {
        let mut state = self.lock();
        let Some(claim) = state.claims.remove(&id) else { return };
        if let Some(queue) = state.tenants.get_mut(&claim.tenant)
            && queue.release(claim.place, id)
        {
            self.changed.notify_one();
        }
    }

    /// Answers when this node no longer has a claim on the execution.
    pub(in crate::nats) async fn lost(&self, id: Id) {
        let mut losses = self.losses.subscribe();
        while self.claim_of(id).is_some() {
            if losses.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// This node has lost the claims on a tenant's executions, or all that it had.
    pub(super) fn lose(&self, state: &mut State, tenant: Option<&str>) {
        let is_theirs = |claim: &&mut Claim| tenant.is_none_or(|tenant| &*claim.tenant == tenant);
        let claims = state.claims.values_mut().filter(|claim| !claim.is_lost);
        let lost = claims.filter(is_theirs).map(|claim| claim.is_lost = true).count();
        if lost == 0 {
            return;
        }
        telemetry::count(telemetry::LOST_CLAIMS, lost);
        self.losses.send_modify(|losses| *losses += 1);
    }
}
