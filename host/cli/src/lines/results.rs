//! The results: the response to each line, written by a thread of its own. Who does not read them holds up the reading of
//! further lines at some time, and nothing else.

use std::io::Result as Written;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use mqtt_connector::Response;
use mqtt_connector_arguments::files::NamedFile;
use mqtt_connector_contract::exit_code::FAULT;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::output::{WholeLines, note};
use crate::refusal::refused;
use crate::response::response;
use crate::shortage::no_thread;
use crate::signals::Signals;

/// As many bytes may wait to be written before no further line is read.
const ROOM: usize = 32 * 1024 * 1024;

/// Where the response to each line goes.
pub(super) struct Results {
    file: NamedFile,
    lines: mpsc::UnboundedSender<Vec<u8>>,
    ended: oneshot::Receiver<Written<()>>,
    state: Arc<State>,
    /// How many lines were handed over.
    count: u64,
}

/// What is shared with the thread.
#[derive(Default)]
struct State {
    /// Bytes that wait to be written.
    waiting: AtomicUsize,
    /// Lines that are written.
    written: AtomicU64,
    /// Nothing is written any more.
    has_failed: AtomicBool,
    room: Notify,
}

impl Results {
    /// Opens the file, and empties it.
    ///
    /// # Errors
    ///
    /// The response: it cannot be opened.
    pub(super) async fn open(file: &NamedFile) -> Result<Self, Response> {
        let (opened, is_open) = oneshot::channel();
        let (sender, mut lines) = mpsc::unbounded_channel();
        let (end, ended) = oneshot::channel();
        let state = Arc::new(State::default());
        let (shared, named) = (Arc::clone(&state), file.clone());
        let write = move || {
            let output = if named.is_standard_output() {
                Ok(WholeLines::stdout())
            } else {
                named.create().map(WholeLines::file).map_err(refused)
            };
            let (output, is_usable) = match output {
                Ok(output) => (Some(output), Ok(())),
                Err(response) => (None, Err(response)),
            };
            // Nobody asks any more once a signal has ended the program.
            let _ = opened.send(is_usable);
            if let Some(output) = output {
                let _ = end.send(shared.write(output, &mut lines).inspect_err(|error| {
                    shared.has_failed.store(true, Ordering::SeqCst);
                    shared.room.notify_one();
                    note(&format!(
                        "mqtt-connector: {named}: {error}; further results are missing, the lines are still sent"
                    ));
                }));
            }
        };
        let thread = thread::Builder::new().name("results".to_owned()).spawn(write);
        thread.map_err(|error| no_thread(&error, "opening the results"))?;
        is_open.await.map_err(|_| response(FAULT, "Opening the results failed.".to_owned()))??;
        Ok(Self { file: file.clone(), lines: sender, ended, state, count: 0 })
    }

    /// Hands over so many whole lines.
    pub(super) fn add(&mut self, text: Vec<u8>, lines: u64) {
        self.count += lines;
        self.state.waiting.fetch_add(text.len(), Ordering::SeqCst);
        // When the thread has ended it has said why.
        let _ = self.lines.send(text);
    }

    /// Whether further ones may come.
    pub(super) fn has_room(&self) -> bool {
        let state = &self.state;
        state.has_failed.load(Ordering::SeqCst) || state.waiting.load(Ordering::SeqCst) < ROOM
    }

    /// Waits until there may be room again.
    pub(super) async fn room(&self) {
        self.state.room.notified().await;
    }

    /// Waits until all is written, and says what is not, if that is so.
    pub(super) async fn finish(self, signals: &mut Signals) -> Option<String> {
        drop(self.lines);
        let why = match signals.patiently(self.ended).await {
            Some(Ok(Ok(()))) => return None,
            Some(Ok(Err(error))) => error.to_string(),
            Some(Err(_)) => "writing them failed".to_owned(),
            None => "nobody reads them".to_owned(),
        };
        let missing = self.count.saturating_sub(self.state.written.load(Ordering::SeqCst));
        Some(format!("The results of {missing} lines are missing: {}: {why}.", self.file))
    }
}

impl State {
    fn write(&self, mut output: WholeLines, lines: &mut mpsc::UnboundedReceiver<Vec<u8>>) -> Written<()> {
        while let Some(text) = lines.blocking_recv() {
            output.write_counting(&text, |lines| {
                self.written.fetch_add(lines, Ordering::SeqCst);
            })?;
            self.waiting.fetch_sub(text.len(), Ordering::SeqCst);
            self.room.notify_one();
        }
        Ok(())
    }
}
