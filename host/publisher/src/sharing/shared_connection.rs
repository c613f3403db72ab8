//! [`SharedConnection`]: one connection to a broker, on which the sends of many calls go out.
//!
//! All sends of a tenant with equal connect options hand their messages to one [`SharedConnection`]. Its task
//! ([`SharedConnection::serve`]) connects, exchanges packets for all of them, and connects again when the connection is
//! lost. A call holds a [`Ticket`] and waits for its own messages only, with its own timeout and its own number of retries.
//! It leaves by itself when its time is over, even if the task does not run at that moment.
//!
//! What the task and the calls both know is the [`State`], behind one lock that is never held across an await. The task
//! holds it while it hands bytes to the socket. So a call that leaves never counts a message as unsent of which a byte is on
//! its way.

mod back_off;
mod connect;
mod failures;
mod hints;
mod serve;
mod state;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::contract::Message;
use crate::error::{Error, Settlement};
use crate::mqtt::delivery::{BatchId, Delivery};
use crate::options::Options;
use crate::stage::{Stage, Stages};
use crate::tenant::Tenant;
use back_off::BackOff;
use state::{State, WaitingCall};

/// How many calls may have handed their messages to one connection. Further calls keep theirs and wait.
const MAX_CALLS: usize = 1000;

/// A connection of a tenant with one set of connect options, or the attempt to open it.
pub(crate) struct SharedConnection {
    tenant: Tenant,
    options: Arc<Options>,
    /// One permit for each call that has handed its messages over.
    places: Arc<Semaphore>,
    /// Cancelled when DISCONNECT is sent and no packet can come any more that matters; or when there is no connection.
    disconnected: CancellationToken,
    /// Cancelled when the broker has closed the connection too, or there is none, and the predecessors are closed.
    closed: CancellationToken,
    /// `closed` of the connection that had the client identifier before.
    predecessor: Option<CancellationToken>,
    state: Mutex<State>,
}

/// The messages of a call, to be handed over to a connection.
pub(crate) struct Work {
    /// Each with the moment before which it must not be written.
    pub(crate) messages: Vec<(Message, Instant)>,
    /// When the call began.
    pub(crate) started: Instant,
    /// When the call answers at the latest.
    pub(crate) deadline: Instant,
    /// How many further connections may be tried for it.
    pub(crate) retries: u8,
    pub(crate) stages: Box<Stages>,
}

/// What a call holds while a connection has its messages. Dropping it gives the messages up.
pub(crate) struct Ticket {
    connection: Arc<SharedConnection>,
    batch: BatchId,
    _place: OwnedSemaphorePermit,
}

impl SharedConnection {
    /// A connection that is not open yet: [`serve`](Self::serve) opens it. Its predecessor is the connection that had the
    /// client identifier before: `leftovers` is what [`leftovers`](Self::leftovers) returned for that, and `predecessor`
    /// what [`closed`](Self::closed) returned.
    pub(crate) fn new(
        tenant: Tenant,
        options: Arc<Options>,
        leftovers: HashSet<u16>,
        predecessor: Option<CancellationToken>,
    ) -> Self {
        let state = Mutex::new(State { delivery: Delivery::after(leftovers), ..State::default() });
        let (disconnected, closed) = (CancellationToken::new(), CancellationToken::new());
        let places = Arc::new(Semaphore::new(MAX_CALLS));
        Self { tenant, options, places, disconnected, closed, predecessor, state }
    }

    /// The packet identifiers under which the broker may still hold a message of QoS 2, in a session that goes on.
    pub(crate) fn leftovers(&self) -> HashSet<u16> {
        if self.options.clean_session { HashSet::new() } else { self.lock().delivery.leftovers() }
    }

    /// Takes `work`, and waits for that while too many calls have handed theirs over. Leaves it where it is and returns
    /// `None` when this connection is for another tenant or other options, or takes no further work.
    pub(crate) async fn join(
        self: &Arc<Self>,
        tenant: &Tenant,
        options: &Options,
        work: &mut Option<Work>,
    ) -> Option<Ticket> {
        if !self.tenant.shares_connections_with(tenant)
            || *self.options != *options
            || !self.lock().takes_work()
        {
            return None;
        }
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        let mut state = self.lock();
        if !state.takes_work() {
            return None;
        }
        let Work { messages, started, deadline, retries, mut stages } = work.take()?;
        let messages = messages.into_iter().map(|(message, turn)| (message, turn.into_std()));
        let batch = state.delivery.add(messages, started.into_std());
        let now = Instant::now();
        stages.join(state.stage, now);
        let came_late = state.stage == Stage::Acknowledgement;
        // Many calls may come at the moment when a connection has just failed. They do not all try the next one at once.
        let next_try = if state.stage == Stage::BackOff { now + BackOff::FIRST } else { now };
        let call = WaitingCall {
            stages,
            joined: now,
            deadline,
            retries,
            next_try,
            back_off: BackOff::default(),
            takes_part: true,
            came_late,
            waker: None,
            span: Span::current(),
        };
        state.calls.insert(batch, Box::new(call));
        state.wake_task();
        Some(Ticket { connection: Arc::clone(self), batch, _place: place })
    }

    /// Wakes every call, whatever it waits for.
    pub(crate) fn wake_calls(&self) {
        for waker in self.lock().calls.values_mut().filter_map(|call| call.waker.take()) {
            waker.wake();
        }
    }

    /// Lets the connection close as soon as no message needs it. It takes no further work.
    pub(crate) fn retire(&self) {
        let mut state = self.lock();
        state.retired = true;
        state.wake_task();
    }

    /// Waits until DISCONNECT is sent, or there is no connection any more.
    pub(crate) async fn disconnected(&self) {
        self.disconnected.cancelled().await;
    }

    /// Waits until the next connection with this client identifier may begin. With a clean session it may dial while this one
    /// is closing, because it waits for [`predecessor_closed`](Self::predecessor_closed) before it sends CONNECT. In a session
    /// that goes on it needs the [`leftovers`](Self::leftovers) first, which are known when this one is closed.
    pub(crate) async fn successor_may_begin(&self) {
        if self.options.clean_session {
            self.disconnected().await;
        } else {
            self.closed.cancelled().await;
        }
    }

    /// To be cancelled when the task of this connection has come to its end: then the client identifier may be used again.
    pub(crate) fn closed(&self) -> CancellationToken {
        self.closed.clone()
    }

    /// Waits until no earlier connection with this client identifier is open.
    pub(crate) async fn predecessor_closed(&self) {
        if let Some(predecessor) = &self.predecessor {
            predecessor.cancelled().await;
        }
    }

    /// Whether no earlier connection with this client identifier is open.
    fn is_predecessor_closed(&self) -> bool {
        self.predecessor.as_ref().is_none_or(CancellationToken::is_cancelled)
    }

    /// Goes on to `stage`, for every call that waits.
    fn enter(&self, stage: Stage) {
        self.lock().enter(stage);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a call out: one settlement for each of its messages, in order, and its stages. Messages that are not settled are
    /// given up, each by how far it got, for the reason that `why` returns. `why` is given the stages of the call, and
    /// whether all of its messages are as good as new. `in_vain` says that the call has waited for as long as it may.
    fn leave(
        &self,
        batch: BatchId,
        in_vain: bool,
        why: impl FnOnce(&Stages, bool) -> Error,
    ) -> Option<(Vec<Settlement>, Box<Stages>)> {
        let mut state = self.lock();
        let WaitingCall { stages, joined, .. } = *state.calls.remove(&batch)?;
        if state.delivery.has_settled(batch) {
            let settled = Error::Lost(String::new());
            return Some((state.delivery.end(batch, &settled, true), stages));
        }
        let why = why(&stages, state.delivery.is_untouched(batch));
        let goes_on = !state.delivery.is_last(batch);
        if goes_on {
            let was_silent = state.heard.is_none_or(|heard| heard < joined);
            state.suspect |= was_silent && state.stage == Stage::Acknowledgement && in_vain;
        } else {
            state.ended = true;
            state.abandoned = true;
        }
        let settlements = state.delivery.end(batch, &why, goes_on);
        state.wake_task();
        Some((settlements, stages))
    }
}

impl Ticket {
    /// Waits until every message of the call is settled, or until `interrupted` is cancelled and
    /// [`SharedConnection::wake_calls`] is called after that.
    pub(crate) async fn settled(&self, interrupted: &CancellationToken) {
        poll_fn(|context| match self.poll_settled(context) {
            // It looks when the waker is in place: an interruption that comes now wakes it.
            Poll::Pending if interrupted.is_cancelled() => Poll::Ready(()),
            polled => polled,
        })
        .await;
    }

    /// Ends the call: one settlement for each of its messages, in order, and its stages. Messages that are not settled are
    /// given up, each by how far it got, for the reason that `why` returns. `why` is given the stages of the call, and
    /// whether all of its messages are as good as new.
    pub(crate) fn end(
        self,
        why: impl FnOnce(&Stages, bool) -> Error,
    ) -> Option<(Vec<Settlement>, Box<Stages>)> {
        self.connection.leave(self.batch, true, why)
    }

    fn poll_settled(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.connection.lock();
        if state.delivery.has_settled(self.batch) {
            return Poll::Ready(());
        }
        if let Some(call) = state.calls.get_mut(&self.batch) {
            call.waker = Some(context.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.connection
            .leave(self.batch, false, |_, _| Error::Lost("nobody waits for the message any more".to_owned()));
    }
}
