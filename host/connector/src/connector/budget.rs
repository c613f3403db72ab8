//! What one call may use of the host's memory and time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wasmtime::ResourceLimiter;

use super::fault::Fault;
use crate::publisher::Shortage;

/// The most linear memories that the instances of one call may have. Each reserves up to 4 GiB of addresses, however few of them
/// it uses.
pub(super) const MEMORIES: usize = 8;
/// The most tables that the instances of one call may have.
pub(super) const TABLES: usize = 64;
/// The most core instances that one call may have: a component composed of several, each with an adapter, has some
/// five for each.
pub(super) const INSTANCES: usize = 64;

/// Bytes that the linear memories and tables of a call may still take together. A component that needs more is stopped with
/// [`Fault::Memory`]: were its growth only refused, it would abort, and the log would not say why.
pub(super) struct MemoryBudget {
    left: usize,
    taken: usize,
}

impl MemoryBudget {
    /// A budget of `bytes`.
    pub(super) fn new(bytes: usize) -> Self {
        Self { left: bytes, taken: 0 }
    }

    /// How many bytes have been taken.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    fn take(&mut self, bytes: usize) -> wasmtime::Result<bool> {
        self.left = self.left.checked_sub(bytes).ok_or(Fault::Memory)?;
        self.taken += bytes;
        Ok(true)
    }
}

impl ResourceLimiter for MemoryBudget {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // More than the module itself declares. The instruction that grows the memory returns -1.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.take(desired.saturating_sub(current))
    }

    /// The tenant may have the memory, and the system has none. The growth is counted already, so the call ends.
    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error.context(Shortage::Memory))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.take(desired.saturating_sub(current).saturating_mul(size_of::<usize>()))
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error.context(Shortage::Memory))
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}

/// How long the component of one call has computed.
///
/// The time counts from when the task of the call is polled until the component is interrupted, calls the host or ends. It does
/// not count while the task waits, for the broker or for its turn. The time in a host function that answers at once counts too:
/// a component that calls it in an endless loop computes as well.
pub(super) struct Meter {
    start: Instant,
    limit: u64,
    /// Nanoseconds that have been counted.
    used: AtomicU64,
    /// Up to when, in nanoseconds from the start.
    counted: AtomicU64,
}

impl Meter {
    /// A meter for a component that may compute for `limit` and has not begun.
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            start: Instant::now(),
            limit: nanoseconds(limit),
            used: AtomicU64::new(0),
            counted: AtomicU64::new(0),
        }
    }

    /// How long the component has computed, by what has been counted.
    pub(super) fn used(&self) -> Duration {
        Duration::from_nanos(self.used.load(Ordering::Relaxed))
    }

    /// The component goes on. The time since the last count does not count: it did not compute then.
    pub(super) fn resume(&self) {
        self.counted.store(nanoseconds(self.start.elapsed()), Ordering::Relaxed);
    }

    /// Counts the time since the last count or the last [`resume`](Self::resume): the component has computed.
    ///
    /// # Errors
    ///
    /// [`Fault::Computing`], when it has used more than its limit.
    pub(super) fn count(&self) -> Result<(), Fault> {
        let now = nanoseconds(self.start.elapsed());
        let since = now.saturating_sub(self.counted.swap(now, Ordering::Relaxed));
        let used = self.used.fetch_add(since, Ordering::Relaxed).saturating_add(since);
        if used > self.limit { Err(Fault::Computing) } else { Ok(()) }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_share_one_budget() {
        let mut budget = MemoryBudget::new(1_000_000);
        assert!(budget.memory_growing(0, 500_000, None).unwrap());
        assert!(budget.table_growing(0, 50_000, None).unwrap());
        assert!(!budget.memory_growing(0, 900_000, Some(800_000)).unwrap(), "the module's own maximum");
        assert!(budget.memory_growing(500_000, 600_000, None).unwrap());
        let error = budget.memory_growing(0, 1, None).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Fault::Memory));
        let error = MemoryBudget::new(8).table_growing(0, usize::MAX, None).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Fault::Memory));
        let error = budget.memory_grow_failed(wasmtime::Error::msg("no more")).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&Shortage::Memory));
    }

    #[test]
    fn only_the_components_own_time_counts() {
        let meter = Meter::new(Duration::from_secs(3600));
        let wait = |time| {
            let start = Instant::now();
            while start.elapsed() < time {
                std::hint::spin_loop();
            }
        };
        wait(Duration::from_millis(5));
        meter.resume();
        assert_eq!(meter.count(), Ok(()));
        assert!(meter.used.load(Ordering::Relaxed) < 5_000_000, "the time before it ran");
        wait(Duration::from_millis(5));
        assert_eq!(meter.count(), Ok(()));
        assert!(meter.used.load(Ordering::Relaxed) >= 5_000_000, "the time while it ran");
        let spent = Meter::new(Duration::ZERO);
        wait(Duration::from_micros(10));
        assert_eq!(spent.count(), Err(Fault::Computing));
    }
}
