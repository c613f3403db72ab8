//! `make bench`: how much longer one tenant's sends take while another tenant does its worst.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]

#[path = "../connector/fairness.rs"]
mod fairness;

use fairness::Fairness;

fn main() {
    let fairness = Fairness::measure();
    assert_eq!(fairness.failed_of_b, 0, "every send of tenant B succeeds");
    print!("{fairness}");
}
