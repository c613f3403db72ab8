//! [`Waiting`]: who waits for an execution to end.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;

use crate::execution::{Execution, Id};

/// Those who wait for executions to end, in this process.
#[derive(Default)]
pub(crate) struct Waiting {
    by_id: Mutex<HashMap<Id, Callers>>,
}

/// Those who wait for one.
struct Callers {
    count: usize,
    ended: Arc<Ended>,
}

#[derive(Default)]
struct Ended {
    notify: Arc<Notify>,
    /// What has ended, where whoever woke them had it at hand.
    execution: OnceLock<Execution>,
}

impl Waiting {
    /// Answers when the execution has ended, from now on; with what it is then, if that is at hand.
    pub(crate) fn ended(&self, id: Id) -> impl Future<Output = Option<Execution>> + Send + '_ {
        let (ended, notified) = {
            let mut by_id = self.lock();
            let callers = by_id.entry(id).or_insert_with(|| Callers { count: 0, ended: Arc::default() });
            callers.count += 1;
            (Arc::clone(&callers.ended), Arc::clone(&callers.ended.notify).notified_owned())
        };
        let leaving = Leaving { waiting: self, id };
        async move {
            notified.await;
            drop(leaving);
            ended.execution.get().cloned()
        }
    }

    /// Wakes those who wait for the execution.
    pub(crate) fn wake(&self, id: Id) {
        if let Some(callers) = self.lock().get(&id) {
            callers.ended.notify.notify_waiters();
        }
    }

    /// Wakes those who wait for an execution that has ended as this.
    pub(crate) fn wake_with(&self, execution: Execution) {
        if let Some(callers) = self.lock().get(&execution.id) {
            // It ends once.
            let _ = callers.ended.execution.set(execution);
            callers.ended.notify.notify_waiters();
        }
    }

    /// Wakes all who wait: somebody else has changed something.
    pub(crate) fn wake_all(&self) {
        for callers in self.lock().values() {
            callers.ended.notify.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Callers>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody waits no longer.
struct Leaving<'a> {
    waiting: &'a Waiting,
    id: Id,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if let Entry::Occupied(mut callers) = self.waiting.lock().entry(self.id) {
            callers.get_mut().count -= 1;
            if callers.get().count == 0 {
                callers.remove();
            }
        }
    }
}
