//! `send --lines`: a message a line.
//!
//! A thread reads lines and makes requests of them, as many at a time as there are; some such batches are under way at one
//! time, each in line behind the one before, so that the connection never waits for the next.

mod bar;
mod read;
mod report;

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;

use clap::ArgMatches;
use mqtt_connector::{Connector, Response, Tenant};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use super::arguments::{LINES, LINES_BASE64, RESULTS};
use super::signals::Signals;
use super::{FAULT, prepared, response};
use read::{Batch, Encoding, Source};
use report::Report;

/// Batches that are under way at one time.
const UNDER_WAY: u32 = 3;

/// How many lines a batch has. While the component reads them nothing is written, and what the broker was given before is to
/// keep it busy for as long. Few are best where the broker's answers are waited for, and many where they are not.
const BATCH_LINES: RangeInclusive<usize> = 32..=128;

/// The lines to send, and where the answers go.
struct Lines {
    source: Source,
    report: Report,
}

/// Whether the command line says where lines are.
pub(super) fn are_named(matches: &ArgMatches) -> bool {
    [LINES, LINES_BASE64].iter().any(|flag| matches.contains_id(flag))
}

/// Sends every line, and says how many were sent.
///
/// # Errors
///
/// The response: a file cannot be opened, the parameters are wrong, whatever the lines are, or the answers cannot be written.
pub(super) async fn send(matches: &ArgMatches, signals: &mut Signals) -> Result<Response, Response> {
    let (tenant, documents, connector) = prepared(matches, signals, UNDER_WAY).await?;
    let Some(Lines { source, mut report }) = named(matches)? else {
        return Err(response(FAULT, "There are no lines to send.".to_owned()));
    };
    let content = documents.with_content("\"\"");
    let check = connector.check(&tenant, &documents.config, &content);
    let checked = signals.unless_ended("the parameters were checked", check).await?;
    if checked.meta.exit_code != 0 {
        return Err(checked);
    }
    let sender = Sender {
        connector: Arc::new(connector),
        tenant,
        config: documents.merged().into(),
        under_way: VecDeque::new(),
        most: *BATCH_LINES.start(),
    };
    let connector = Arc::clone(&sender.connector);
    let stop = Notify::new();
    let sent = sender.send(source, &mut report, &stop);
    let interrupt = || {
        connector.interrupt();
        stop.notify_one();
    };
    signals.answered(sent, interrupt).await?;
    signals.patiently(connector.close()).await;
    report.summary()
}

/// What the command line says of lines, if it does; the files are open then.
fn named(matches: &ArgMatches) -> Result<Option<Lines>, Response> {
    for (flag, encoding) in [(LINES, Encoding::Content), (LINES_BASE64, Encoding::Base64)] {
        if let Some(path) = matches.get_one::<String>(flag) {
            let source = Source::open(flag, path, encoding)?;
            let report = Report::open(matches.get_one::<String>(RESULTS).map(String::as_str), source.size())?;
            return Ok(Some(Lines { source, report }));
        }
    }
    Ok(None)
}

/// Batches on their way.
struct Sender {
    connector: Arc<Connector>,
    tenant: Arc<Tenant>,
    config: Arc<str>,
    under_way: VecDeque<(JoinHandle<Vec<Response>>, u64)>,
    /// How many lines the next batch has at most.
    most: usize,
}

impl Sender {
    /// Sends what `source` has, until `stop`.
    async fn send(mut self, source: Source, report: &mut Report, stop: &Notify) -> Result<(), Response> {
        let mut lines = source.start()?;
        loop {
            // The answers of a slow input are not kept back until there are more lines.
            let next = tokio::select! {
                biased;
                () = stop.notified() => {
                    self.finish(report).await?;
                    report.interrupted();
                    return Ok(());
                }
                next = lines.next(self.most), if self.under_way.len() < UNDER_WAY as usize => Some(next),
                answered = first(&mut self.under_way) => {
                    report.add(&answered?)?;
                    None
                }
            };
            match next {
                None => {}
                Some(Some(Ok(batch))) => self.begin(batch).await,
                Some(Some(Err(failed))) => {
                    self.finish(report).await?;
                    report.stopped(failed);
                    return Ok(());
                }
                Some(None) => return self.finish(report).await,
            }
        }
    }

    /// Lets batches grow while none has to wait for the broker, and shrink while several do.
    fn adapt(&mut self) {
        let waiting = self.under_way.iter().filter(|(sending, _)| !sending.is_finished()).count();
        let most = match waiting {
            0 => self.most * 2,
            1 => self.most,
            _ => self.most / 2,
        };
        self.most = most.clamp(*BATCH_LINES.start(), *BATCH_LINES.end());
    }

    /// Starts a batch, and waits until it stands in line.
    async fn begin(&mut self, batch: Batch) {
        let (connector, tenant, config) =
            (Arc::clone(&self.connector), Arc::clone(&self.tenant), Arc::clone(&self.config));
        let (queued, in_line) = oneshot::channel();
        let bytes = batch.bytes;
        self.adapt();
        let sending = tokio::spawn(async move {
            connector.send_batch_queued(&tenant, &config, &batch.requests, queued).await
        });
        self.under_way.push_back((sending, bytes));
        // It is never sent, only dropped.
        let _ = in_line.await;
    }

    async fn finish(&mut self, report: &mut Report) -> Result<(), Response> {
        while !self.under_way.is_empty() {
            report.add(&first(&mut self.under_way).await?)?;
        }
        Ok(())
    }
}

/// The answers to the first batch, and how many bytes of lines it had. Never, when there is none.
async fn first(
    under_way: &mut VecDeque<(JoinHandle<Vec<Response>>, u64)>,
) -> Result<(Vec<Response>, u64), Response> {
    let Some((sending, bytes)) = under_way.front_mut() else { return std::future::pending().await };
    let bytes = *bytes;
    let answers = sending.await;
    under_way.pop_front();
    answers
        .map(|answers| (answers, bytes))
        .map_err(|_| response(FAULT, "Sending the lines failed.".to_owned()))
}
