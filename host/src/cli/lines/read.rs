//! From a file of lines to batches of requests, on a thread of its own.

use std::fs::File;
use std::io::{BufRead as _, Read, stdin};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqtt_connector::Response;
use tokio::sync::mpsc;

use crate::cli::{FAULT, UNREADABLE, response};

/// The most bytes that are read at a time, and so the most lines of a batch in all.
const READ: usize = 256 * 1024;
/// The longest line: the largest content that a packet can hold (MQTT 3.1.1, section 2.2.3).
const LONGEST: usize = 268_435_455;
/// The most lines of a batch. While the component reads them nothing is written, and what the broker was given before is to
/// keep it busy for as long.
const LINES: usize = 128;
/// Batches that are read and not begun yet.
const AHEAD: usize = 16;

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

    /// Starts to read. The last batch may be the response for a file that cannot be read any further.
    ///
    /// # Errors
    ///
    /// The response: the system has no thread for it.
    pub(super) fn start(self) -> Result<mpsc::Receiver<Result<Batch, Response>>, Response> {
        let (batches, received) = mpsc::channel(AHEAD);
        let read = move || self.read(&batches);
        // Nobody waits for it: it may be waiting for a person to type.
        thread::Builder::new()
            .name("lines".to_owned())
            .spawn(read)
            .map_err(|error| response(FAULT, format!("The lines cannot be read: {error}.")))?;
        Ok(received)
    }

    fn read(mut self, batches: &mpsc::Sender<Result<Batch, Response>>) {
        let mut buffer = Vec::new();
        loop {
            let read = read_some(&mut self.input, &mut buffer);
            let end = match read {
                Ok(0) => buffer.len(),
                Ok(_) => buffer.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1),
                Err(error) => {
                    let failed = response(UNREADABLE, format!("{}: {error}.", self.name));
                    let _ = batches.blocking_send(Err(failed));
                    return;
                }
            };
            let mut lines = &buffer[..end];
            while !lines.is_empty() {
                if batches.blocking_send(Ok(Batch::take(&mut lines, self.encoding))).is_err() {
                    return;
                }
            }
            buffer.drain(..end);
            if matches!(read, Ok(0)) {
                return;
            }
            if buffer.len() > LONGEST {
                let reason = format!("{}: a line is longer than {LONGEST} bytes", self.name);
                let _ = batches.blocking_send(Err(response(UNREADABLE, reason + ".")));
                return;
            }
        }
    }
}

/// Reads what is there, behind what `buffer` holds.
fn read_some(input: &mut impl Read, buffer: &mut Vec<u8>) -> std::io::Result<usize> {
    let before = buffer.len();
    buffer.resize(before + READ, 0);
    let read = loop {
        match input.read(&mut buffer[before..]) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            read => break read,
        }
    };
    buffer.truncate(before + read.as_ref().copied().unwrap_or_default());
    read
}

impl Batch {
    /// The requests for the first of `lines`, the last of which may have no end, and moves `lines` behind them.
    fn take(lines: &mut &[u8], encoding: Encoding) -> Self {
        let before = lines.len();
        let requests = std::iter::from_fn(|| next(lines)).take(LINES);
        let requests = requests.map(|line| request(line, encoding)).collect();
        Self { requests, bytes: (before - lines.len()) as u64 }
    }
}

/// The first of `lines` without its end, and moves `lines` behind it.
fn next<'a>(lines: &mut &'a [u8]) -> Option<&'a [u8]> {
    let before = *lines;
    // By `memchr`: an iterator's `split` takes a byte at a time.
    let length = lines.skip_until(b'\n').ok().filter(|length| *length > 0)?;
    let line = &before[..length];
    Some(line.strip_suffix(b"\n").unwrap_or(line))
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
            let mut batches = source.start().unwrap();
            let mut requests = Vec::new();
            let mut bytes = 0;
            while let Some(batch) = batches.blocking_recv() {
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
