//! How long a call waits before another connection is tried for it: twice as long each time, up to a bound.

use std::time::Duration;

/// The longest wait before the next connection. A call waits a [`share`] of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct BackOff(Duration);

impl BackOff {
    /// The first wait.
    pub(super) const FIRST: Duration = Duration::from_millis(100);
    /// The longest wait.
    const LONGEST: Duration = Duration::from_secs(5);
    /// The shortest wait.
    pub(super) const SHORTEST: Duration = Duration::from_millis(50);

    /// How long to wait.
    pub(super) fn wait(self, share: f64) -> Duration {
        self.0.mul_f64(share)
    }

    /// The next connection failed as well.
    pub(super) fn lengthen(&mut self) {
        self.0 = Self::LONGEST.min(self.0 * 2);
    }
}

impl Default for BackOff {
    fn default() -> Self {
        Self(Self::FIRST)
    }
}

/// Which share of its wait a call waits: half to all of it, so that many calls that lost one broker do not all come back at the same
/// moment.
pub(super) fn share(random: u64) -> f64 {
    0.5 + f64::from(random as u32) / f64::from(u32::MAX) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(random: u64) -> impl Iterator<Item = Duration> {
        std::iter::successors(Some(BackOff::default()), |last| {
            let mut next = *last;
            next.lengthen();
            Some(next)
        })
        .map(move |back_off| back_off.wait(share(random)))
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let milliseconds =
            |random| -> Vec<_> { waits(random).take(9).map(|wait| wait.as_millis()).collect() };
        assert_eq!(milliseconds(u64::MAX), [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        assert_eq!(milliseconds(0), [50, 100, 200, 400, 800, 1600, 2500, 2500, 2500]);
    }

    /// What `retries` is without anybody's saying, in the component.
    #[test]
    fn the_default_rides_out_a_broker_that_is_away_for_10_seconds() {
        let retries = mqtt_connector_guest::catalogue::PARAMETERS
            .iter()
            .find(|parameter| parameter.name == "retries")
            .and_then(|parameter| parameter.default?.parse().ok())
            .unwrap();
        let ridden_out = |random| waits(random).take(retries).sum::<Duration>();
        assert_eq!(ridden_out(0), Duration::from_millis(13_150));
        assert_eq!(ridden_out(u64::MAX), Duration::from_millis(26_300));
    }
}
