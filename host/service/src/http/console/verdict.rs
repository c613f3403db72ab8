//! How a send ended, in words: out of the table of exit codes.

use maud::{Markup, html};
use mqtt_connector::exit_code::ExitCode;
use mqtt_connector::{Meta, Outcome, Response, Retry};

use super::layout::sentence;
use super::shown::whole;

/// What somebody sees at one glance, and the name of its colour.
fn kind(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Sent => ("Sent", "good"),
        Outcome::NotSent { .. } => ("Not sent", "bad"),
        Outcome::Uncertain => ("It may have arrived", "uncertain"),
    }
}

/// Whether to send the message again.
fn again(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Sent => "No. The message has its quality of service.",
        Outcome::NotSent { retry: Retry::No } => {
            "Not as it is: it would end the same way until something is changed."
        }
        Outcome::NotSent { retry: Retry::Yes } => "Yes, at once: nothing has arrived.",
        Outcome::NotSent { retry: Retry::Later } => "Yes, after a while: nothing has arrived.",
        Outcome::Uncertain => {
            "Only if it may arrive twice. Nobody knows whether it has arrived: ask whoever receives it."
        }
    }
}

/// The answer to a send, at length.
pub(super) fn answer(response: &Response, heading: &str, more: &Markup) -> Markup {
    let (outcome, code) = (response.outcome(), response.meta.exit_code);
    let (word, colour) = kind(outcome);
    let known = ExitCode::find(code);
    html! {
        section.answer.(colour) aria-labelledby="answer" tabindex="-1" id="the-answer" {
            h2 id="answer" { (heading) ": " (word) }
            p.message { (whole(&response.meta.message)) }
            dl {
                div { dt { "Exit code" } dd { (code) @if let Some(known) = known { " – " (known.name) } } }
                @if let Some(known) = known { div { dt { "What it means" } dd { (sentence(known.meaning)) } } }
                div { dt { "Send it again?" } dd { (again(outcome)) } }
            }
            (more)
        }
    }
}

/// An exit code in a list.
pub(super) fn badge(meta: &Meta) -> Markup {
    let (_, colour) = kind(outcome(meta));
    let name = ExitCode::find(meta.exit_code).map_or("unknown", |known| known.name);
    html! { span.badge.(colour) { (meta.exit_code) " " (name) } }
}

/// What an answer that is kept says of the message.
pub(super) fn outcome(meta: &Meta) -> Outcome {
    kept(meta).outcome()
}

/// An answer that is kept.
pub(super) fn kept(meta: &Meta) -> Response {
    Response::new(meta.exit_code, meta.message.clone())
}
