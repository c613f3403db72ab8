//! Lines, as they are read.

use std::io::{BufRead, BufReader, Read, Result, stdin};

use mqtt_connector_arguments::files::NamedFile;
use mqtt_connector_arguments::refusal::Refusal;
use mqtt_connector_wasi::publisher;
use wasip2::cli::stdin::get_stdin;
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::io::poll::poll;

/// Bytes that are read at a time.
const READ: usize = 512 * 1024;
/// The longest line: the largest content that a packet can hold (MQTT 3.1.1, section 2.2.3).
pub(crate) const LONGEST: usize = 268_435_455;
/// How long a connection stays open while no line comes, in nanoseconds: as long as the program for machines keeps it, 5 s.
const IDLE: u64 = 5_000_000_000;

/// What begins a file that some editors write.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What lines are read from.
pub(crate) struct Input {
    reader: BufReader<Box<dyn Read>>,
    /// Standard input may have nothing for long.
    may_wait: bool,
}

impl Input {
    /// Opens `file`. With `skips_mark`, a byte order mark at its start is none of the first line's bytes.
    ///
    /// # Errors
    ///
    /// It cannot be opened or read.
    pub(crate) fn open(file: &NamedFile, skips_mark: bool) -> std::result::Result<Self, Refusal> {
        let may_wait = file.is_standard_input();
        let reader: Box<dyn Read> = if may_wait { Box::new(stdin()) } else { Box::new(file.open()?) };
        let mut input = Self { reader: BufReader::with_capacity(READ, reader), may_wait };
        if skips_mark {
            input.wait();
            let begin = input.reader.fill_buf().map_err(|error| file.unreadable(error))?;
            let mark = if begin.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
            input.reader.consume(mark);
        }
        Ok(input)
    }

    /// Reads a line without its line feed into `line`; false at the end.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) fn line(&mut self, line: &mut Vec<u8>) -> Result<bool> {
        line.clear();
        loop {
            self.wait();
            let found = self.reader.fill_buf()?;
            if found.is_empty() {
                return Ok(!line.is_empty());
            }
            let end = found.iter().position(|byte| *byte == b'\n');
            line.extend_from_slice(&found[..end.unwrap_or(found.len())]);
            let taken = end.map_or(found.len(), |end| end + 1);
            self.reader.consume(taken);
            if end.is_some() || line.len() > LONGEST {
                return Ok(true);
            }
        }
    }

    /// Whether something was read already that no line was made of.
    pub(crate) fn has_more(&self) -> bool {
        !self.reader.buffer().is_empty()
    }

    /// Waits until reading does not. The connections are closed when that takes long: nobody would answer the broker meanwhile.
    fn wait(&self) {
        if !self.may_wait || self.has_more() {
            return;
        }
        let (input, timer) = (get_stdin(), subscribe_duration(IDLE));
        // Dropped before the input, of which it is a part.
        let readable = input.subscribe();
        if !poll(&[&readable, &timer]).contains(&0) {
            publisher::close();
        }
    }
}
