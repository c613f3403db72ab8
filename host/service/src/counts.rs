//! [`Counts`]: how the sends of the last day ended, and how long they took, of each tenant, as far as this process knows.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::Timestamp;

/// A span of which it is counted how sends ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// By the minute.
    Hour,
    /// By the half hour.
    Day,
}

impl Span {
    pub(crate) const ALL: [Self; 2] = [Self::Hour, Self::Day];

    /// How long a slot is, in milliseconds.
    pub(crate) const fn slot(self) -> i64 {
        match self {
            Self::Hour => 60 * 1000,
            Self::Day => 30 * 60 * 1000,
        }
    }

    /// How many slots there are.
    pub(crate) const fn slots(self) -> usize {
        match self {
            Self::Hour => 60,
            Self::Day => 48,
        }
    }
}

/// How sends ended. Nothing is counted before [`begin`](Self::begin).
#[derive(Default)]
pub(crate) struct Counts {
    is_on: AtomicBool,
    by_tenant: Mutex<HashMap<Arc<str>, [Ring; 2]>>,
}

/// The slots of a span, the newest last. There is none for a time in which nothing was sent.
#[derive(Default)]
struct Ring(VecDeque<Slot>);

/// What was sent in a part of a span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slot {
    /// Which it is: the milliseconds since 1970, in slots.
    number: i64,
    /// How many sends ended with each exit code.
    pub(crate) codes: BTreeMap<i32, u64>,
    /// How many took so long: see [`step`].
    steps: BTreeMap<u16, u64>,
}

/// What was sent in a span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// All of it.
    pub(crate) whole: Slot,
    /// Each slot of the span, the oldest first.
    pub(crate) slots: Vec<Slot>,
}

impl Counts {
    /// Counts from now on.
    pub(crate) fn begin(&self) {
        self.is_on.store(true, Ordering::Relaxed);
    }

    /// A send of `tenant` has ended with this exit code; `took` is not known of those in a batch.
    pub(crate) fn ended(&self, tenant: &Arc<str>, exit_code: i32, took: Option<Duration>, now: Timestamp) {
        if !self.is_on.load(Ordering::Relaxed) {
            return;
        }
        let mut by_tenant = self.lock();
        if !by_tenant.contains_key(tenant) {
            by_tenant.retain(|_, [_, day]| day.newest().is_some_and(|slot| slot.is_within(Span::Day, now)));
        }
        let rings = by_tenant.entry(Arc::clone(tenant)).or_default();
        for (span, ring) in Span::ALL.into_iter().zip(rings) {
            ring.slot(span, now).add(exit_code, took);
        }
    }

    /// What `tenant` has sent in the span that ends now.
    pub(crate) fn seen(&self, tenant: &str, span: Span, now: Timestamp) -> Seen {
        let by_tenant = self.lock();
        let ring = by_tenant.get(tenant).map(|[hour, day]| match span {
            Span::Hour => hour,
            Span::Day => day,
        });
        let newest = now.milliseconds() / span.slot();
        let count = i64::try_from(span.slots()).unwrap_or(i64::MAX);
        let mut seen = Seen::default();
        for number in newest - count + 1..=newest {
            let slot = ring.and_then(|ring| ring.0.iter().find(|slot| slot.number == number));
            let slot = slot.cloned().unwrap_or(Slot { number, ..Slot::default() });
            seen.whole.add_all(&slot);
            seen.slots.push(slot);
        }
        seen
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, [Ring; 2]>> {
        self.by_tenant.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn newest(&self) -> Option<&Slot> {
        self.0.back()
    }

    /// The slot of this time. A clock that goes back counts into the newest.
    fn slot(&mut self, span: Span, now: Timestamp) -> &mut Slot {
        let number = now.milliseconds() / span.slot();
        if self.newest().is_none_or(|newest| newest.number < number) {
            self.0.retain(|slot| slot.is_within(span, now));
            self.0.push_back(Slot { number, ..Slot::default() });
        }
        let newest = self.0.len() - 1;
        &mut self.0[newest]
    }
}

impl Slot {
    fn is_within(&self, span: Span, now: Timestamp) -> bool {
        let count = i64::try_from(span.slots()).unwrap_or(i64::MAX);
        now.milliseconds() / span.slot() - self.number < count
    }

    fn add(&mut self, exit_code: i32, took: Option<Duration>) {
        *self.codes.entry(exit_code).or_default() += 1;
        if let Some(took) = took {
            *self.steps.entry(step(took)).or_default() += 1;
        }
    }

    fn add_all(&mut self, other: &Self) {
        for (code, count) in &other.codes {
            *self.codes.entry(*code).or_default() += count;
        }
        for (step, count) in &other.steps {
            *self.steps.entry(*step).or_default() += count;
        }
    }

    /// When it began.
    pub(crate) fn began(&self, span: Span) -> Timestamp {
        Timestamp::from_milliseconds(self.number * span.slot())
    }

    /// How many sends there were.
    pub(crate) fn count(&self) -> u64 {
        self.codes.values().sum()
    }

    /// How long it took at most for so many of a thousand, those that took least; up to a tenth more than it was. `None` when no send
    /// was measured.
    pub(crate) fn latency(&self, per_mille: u64) -> Option<Duration> {
        let all: u64 = self.steps.values().sum();
        let wanted = (all * per_mille).div_ceil(1000).max(1);
        let mut count = 0;
        let found = self.steps.iter().find(|(_, of_step)| {
            count += **of_step;
            count >= wanted
        });
        found.map(|(step, _)| end_of_step(*step))
    }
}

/// How many steps it takes until a time is twice as long.
const STEPS: f64 = 8.0;

/// Times are counted in steps, each a little longer than the one before: what is left out is less than a tenth.
fn step(took: Duration) -> u16 {
    let microseconds = took.as_secs_f64() * 1e6;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an `as` of a float saturates"
    )]
    let step = (microseconds.max(1.0).log2() * STEPS).ceil() as u16;
    step
}

fn end_of_step(step: u16) -> Duration {
    Duration::from_secs_f64((f64::from(step) / STEPS).exp2() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn noon() -> Timestamp {
        "2026-11-29T12:00:30Z".parse().unwrap()
    }

    fn counts() -> (Counts, Arc<str>) {
        let counts = Counts::default();
        counts.begin();
        (counts, "acme".into())
    }

    #[test]
    fn sends_are_counted_by_the_minute_and_by_the_half_hour() {
        let (counts, acme) = counts();
        for (before, exit_code) in [(70, 69), (59, 79), (1, 0), (0, 0), (0, 69)] {
            counts.ended(&acme, exit_code, None, noon().before(MINUTE * before));
        }
        let hour = counts.seen("acme", Span::Hour, noon());
        assert_eq!(hour.whole.codes, BTreeMap::from([(0, 2), (69, 1), (79, 1)]));
        let by_minute: Vec<_> = hour.slots.iter().map(Slot::count).collect();
        assert_eq!((by_minute.len(), by_minute[0], &by_minute[57..]), (60, 1, &[0, 1, 2][..]));
        assert_eq!(hour.slots[59].began(Span::Hour).to_string(), "2026-11-29T12:00:00.000Z");

        let day = counts.seen("acme", Span::Day, noon());
        assert_eq!((day.whole.count(), day.slots.len()), (5, 48));
        assert_eq!(counts.seen("other", Span::Day, noon()).whole, Slot::default());
    }

    #[test]
    fn what_is_older_than_a_day_is_forgotten_and_so_are_tenants() {
        let (counts, acme) = counts();
        counts.ended(&acme, 0, None, noon());
        let next = noon().after(MINUTE * 60 * 24);
        assert_eq!(counts.seen("acme", Span::Day, next).whole.count(), 0);
        counts.ended(&"other".into(), 0, None, next);
        assert_eq!(counts.lock().len(), 1);
        for minute in 0..1000 {
            counts.ended(&"other".into(), 0, None, next.after(MINUTE * minute));
        }
        let by_tenant = counts.lock();
        assert_eq!(by_tenant["other"].each_ref().map(|ring| ring.0.len()), [60, 34]);
    }

    #[test]
    fn times_are_told_to_a_tenth() {
        let (counts, acme) = counts();
        assert_eq!(counts.seen("acme", Span::Hour, noon()).whole.latency(500), None);
        for milliseconds in 1..=1000 {
            counts.ended(&acme, 0, Some(Duration::from_millis(milliseconds)), noon());
        }
        let seen = counts.seen("acme", Span::Hour, noon()).whole;
        for (per_mille, least) in [(500, 500), (950, 950), (990, 990), (1000, 1000), (0, 1)] {
            let (latency, least) = (seen.latency(per_mille).unwrap(), Duration::from_millis(least));
            assert!(
                least <= latency + Duration::from_micros(1) && latency <= least * 11 / 10,
                "{per_mille}: {latency:?}"
            );
        }
    }

    #[test]
    fn nothing_is_counted_that_nobody_asks_for() {
        let counts = Counts::default();
        counts.ended(&"acme".into(), 0, None, noon());
        assert!(counts.lock().is_empty());
    }
}
