//! Spans of time, as messages tell them.

use std::fmt;

/// So many seconds: to the day, or to the hour or the minute when they are few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match self.0 {
            0..3_600 => (self.0 / 60, "minute"),
            3_600..172_800 => (self.0 / 3_600, "hour"),
            172_800.. => (self.0 / 86_400, "day"),
        };
        write!(f, "{number} {unit}{}", if number == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_the_largest_unit_that_tells_enough() {
        for (seconds, shown) in [
            (0, "0 minutes"),
            (119, "1 minute"),
            (3_599, "59 minutes"),
            (3_600, "1 hour"),
            (172_799, "47 hours"),
            (172_800, "2 days"),
            (u64::MAX, "213503982334601 days"),
        ] {
            assert_eq!(Span(seconds).to_string(), shown);
        }
    }
}
