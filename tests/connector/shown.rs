//! What the soaks and the benchmark show at the end.

use std::time::Duration;

use crate::soak::over_time::OverTime;
use bars::bar;
use bound::beside_bound;

#[path = "../shown/bars.rs"]
mod bars;
#[path = "../shown/bound.rs"]
mod bound;

#[test]
fn a_bar_is_as_long_as_its_share() {
    for (share, wanted) in [
        (0.0, "    "),
        (0.25, "█   "),
        (0.3, "█▎  "),
        (0.99, "████"),
        (0.95, "███▊"),
        (1.0, "████"),
        (1.2, "███▶"),
        (f64::NAN, "    "),
    ] {
        assert_eq!(bar(share, 4), wanted, "{share}");
    }
}

#[test]
fn a_bar_ends_before_its_bound_when_that_is_met() {
    let (met, exact, missed) = (beside_bound(0.5), beside_bound(1.0), beside_bound(3.0));
    assert_eq!(met, format!("{}{}│{}", "█".repeat(10), " ".repeat(10), " ".repeat(20)));
    assert_eq!(exact, format!("{}│{}", "█".repeat(20), " ".repeat(20)));
    assert_eq!(missed, format!("{}│{}▶", "█".repeat(20), "█".repeat(19)));
}

#[test]
fn lines_show_how_many_how_long_and_what_was_done() {
    let mut over_time = OverTime::begin("sends", &["broker restarted"]);
    for (milliseconds, count) in [(0, 4), (1000, 8), (3999, 2)] {
        for number in 0..count {
            let took = Duration::from_millis(if number == 0 { 64 } else { 1 });
            over_time.ended_at(Duration::from_millis(milliseconds), took);
        }
    }
    over_time.suffers_at(Duration::from_secs(1), "broker restarted");
    let lines: Vec<String> = over_time.to_string().lines().map(str::to_owned).collect();
    assert_eq!(
        lines,
        [
            "                        ┄┄┄┄  4 s, a column is 1 s",
            "sends a second          ▅█ ▃  3.50 on average, 8.00 at most",
            "p50                     ▁▁ ▁  1.00 to 1.00 ms, as logarithms",
            "p99                     ▁▁ ▁  64.0 to 64.0 ms, as logarithms",
            "broker restarted         █    1 in all",
        ]
    );
}

#[test]
fn a_long_soak_has_no_more_columns() {
    let mut over_time = OverTime::begin("sends", &[]);
    over_time.ended_at(Duration::from_secs(0), Duration::from_millis(1));
    over_time.ended_at(Duration::from_secs(600), Duration::from_millis(1));
    let text = over_time.to_string();
    let line = text.lines().next().unwrap();
    assert_eq!(line, format!("{}{}  600 s, a column is 10 s", " ".repeat(24), "┄".repeat(61)));
}
