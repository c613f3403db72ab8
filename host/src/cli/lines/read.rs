//! From a file of lines to batches of requests, on a thread of its own.

use std::fs::File;
use std::io::{BufRead as _, Read, stdin};
use std::iter::Peekable;
use std::ops::Range;
use std::{thread, vec};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqtt_connector::Response;
use tokio::sync::mpsc;

use crate::cli::{FAULT, UNREADABLE, response};

/// The most bytes that are read at a time. The first time it is less, so that the component need not wait for long, and
/// then twice as much each time.
const READ: Range<usize> = 64 * 1024..512 * 1024;
/// The longest line: the largest content that a packet can hold (MQTT 3.1.1, section 2.2.3).
const LONGEST: usize = 268_435_455;
/// The most bytes that the lines of a batch have, if it has more than one: what an instance has room for at once.
const BATCH_BYTES: u64 = 768 * 1024;
/// Readings that wait while another is made batches of. To hand over each batch by itself would be to wake a thread for each,
/// and that takes as long as the component does.
const AHEAD: usize = 1;

/// What the lines are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Content,
    Base64,
}

/// A file of lines, or standard input.
pub(super) struct Source {
    /// As messages name it.
    name: String,
    input: Box<dyn Read + Send>,
    size: Option<u64>,
    encoding: Encoding,
}

/// What was read at a time, or why nothing more can be read.
type Reading = Result<Vec<Line>, Response>;

/// The lines of a file, as they are read.
pub(super) struct Lines {
    readings: mpsc::Receiver<Reading>,
    /// What is left of the last reading.
    left: Peekable<vec::IntoIter<Line>>,
}

struct Line {
    request: String,
    /// How many bytes it has, with its end.
    bytes: u64,
}

/// The requests of some lines.
pub(super) struct Batch {
    pub(super) requests: Vec<String>,
    /// How many bytes the lines have, with their ends.
    pub(super) bytes: u64,
}

impl Source {
    /// Opens the file at `path`, which stands after `--{flag}`; `-` is standard input.
    ///
    /// # Errors
    ///
    /// The response: it cannot be opened.
    pub(super) fn open(flag: &str, path: &str, encoding: Encoding) -> Result<Self, Response> {
        let name = format!("--{flag} {path}");
        if path == "-" {
            return Ok(Self { name, input: Box::new(stdin()), size: None, encoding });
        }
        let unreadable = |error| response(UNREADABLE, format!("{name}: {error}."));
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let size = Some(metadata.len()).filter(|_| metadata.is_file());
        Ok(Self { name, input: Box::new(file), size, encoding })
    }

    /// How many bytes there are, if that is known.
    pub(super) fn size(&self) -> Option<u64> {
        self.size
    }

    /// Starts to read.
    ///
    /// # Errors
    ///
    /// The response: the system has no thread for it.
    pub(super) fn start(self) -> Result<Lines, Response> {
        let (sender, readings) = mpsc::channel(AHEAD);
        let read = move || self.read(&sender);
        // Nobody waits for it: it may be waiting for a person to type.
        thread::Builder::new()
            .name("lines".to_owned())
            .spawn(read)
            .map_err(|error| response(FAULT, format!("The lines cannot be read: {error}.")))?;
        Ok(Lines { readings, left: Vec::new().into_iter().peekable() })
    }

    fn read(mut self, readings: &mpsc::Sender<Reading>) {
        // What is behind the bytes that were read is of no account, and need not be cleared each time.
        let (mut buffer, mut filled, mut most) = (Vec::new(), 0, READ.start);
        loop {
            buffer.resize(buffer.len().max(filled + most), 0);
            let room = &mut buffer[filled..filled + most];
            let count = match read_some(&mut self.input, room) {
                Ok(count) => count,
                Err(error) => {
                    let failed = response(UNREADABLE, format!("{}: {error}.", self.name));
                    let _ = readings.blocking_send(Err(failed));
                    return;
                }
            };
            // What was left of the last reading has no line's end.
            let last = room[..count].iter().rposition(|byte| *byte == b'\n');
            let end = if count == 0 { filled } else { last.map_or(0, |at| filled + at + 1) };
            filled += count;
            let mut rest = &buffer[..end];
            let lines: Vec<_> = std::iter::from_fn(|| next(&mut rest, self.encoding)).collect();
            if !lines.is_empty() && readings.blocking_send(Ok(lines)).is_err() {
                return;
            }
            if count == 0 {
                return;
            }
            buffer.copy_within(end..filled, 0);
            filled -= end;
            if filled > LONGEST {
                let reason = format!("{}: a line is longer than {LONGEST} bytes", self.name);
                let _ = readings.blocking_send(Err(response(UNREADABLE, reason + ".")));
                return;
            }
            most = READ.end.min(most * 2);
        }
    }
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
        let mut batch = Batch { requests: Vec::with_capacity(most.min(self.left.len())), bytes: 0 };
        while batch.requests.len() < most
            && let Some(line) = self.left.next_if(|line| batch.has_room_for(line))
        {
            batch.bytes += line.bytes;
            batch.requests.push(line.request);
        }
        Some(Ok(batch))
    }
}

impl Batch {
    fn has_room_for(&self, line: &Line) -> bool {
        self.requests.is_empty() || self.bytes + line.bytes <= BATCH_BYTES
    }
}

/// Reads what is there.
fn read_some(input: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match input.read(buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// The first of the lines that `rest` begins with, the last of which may have no end, and moves `rest` behind it.
fn next(rest: &mut &[u8], encoding: Encoding) -> Option<Line> {
    let before = *rest;
    // By `memchr`: an iterator's `split` takes a byte at a time.
    let length = rest.skip_until(b'\n').ok().filter(|length| *length > 0)?;
    let line = &before[..length];
    let request = request(line.strip_suffix(b"\n").unwrap_or(line), encoding);
    Some(Line { request, bytes: length as u64 })
}

/// The request that holds a line as its content, and nothing else.
fn request(line: &[u8], encoding: Encoding) -> String {
    let as_base64 = |base64: &str| object("content-base64", base64);
    match (std::str::from_utf8(line), encoding) {
        (Ok(text), Encoding::Content) => object("content", text),
        (Err(_), Encoding::Content) => as_base64(&STANDARD.encode(line)),
        (Ok(text), Encoding::Base64) => as_base64(text.trim_end_matches('\r')),
        // The component says what is wrong with it.
        (Err(_), Encoding::Base64) => as_base64(&String::from_utf8_lossy(line)),
    }
}

/// A JSON object with one member, a string.
fn object(name: &str, text: &str) -> String {
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    // Without a way out in the middle, so that it takes many bytes at a time.
    if !text.as_bytes().iter().fold(true, |plain, byte| plain & is_plain(*byte)) {
        return format!(r#"{{"{name}":{}}}"#, serde_json::Value::from(text));
    }
    let pieces = ["{\"", name, "\":\"", text, "\"}"];
    pieces.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_the_content_of_a_request() {
        for (line, encoding, expected) in [
            (&b"21.5"[..], Encoding::Content, r#"{"content":"21.5"}"#),
            (b"", Encoding::Content, r#"{"content":""}"#),
            (b"a\"b\\c\t\r", Encoding::Content, r#"{"content":"a\"b\\c\t\r"}"#),
            ("ü".as_bytes(), Encoding::Content, r#"{"content":"ü"}"#),
            (b"\xff\x00", Encoding::Content, r#"{"content-base64":"/wA="}"#),
            (b"/wA=\r", Encoding::Base64, r#"{"content-base64":"/wA="}"#),
            (b"\"", Encoding::Base64, r#"{"content-base64":"\""}"#),
            (b"\xff", Encoding::Base64, "{\"content-base64\":\"\u{fffd}\"}"),
        ] {
            assert_eq!(request(line, encoding), expected, "{line:?}");
        }
    }

    #[test]
    fn every_line_is_read_whatever_ends_the_last() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (text, lines) in [
            ("", &[][..]),
            ("\n", &[""]),
            ("a", &["a"]),
            ("a\n", &["a"]),
            ("a\n\n", &["a", ""]),
            ("a\nb", &["a", "b"]),
        ] {
            let input = Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
            let source = Source { name: String::new(), input, size: None, encoding: Encoding::Content };
            let mut read = source.start().unwrap();
            let mut requests = Vec::new();
            let mut bytes = 0;
            while let Some(batch) = runtime.block_on(read.next(usize::MAX)) {
                let batch = batch.unwrap();
                bytes += batch.bytes;
                requests.extend(batch.requests);
            }
            let expected: Vec<_> =
                lines.iter().map(|line| request(line.as_bytes(), Encoding::Content)).collect();
            assert_eq!(requests, expected, "{text:?}");
            assert_eq!(bytes, text.len() as u64, "{text:?}");
        }
    }
}
