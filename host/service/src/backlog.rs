//! [`Backlog`]: no more executions of a tenant are accepted than may wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::StoreError;

/// Counts the executions that are being accepted: those that a store does not count yet among those that wait.
#[derive(Default)]
pub(crate) struct Backlog {
    being_accepted: Mutex<HashMap<Arc<str>, u64>>,
}

impl Backlog {
    /// A place for one more execution of `tenant`, of which `most` may wait or run. `waiting` says how many do; it is called
    /// after those that are being accepted were counted, so that nobody is missed who goes from these to those.
    ///
    /// # Errors
    ///
    /// There are as many as there may be.
    pub(crate) fn place(
        self: &Arc<Self>,
        tenant: &Arc<str>,
        most: u32,
        waiting: impl FnOnce() -> u64,
    ) -> Result<Place, StoreError> {
        let mut being_accepted = self.lock();
        let others = being_accepted.get(tenant).copied().unwrap_or_default();
        if waiting().saturating_add(others) >= u64::from(most) {
            return Err(StoreError::Backlog { most });
        }
        *being_accepted.entry(Arc::clone(tenant)).or_default() += 1;
        Ok(Place { backlog: Arc::clone(self), tenant: Arc::clone(tenant) })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, u64>> {
        self.being_accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An execution is being accepted, until this is dropped: when the store counts it itself, or it was not accepted.
pub(crate) struct Place {
    backlog: Arc<Backlog>,
    tenant: Arc<str>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut being_accepted = self.backlog.lock();
        if let Some(count) = being_accepted.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                being_accepted.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_being_accepted_has_a_place() {
        let (backlog, acme) = (Arc::new(Backlog::default()), Arc::from("acme"));
        let first = backlog.place(&acme, 3, || 1).unwrap();
        let second = backlog.place(&acme, 3, || 1).unwrap();
        let full = Some(StoreError::Backlog { most: 3 });
        assert_eq!(backlog.place(&acme, 3, || 1).err(), full);
        assert!(backlog.place(&Arc::from("other"), 3, || 1).is_ok());
        drop(first);
        // It was kept: it waits now.
        assert_eq!(backlog.place(&acme, 3, || 2).err(), full);
        drop(second);
        assert!(backlog.place(&acme, 3, || 2).is_ok());
        assert!(backlog.lock().is_empty());
    }
}
