//! What happened to an execution, from its acceptance to its end.

use std::time::Duration;

use maud::{Markup, html};
use mqtt_connector::exit_code::{DENIED, PARAMETER, SENT, UNUSABLE_FILE};
use mqtt_connector::publisher::Stage;

use super::shown::{duration, time, whole};
use super::verdict::badge;
use crate::Timestamp;
use crate::execution::{Attempt, Execution, StageTime, Status};

/// How wide the bars of an attempt are together, in units of their own.
const WIDTH: f64 = 100.0;

/// The least width of a bar.
const LEAST: f64 = 0.5;

/// What a stage is called.
const fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::RateLimit => "waiting for the tenant's rate",
        Stage::LookUp => "look-up",
        Stage::ProxyLookUp => "look-up of the proxy",
        Stage::Certificates => "certificates",
        Stage::ClientIdQueue => "waiting for the client-id",
        Stage::ConnectionPermit => "waiting for a free connection",
        Stage::Dial => "dial",
        Stage::Proxy => "proxy",
        Stage::Tls => "TLS",
        Stage::WebSocket => "WebSocket",
        Stage::Connect => "CONNECT",
        Stage::Acknowledgement => "acknowledgement",
        Stage::BackOff => "waiting to connect again",
    }
}

/// A list, the first event first.
pub(super) fn timeline(execution: &Execution) -> Markup {
    let between = |from: Timestamp, to: Timestamp| {
        duration(Duration::from_millis(to.milliseconds().abs_diff(from.milliseconds())))
    };
    html! {
        ol.timeline {
            li { (time(execution.accepted)) " " strong { "Accepted" } " and kept" }
            @for (index, attempt) in execution.attempts.iter().enumerate() {
                li class=[attempt.meta.is_some().then_some("ended")] {
                    (time(attempt.began)) " " strong { "Attempt " (index + 1) }
                    @if let Some(ended) = attempt.ended { ", " (between(attempt.began, ended)) }
                    " " (ending(attempt))
                }
            }
            @match (execution.status, execution.ended) {
                (Status::Accepted, _) if execution.attempts.is_empty() => { li.now { "It waits for its turn." } }
                (Status::Accepted, _) => { li.now { "It waits to be tried again." } }
                (Status::Running, _) => { li.now { "It is being sent." } }
                (Status::Finished | Status::Cancelled | Status::Expired, Some(ended)) => {
                    li {
                        (time(ended)) " " strong { (end(execution.status)) }
                        ", " (between(execution.accepted, ended)) " after it was accepted"
                    }
                }
                (Status::Finished | Status::Cancelled | Status::Expired, None) => {}
            }
        }
    }
}

fn end(status: Status) -> &'static str {
    match status {
        Status::Cancelled => "Cancelled",
        Status::Expired => "Expired",
        Status::Accepted | Status::Running | Status::Finished => "Finished",
    }
}

fn ending(attempt: &Attempt) -> Markup {
    html! {
        @match &attempt.meta {
            Some(meta) => {
                (badge(meta))
                (stages(&attempt.stages, meta.exit_code))
                p.message { (whole(&meta.message)) }
            }
            None if attempt.ended.is_some() => { p.message { "It was broken off, and has no answer: its message may have arrived." } }
            None => {}
        }
    }
}

/// What an attempt went through, each stage behind the one before; one that was not sent ended in the last.
fn stages(stages: &[StageTime], exit_code: i32) -> Markup {
    let is_refused = matches!(exit_code, PARAMETER | UNUSABLE_FILE | DENIED);
    html! {
        @if !stages.is_empty() {
            ul.stages aria-label="How long it was at what" {
                @for (index, (stage, (start, width))) in stages.iter().zip(bars(stages)).enumerate() {
                    @let is_stopped = exit_code != SENT && index + 1 == stages.len();
                    li class=(if is_stopped { "stopped" } else { "passed" }) {
                        span { (name(stage.stage)) @if is_stopped { span.hidden { ": it ended here" } } }
                        " " svg viewBox={ "0 0 " (WIDTH) " 1" } preserveAspectRatio="none" aria-hidden="true" {
                            rect x=(format!("{start:.1}")) y="0" width=(format!("{width:.1}")) height="1" {}
                        }
                        " " span.took { (duration(Duration::from_micros(stage.microseconds))) }
                    }
                }
            }
        } @else if is_refused {
            ul.stages aria-label="How far it came" {
                li.stopped { span { "check" span.hidden { ": it ended here" } } }
            }
        }
    }
}

/// Where the bar of each stage begins, and how wide it is.
fn bars(stages: &[StageTime]) -> Vec<(f64, f64)> {
    #[expect(clippy::cast_precision_loss, reason = "a pixel is far larger")]
    let share = |microseconds: u64| microseconds as f64;
    let whole = share(stages.iter().map(|stage| stage.microseconds).sum::<u64>().max(1));
    let mut before = 0.0;
    let bar = |stage: &StageTime| {
        let start = WIDTH * before / whole;
        before += share(stage.microseconds);
        let width = (WIDTH * before / whole - start).max(LEAST);
        (start.min(WIDTH - width), width)
    };
    stages.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAY: [StageTime; 3] = [
        StageTime { stage: Stage::Dial, microseconds: 250_000 },
        StageTime { stage: Stage::Connect, microseconds: 750_000 },
        StageTime { stage: Stage::Acknowledgement, microseconds: 0 },
    ];

    #[test]
    fn bars_stand_behind_one_another_and_can_be_seen() {
        assert_eq!(bars(&WAY), [(0.0, 25.0), (25.0, 75.0), (99.5, 0.5)]);
        assert_eq!(bars(&WAY[2..]), [(0.0, 0.5)]);
    }

    #[test]
    fn what_was_not_sent_ended_in_its_last_stage() {
        let shown = |way: &[StageTime], exit_code| stages(way, exit_code).into_string();
        let ended = r#"<li class="stopped"><span>CONNECT<span class="hidden">: it ended here</span></span>"#;
        assert!(shown(&WAY[..2], 3).contains(ended), "{}", shown(&WAY[..2], 3));
        assert!(shown(&WAY[..2], 3).contains(r#"<span class="took">750 ms</span>"#));
        assert!(!shown(&WAY, SENT).contains("stopped"));
        for (exit_code, is_told) in [(64, true), (66, true), (77, true), (0, false), (69, false)] {
            assert_eq!(shown(&[], exit_code).contains("check"), is_told, "{exit_code}");
        }
    }
}
