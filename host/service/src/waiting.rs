//! [`Waiting`]: who waits for an execution to end.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;

use crate::execution::Id;

/// Those who wait for executions to end, in this process. `T` is what is told of an end.
pub(crate) struct Waiting<T> {
    by_id: Mutex<HashMap<Id, Callers<T>>>,
}

/// Those who wait for one.
struct Callers<T> {
    count: usize,
    ended: Arc<Ended<T>>,
}

struct Ended<T> {
    notify: Arc<Notify>,
    /// What was told first.
    told: OnceLock<T>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { by_id: Mutex::default() }
    }
}

impl<T: Clone + Send + Sync> Waiting<T> {
    /// Answers when the execution has ended, from now on; with what was told of that, if anything was.
    pub(crate) fn ended(&self, id: Id) -> impl Future<Output = Option<T>> + Send + '_ {
        let (ended, notified) = {
            let mut by_id = self.lock();
            let callers = by_id.entry(id).or_insert_with(|| {
                let ended = Ended { notify: Arc::default(), told: OnceLock::new() };
                Callers { count: 0, ended: Arc::new(ended) }
            });
            callers.count += 1;
            (Arc::clone(&callers.ended), Arc::clone(&callers.ended.notify).notified_owned())
        };
        let leaving = Leaving { waiting: self, id };
        async move {
            notified.await;
            drop(leaving);
            ended.told.get().cloned()
        }
    }

    /// Wakes those who wait for the execution.
    pub(crate) fn wake(&self, id: Id) {
        if let Some(callers) = self.lock().get(&id) {
            callers.ended.notify.notify_waiters();
        }
    }

    /// Wakes those who wait for the execution, and tells them. `tell` is called if there are any.
    pub(crate) fn wake_with(&self, id: Id, tell: impl FnOnce() -> T) {
        if let Some(callers) = self.lock().get(&id) {
            // It ends once; what is told later is as true.
            let _ = callers.ended.told.set(tell());
            callers.ended.notify.notify_waiters();
        }
    }

    /// Wakes all who wait: somebody else has changed something.
    pub(crate) fn wake_all(&self) {
        for callers in self.lock().values() {
            callers.ended.notify.notify_waiters();
        }
    }
}

impl<T> Waiting<T> {
    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Callers<T>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody waits no longer.
struct Leaving<'a, T> {
    waiting: &'a Waiting<T>,
    id: Id,
}

impl<T> Drop for Leaving<'_, T> {
    fn drop(&mut self) {
        if let Entry::Occupied(mut callers) = self.waiting.lock().entry(self.id) {
            callers.get_mut().count -= 1;
            if callers.get().count == 0 {
                callers.remove();
            }
        }
    }
}
