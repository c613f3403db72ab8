//! Which nodes there are, and which of them carries out what a tenant has.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use sha2::{Digest as _, Sha256};

use super::super::held::Held;
use super::super::nodes::{Incarnation, NodeState, Owner, Stance};
use super::super::queue::TenantQueue;
use super::super::record::{About, Subjects};
use super::{Me, Seen, State, View};

impl View {
    /// Whether this node still carries out what the tenant has.
    pub(in crate::nats) fn owns(&self, tenant: &str) -> bool {
        self.lock().owns(tenant)
    }

    pub(in crate::nats) fn incarnation(&self) -> Option<Incarnation> {
        self.lock().me.incarnation.clone()
    }

    /// This node has said with this message that it is here.
    pub(in crate::nats) fn renew(&self, here: NodeState, sequence: u64, until: Instant) {
        let mut state = self.lock();
        if state.me.incarnation.as_ref() == Some(&here.incarnation) {
            (state.me.lease_until, state.me.was_here) = (Some(until), true);
        }
        // Before the stream delivers it, which may take long: what stood there before would be taken for another process with this name.
        state.see_node(here.incarnation.name.clone(), here, sequence);
    }

    /// Whether this process had a lease as this incarnation.
    pub(in crate::nats) fn was_here(&self) -> bool {
        self.lock().me.was_here
    }

    /// Whether this node may carry executions out now.
    pub(in crate::nats) fn has_lease(&self) -> bool {
        self.lock().has_lease()
    }

    /// Whether the lease is over; then what this node had is lost.
    pub(in crate::nats) fn check_lease(&self) -> bool {
        let mut state = self.lock();
        let is_over = state.me.lease_until.is_some_and(|until| until <= Instant::now());
        if is_over {
            let next = state.me.incarnation.as_ref().map(Incarnation::next);
            self.start_again(&mut state, next);
        }
        is_over
    }

    /// This node was declared gone, or has another one with its name: what it had is lost. It goes on as `incarnation`.
    pub(in crate::nats) fn become_another(&self, incarnation: Option<Incarnation>) {
        self.start_again(&mut self.lock(), incarnation);
    }

    /// The stream is another one than that which was heard: nothing of that holds, and this node goes on as a new one. Answers how many executions it
    /// knew that had not ended.
    pub(in crate::nats) fn start_over(&self) -> usize {
        let mut state = self.lock();
        let next = state.me.incarnation.as_ref().map(Incarnation::next);
        self.start_again(&mut state, next);
        let known = std::mem::take(&mut state.tenants).values().map(TenantQueue::len).sum();
        state.owners.clear();
        state.nodes.clear();
        state.held = Held::default();
        self.written.store(0, Ordering::Relaxed);
        self.heard.send_replace(0);
        self.over.notify_one();
        known
    }

    /// Answers when the stream is another one than that which was heard.
    pub(in crate::nats) async fn is_over(&self) {
        self.over.notified().await;
    }

    fn start_again(&self, state: &mut State, incarnation: Option<Incarnation>) {
        state.me = Me { incarnation, ..Me::default() };
        state.yielding.clear();
        self.lose(state, None);
    }

    /// What was heard of the node with this name last: its state, and the sequence of the message.
    pub(in crate::nats) fn node(&self, name: &str) -> Option<(NodeState, u64)> {
        self.lock().nodes.get(name).map(|seen| (seen.value.clone(), seen.sequence))
    }

    /// Nothing stands in a subject any more, which says of a node that there is none, and of a tenant that it is nobody's: what was said there has
    /// outlived its time, or somebody has removed it.
    pub(in crate::nats) fn forget(&self, subjects: &Subjects, subject: &str) {
        let mut state = self.lock();
        match subjects.about(subject) {
            Some(About::Node(name)) => drop(state.nodes.remove(&name)),
            Some(About::Owner(tenant)) => drop(state.owners.remove(&tenant)),
            Some(About::Execution(..)) | None => {}
        }
    }

    /// The nodes that nothing was heard of for as long as their leases last.
    pub(in crate::nats) fn silent_nodes(&self) -> Vec<(String, NodeState, u64)> {
        let state = self.lock();
        let me = state.me.incarnation.as_ref().map(|me| &*me.name);
        let silent = state.nodes.iter().filter(|(name, seen)| {
            Some(&***name) != me
                && seen.value.stance != Stance::Gone
                && seen.at.elapsed() >= seen.value.lease()
        });
        silent.map(|(name, seen)| (name.clone(), seen.value.clone(), seen.sequence)).collect()
    }

    /// Tenants with executions that have not ended, that nobody carries out and that are to be this node's.
    pub(in crate::nats) fn to_own(&self) -> Vec<Arc<str>> {
        let state = self.lock();
        if !state.has_lease() {
            return Vec::new();
        }
        state.tenants.keys().filter(|tenant| !state.owns(tenant) && state.may_own(tenant)).cloned().collect()
    }

    /// Whether this node may take a tenant, and the sequence of the message that says whose it was.
    pub(in crate::nats) fn may_own(&self, tenant: &str) -> Option<u64> {
        let state = self.lock();
        (state.has_lease() && state.may_own(tenant))
            .then(|| state.owners.get(tenant).map_or(0, |owner| owner.sequence))
    }

    /// Marks the tenants that are to be another node's, and answers with those of them of which nothing is under way here.
    pub(in crate::nats) fn to_yield(&self) -> Vec<(Arc<str>, u64)> {
        let mut state = self.lock();
        let owned = state.owners.iter().filter(|(tenant, _)| state.owns(tenant));
        let others =
            owned.filter(|(tenant, _)| state.preferred(tenant).is_some_and(|name| !state.me.has_name(name)));
        let yielding: HashSet<_> = others.map(|(tenant, _)| Arc::clone(tenant)).collect();
        let busy: HashSet<_> = state.claims.values().map(|claim| Arc::clone(&claim.tenant)).collect();
        let idle = yielding.difference(&busy);
        let idle = idle
            .filter_map(|tenant| Some((Arc::clone(tenant), state.owners.get(tenant)?.sequence)))
            .collect();
        state.yielding = yielding;
        idle
    }
}

impl State {
    /// What a message says of a node. Answers whether that was not known.
    pub(super) fn see_node(&mut self, name: String, value: NodeState, sequence: u64) -> bool {
        let is_new = self.nodes.get(&name).is_none_or(|seen| seen.sequence < sequence);
        if is_new {
            self.nodes.insert(name, Seen { value, sequence, at: Instant::now() });
        }
        is_new
    }

    pub(super) fn has_lease(&self) -> bool {
        self.me.lease_until.is_some_and(|until| Instant::now() < until)
    }

    pub(super) fn owns(&self, tenant: &str) -> bool {
        self.has_lease() && self.owners.get(tenant).is_some_and(|owner| self.me.is(&owner.value))
    }

    /// Whether nobody carries out what a tenant has, and this node is the one that should.
    pub(super) fn may_own(&self, tenant: &str) -> bool {
        let is_theirs = |owner: &Seen<Owner>| {
            let Some(incarnation) = &owner.value.incarnation else { return false };
            let node = self.nodes.get(&incarnation.name);
            node.is_some_and(|node| {
                node.value.stance != Stance::Gone && node.value.incarnation == *incarnation
            })
        };
        !self.owners.get(tenant).is_some_and(is_theirs)
            && self.preferred(tenant).is_none_or(|name| self.me.has_name(name))
    }

    /// The node that should carry out what a tenant has: by rendezvous hashing, so that few tenants move when a node comes or goes.
    fn preferred(&self, tenant: &str) -> Option<&str> {
        let here = self.nodes.iter().filter(|(_, seen)| seen.value.stance == Stance::Here);
        let weight = |name: &str| {
            let mut hash = Sha256::new();
            hash.update(name);
            hash.update([0]);
            hash.update(tenant);
            hash.finalize()
        };
        here.map(|(name, _)| &**name).max_by_key(|name| weight(name))
    }
}

impl Me {
    pub(super) fn is(&self, owner: &Owner) -> bool {
        self.incarnation.is_some() && self.incarnation == owner.incarnation
    }

    fn has_name(&self, name: &str) -> bool {
        self.incarnation.as_ref().is_some_and(|me| me.name == name)
    }
}
