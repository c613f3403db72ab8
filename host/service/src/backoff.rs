//! How long it is waited before an execution is tried again.

use std::time::Duration;

/// The longest that is waited.
pub(crate) const LONGEST: Duration = Duration::from_secs(5 * 60);

/// The mean before the second attempt.
const FIRST: Duration = Duration::from_secs(1);

/// How long it is waited after so many attempts that were answered: twice as long each time, up to [`LONGEST`], of which a random
/// half to the whole, so that what failed together is not tried together.
pub(crate) fn delay(attempts: u32) -> Duration {
    let doubled = FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(LONGEST);
    doubled.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_the_longest() {
        for (attempts, seconds) in [(1, 1.0), (2, 2.0), (3, 4.0), (9, 256.0), (10, 300.0), (100, 300.0)] {
            for _ in 0..100 {
                let delay = delay(attempts).as_secs_f64();
                assert!((seconds / 2.0..=seconds).contains(&delay), "{attempts}: {delay}");
            }
        }
    }
}
