//! [`OverTime`]: how a soak went, as lines over time: how many ended in a second, how long each took, and what was done to them.

use std::fmt;
use std::iter;
use std::time::{Duration, Instant};

/// What a column shows, from low to high.
const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// How many columns a line has at most.
const COLUMNS: usize = 64;

/// Of the times that are told apart, each is a fourth of an octave longer than the one before: 19 %. The first is 1/16 ms.
const TIMES: usize = 96;

/// How it went until now.
pub(crate) struct OverTime {
    /// What ends, in the plural.
    what: &'static str,
    began: Instant,
    /// When the last one ended.
    last: Duration,
    /// For each second how many took how long.
    seconds: Vec<[u32; TIMES]>,
    /// What may be done to them, and when it was.
    faults: Vec<(&'static str, Vec<Duration>)>,
}

impl OverTime {
    pub(crate) fn begin(what: &'static str, faults: &[&'static str]) -> Self {
        let faults = faults.iter().map(|fault| (*fault, Vec::new())).collect();
        Self { what, began: Instant::now(), last: Duration::ZERO, seconds: Vec::new(), faults }
    }

    /// One has ended.
    pub(crate) fn ended(&mut self, at: Instant, took: Duration) {
        self.ended_at(at.saturating_duration_since(self.began), took);
    }

    /// One ended so long after the beginning.
    pub(crate) fn ended_at(&mut self, at: Duration, took: Duration) {
        let second = usize::try_from(at.as_secs()).unwrap();
        if self.seconds.len() <= second {
            self.seconds.resize(second + 1, [0; TIMES]);
        }
        self.seconds[second][time(took)] += 1;
        self.last = self.last.max(at);
    }

    /// This fault, one of those it began with, is done now.
    pub(crate) fn suffers(&mut self, fault: &str) {
        self.suffers_at(self.began.elapsed(), fault);
    }

    /// This fault was done so long after the beginning.
    pub(crate) fn suffers_at(&mut self, at: Duration, fault: &str) {
        let known = self.faults.iter_mut().find(|(name, _)| *name == fault).unwrap();
        known.1.push(at);
    }

    /// How many seconds a column shows.
    fn step(&self) -> usize {
        self.seconds.len().div_ceil(COLUMNS).max(1)
    }

    /// In each column how many took how long.
    fn columns(&self) -> Vec<[u32; TIMES]> {
        let sum = |seconds: &[[u32; TIMES]]| {
            std::array::from_fn(|index| seconds.iter().map(|second| second[index]).sum())
        };
        self.seconds.chunks(self.step()).map(sum).collect()
    }

    /// How many seconds were measured of a column: of the last one perhaps not all.
    fn measured(&self, column: usize) -> f64 {
        let from = u32::try_from(column * self.step()).unwrap();
        let step = u32::try_from(self.step()).unwrap();
        (self.last.as_secs_f64() - f64::from(from)).clamp(0.001, f64::from(step))
    }
}

/// The place of a time among [`TIMES`].
fn time(took: Duration) -> usize {
    let quarters = (took.as_secs_f64() * 16_000.0).max(1.0).log2() * 4.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 0")]
    let index = quarters.round() as usize;
    index.min(TIMES - 1)
}

/// The time that the share `q` of all is not longer than, in milliseconds; `None` where there is none.
fn quantile(counts: &[u32; TIMES], q: f64) -> Option<f64> {
    let all: u32 = counts.iter().sum();
    let mut before = 0;
    let index = counts.iter().position(|count| {
        before += count;
        before > 0 && f64::from(before) >= f64::from(all) * q
    })?;
    Some((f64::from(u32::try_from(index).unwrap()) / 4.0).exp2() / 16.0)
}

/// A column for each value, as high as that is on the way from `low` to `high`; a blank where there is none.
fn line(values: &[Option<f64>], low: f64, high: f64) -> String {
    let column = |value: &Option<f64>| {
        let Some(value) = value else { return ' ' };
        let share = if high > low { (value - low) / (high - low) } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 7")]
        let step = (share.clamp(0.0, 1.0) * 7.0).round() as usize;
        STEPS[step]
    };
    values.iter().map(column).collect()
}

/// The lowest and the highest of what there is.
fn range(values: &[Option<f64>]) -> (f64, f64) {
    let known = || values.iter().copied().flatten();
    (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max))
}

/// Three digits, or all before the point.
fn number(value: f64) -> String {
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}")
}

impl fmt::Display for OverTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.columns();
        if columns.is_empty() {
            return Ok(());
        }
        let width = columns.len();
        let mut row = |name: &str, line: &str, said: &str| writeln!(f, "{name:<24}{line:<width$}  {said}");
        let all: u32 = columns.iter().flatten().sum();
        let seconds = self.last.as_secs_f64();
        let rates: Vec<_> = columns
            .iter()
            .enumerate()
            .map(|(index, counts)| {
                counts
                    .iter()
                    .sum::<u32>()
                    .checked_sub(1)
                    .map(|sum| (f64::from(sum) + 1.0) / self.measured(index))
            })
            .collect();
        row("", &"┄".repeat(width), &format!("{seconds:.0} s, a column is {} s", self.step()))?;
        let (_, most) = range(&rates);
        let average = number(f64::from(all) / seconds.max(0.001));
        let said = format!("{average} on average, {} at most", number(most));
        row(&format!("{} a second", self.what), &line(&rates, 0.0, most), &said)?;
        for (name, q) in [("p50", 0.5), ("p99", 0.99)] {
            let times: Vec<_> = columns.iter().map(|counts| quantile(counts, q)).collect();
            let (least, most) = range(&times);
            let said = format!("{} to {} ms, as logarithms", number(least), number(most));
            let logarithms: Vec<_> = times.iter().map(|time| time.map(f64::ln)).collect();
            row(name, &line(&logarithms, least.ln(), most.ln()), &said)?;
        }
        for (name, times) in &self.faults {
            let mut counts: Vec<u32> = iter::repeat_n(0, width).collect();
            for at in times {
                let column = usize::try_from(at.as_secs()).unwrap() / self.step();
                counts[column.min(width - 1)] += 1;
            }
            let shown: Vec<_> = counts.iter().map(|count| (*count > 0).then(|| f64::from(*count))).collect();
            let (_, most) = range(&shown);
            row(name, &line(&shown, 0.0, most), &format!("{} in all", times.len()))?;
        }
        Ok(())
    }
}
