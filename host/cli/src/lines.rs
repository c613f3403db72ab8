//! `send --lines` and `send --requests`: a message a line.
//!
//! A thread reads lines and makes requests of them, as many at a time as there are; some such batches are under way at one
//! time, each in line behind the one before, so that the connection never waits for the next. Where the connection or the
//! quality of service changes, a batch waits until those before are answered: the messages arrive in the order of the lines.
//!
//! | module | what it does |
//! |---|---|
//! | `input` | bytes, until somebody says stop |
//! | `read` | lines → batches of requests |
//! | `report`, `results`, `bar` | answers → a summary, a line for each, a picture |

mod bar;
mod input;
mod read;
mod report;
mod results;

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;

use mqtt_connector::{Connector, Response, Tenant};
use mqtt_connector_arguments::documents::Documents;
use mqtt_connector_arguments::message::{LineFormat, Lines as NamedLines};
use mqtt_connector_arguments::requests::Kind;
use mqtt_connector_guest::document::Document;
use tokio::sync::Notify;

use crate::arguments::SendArguments;
use crate::prepare::prepared;
use crate::response::with_origins;
use crate::signals::Signals;
use crate::{inputs, shortage};
use read::{Batch, Lines, Origin};
use report::Report;
use results::Results;

/// Batches that are under way at one time. One with long lines has an instance that waits for the broker, for which there is a place.
const UNDER_WAY: u32 = 3;

/// How many lines a batch has. While the component reads them nothing is written, and what the broker was given before is to
/// keep it busy for as long. Few are best where the broker's answers are waited for, and many where they are not.
const BATCH_LINES: RangeInclusive<usize> = 32..=128;

/// Sends every line, and says how many were sent.
///
/// # Errors
///
/// The response: a file cannot be opened, the parameters are wrong, whatever the lines are, or not every line was sent.
pub(super) async fn send(
    arguments: &SendArguments,
    named: &NamedLines,
    signals: &mut Signals,
) -> Result<Response, Response> {
    let results = arguments.message.results.as_ref();
    if let Some(results) = results {
        inputs::spare(arguments, results)?;
    }
    let (tenant, documents, connector) = prepared(arguments, signals, UNDER_WAY).await?;
    if let Some(results) = results {
        inputs::spare_documents(&documents, results)?;
    }
    let told = |response| with_origins(response, &arguments.message, &documents);
    check(named.format, &connector, &tenant, &documents, signals).await.map_err(told)?;
    let (kind, config) = Kind::of(named.format, &documents);
    let opened = read::open(&named.file, kind);
    let (lines, size) = signals.unless_ended("the lines were opened", opened).await??;
    // Last, because it empties the file.
    let results = match results {
        Some(file) => {
            let opened = Results::open(file);
            Some(signals.unless_ended("the file for the results was opened", opened).await??)
        }
        None => None,
    };
    let mut report = Report::start(results, size);
    let connector = Arc::new(connector);
    shortage::sending_begins();
    let sender = Sender {
        connector: Arc::clone(&connector),
        tenant,
        config: config.into(),
        under_way: VecDeque::new(),
        most_under_way: if connector.lacks_places() { 1 } else { UNDER_WAY as usize },
        most: *BATCH_LINES.start(),
        connection: 0,
    };
    let stop = Notify::new();
    let sent = sender.send(lines, &mut report, &stop);
    let interrupt = || {
        connector.interrupt();
        stop.notify_one();
    };
    signals.answered(sent, interrupt).await?;
    signals.patiently(connector.close()).await;
    report.summary(signals).await.map(told).map_err(told)
}

/// Looks for what is wrong whatever the lines are.
///
/// # Errors
///
/// The response: something is.
async fn check(
    format: LineFormat,
    connector: &Connector,
    tenant: &Tenant,
    documents: &Documents,
    signals: &mut Signals,
) -> Result<(), Response> {
    let are_requests = format == LineFormat::Request;
    // What the configuration does not have, each request may.
    if are_requests && Document::read(&documents.config).is_ok() {
        return Ok(());
    }
    let request = if are_requests { "{}".to_owned() } else { documents.with_content("\"\"") };
    let check = connector.check(tenant, &documents.config, &request);
    let checked = signals.unless_ended("the parameters were checked", check).await?;
    if checked.meta.exit_code == 0 { Ok(()) } else { Err(checked) }
}

/// Batches on their way.
struct Sender {
    connector: Arc<Connector>,
    tenant: Tenant,
    config: Arc<str>,
    under_way: VecDeque<Sending>,
    /// How many batches may be.
    most_under_way: usize,
    /// How many lines the next batch has at most.
    most: usize,
    /// That of the last batch.
    connection: u64,
}

/// A batch on its way.
struct Sending {
    answers: mqtt_connector::Batch,
    origins: Vec<Origin>,
    bytes: u64,
}

impl Sender {
    /// Sends the lines, until `stop`.
    async fn send(mut self, mut lines: Lines, report: &mut Report, stop: &Notify) -> Result<(), Response> {
        loop {
            let has_room = report.has_room();
            // The answers of a slow input are not kept back until there are more lines.
            let next = tokio::select! {
                biased;
                () = stop.notified() => {
                    report.interrupted(lines.stop().await);
                    return self.finish(report).await;
                }
                next = lines.next(self.most), if has_room && self.under_way.len() < self.most_under_way => Some(next),
                answers = first(&mut self.under_way) => {
                    self.take_answers(answers, report);
                    None
                }
                () = report.room(), if !has_room => None,
            };
            match next {
                None => {}
                Some(Some(Ok(batch))) => {
                    if batch.connection != self.connection {
                        self.finish(report).await?;
                    }
                    self.begin(batch).await;
                }
                Some(Some(Err(failed))) => {
                    report.stopped(&failed);
                    return self.finish(report).await;
                }
                Some(None) => return self.finish(report).await,
            }
        }
    }

    /// Lets batches grow while none has to wait for the broker, and shrink while several do.
    fn adapt(&mut self) {
        let waiting = self.under_way.iter().filter(|sending| !sending.answers.is_finished()).count();
        let most = match waiting {
            0 => self.most * 2,
            1 => self.most,
            _ => self.most / 2,
        };
        self.most = most.clamp(*BATCH_LINES.start(), *BATCH_LINES.end());
    }

    /// Starts a batch, and waits until it stands in line.
    async fn begin(&mut self, batch: Batch) {
        let Batch { requests, origins, connection, bytes } = batch;
        self.adapt();
        self.connection = connection;
        let mut answers = self.connector.start_batch(&self.tenant, &self.config, requests);
        answers.queued().await;
        self.under_way.push_back(Sending { answers, origins, bytes });
    }

    async fn finish(&mut self, report: &mut Report) -> Result<(), Response> {
        while !self.under_way.is_empty() {
            let answers = first(&mut self.under_way).await;
            self.take_answers(answers, report);
        }
        Ok(())
    }

    /// Takes the answers of the first batch.
    fn take_answers(&mut self, answers: Vec<Response>, report: &mut Report) {
        if let Some(Sending { origins, bytes, .. }) = self.under_way.pop_front() {
            report.add(answers, origins, bytes);
        }
    }
}

/// Waits for the answers to the first batch. Never comes, when there is none.
async fn first(under_way: &mut VecDeque<Sending>) -> Vec<Response> {
    match under_way.front_mut() {
        Some(sending) => (&mut sending.answers).await,
        None => std::future::pending().await,
    }
}
