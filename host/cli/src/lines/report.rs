//! What became of the lines: a response for each, a bar that moves, and a summary.

use std::collections::BTreeMap;
use std::time::Instant;

use mqtt_connector::Response;
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
    lines: u64,
    /// How many lines ended with which exit code, without those that were sent.
    failed: BTreeMap<i32, u64>,
    /// The number of the first line that was not sent, and its response.
    first: Option<(u64, Response)>,
    /// Why there are further lines, or may be, and the exit code for it.
    stopped: Option<(i32, String)>,
    /// How many bytes of lines are answered.
    bytes: u64,
}

impl Report {
    /// Starts a report; `size` is how many bytes of lines there are, if that is known.
    pub(super) fn start(results: Option<Results>, size: Option<u64>) -> Self {
        Self {
            results,
            bar: Bar::start(size),
            began: Instant::now(),
            lines: 0,
            failed: BTreeMap::new(),
            first: None,
            stopped: None,
            bytes: 0,
        }
    }

    /// Takes the answers to the next lines, those excepted that were refused before; `bytes` is how many the lines have.
    pub(super) fn add(&mut self, answers: Vec<Response>, origins: Vec<Origin>, bytes: u64) {
        let count = origins.len() as u64;
        let mut answers = answers.into_iter();
        let mut text = Vec::new();
        for Origin { number, id, refused, .. } in origins {
            let Some(answer) = refused.or_else(|| answers.next()) else { break };
            if self.results.is_some() {
                add_result(&mut text, id.as_deref(), &answer);
            }
            self.lines += 1;
            if answer.meta.exit_code != 0 {
                *self.failed.entry(answer.meta.exit_code).or_default() += 1;
                self.first.get_or_insert((number, answer));
            }
        }
        if let Some(results) = &mut self.results {
            results.add(text, count);
        }
        self.bytes += bytes;
        let failed: u64 = self.failed.values().sum();
        let failed = if failed > 0 { format!(", {failed} not sent") } else { String::new() };
        self.bar.set(self.bytes, format!("{} lines{failed}", self.lines));
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
        self.stopped =
            Some((failed.meta.exit_code, format!("Further lines were not read: {}", failed.meta.message)));
    }

    /// Somebody has ended it, and so much was left.
    pub(super) fn interrupted(&mut self, rest: Rest) {
        self.stopped = match rest {
            Rest::Nothing => None,
            // Whoever follows a file that grows ends it so.
            Rest::Unknown => {
                Some((0, "Further lines were not read: somebody has ended the program.".to_owned()))
            }
            Rest::Lines => {
                Some((TIMED_OUT, "Further lines were not sent: somebody has ended the program.".to_owned()))
            }
        };
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
        let failed: u64 = self.failed.values().sum();
        let sent = self.lines - failed;
        let rate = sent as f64 / took.as_secs_f64().max(f64::MIN_POSITIVE);
        let mut text = format!(
            "Sent {sent} of {} lines in {:.3} s ({rate:.0} a second).",
            self.lines,
            took.as_secs_f64()
        );
        let mut exit_code = 0;
        if let Some((number, first)) = self.first {
            let by_code: Vec<_> =
                self.failed.iter().map(|(code, lines)| format!("{lines} with exit code {code}")).collect();
            text += &format!(
                " Not sent: {}. The first, line {number}: {}",
                by_code.join(", "),
                first.meta.message
            );
            exit_code = first.meta.exit_code;
        }
        if let Some((code, stopped)) = self.stopped {
            text += &format!(" {stopped}");
            exit_code = if exit_code == 0 { code } else { exit_code };
        }
        if let Some(missing) = missing {
            text += &format!(" {missing}");
        }
        let summary = response(exit_code, text);
        if exit_code == 0 { Ok(summary) } else { Err(summary) }
    }
}

/// The line of results for an answer, with the `id` of its request, which is JSON text.
fn add_result(text: &mut Vec<u8>, id: Option<&str>, answer: &Response) {
    if let Some(id) = id {
        text.extend_from_slice(b"{\"id\":");
        text.extend_from_slice(id.as_bytes());
        text.extend_from_slice(b",\"meta\":");
        // Numbers and texts always have JSON, and a vector takes it.
        let _ = serde_json::to_writer(&mut *text, &answer.meta);
        text.extend_from_slice(b"}\n");
    } else {
        let _ = serde_json::to_writer(&mut *text, answer);
        text.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_has_the_id_of_its_request() {
        let answer = response(64, "a \"b\"".to_owned());
        let mut text = Vec::new();
        add_result(&mut text, None, &answer);
        add_result(&mut text, Some(r#"{"n": 1.50}"#), &answer);
        let meta = r#"{"exit-code":64,"message":"a \"b\""}"#;
        let expected = format!("{{\"meta\":{meta}}}\n{{\"id\":{{\"n\": 1.50}},\"meta\":{meta}}}\n");
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
