//! A connection that sends share: what a call sees of it, [`Ticket`], and what its task and the calls have in common.
//!
//! All sends of a tenant with equal connect options hand their messages to one [`Link`]; a task of its own
//! ([`serve`]) connects, exchanges packets for all of them, and connects again when the connection is lost. A call waits
//! for its own messages alone, with its own time-out and its own number of retries. It settles and leaves by itself, also
//! when the task has no time for it: everything both know is behind one lock, which is never held across an await, and
//! under which bytes are handed to the socket, so that nobody counts a message as unsent of which a byte is on its way.

mod back_off;
mod search;
mod serve;

use std::collections::{BTreeMap, HashSet};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use back_off::BackOff;
pub(crate) use serve::Surroundings;

use crate::contract::Message;
use crate::error::{Error, Settlement};
use crate::mqtt::delivery::{BatchId, Delivery};
use crate::options::Options;
use crate::stage::{Stage, Stages};
use crate::tenant::Tenant;

/// Calls that may have handed their messages to one connection. Further ones keep theirs and wait.
const CALLS: usize = 1000;

/// A connection, or the attempt to make one.
pub(crate) struct Link {
    tenant: Tenant,
    options: Arc<Options>,
    room: Arc<Semaphore>,
    /// The broker has been told that the connection ends, or there is none.
    parted: CancellationToken,
    /// The broker has closed the connection too, or there is none, and the same holds for the links before.
    gone: CancellationToken,
    /// The same of the link before, with the same client identifier.
    before: Option<CancellationToken>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    delivery: Delivery,
    calls: BTreeMap<BatchId, Waiting>,
    stage: Stage,
    /// Closes as soon as no message needs it, and takes none.
    retired: bool,
    /// The same, until there is another connection: on this one a call has waited in vain, and nothing was heard of the
    /// broker all the while.
    suspect: bool,
    /// When something last came from the broker.
    heard: Option<Instant>,
    /// Takes no message any more: it is closed, or closing.
    ended: bool,
    /// The last call left before its messages were settled: the connection is to be dropped.
    abandoned: bool,
    /// Wakes the task.
    task: Option<Waker>,
}

/// A call whose messages the link has.
struct Waiting {
    stages: Stages,
    joined: Instant,
    deadline: Instant,
    retries: u8,
    /// A connection that is tried before is tried for others, and its failure is none of this call's.
    next_try: Instant,
    /// How long it waits when the next one fails.
    back_off: BackOff,
    /// The connection that is tried now is tried for this call, too.
    takes_part: bool,
    /// It came to a connection that stood already, and may have been dead for long: another one is not a retry.
    came_late: bool,
    waker: Option<Waker>,
    span: Span,
}

/// The messages of a call, on their way to a link.
pub(crate) struct Work {
    /// Each with the moment before which it is not to be written.
    pub(crate) messages: Vec<(Message, Instant)>,
    /// When the call began.
    pub(crate) started: Instant,
    /// When the call answers at the latest.
    pub(crate) deadline: Instant,
    /// How many further connections may be tried for it.
    pub(crate) retries: u8,
    pub(crate) stages: Stages,
}

/// A call's place at a link. Dropping it gives the messages up.
pub(crate) struct Ticket {
    link: Arc<Link>,
    batch: BatchId,
    _room: OwnedSemaphorePermit,
}

impl Link {
    /// A link that has not connected yet. `leftovers` are what [`leftovers`](Self::leftovers) of the last one with this
    /// client identifier gave, and `before` what [`gone`](Self::gone) gave.
    pub(crate) fn new(
        tenant: Tenant,
        options: Arc<Options>,
        leftovers: HashSet<u16>,
        before: Option<CancellationToken>,
    ) -> Self {
        let state = Mutex::new(State { delivery: Delivery::after(leftovers), ..State::default() });
        let (parted, gone) = (CancellationToken::new(), CancellationToken::new());
        Self { tenant, options, room: Arc::new(Semaphore::new(CALLS)), parted, gone, before, state }
    }

    /// The packet identifiers under which the broker may still hold a message of QoS 2, in a session that goes on.
    pub(crate) fn leftovers(&self) -> HashSet<u16> {
        if self.options.clean_session { HashSet::new() } else { self.lock().delivery.leftovers() }
    }

    /// Hands `work` over, waiting while too many calls have done so; leaves it where it is when this link is not for it: it
    /// has ended, is about to, or is another tenant's or one with other options.
    pub(crate) async fn join(
        self: &Arc<Self>,
        tenant: &Tenant,
        options: &Options,
        work: &mut Option<Work>,
    ) -> Option<Ticket> {
        if !self.tenant.shares_connections_with(tenant)
            || *self.options != *options
            || self.lock().is_closed()
        {
            return None;
        }
        let room = Arc::clone(&self.room).acquire_owned().await.ok()?;
        let mut state = self.lock();
        if state.is_closed() {
            return None;
        }
        let Work { messages, started, deadline, retries, mut stages } = work.take()?;
        let messages = messages.into_iter().map(|(message, turn)| (message, turn.into_std()));
        let batch = state.delivery.add(messages, started.into_std());
        stages.join(state.stage);
        let came_late = state.stage == Stage::Acknowledgement;
        let now = Instant::now();
        // Not at once where a connection has just failed: many may come.
        let next_try = if state.stage == Stage::BackOff { now + BackOff::FIRST } else { now };
        let call = Waiting {
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
        state.calls.insert(batch, call);
        state.wake_task();
        Some(Ticket { link: Arc::clone(self), batch, _room: room })
    }

    /// Lets the link close as soon as no message needs it; it takes no further ones.
    pub(crate) fn retire(&self) {
        let mut state = self.lock();
        state.retired = true;
        state.wake_task();
    }

    /// Waits until the broker has been told that the connection ends, or there is none any more.
    pub(crate) async fn parted(&self) {
        self.parted.cancelled().await;
    }

    /// Waits until the next link with this client identifier may begin. It dials meanwhile, and waits by itself until this
    /// one is [gone](Self::gone); in a session that goes on it has to know first what this one leaves behind.
    pub(crate) async fn left(&self) {
        if self.options.clean_session {
            self.parted().await;
        } else {
            self.gone.cancelled().await;
        }
    }

    /// To be cancelled when the task of this link has come to its end: from then on its client identifier may be used again.
    pub(crate) fn gone(&self) -> CancellationToken {
        self.gone.clone()
    }

    /// Waits until no link before this one is connected any more.
    pub(crate) async fn alone(&self) {
        if let Some(before) = &self.before {
            before.cancelled().await;
        }
    }

    /// Whether no link before this one is connected any more.
    fn is_alone(&self) -> bool {
        self.before.as_ref().is_none_or(CancellationToken::is_cancelled)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a call out; `in_vain`: because it has waited for as long as it may. What of its messages is not settled is given
    /// up, for the reason that `why` gives: it is told how long the call was at what, and whether all of its messages are as
    /// good as new.
    fn leave(
        &self,
        batch: BatchId,
        in_vain: bool,
        why: impl FnOnce(&Stages, bool) -> Error,
    ) -> Option<(Vec<Settlement>, Stages)> {
        let mut state = self.lock();
        let Waiting { stages, joined, .. } = state.calls.remove(&batch)?;
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

impl State {
    fn is_closed(&self) -> bool {
        self.retired || self.suspect || self.ended
    }

    fn wake_task(&mut self) {
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }

    /// Tells the calls whose messages are settled; false when there are none.
    fn wake_settled(&mut self) -> bool {
        let settled = self.delivery.take_settled();
        for batch in &settled {
            if let Some(waker) = self.calls.get_mut(batch).and_then(|call| call.waker.take()) {
                waker.wake();
            }
        }
        !settled.is_empty()
    }

    /// Another connection is tried, for those whose time has come.
    fn begin_attempt(&mut self) {
        let now = Instant::now();
        for call in self.calls.values_mut() {
            call.takes_part = call.next_try <= now;
        }
    }

    /// When the first of the calls that wait is to have another connection.
    fn next_try(&self) -> Option<Instant> {
        let waiting = self.calls.iter().filter(|(batch, _)| !self.delivery.has_settled(**batch));
        waiting.map(|(_, call)| call.next_try).min()
    }

    /// Goes on to `stage`, for every call that waits.
    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        for (batch, call) in &mut self.calls {
            if !self.delivery.has_settled(*batch) {
                call.stages.enter(stage);
            }
        }
    }
}

impl Ticket {
    /// Waits until every message is settled.
    pub(crate) async fn settled(&self) {
        poll_fn(|context| self.poll_settled(context)).await;
    }

    /// Ends the call: one settlement per message, in order, and how long it was at what. What is not settled is given
    /// up, each message by how far it got, for the reason that `why` gives: it is told how long the call was at what, and
    /// whether all of its messages are as good as new.
    pub(crate) fn end(self, why: impl FnOnce(&Stages, bool) -> Error) -> Option<(Vec<Settlement>, Stages)> {
        self.link.leave(self.batch, true, why)
    }

    fn poll_settled(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.link.lock();
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
        self.link
            .leave(self.batch, false, |_, _| Error::Lost("nobody waits for the message any more".to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;
    use crate::contract::{Broker, ConnectOptions, Qos, Transport};
    use crate::error::Unsettled;
    use crate::options::plain;

    fn options(keep_alive: u16) -> Arc<Options> {
        let broker = Broker { transport: Transport::Tcp, host: "h".to_owned(), port: 1, path: String::new() };
        Arc::new(Options::new(ConnectOptions { keep_alive, ..plain(broker) }))
    }

    fn work() -> Option<Work> {
        let now = Instant::now();
        let message = Message {
            topic: "t".to_owned(),
            payload: Vec::new(),
            qos: Qos::AtLeastOnce,
            retain: false,
            properties: None,
        };
        let messages = vec![(message, now)];
        Some(Work { messages, started: now, deadline: now, retries: 0, stages: Stages::begin() })
    }

    #[tokio::test]
    async fn a_link_takes_so_many_calls_and_further_ones_wait() {
        let (tenant, options) = (Tenant::unrestricted("t"), options(60));
        let link = Arc::new(Link::new(tenant.clone(), Arc::clone(&options), HashSet::new(), None));
        let mut tickets = Vec::new();
        for _ in 0..CALLS {
            tickets.push(link.join(&tenant, &options, &mut work()).await.unwrap());
        }
        let mut more = work();
        {
            let mut context = Context::from_waker(Waker::noop());
            let mut join = pin!(link.join(&tenant, &options, &mut more));
            assert!(join.as_mut().poll(&mut context).is_pending());
            tickets.pop();
            assert!(matches!(join.poll(&mut context), Poll::Ready(Some(_))));
        }
        assert!(more.is_none(), "it was handed over");
    }

    #[tokio::test]
    async fn a_link_is_for_one_tenant_with_one_set_of_options_and_not_for_ever() {
        let (tenant, same_name) = (Tenant::unrestricted("t"), Tenant::unrestricted("t"));
        let link = Arc::new(Link::new(tenant.clone(), options(60), HashSet::new(), None));
        assert!(link.join(&tenant, &options(7), &mut work()).await.is_none(), "other options");
        assert!(link.join(&same_name, &options(60), &mut work()).await.is_none(), "other grants, perhaps");
        let ticket = link.join(&tenant, &options(60), &mut work()).await;
        link.retire();
        let mut kept = work();
        assert!(link.join(&tenant, &options(60), &mut kept).await.is_none(), "retired");
        assert!(kept.is_some(), "who could not join keeps the messages");
        let (settlements, _) = ticket
            .unwrap()
            .end(|_, untouched| {
                assert!(untouched);
                Error::Lost("over".to_owned())
            })
            .unwrap();
        assert_eq!(settlements, [Err(Unsettled::not_sent(Error::Lost("over".to_owned())))]);
        assert!(link.lock().abandoned, "nobody is left who waits");
    }
}
