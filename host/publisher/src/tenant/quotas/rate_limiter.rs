//! Messages in a second: as many as the limit at once, further ones at its rate.
//!
//! The generic cell rate algorithm (ITU-T I.371), with a burst of one second. It is written here because a message that
//! waits has to know how long: one whose turn would come after the timeout is refused at once, and one whose turn comes
//! before the timeout keeps it. Limiters such as `governor` only say "not yet", and those that wait ask again, in any order.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How much may come at once: as many messages as pass in this time at an even rate.
const BURST: Duration = Duration::from_secs(1);

/// The rate of one tenant.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    per_second: AtomicU32,
    /// When every message that has been given a turn would have passed, at an even rate.
    passed: Mutex<Instant>,
}

/// When the messages of one call may go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    per_second: u32,
    from: Instant,
    granted: usize,
}

impl RateLimiter {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second: AtomicU32::new(per_second), passed: Mutex::new(Instant::now()) }
    }

    /// Another rate holds from now on. Messages that have their turn keep it.
    pub(crate) fn set_rate(&self, per_second: u32) {
        self.per_second.store(per_second, Ordering::Relaxed);
    }

    /// Gives as many of `messages` a turn as can have one from `now` until `latest`.
    pub(crate) fn reserve(&self, messages: usize, now: Instant, latest: Instant) -> Schedule {
        let per_second = self.per_second.load(Ordering::Relaxed);
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let from = (*passed).max(now);
        let time = (latest.max(now) + BURST).saturating_duration_since(from);
        let most = time.as_nanos() * u128::from(per_second) / 1_000_000_000;
        let granted = messages.min(usize::try_from(most).unwrap_or(usize::MAX));
        *passed = from + even(granted, per_second);
        Schedule { per_second, from, granted }
    }
}

impl Schedule {
    /// How many messages have a turn; the others are not to be sent.
    pub(crate) fn granted(&self) -> usize {
        self.granted
    }

    /// When the message at `position` may go.
    pub(crate) fn turn(&self, position: usize) -> Instant {
        let passed = self.from + even(position.saturating_add(1), self.per_second);
        // There is no instant before the machine was started.
        passed.checked_sub(BURST).unwrap_or(self.from)
    }
}

/// How long `messages` take at an even rate.
fn even(messages: usize, per_second: u32) -> Duration {
    let nanoseconds = messages as u128 * 1_000_000_000 / u128::from(per_second.max(1));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_second_of_messages_may_come_at_once_and_more_at_the_rate() {
        let limiter = RateLimiter::new(10);
        let start = Instant::now();
        let schedule = limiter.reserve(12, start, start + 1000 * MS);
        assert_eq!(schedule.granted(), 12);
        assert!(schedule.turn(9) <= start);
        assert_eq!(schedule.turn(10), start + 100 * MS);
        assert_eq!(schedule.turn(11), start + 200 * MS);
        let schedule = limiter.reserve(1, start, start + 1000 * MS);
        assert_eq!(schedule.turn(0), start + 300 * MS, "one after the other, across calls");
    }

    #[test]
    fn turns_after_the_deadline_are_not_given() {
        let limiter = RateLimiter::new(10);
        let start = Instant::now();
        assert_eq!(limiter.reserve(100, start, start + 250 * MS).granted(), 12);
        assert_eq!(limiter.reserve(1, start, start + 250 * MS).granted(), 0);
        assert_eq!(
            limiter.reserve(1, start, start + 300 * MS).granted(),
            1,
            "what was refused used nothing up"
        );
        let later = start + 60_000 * MS;
        assert_eq!(limiter.reserve(100, later, later).granted(), 10, "what was not used is not saved up");
    }

    #[test]
    fn the_ends_of_the_range_hold() {
        let start = Instant::now();
        assert_eq!(RateLimiter::new(0).reserve(1, start, start + 60_000 * MS).granted(), 0);
        let schedule = RateLimiter::new(u32::MAX).reserve(1_000_000, start, start);
        assert_eq!(schedule.granted(), 1_000_000);
        assert!(schedule.turn(999_999) <= Instant::now());
    }
}
