//! [`State`]: what the task of a shared connection and the calls on it both know, behind one lock.

use std::collections::BTreeMap;
use std::task::Waker;

use tokio::time::Instant;
use tracing::Span;

use super::back_off::BackOff;
use crate::mqtt::delivery::{BatchId, Delivery};
use crate::stage::{Stage, Stages};

#[derive(Default)]
pub(super) struct State {
    pub(super) delivery: Delivery,
    /// Each in a box, because the map moves what is in it when calls come and go.
    pub(super) calls: BTreeMap<BatchId, Box<WaitingCall>>,
    pub(super) stage: Stage,
    /// The connection takes no further work, and closes as soon as no message needs it.
    pub(super) retired: bool,
    /// A call has waited on this connection until its timeout, and the broker sent nothing all that time. It takes no further
    /// work, and closes as soon as no message needs it, unless the task opens another connection in its place.
    pub(super) suspect: bool,
    /// When the broker last sent something.
    pub(super) heard: Option<Instant>,
    /// The connection is closed or closing: it takes no further work.
    pub(super) ended: bool,
    /// The last call has left before its messages were settled: the task drops the connection.
    pub(super) abandoned: bool,
    /// Wakes the task.
    pub(super) task: Option<Waker>,
}

/// A call that has handed its messages over.
pub(super) struct WaitingCall {
    pub(super) stages: Box<Stages>,
    pub(super) joined: Instant,
    pub(super) deadline: Instant,
    /// How many further connections may be tried for it.
    pub(super) retries: u8,
    /// When another connection may be tried for this call. The failure of a connection that was tried earlier, for other
    /// calls, takes none of its retries.
    pub(super) next_try: Instant,
    /// How long it waits after the next failure.
    pub(super) back_off: BackOff,
    /// The connection that is being tried is tried for this call too.
    pub(super) takes_part: bool,
    /// The call came to a connection that was open already and may have been dead for long. When that is lost, the next
    /// connection takes none of the call's retries.
    pub(super) came_late: bool,
    pub(super) waker: Option<Waker>,
    pub(super) span: Span,
}

impl State {
    /// Whether further calls may hand work over.
    pub(super) fn takes_work(&self) -> bool {
        !(self.retired || self.suspect || self.ended)
    }

    pub(super) fn wake_task(&mut self) {
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }

    /// Wakes the calls whose messages are settled; returns whether there are any.
    pub(super) fn wake_settled(&mut self) -> bool {
        let settled = self.delivery.take_settled();
        for batch in &settled {
            if let Some(waker) = self.calls.get_mut(batch).and_then(|call| call.waker.take()) {
                waker.wake();
            }
        }
        !settled.is_empty()
    }

    /// Another connection is tried, for the calls whose `next_try` has come.
    pub(super) fn begin_attempt(&mut self) {
        let now = Instant::now();
        for call in self.calls.values_mut() {
            call.takes_part = call.next_try <= now;
        }
    }

    /// The earliest `next_try` of the calls that wait.
    pub(super) fn next_try(&self) -> Option<Instant> {
        let waiting = self.calls.iter().filter(|(batch, _)| !self.delivery.has_settled(**batch));
        waiting.map(|(_, call)| call.next_try).min()
    }

    /// Goes on to `stage`, for every call that waits.
    pub(super) fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        for (batch, call) in &mut self.calls {
            if !self.delivery.has_settled(*batch) {
                call.stages.enter(stage);
            }
        }
    }
}
