//! [`Health`]: whether what a store is made of can be written.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::StoreError;

/// For so long nothing must fail before it is believed that it can be written again: where little room is left, what is small is kept and what
/// is large is not, by turns.
const CALM: Duration = Duration::from_secs(2);

/// Whether a store can be written, as whoever writes has found it. The log has a line when it no longer can be, and one when it can be
/// again.
#[derive(Default)]
pub(crate) struct Health {
    fault: Mutex<Option<Fault>>,
}

/// Something could not be made durable.
struct Fault {
    error: StoreError,
    /// When something failed last.
    last: Instant,
}

impl Health {
    /// Something could not be made durable.
    pub(crate) fn failed(&self, error: &StoreError, now: Instant) {
        let before = self.lock().replace(Fault { error: error.clone(), last: now });
        if before.is_none() {
            tracing::error!(%error, "nothing more is accepted or begun until the store can be written again");
        }
    }

    /// Something was made durable.
    pub(crate) fn written(&self, now: Instant) {
        let is_calm = |fault: &mut Fault| now.saturating_duration_since(fault.last) >= CALM;
        if self.lock().take_if(is_calm).is_some() {
            // Of this level as well: whoever has read that it began is to read that it has ended.
            tracing::error!("the store of executions can be written again");
        }
    }

    /// Why nothing can be made durable, if so it is.
    pub(crate) fn fault(&self) -> Option<StoreError> {
        self.lock().as_ref().map(|fault| fault.error.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Fault>> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_can_be_written_again_when_nothing_has_failed_for_a_while() {
        let (health, began) = (Health::default(), Instant::now());
        health.written(began);
        assert_eq!(health.fault(), None);
        health.failed(&StoreError::NoRoom, began);
        health.written(began + CALM / 2);
        assert_eq!(health.fault(), Some(StoreError::NoRoom));
        health.failed(&StoreError::Closed, began + CALM / 2);
        health.written(began + CALM);
        assert_eq!(health.fault(), Some(StoreError::Closed));
        health.written(began + CALM * 3 / 2);
        assert_eq!(health.fault(), None);
    }
}
