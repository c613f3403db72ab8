//! Bars over time, as SVG that needs no script and no style of its own.

use maud::{Markup, html};
use mqtt_connector::exit_code::{Delivery, ExitCode};

use super::shown;
use crate::counts::{Slot, Span};

/// How wide and how high the plot is, in units of its own.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 120.0;

/// How many sends there were in each slot: those that reached their quality of service, those that may have arrived, those that were not sent.
pub(super) fn bars(slots: &[Slot], span: Span, label: &str) -> Markup {
    let highest = slots.iter().map(Slot::count).max().unwrap_or_default().max(1);
    #[expect(clippy::cast_precision_loss, reason = "a pixel is far larger")]
    let height = |count: u64| HEIGHT * count as f64 / highest as f64;
    #[expect(clippy::cast_precision_loss, reason = "there are a few dozen")]
    let step = WIDTH / slots.len().max(1) as f64;
    html! {
        svg.plot viewBox={ "0 0 " (WIDTH) " " (HEIGHT + 2.0) } preserveAspectRatio="none" role="img" aria-label=(label) {
            line.axis x1="0" y1=(HEIGHT + 1.0) x2=(WIDTH) y2=(HEIGHT + 1.0) {}
            @for (index, slot) in slots.iter().enumerate() {
                @let x = step * f64::from(u32::try_from(index).unwrap_or_default());
                @let parts = parts(slot);
                @let tops = tops(parts.map(height));
                @if slot.count() > 0 {
                    g {
                        title { (of_slot(slot, span, parts)) }
                        @for ((count, top), colour) in parts.into_iter().zip(tops).zip(["good", "uncertain", "bad"]) {
                            @if count > 0 {
                                rect class=(colour) x=(format!("{x:.1}")) y=(format!("{top:.1}"))
                                    width=(format!("{:.1}", step - 2.0)) height=(format!("{:.1}", height(count))) {}
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Where each part of a bar begins, from above; they stand on one another.
fn tops(heights: [f64; 3]) -> [f64; 3] {
    let [first, second, third] = heights;
    [HEIGHT - first, HEIGHT - first - second, HEIGHT - first - second - third]
}

/// How many reached their quality of service, may have arrived, were not sent.
pub(super) fn parts(slot: &Slot) -> [u64; 3] {
    let mut parts = [0; 3];
    for (code, count) in &slot.codes {
        let part = match ExitCode::find(*code).map(|known| known.delivery) {
            Some(Delivery::Reached) => 0,
            Some(Delivery::Uncertain) | None => 1,
            Some(Delivery::NotSent) => 2,
        };
        parts[part] += count;
    }
    parts
}

fn of_slot(slot: &Slot, span: Span, [reached, uncertain, not_sent]: [u64; 3]) -> String {
    format!(
        "{}: {} sent, {} may have arrived, {} not sent",
        shown::clock(slot.began(span)),
        shown::number(reached),
        shown::number(uncertain),
        shown::number(not_sent)
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Timestamp;
    use crate::counts::Counts;

    #[test]
    fn bars_stand_on_one_another() {
        let counts = Counts::default();
        counts.begin();
        let now: Timestamp = "2026-11-29T12:00:30Z".parse().unwrap();
        for code in [0, 0, 79, 69] {
            counts.ended(&"acme".into(), code, Some(Duration::from_millis(1)), now);
        }
        let seen = counts.seen("acme", Span::Hour, now);
        let plot = bars(&seen.slots, Span::Hour, "sends").into_string();
        assert_eq!(parts(&seen.whole), [2, 1, 1]);
        assert!(
            plot.contains(r#"<title>12:00 UTC: 2 sent, 1 may have arrived, 1 not sent</title>"#),
            "{plot}"
        );
        for rect in [
            r#"<rect class="good" x="708.0" y="60.0" width="10.0" height="60.0">"#,
            r#"<rect class="uncertain" x="708.0" y="30.0" width="10.0" height="30.0">"#,
            r#"<rect class="bad" x="708.0" y="0.0" width="10.0" height="30.0">"#,
        ] {
            assert!(plot.contains(rect), "{plot}");
        }
        let empty = counts.seen("other", Span::Day, now);
        assert!(!bars(&empty.slots, Span::Day, "sends").into_string().contains("<rect"));
    }
}
