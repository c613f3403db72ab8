//! The answers to lines → a line of results for each, and the summary.

use std::collections::BTreeMap;
use std::time::Duration;

use mqtt_connector_contract::connector::{Meta, Response};

/// In nanoseconds.
const SECOND: u128 = 1_000_000_000;
const MILLISECOND: u128 = 1_000_000;

/// The answers so far.
#[derive(Debug, Default)]
pub struct Answers {
    lines: u64,
    /// How many lines ended with which exit code, without those that were sent.
    failed: BTreeMap<i32, u64>,
    /// The number of the first line that was not sent, and its answer.
    first: Option<(u64, Meta)>,
    /// Why there are further lines, or may be, and the exit code for it.
    stopped: Option<(i32, String)>,
}

impl Answers {
    /// Takes the answer to the line of this number, counted from 1.
    pub fn add(&mut self, number: u64, answer: Meta) {
        self.lines += 1;
        if answer.exit_code != 0 {
            *self.failed.entry(answer.exit_code).or_default() += 1;
            self.first.get_or_insert((number, answer));
        }
    }

    /// There are further lines, or may be: why, as a sentence, and the exit code for it.
    pub fn stopped(&mut self, exit_code: i32, why: String) {
        self.stopped = Some((exit_code, why));
    }

    /// How many lines were answered.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// How many of them were not sent.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.values().sum()
    }

    /// The summary, of lines that took so long; its exit code is that of the first line that was not sent. `missing` says, as a
    /// sentence, which results could not be written.
    #[must_use]
    pub fn summary(self, took: Duration, missing: Option<String>) -> Meta {
        let sent = self.lines - self.failed();
        // In whole numbers: what writes fractions is larger than all of this.
        let nanoseconds = took.as_nanos().max(1);
        let rate = (u128::from(sent) * SECOND + nanoseconds / 2) / nanoseconds;
        let milliseconds = (nanoseconds + MILLISECOND / 2) / MILLISECOND;
        let (seconds, fraction) = (milliseconds / 1000, milliseconds % 1000);
        let mut text =
            format!("Sent {sent} of {} lines in {seconds}.{fraction:03} s ({rate} a second).", self.lines,);
        let mut exit_code = 0;
        if let Some((number, first)) = self.first {
            let by_code: Vec<_> =
                self.failed.iter().map(|(code, lines)| format!("{lines} with exit code {code}")).collect();
            text +=
                &format!(" Not sent: {}. The first, line {number}: {}", by_code.join(", "), first.message);
            exit_code = first.exit_code;
        }
        if let Some((code, stopped)) = self.stopped {
            text += &format!(" {stopped}");
            exit_code = if exit_code == 0 { code } else { exit_code };
        }
        if let Some(missing) = missing {
            text += &format!(" {missing}");
        }
        Meta { exit_code, message: text }
    }
}

/// Appends the line of results for an answer, with the `id` of its request, which is JSON text.
pub fn add_result(text: &mut Vec<u8>, id: Option<&str>, answer: &Meta) {
    if let Some(id) = id {
        text.extend_from_slice(b"{\"id\":");
        text.extend_from_slice(id.as_bytes());
        text.extend_from_slice(b",\"meta\":");
        // Numbers and texts always have JSON, and a vector takes it.
        let _ = serde_json::to_writer(&mut *text, answer);
        text.extend_from_slice(b"}\n");
    } else {
        let _ = serde_json::to_writer(&mut *text, &Response { meta: answer.clone() });
        text.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_rounds() {
        let said = |lines: u64, nanoseconds| {
            let mut answers = Answers::default();
            for number in 1..=lines {
                answers.add(number, Meta { exit_code: 0, message: String::new() });
            }
            answers.summary(Duration::from_nanos(nanoseconds), None).message
        };
        assert_eq!(said(3, 1_234_567_890), "Sent 3 of 3 lines in 1.235 s (2 a second).");
        assert_eq!(said(1000, 61_999_999_999), "Sent 1000 of 1000 lines in 62.000 s (16 a second).");
        assert_eq!(said(5, 2_000_000_000), "Sent 5 of 5 lines in 2.000 s (3 a second).");
        assert_eq!(said(1, 2_400_000), "Sent 1 of 1 lines in 0.002 s (417 a second).");
        assert_eq!(said(0, 0), "Sent 0 of 0 lines in 0.000 s (0 a second).");
    }

    #[test]
    fn a_result_has_the_id_of_its_request() {
        let answer = Meta { exit_code: 64, message: "a \"b\"".to_owned() };
        let mut text = Vec::new();
        add_result(&mut text, None, &answer);
        add_result(&mut text, Some(r#"{"n": 1.50}"#), &answer);
        let meta = r#"{"exit-code":64,"message":"a \"b\""}"#;
        let expected = format!("{{\"meta\":{meta}}}\n{{\"id\":{{\"n\": 1.50}},\"meta\":{meta}}}\n");
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
