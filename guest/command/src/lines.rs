//! `send --lines` and `send --requests`: a message a line. Lines are read and sent in turns, as many at a time as are there, over a
//! connection that stays open between them.

use std::fs::File;
use std::io::Write as _;
use std::time::Instant;

use mqtt_connector_arguments::answers::{Answers, add_result};
use mqtt_connector_arguments::documents::{self, Documents};
use mqtt_connector_arguments::files::NamedFile;
use mqtt_connector_arguments::message::{LineFormat, Lines, MessageFlags};
use mqtt_connector_arguments::origins;
use mqtt_connector_arguments::requests::{Kind, Request};
use mqtt_connector_contract::connector::Meta;
use mqtt_connector_contract::exit_code::{PARAMETER, UNUSABLE_FILE};
use mqtt_connector_guest::document::Document;
use mqtt_connector_wasi::{connector, publisher};

use crate::input::{Input, LONGEST};
use crate::output::{self, note, refused};

/// The most lines of a batch. Of each there is a request, a message and an answer at one time.
const BATCH_LINES: usize = 1000;
/// The most bytes that the requests of a batch have, if it has more than one.
const BATCH_BYTES: usize = 768 * 1024;

/// Sends every line, and says how many were sent.
///
/// # Errors
///
/// The answer: a file cannot be opened, or the parameters are wrong, whatever the lines are. Nothing was sent.
pub(crate) fn send(flags: &MessageFlags, named: &Lines) -> Result<Meta, Meta> {
    if let Some(results) = &flags.results {
        spare(flags, named, results)?;
    }
    let documents = documents::read(flags).map_err(refused)?;
    let told = |Meta { exit_code, message }| Meta {
        exit_code,
        message: origins::told(exit_code, message, flags, &documents),
    };
    check(named.format, &documents).map_err(told)?;
    let (kind, config) = Kind::of(named.format, &documents);
    let input = Input::open(&named.file, kind.skips_mark()).map_err(refused)?;
    // Last, because it empties the file.
    let results = flags.results.as_ref().map(Results::open).transpose()?;
    publisher::keep_open();
    let began = Instant::now();
    let mut sender = Sender { config, kind, results, answers: Answers::default(), number: 0 };
    sender.send(input, &named.file);
    publisher::close();
    let missing = sender.results.and_then(Results::missing);
    Ok(told(sender.answers.summary(began.elapsed(), missing)))
}

/// Looks for what is wrong whatever the lines are.
///
/// # Errors
///
/// The answer: something is.
fn check(format: LineFormat, documents: &Documents) -> Result<(), Meta> {
    let are_requests = format == LineFormat::Request;
    // What the configuration does not have, each request may.
    if are_requests && Document::read(&documents.config).is_ok() {
        return Ok(());
    }
    let request = if are_requests { "{}".to_owned() } else { documents.with_content("\"\"") };
    let meta = connector::check(&documents.config, &request);
    if meta.exit_code == 0 { Ok(()) } else { Err(meta) }
}

/// Makes sure that the results destroy no file that the flags name. Files are compared by their names: what a link leads to
/// is not known here.
///
/// # Errors
///
/// The answer: they would.
fn spare(flags: &MessageFlags, named: &Lines, results: &NamedFile) -> Result<(), Meta> {
    let absolute = |file: &NamedFile| std::path::absolute(file.path()).ok();
    let mut read = flags.files_read_before().chain([&named.file]).filter(|file| !file.is_standard_input());
    let Some(same) = read.find(|file| !results.is_standard_output() && absolute(file) == absolute(results))
    else {
        return Ok(());
    };
    Err(Meta {
        exit_code: PARAMETER,
        message: format!(
            "The command line: {results} is the file that --{} reads, which the results would destroy; name another file.",
            same.flag_name()
        ),
    })
}

/// Lines on their way.
struct Sender {
    config: String,
    kind: Kind,
    results: Option<Results>,
    answers: Answers,
    /// How many lines have been read.
    number: u64,
}

/// Lines that go out together.
#[derive(Default)]
struct Batch {
    requests: Vec<String>,
    /// How many bytes the requests have.
    bytes: usize,
    /// For each line: its number, its `id`, and the answer to one that the connector gets nothing of.
    origins: Vec<(u64, Option<Box<str>>, Option<Meta>)>,
}

impl Sender {
    fn send(&mut self, mut input: Input, file: &NamedFile) {
        let mut batch = Batch::default();
        let mut last = None;
        let mut line = Vec::new();
        loop {
            // The answers of a slow input are not kept back until there are more lines.
            if !input.has_more() {
                self.answer(&mut batch);
            }
            match input.line(&mut line) {
                Ok(false) => break,
                Ok(true) if line.len() > LONGEST => {
                    let message = format!("{file}: a line is longer than {LONGEST} bytes.");
                    return self.stop(&mut batch, &Meta { exit_code: UNUSABLE_FILE, message });
                }
                Ok(true) => self.number += 1,
                Err(error) => return self.stop(&mut batch, &refused(file.unreadable(error))),
            }
            let Some(Request { request, id, connection }) = self.kind.request(&line) else { continue };
            let bytes = request.as_ref().map_or(0, String::len);
            let is_other = connection.is_some() && connection != last;
            let is_full = batch.origins.len() == BATCH_LINES || batch.bytes + bytes > BATCH_BYTES;
            if is_other || is_full {
                self.answer(&mut batch);
            }
            if connection.is_some() {
                last = connection;
            }
            batch.add(self.number, id, request.map_err(refused));
        }
        self.answer(&mut batch);
    }

    /// Sends the batch, takes its answers, and empties it.
    fn answer(&mut self, batch: &mut Batch) {
        let Batch { requests, origins, .. } = std::mem::take(batch);
        if origins.is_empty() {
            return;
        }
        let mut answers = if requests.is_empty() {
            Vec::new().into_iter()
        } else {
            connector::send_batch(&self.config, &requests).into_iter()
        };
        let mut text = Vec::new();
        let lines = origins.len() as u64;
        for (number, id, refused) in origins {
            let Some(meta) = refused.or_else(|| answers.next()) else { break };
            if self.results.is_some() {
                add_result(&mut text, id.as_deref(), &meta);
            }
            self.answers.add(number, meta);
        }
        if let Some(results) = &mut self.results {
            results.write(&text, lines);
        }
    }

    /// No further line can be read.
    fn stop(&mut self, batch: &mut Batch, why: &Meta) {
        self.answer(batch);
        self.answers.stopped(why.exit_code, format!("Further lines were not read: {}", why.message));
    }
}

impl Batch {
    fn add(&mut self, number: u64, id: Option<Box<str>>, request: Result<String, Meta>) {
        let refused = match request {
            Ok(request) => {
                self.bytes += request.len();
                self.requests.push(request);
                None
            }
            Err(refused) => Some(refused),
        };
        self.origins.push((number, id, refused));
    }
}

/// Where the response to each line goes.
struct Results {
    named: NamedFile,
    /// Without one, it is standard output.
    file: Option<File>,
    /// Why nothing is written any more, and how many lines are missing.
    failed: Option<(std::io::Error, u64)>,
}

impl Results {
    /// Opens the file, and empties it.
    ///
    /// # Errors
    ///
    /// The answer: it cannot be opened.
    fn open(named: &NamedFile) -> Result<Self, Meta> {
        let create = || named.create().map_err(refused);
        let file = if named.is_standard_output() { None } else { Some(create()?) };
        Ok(Self { named: named.clone(), file, failed: None })
    }

    /// Writes so many lines. When that fails the lines are still sent.
    fn write(&mut self, text: &[u8], lines: u64) {
        if let Some((_, missing)) = &mut self.failed {
            *missing += lines;
            return;
        }
        let written = match &mut self.file {
            Some(file) => file.write_all(text),
            None => output::write(text),
        };
        if let Err(error) = written {
            let named = &self.named;
            note(&format!(
                "mqtt-connector: {named}: {error}; further results are missing, the lines are still sent"
            ));
            self.failed = Some((error, lines));
        }
    }

    /// What is missing, if anything is.
    fn missing(self) -> Option<String> {
        let (error, missing) = self.failed?;
        Some(format!("The results of {missing} lines are missing: {}: {error}.", self.named))
    }
}
