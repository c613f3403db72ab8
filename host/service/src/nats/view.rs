//! [`View`]: what a node knows of the cluster, by what it has heard.
//!
//! It changes by what the stream delivers, in the order of the stream, and by what this node claims: never by what it has written itself before the stream
//! has delivered that. So each node sees the same order of events.

mod claims;
mod members;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use tokio::sync::{Notify, watch};

use super::held::{Held, Holding};
use super::nodes::{Incarnation, NodeState, Owner};
use super::queue::{Item, TenantQueue};
use super::record::{About, Entry, Key, Record, Subjects};
use super::share::Recent;
use super::write::Message;
use crate::Timestamp;
use crate::execution::{Id, Request, Status};
use crate::waiting::Waiting;

/// How long it is waited until what was written is heard. It holds without that.
pub(super) const TO_HEAR: Duration = Duration::from_secs(2);

/// For so long a node may not hear what it has written before it says so: by then it listens again, if it can.
const DEAF: Duration = Duration::from_secs(5);

/// Why a node carries nothing out, although NATS can be written to.
pub(super) enum Idle {
    /// It does not hear what it has written.
    Deaf,
    NoLease,
}

pub(super) struct View {
    state: Mutex<State>,
    pub(super) waiting: Waiting<End>,
    changed: Notify,
    /// The sequence of the last message that was heard.
    heard: watch::Sender<u64>,
    /// The sequence of the last message that this node has written, and is to hear.
    written: AtomicU64,
    /// Since when this node does not hear what it writes.
    deaf_since: Mutex<Option<Instant>>,
    /// Counts how often claims were lost.
    losses: watch::Sender<u64>,
    /// The stream is another one than that which was heard.
    over: Notify,
    /// Whether this process is one of the nodes that carry executions out.
    is_node: bool,
}

#[derive(Default)]
struct State {
    tenants: BTreeMap<Arc<str>, TenantQueue>,
    owners: HashMap<Arc<str>, Seen<Owner>>,
    nodes: HashMap<String, Seen<NodeState>>,
    claims: HashMap<Id, Claim>,
    /// Executions that this node is accepting and may carry out itself, by the identifiers of their messages.
    accepting: HashMap<String, Holding>,
    held: Held,
    recent: Recent,
    me: Me,
    /// Tenants that are to be another node's.
    yielding: HashSet<Arc<str>>,
}

/// What this process is among the nodes.
#[derive(Default)]
struct Me {
    /// `None`: it carries nothing out.
    incarnation: Option<Incarnation>,
    /// Until then no other node takes over what this one has.
    lease_until: Option<Instant>,
    /// Whether this incarnation had a lease before.
    was_here: bool,
}

struct Seen<T> {
    value: T,
    sequence: u64,
    at: Instant,
}

/// An execution that a worker of this node has.
#[derive(Clone)]
pub(super) struct Claim {
    /// It is no longer this node's, and the worker has not released it yet: it is not claimed again before, as the two workers would be taken for one.
    is_lost: bool,
    pub(super) tenant: Arc<str>,
    pub(super) place: u64,
    /// The sequence of its last message.
    pub(super) sequence: u64,
    pub(super) key: Option<Key>,
    pub(super) request: Option<Request>,
}

/// That an execution has ended: of this tenant, with the message that has this sequence.
#[derive(Clone)]
pub(super) struct End {
    pub(super) tenant: Arc<str>,
    pub(super) sequence: u64,
}

/// A message is being written; until this is dropped, what it holds is kept for when it is heard.
pub(super) struct Accepting<'a> {
    view: &'a View,
    id: String,
}

impl Drop for Accepting<'_> {
    fn drop(&mut self) {
        self.view.lock().accepting.remove(&self.id);
    }
}

impl View {
    pub(super) fn new(incarnation: Option<Incarnation>) -> Self {
        let is_node = incarnation.is_some();
        let state = State { me: Me { incarnation, ..Me::default() }, ..State::default() };
        Self {
            state: Mutex::new(state),
            waiting: Waiting::default(),
            changed: Notify::new(),
            heard: watch::Sender::new(0),
            written: AtomicU64::new(0),
            deaf_since: Mutex::default(),
            losses: watch::Sender::new(0),
            over: Notify::new(),
            is_node,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An execution is about to be accepted with this message. It is held when it is, if this node carries out what the tenant has.
    pub(super) fn accepts(&self, message: &Message, record: Record) -> Option<Accepting<'_>> {
        let mut state = self.lock();
        if !state.owns(&record.execution.tenant) {
            return None;
        }
        let (id, length) = message.id_and_length();
        let holding = Holding { record, bytes: size_of::<Holding>() + length };
        state.accepting.insert(id.to_owned(), holding);
        Some(Accepting { view: self, id: id.to_owned() })
    }

    /// A message is the last one of its subject, or was. The stream may deliver it later.
    pub(super) fn hear(&self, subjects: &Subjects, subject: &str, headers: &HeaderMap, sequence: u64) {
        let mut state = self.lock();
        match subjects.about(subject) {
            Some(About::Execution(tenant, id)) => {
                if let Some(entry) = Entry::of_headers(headers) {
                    let is_final = entry.status.is_final();
                    state.hold(entry.place, headers, sequence);
                    state.recent.hear(&tenant, Instant::now());
                    let queue = state.tenants.entry(Arc::clone(&tenant)).or_default();
                    queue.show(entry.place.unwrap_or(sequence), id, sequence, entry);
                    if queue.is_empty() {
                        state.tenants.remove(&tenant);
                    }
                    if is_final {
                        self.waiting.wake_with(id, || End { tenant, sequence });
                    }
                    self.changed.notify_one();
                }
            }
            Some(About::Node(name)) => {
                if let Some(value) = NodeState::of_headers(headers)
                    && state.see_node(name, value, sequence)
                {
                    self.changed.notify_one();
                }
            }
            Some(About::Owner(tenant)) => {
                let is_new = state.owners.get(&tenant).is_none_or(|seen| seen.sequence < sequence);
                if let Some(value) = Owner::of_headers(headers).filter(|_| is_new) {
                    if !state.me.is(&value) {
                        self.lose(&mut state, Some(&tenant));
                    }
                    state.owners.insert(tenant, Seen { value, sequence, at: Instant::now() });
                    self.changed.notify_one();
                }
            }
            None => {}
        }
    }

    /// The stream has delivered everything up to this message.
    pub(super) fn has_heard(&self, sequence: u64) {
        self.heard.send_if_modified(|heard| {
            let is_later = sequence > *heard;
            *heard = sequence.max(*heard);
            is_later
        });
    }

    /// Each execution that has not ended has its last message there or later.
    pub(super) fn oldest(&self) -> u64 {
        let oldest = self.lock().tenants.values().filter_map(TenantQueue::oldest).min();
        oldest.unwrap_or(self.heard() + 1)
    }

    pub(super) fn heard(&self) -> u64 {
        *self.heard.borrow()
    }

    /// Waits until a message is heard that this node has written, for some time.
    pub(super) async fn hears(&self, sequence: u64) {
        self.written.fetch_max(sequence, Ordering::Relaxed);
        let mut heard = self.heard.subscribe();
        let is_heard = heard.wait_for(|heard| *heard >= sequence);
        // What was written holds without that; whoever listens sees after it.
        let is_deaf = tokio::time::timeout(TO_HEAR, is_heard).await.is_err();
        let mut since = self.deaf_since();
        *since = is_deaf.then(|| since.unwrap_or_else(Instant::now));
    }

    fn deaf_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.deaf_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this node has not heard for long what it has written.
    pub(super) fn is_deaf(&self) -> bool {
        self.deaf_since().is_some_and(|since| since.elapsed() >= DEAF)
    }

    /// Why this node carries nothing out, although NATS can be written to.
    pub(super) fn idleness(&self) -> Option<Idle> {
        match () {
            () if !self.is_node => None,
            () if self.is_deaf() => Some(Idle::Deaf),
            () if !self.has_lease() => Some(Idle::NoLease),
            () => None,
        }
    }

    /// Whether this node has written something that it is still to hear.
    pub(super) fn is_behind(&self) -> bool {
        self.heard() < self.written.load(Ordering::Relaxed)
    }

    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The tenants that have something to claim, and whose executions this node carries out, or could.
    pub(super) fn ready(&self) -> Vec<Arc<str>> {
        let state = self.lock();
        if !state.has_lease() {
            return Vec::new();
        }
        let is_ready = |(tenant, queue): &(&Arc<str>, &TenantQueue)| {
            queue.has_ready()
                && !state.yielding.contains(*tenant)
                && (state.owns(tenant) || state.may_own(tenant))
        };
        state.tenants.iter().filter(is_ready).map(|(tenant, _)| Arc::clone(tenant)).collect()
    }

    /// Lets executions begin whose time has come, of tenants that are this node's. Answers which have expired, and of which the worker is gone.
    pub(super) fn let_begin(&self, now: Timestamp) -> (Vec<Item>, Vec<Item>) {
        let mut state = self.lock();
        let (mut over, mut orphans) = (Vec::new(), Vec::new());
        let owned: Vec<_> = state.tenants.keys().filter(|tenant| state.owns(tenant)).cloned().collect();
        for tenant in owned {
            let Some(queue) = state.tenants.get_mut(&tenant) else { continue };
            if queue.let_begin(now) {
                self.changed.notify_one();
            }
            over.extend(queue.over(now));
            orphans.extend(queue.orphans());
        }
        (over, orphans)
    }

    /// The executions of a tenant of which the worker is gone, if the tenant is this node's.
    pub(super) fn orphans(&self, tenant: &str) -> Vec<Item> {
        let state = self.lock();
        let queue = state.tenants.get(tenant).filter(|_| state.owns(tenant));
        queue.map(TenantQueue::orphans).unwrap_or_default()
    }

    /// When an execution of a tenant that is this node's is next to begin, or expires.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let state = self.lock();
        let owned = state.tenants.iter().filter(|(tenant, _)| state.owns(tenant));
        owned.filter_map(|(_, queue)| queue.next()).min()
    }

    /// The executions with a status that is not final, of a tenant or of all.
    pub(super) fn with_status(&self, tenant: Option<&str>, status: Status) -> Vec<(String, Id)> {
        let state = self.lock();
        let theirs = state.tenants.iter().filter(|(name, _)| tenant.is_none_or(|tenant| &***name == tenant));
        theirs.flat_map(|(name, queue)| queue.with_status(status).map(|id| (name.to_string(), id))).collect()
    }

    /// How many executions of a tenant wait or run.
    pub(super) fn unfinished(&self, tenant: &str) -> u64 {
        self.lock().tenants.get(tenant).map_or(0, |queue| queue.len() as u64)
    }

    /// How many executions wait or run, of all tenants; and how many tenants this node has.
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        let backlog = state.tenants.values().map(TenantQueue::len).sum();
        let owned = state.owners.keys().filter(|tenant| state.owns(tenant)).count();
        (backlog, owned)
    }
}

impl State {
    /// An execution was accepted, with this message; or it has a place, and has changed.
    fn hold(&mut self, place: Option<u64>, headers: &HeaderMap, sequence: u64) {
        if let Some(place) = place {
            self.held.take(place);
        } else if let Some(id) = headers.get(NATS_MESSAGE_ID)
            && let Some(holding) = self.accepting.remove(id.as_str())
        {
            self.held.hold(sequence, holding);
        }
    }
}
