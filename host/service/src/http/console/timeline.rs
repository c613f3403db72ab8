//! What happened to an execution, from its acceptance to its end.

use std::time::Duration;

use maud::{Markup, html};
use mqtt_connector::exit_code::{
    DENIED, HOST_NOT_FOUND, PARAMETER, SENT, TLS, UNCERTAIN, UNREACHABLE, UNUSABLE_FILE,
};

use super::shown::{duration, time, whole};
use super::verdict::badge;
use crate::Timestamp;
use crate::execution::{Attempt, Execution, Status};

/// What a message passes on its way, in this order. The check is that of parameters, grants and files.
const STAGES: [&str; 6] = ["check", "look-up", "dial", "TLS, if any", "CONNECT", "acknowledgement"];

/// How far an attempt has come, by its exit code: what it has passed, and whether it ended at the next. `None` where the code alone does not tell.
fn passed(exit_code: i32) -> Option<(usize, bool)> {
    match exit_code {
        SENT => Some((STAGES.len(), false)),
        PARAMETER | UNUSABLE_FILE | DENIED => Some((0, true)),
        HOST_NOT_FOUND => Some((1, true)),
        UNREACHABLE => Some((2, true)),
        TLS => Some((3, true)),
        // CONNACK return codes (MQTT 3.1.1, section 3.2.2.3).
        1..=5 => Some((4, true)),
        UNCERTAIN => Some((5, true)),
        _ => None,
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
                @if let Some((passed, is_stopped)) = passed(meta.exit_code) {
                    ul.stages aria-label="How far it came" {
                        @for (index, stage) in STAGES.iter().enumerate() {
                            @if index < passed { li.passed { (stage) span.hidden { ": passed" } } }
                            @else if is_stopped && index == passed { li.stopped { (stage) span.hidden { ": it ended here" } } }
                            @else { li { (stage) span.hidden { ": not reached" } } }
                        }
                    }
                }
                p.message { (whole(&meta.message)) }
            }
            None if attempt.ended.is_some() => { p.message { "It was broken off, and has no answer: its message may have arrived." } }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_code_tells_how_far_it_came_or_nothing_is_said() {
        for (code, stage) in [
            (64, "check"),
            (68, "look-up"),
            (69, "dial"),
            (78, "TLS, if any"),
            (4, "CONNECT"),
            (79, "acknowledgement"),
        ] {
            let (passed, is_stopped) = passed(code).unwrap();
            assert_eq!((STAGES[passed], is_stopped), (stage, true), "{code}");
        }
        assert_eq!(passed(0), Some((6, false)));
        for code in [70, 71, 74, 75, 76, 135, 151] {
            assert_eq!(passed(code), None, "{code}");
        }
    }
}
