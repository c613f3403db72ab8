//! What became of the lines: a response for each, a bar that moves, and a summary.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write, stdout};
use std::time::Instant;

use mqtt_connector::Response;

use super::bar::Bar;
use crate::cli::arguments::RESULTS;
use crate::cli::{NOT_SENT, UNREADABLE, response};

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
    stopped: Option<Response>,
    /// How many bytes of lines there are, and how many of them are answered.
    size: Option<u64>,
    bytes: u64,
}

/// Where the response for each line goes.
struct Results {
    path: String,
    output: BufWriter<Box<dyn Write>>,
}

impl Report {
    /// Opens the file for the response for each line, if there is to be one; `-` is standard output. `size` is how many
    /// bytes of lines there are, if that is known.
    ///
    /// # Errors
    ///
    /// The response: it cannot be opened.
    pub(super) fn open(results: Option<&str>, size: Option<u64>) -> Result<Self, Response> {
        let results = results.map(Results::open).transpose()?;
        Ok(Self {
            results,
            bar: Bar::start(size),
            began: Instant::now(),
            lines: 0,
            failed: BTreeMap::new(),
            first: None,
            stopped: None,
            size,
            bytes: 0,
        })
    }

    /// Takes the answers to the next lines, and how many bytes those had.
    ///
    /// # Errors
    ///
    /// The response: the answers cannot be written.
    pub(super) fn add(&mut self, (answers, bytes): &(Vec<Response>, u64)) -> Result<(), Response> {
        for answer in answers {
            self.lines += 1;
            if answer.meta.exit_code != 0 {
                *self.failed.entry(answer.meta.exit_code).or_default() += 1;
                self.first.get_or_insert_with(|| (self.lines, answer.clone()));
            }
        }
        if let Some(results) = &mut self.results {
            results.write(answers)?;
        }
        self.bytes += bytes;
        let failed: u64 = self.failed.values().sum();
        let failed = if failed > 0 { format!(", {failed} not sent") } else { String::new() };
        self.bar.set(self.bytes, format!("{} lines{failed}", self.lines));
        Ok(())
    }

    /// No further line could be read, for the reason that the response gives.
    pub(super) fn stopped(&mut self, failed: Response) {
        self.stopped = Some(failed);
    }

    /// Somebody has ended it. Of a file, the rest was not sent; that there is a rest of standard input nobody knows.
    pub(super) fn interrupted(&mut self) {
        let has_rest = self.size.is_some_and(|size| self.bytes < size);
        self.stopped =
            Some(response(if has_rest { NOT_SENT } else { 0 }, "somebody has ended the program.".to_owned()));
    }

    /// The summary; its exit code is that of the first line that was not sent.
    ///
    /// # Errors
    ///
    /// The same, when a line was not sent or not all lines could be read.
    pub(super) fn summary(self) -> Result<Response, Response> {
        self.bar.end();
        let took = self.began.elapsed();
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
        if let Some(stopped) = self.stopped {
            text += &format!(" Further lines were not read: {}", stopped.meta.message);
            exit_code = if exit_code == 0 { stopped.meta.exit_code } else { exit_code };
        }
        let summary = response(exit_code, text);
        if exit_code == 0 { Ok(summary) } else { Err(summary) }
    }
}

impl Results {
    fn open(path: &str) -> Result<Self, Response> {
        let output: Box<dyn Write> = match path {
            "-" => Box::new(stdout()),
            path => Box::new(File::create(path).map_err(|error| unwritable(path, &error))?),
        };
        Ok(Self { path: path.to_owned(), output: BufWriter::new(output) })
    }

    fn write(&mut self, answers: &[Response]) -> Result<(), Response> {
        let mut write = || {
            for answer in answers {
                serde_json::to_writer(&mut self.output, answer)?;
                self.output.write_all(b"\n")?;
            }
            self.output.flush()
        };
        write().map_err(|error| unwritable(&self.path, &error))
    }
}

fn unwritable(path: &str, error: &std::io::Error) -> Response {
    response(UNREADABLE, format!("--{RESULTS} {path}: {error}."))
}
