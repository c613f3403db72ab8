//! From a file of lines to batches of requests, on a thread of its own.

use std::io::{PipeReader, PipeWriter, pipe};
use std::iter::Peekable;
use std::ops::Range;
use std::time::Duration;
use std::{thread, vec};

use memchr::{memchr, memrchr};
use mqtt_connector::Response;
use mqtt_connector_arguments::files::NamedFile;
use mqtt_connector_arguments::requests::{Kind, Request};
use mqtt_connector_contract::exit_code::{FAULT, UNUSABLE_FILE};
use tokio::sync::{mpsc, oneshot};

use super::input::Input;
use crate::refusal::refused;
use crate::response::response;
use crate::shortage::{no_thread, unreadable};

/// The most bytes that are read at a time. The first time it is less, so that the component need not wait for long, and
/// then twice as much each time.
const READ: Range<usize> = 64 * 1024..512 * 1024;
/// The longest line: the largest content that a packet can hold (MQTT 3.1.1, section 2.2.3).
const LONGEST: usize = 268_435_455;
/// The most bytes that the requests of a batch have, if it has more than one: what an instance has room for at once.
const BATCH_BYTES: usize = 768 * 1024;
/// Readings that wait while another is made batches of. To hand over each batch by itself would be to wake a thread for each,
/// and that takes as long as the component does.
const AHEAD: usize = 1;
/// How long a thread that reads may take to say what it leaves unread.
const GRACE: Duration = Duration::from_secs(1);

/// What begins a file that some editors write.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What was read at a time, or why nothing more can be read.
type Reading = Result<Vec<Line>, Response>;

/// The lines of a file, as they are read.
pub(super) struct Lines {
    readings: mpsc::Receiver<Reading>,
    /// What is left of the last reading.
    left: Peekable<vec::IntoIter<Line>>,
    rest: oneshot::Receiver<Rest>,
    /// Closed to end the reading.
    stop: PipeWriter,
}

/// What is left of the lines when somebody ends the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// All lines were taken, to the last.
    Nothing,
    /// All that was there to be read was taken; the input has not ended.
    Unknown,
    /// Lines, or parts of one, that were handed over and not taken.
    Lines,
}

struct Line {
    request: Result<String, Response>,
    origin: Origin,
    /// Lines with one number that follow each other go over one connection.
    connection: u64,
}

/// Which line something comes from.
pub(super) struct Origin {
    /// Counted from 1.
    pub(super) number: u64,
    /// How many bytes it has, with its end and lines before it that are none.
    bytes: u64,
    /// Its `id`, as JSON text.
    pub(super) id: Option<Box<str>>,
    /// The response to a line of which the component gets nothing.
    pub(super) refused: Option<Response>,
}

/// The requests of some lines.
pub(super) struct Batch {
    pub(super) requests: Vec<String>,
    pub(super) origins: Vec<Origin>,
    /// Batches with one number that follow each other go over one connection.
    pub(super) connection: u64,
    /// How many bytes the lines have, with their ends.
    pub(super) bytes: u64,
}

/// Opens the file and starts to read it. With the lines comes how many bytes of them there are, if that is known.
///
/// # Errors
///
/// The response: it cannot be opened, or the system has no thread for it.
pub(super) async fn open(file: &NamedFile, kind: Kind) -> Result<(Lines, Option<u64>), Response> {
    let name = file.to_string();
    let (stopped, stop) = pipe().map_err(|error| unreadable(&name, &error))?;
    let (opened, size) = oneshot::channel();
    let (sender, readings) = mpsc::channel(AHEAD);
    let (ended, rest) = oneshot::channel();
    let file = file.clone();
    let read = move || {
        let reader = Reader { name, kind, number: 0, blank: 0, connection: 0, last: None };
        let _ = ended.send(reader.run(&file, stopped, opened, &sender));
    };
    // Nobody waits for it: it may be waiting for a person to type.
    thread::Builder::new()
        .name("lines".to_owned())
        .spawn(read)
        .map_err(|error| no_thread(&error, "starting to read the lines"))?;
    let size = size.await.map_err(|_| response(FAULT, "Reading the lines failed.".to_owned()))??;
    Ok((Lines { readings, left: Vec::new().into_iter().peekable(), rest, stop }, size))
}

struct Reader {
    /// As messages name the file.
    name: String,
    kind: Kind,
    /// How many lines have been read.
    number: u64,
    /// The bytes of the lines before that are none.
    blank: u64,
    connection: u64,
    /// What the last request says about its connection.
    last: Option<String>,
}

impl Reader {
    /// Reads to the end, or until nobody wants more.
    fn run(
        mut self,
        file: &NamedFile,
        stopped: PipeReader,
        opened: oneshot::Sender<Result<Option<u64>, Response>>,
        readings: &mpsc::Sender<Reading>,
    ) -> Rest {
        let mut input = match Input::open(file, stopped) {
            Ok(input) => input,
            Err(refusal) => {
                let _ = opened.send(Err(refused(refusal)));
                return Rest::Lines;
            }
        };
        let _ = opened.send(Ok(input.size()));
        let (end, is_whole) = self.read(&mut input, readings);
        let has_more = input.close();
        match end {
            End::Input => Rest::Nothing,
            End::Stopped if is_whole && !has_more => Rest::Unknown,
            End::Stopped | End::Failed => Rest::Lines,
        }
    }

    /// Reads lines; how that ended, and whether every byte that was read was handed over.
    fn read(&mut self, input: &mut Input, readings: &mpsc::Sender<Reading>) -> (End, bool) {
        // What is behind the bytes that were read does not matter, and need not be cleared each time.
        let (mut buffer, mut filled, mut most) = (Vec::new(), 0, READ.start);
        let mut is_first = self.kind.skips_mark();
        loop {
            buffer.resize(buffer.len().max(filled + most), 0);
            let room = &mut buffer[filled..filled + most];
            let count = match input.read(room) {
                Ok(Some(count)) => count,
                Ok(None) => return (End::Stopped, filled == 0),
                Err(error) => {
                    let _ = readings.blocking_send(Err(self.unreadable(&error)));
                    return (End::Failed, false);
                }
            };
            // What was left of the last reading has no line's end.
            let last = memrchr(b'\n', &room[..count]);
            let end = if count == 0 { filled } else { last.map_or(0, |at| filled + at + 1) };
            filled += count;
            let mut rest = &buffer[..end];
            if is_first && end > 0 {
                is_first = false;
                if let Some(behind) = rest.strip_prefix(BYTE_ORDER_MARK) {
                    rest = behind;
                    self.blank += BYTE_ORDER_MARK.len() as u64;
                }
            }
            loop {
                let lines = self.lines(&mut rest);
                if lines.is_empty() {
                    break;
                }
                if readings.blocking_send(Ok(lines)).is_err() {
                    return (End::Stopped, false);
                }
            }
            if count == 0 {
                return (End::Input, true);
            }
            buffer.copy_within(end..filled, 0);
            filled -= end;
            if filled > LONGEST {
                let reason = format!("{}: a line is longer than {LONGEST} bytes.", self.name);
                let _ = readings.blocking_send(Err(response(UNUSABLE_FILE, reason)));
                return (End::Failed, false);
            }
            most = READ.end.min(most * 2);
        }
    }

    /// The lines that `rest` begins with, the last of which may have no end, and moves `rest` behind them: as many as are handed
    /// over together.
    fn lines(&mut self, rest: &mut &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        // A flag may make much of little.
        let mut bytes = 0;
        while bytes < READ.end
            && let Some(text) = next(rest)
        {
            self.number += 1;
            let length = text.len() as u64;
            let Some(request) = self.kind.request(text.strip_suffix(b"\n").unwrap_or(text)) else {
                self.blank += length;
                continue;
            };
            let Request { request, id, connection } = request;
            let request = request.map_err(refused);
            if connection.is_some() && connection != self.last {
                self.connection += 1;
                self.last = connection;
            }
            bytes += request.as_ref().map_or(0, String::len);
            let length = length + std::mem::take(&mut self.blank);
            let origin = Origin { number: self.number, bytes: length, id, refused: None };
            lines.push(Line { request, origin, connection: self.connection });
        }
        lines
    }

    fn unreadable(&self, error: &std::io::Error) -> Response {
        unreadable(&self.name, error)
    }
}

enum End {
    Input,
    Stopped,
    Failed,
}

impl Lines {
    /// The next lines, `most` at most; `None` when there are no further ones. Nothing is lost when this is not waited for to
    /// the end.
    ///
    /// # Errors
    ///
    /// The response: the file cannot be read any further.
    pub(super) async fn next(&mut self, most: usize) -> Option<Result<Batch, Response>> {
        if self.left.peek().is_none() {
            match self.readings.recv().await? {
                Ok(lines) => self.left = lines.into_iter().peekable(),
                Err(failed) => return Some(Err(failed)),
            }
        }
        let room = most.min(self.left.len());
        let connection = self.left.peek().map_or(0, |line| line.connection);
        let mut batch = Batch {
            requests: Vec::with_capacity(room),
            origins: Vec::with_capacity(room),
            connection,
            bytes: 0,
        };
        let mut filled = 0;
        while batch.origins.len() < most
            && let Some(line) = self.left.next_if(|line| batch.takes(line, filled))
        {
            filled += batch.add(line);
        }
        Some(Ok(batch))
    }

    /// Reads no further, and says what is left.
    pub(super) async fn stop(mut self) -> Rest {
        drop(self.stop);
        let mut has_lines = self.left.peek().is_some();
        self.readings.close();
        let rest = async {
            while self.readings.recv().await.is_some() {
                has_lines = true;
            }
            self.rest.await.unwrap_or(Rest::Lines)
        };
        let rest = tokio::time::timeout(GRACE, rest).await.unwrap_or(Rest::Lines);
        if has_lines { Rest::Lines } else { rest }
    }
}

impl Batch {
    /// Whether it takes a further line, when its requests have `filled` bytes.
    fn takes(&self, line: &Line, filled: usize) -> bool {
        let bytes = line.request.as_ref().map_or(0, String::len);
        self.origins.is_empty() || line.connection == self.connection && filled + bytes <= BATCH_BYTES
    }

    /// How many bytes its request has.
    fn add(&mut self, Line { request, mut origin, .. }: Line) -> usize {
        self.bytes += origin.bytes;
        let bytes = match request {
            Ok(request) => {
                let bytes = request.len();
                self.requests.push(request);
                bytes
            }
            Err(refused) => {
                origin.refused = Some(refused);
                0
            }
        };
        self.origins.push(origin);
        bytes
    }
}

/// The first of the lines that `rest` begins with, with its end, and moves `rest` behind it.
fn next<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    // An iterator's `split` takes a byte at a time, and the standard library's `skip_until` two words.
    let length = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
    rest.split_off(..length).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests;
