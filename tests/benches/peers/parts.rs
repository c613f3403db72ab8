//! What the benchmark `parts` has measured, for the report.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::measure::{Bound, Target};
use crate::report::Section;

/// The parts, by the directories that criterion keeps them in, and what they are.
const PARTS: [(&str, &str); 8] = [
    ("instantiate", "a store and an instance, made and dropped"),
    ("guest, send", "the same, and a send, with a publisher that acknowledges at once"),
    ("guest/batch of 1000 requests", "the same, and a batch of 1000 with 64 bytes of content each"),
    ("guest/batch of 100 requests, 16 KiB", "the same, 100 with 16 KiB of content each"),
    (
        CHECK,
        "`Connector::check`: a fresh instance, merging and validating the README's configuration for AWS IoT",
    ),
    ("send, warm connection, QoS 0", "`Connector::send`, current-thread runtime"),
    ("send, warm connection, QoS 1", "the same"),
    ("send, warm connection, QoS 2", "the same"),
];

const CHECK: &str = "check, AWS IoT";

/// From criterion's directory.
pub(crate) fn section(criterion: &Path) -> Section {
    let mut section = Section {
        name: "parts",
        title: "Parts",
        about: "By criterion, in the benchmark `parts` that ran last: medians, and their intervals of 95 % confidence."
            .to_owned(),
        cases: Vec::new(),
        targets: Vec::new(),
        notes: Vec::new(),
    };
    for (name, what) in PARTS {
        let Some([median, low, high]) = estimate(&criterion.join(name).join("new/estimates.json")) else {
            section.notes.push(format!("{name}: not measured"));
            continue;
        };
        section.notes.push(format!("{name}: {median:.1} µs ({low:.1} to {high:.1}): {what}"));
        if name == CHECK {
            let what = "`Connector::check`, AWS IoT, µs".to_owned();
            section.targets.push(Target { what, measured: median, bound: Bound::AtMost(30.0) });
        }
    }
    section
}

/// Median and confidence interval, in microseconds.
fn estimate(path: &Path) -> Option<[f64; 3]> {
    let document: Value = serde_json::from_str(&fs::read_to_string(path).ok()?).ok()?;
    let median = &document["median"];
    let interval = &median["confidence_interval"];
    let nanoseconds = [&median["point_estimate"], &interval["lower_bound"], &interval["upper_bound"]];
    let [point, low, high] = nanoseconds.map(Value::as_f64);
    Some([point? / 1e3, low? / 1e3, high? / 1e3])
}
