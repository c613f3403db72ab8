//! What became of the lines: a response for each, a bar that moves, and a summary.

use std::time::Instant;

use mqtt_connector::{Meta, Response};
use mqtt_connector_arguments::answers::{Answers, add_result};
use mqtt_connector_contract::exit_code::TIMED_OUT;

use super::bar::Bar;
use super::read::{Origin, Rest};
use super::results::Results;
use crate::response::response;
use crate::signals::Signals;

/// The answers so far.
pub(super) struct Report {
    results: Option<Results>,
    bar: Bar,
    began: Instant,
    answers: Answers,
    /// How many bytes of lines are answered.
    bytes: u64,
}

impl Report {
    /// Starts a report; `size` is how many bytes of lines there are, if that is known.
    pub(super) fn start(results: Option<Results>, size: Option<u64>) -> Self {
        Self { results, bar: Bar::start(size), began: Instant::now(), answers: Answers::default(), bytes: 0 }
    }

    /// Takes the answers to the next lines, those excepted that were refused before; `bytes` is how many the lines have.
    pub(super) fn add(&mut self, answers: Vec<Response>, origins: Vec<Origin>, bytes: u64) {
        let count = origins.len() as u64;
        let mut answers = answers.into_iter();
        let mut text = Vec::new();
        for Origin { number, id, refused, .. } in origins {
            let Some(answer) = refused.or_else(|| answers.next()) else { break };
            if self.results.is_some() {
                add_result(&mut text, id.as_deref(), &answer.meta);
            }
            self.answers.add(number, answer.meta);
        }
        if let Some(results) = &mut self.results {
            results.add(text, count);
        }
        self.bytes += bytes;
        let failed = self.answers.failed();
        let failed = if failed > 0 { format!(", {failed} not sent") } else { String::new() };
        self.bar.set(self.bytes, format!("{} lines{failed}", self.answers.lines()));
    }

    /// Whether further answers may come.
    pub(super) fn has_room(&self) -> bool {
        self.results.as_ref().is_none_or(Results::has_room)
    }

    /// Waits until there may be room again.
    pub(super) async fn room(&self) {
        match &self.results {
            Some(results) => results.room().await,
            None => std::future::pending().await,
        }
    }

    /// No further line could be read, for the reason that the response gives.
    pub(super) fn stopped(&mut self, failed: &Response) {
        let why = format!("Further lines were not read: {}", failed.meta.message);
        self.answers.stopped(failed.meta.exit_code, why);
    }

    /// Somebody has ended it, and so much was left.
    pub(super) fn interrupted(&mut self, rest: Rest) {
        let (exit_code, what) = match rest {
            Rest::Nothing => return,
            // Whoever follows a file that grows ends it so.
            Rest::Unknown => (0, "read"),
            Rest::Lines => (TIMED_OUT, "sent"),
        };
        let why = format!("Further lines were not {what}: somebody has ended the program.");
        self.answers.stopped(exit_code, why);
    }

    /// The summary; its exit code is that of the first line that was not sent.
    ///
    /// # Errors
    ///
    /// The same, when a line was not sent or not all lines could be read.
    pub(super) async fn summary(self, signals: &mut Signals) -> Result<Response, Response> {
        let took = self.began.elapsed();
        self.bar.end();
        let missing = match self.results {
            Some(results) => results.finish(signals).await,
            None => None,
        };
        let Meta { exit_code, message } = self.answers.summary(took, missing);
        let summary = response(exit_code, message);
        if exit_code == 0 { Ok(summary) } else { Err(summary) }
    }
}
