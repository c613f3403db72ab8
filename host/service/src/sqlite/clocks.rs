//! [`Clocks`]: how long ago something ended, whatever the calendar does meanwhile.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Timestamp;

/// The calendar, which may be set to another time, held against the clock that only goes on.
#[derive(Debug)]
pub(super) struct Clocks {
    /// When the store was opened, by both.
    opened: (Timestamp, Instant),
    /// How far the calendar was behind at most when something ended, and when that was last.
    behind: Mutex<Option<(Duration, Instant)>>,
}

impl Clocks {
    pub(super) fn new() -> Self {
        Self { opened: (Timestamp::now(), Instant::now()), behind: Mutex::default() }
    }

    /// What has passed since it was opened, on top of what the calendar said then.
    fn steady(&self) -> Timestamp {
        let (calendar, clock) = self.opened;
        calendar.after(clock.elapsed())
    }

    /// Something has ended now, and the calendar says `ended`.
    pub(super) fn ended(&self, ended: Timestamp) {
        let steady = self.steady().milliseconds();
        let by = u64::try_from(steady - ended.milliseconds()).map_or(Duration::ZERO, Duration::from_millis);
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        if by >= behind.map_or(Duration::from_millis(1), |(most, _)| most) {
            *behind = Some((by, Instant::now()));
        }
    }

    /// What ended before then may be forgotten: no more than what has ended `retention` ago by both, the calendar and the clock.
    pub(super) fn forgotten(&self, now: Timestamp, retention: Duration) -> Timestamp {
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        // All that has ended so is old enough by now.
        behind.take_if(|(_, last)| last.elapsed() > retention);
        let by = behind.map_or(Duration::ZERO, |(by, _)| by);
        now.min(self.steady()).before(retention).before(by)
    }
}
