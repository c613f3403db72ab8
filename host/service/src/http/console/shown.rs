//! Texts, times and numbers as a page shows them.

use std::time::Duration;

use maud::{Markup, html};
use mqtt_connector_contract::shown::Shown;

use crate::Timestamp;

/// A text from outside, whole: what would mislead a reader is escaped.
pub(super) fn whole(text: &str) -> String {
    Shown::plain(text, usize::MAX).to_string()
}

/// A text of several lines from outside: as [`whole`], line by line.
pub(super) fn lines(text: &str) -> String {
    text.split('\n').map(whole).collect::<Vec<_>>().join("\n")
}

/// A time, to the second.
pub(super) fn time(time: Timestamp) -> Markup {
    let text = time.to_string();
    let seconds = text.get(..19).unwrap_or(&text).replace('T', " ");
    html! { time datetime=(text) { (seconds) " UTC" } }
}

/// A time of the day, to the minute.
pub(super) fn clock(time: Timestamp) -> String {
    let text = time.to_string();
    format!("{} UTC", text.get(11..16).unwrap_or(&text))
}

/// A duration, to two or three digits.
pub(super) fn duration(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1000.0;
    match milliseconds {
        ..10.0 => format!("{milliseconds:.1} ms"),
        10.0..1000.0 => format!("{milliseconds:.0} ms"),
        1000.0..100_000.0 => format!("{:.1} s", milliseconds / 1000.0),
        _ => format!("{:.0} s", milliseconds / 1000.0),
    }
}

/// A number, with a narrow space between thousands, as ISO 80000-1 has it: a point or a comma would mean something else to some.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push('\u{202f}');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations_are_read_alike_everywhere() {
        for (value, text) in
            [(0, "0"), (999, "999"), (1000, "1\u{202f}000"), (1_234_567, "1\u{202f}234\u{202f}567")]
        {
            assert_eq!(number(value), text);
        }
        for (microseconds, text) in [
            (400, "0.4 ms"),
            (12_345, "12 ms"),
            (999_000, "999 ms"),
            (1_500_000, "1.5 s"),
            (120_000_000, "120 s"),
        ] {
            assert_eq!(duration(Duration::from_micros(microseconds)), text);
        }
    }

    #[test]
    fn what_misleads_is_escaped() {
        assert_eq!(whole("a\u{202e}b\nc"), "a\\u{202e}b\\nc");
        assert_eq!(lines("a\u{202e}\nb"), "a\\u{202e}\nb");
        let time = time("2026-11-29T06:30:00.125Z".parse().unwrap()).into_string();
        assert_eq!(time, r#"<time datetime="2026-11-29T06:30:00.125Z">2026-11-29 06:30:00 UTC</time>"#);
    }
}
