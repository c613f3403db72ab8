//! `make bench`: how much longer one tenant's sends take while another tenant does its worst.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]

#[path = "../connector/fairness.rs"]
mod fairness;
#[path = "../connector/runtime.rs"]
mod runtime;

use fairness::Fairness;

fn main() {
    // A limit that the flood is far above, and the default.
    for messages_per_second in [100, 250] {
        let fairness = Fairness::measure(messages_per_second);
        assert_eq!(fairness.failed_of_b, 0, "every send of tenant B succeeds");
        println!("{fairness}");
    }
}
