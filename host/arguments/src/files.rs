//! The files that the command line names: each is read within a limit of its own, and its text without the mark that
//! some editors put in front.

use std::fmt;
use std::fs::File;
use std::io::{Error, ErrorKind, Read, stdin};
use std::path::Path;

use mqtt_connector_contract::exit_code::UNUSABLE_FILE;
use mqtt_connector_contract::shown::Shown;
use mqtt_connector_contract::url;

use crate::flags::PASSWORD_FILE;
use crate::refusal::Refusal;

/// Names standard input in place of a file that is read, and standard output in place of one that is written.
const STANDARD: &str = "-";

/// The longest path that a file can have (Linux, `PATH_MAX`), in bytes.
const MAX_PATH: usize = 4096;

/// The mark that some editors put in front of UTF-8 text.
const MARK: char = '\u{feff}';

/// The most that is read of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    bytes: u64,
    shown: &'static str,
    exit_code: i32,
}

impl Limit {
    /// So many bytes, as messages show them.
    #[must_use]
    pub const fn new(bytes: u64, shown: &'static str) -> Self {
        Self { bytes, shown, exit_code: UNUSABLE_FILE }
    }

    /// With this exit code for a file that is larger, instead of 66.
    #[must_use]
    pub const fn with_exit_code(self, exit_code: i32) -> Self {
        Self { exit_code, ..self }
    }

    /// All of `input`, behind what was read of it before; `None` when it is more.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn read(self, mut before: Vec<u8>, input: &mut impl Read) -> std::io::Result<Option<Vec<u8>>> {
        let left = self.bytes.saturating_sub(before.len() as u64);
        input.take(left + 1).read_to_end(&mut before)?;
        Ok((before.len() as u64 <= self.bytes).then_some(before))
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown)
    }
}

/// Standard input, which is waited for even where somebody else who has it open does not want to wait.
struct StandardInput;

impl Read for StandardInput {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            match stdin().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => wait_for_input(error)?,
                read => return read,
            }
        }
    }
}

/// Waits until standard input has something, or has ended.
#[cfg(unix)]
fn wait_for_input(_: Error) -> std::io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};

    let input = stdin();
    // When a signal ends it early, reading would block again.
    match poll(&mut [PollFd::new(&input, PollFlags::IN)], None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Standard input is never one that somebody else does not want to wait for.
#[cfg(not(unix))]
fn wait_for_input(error: Error) -> std::io::Result<()> {
    Err(error)
}

/// A file that somebody has named, or `-`: standard input for what is read, standard output for what is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// The flag, without hyphens; empty for an argument without one.
    flag: &'static str,
    path: String,
}

impl NamedFile {
    /// The file behind `--{flag}`.
    pub fn flag(flag: &'static str, path: impl Into<String>) -> Self {
        Self { flag, path: path.into() }
    }

    /// The file that an argument names.
    pub fn argument(path: impl Into<String>) -> Self {
        Self::flag("", path)
    }

    /// The flag, without hyphens; empty for an argument without one.
    #[must_use]
    pub fn flag_name(&self) -> &'static str {
        self.flag
    }

    /// What was named.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it is standard input, where it is read.
    #[must_use]
    pub fn is_standard_input(&self) -> bool {
        self.path == STANDARD
    }

    /// Whether it is standard output, where it is written.
    #[must_use]
    pub fn is_standard_output(&self) -> bool {
        self.path == STANDARD
    }

    /// The text of the file, without the byte order mark of UTF-8.
    ///
    /// # Errors
    ///
    /// It cannot be read, is larger than its limit, or is no UTF-8 text.
    pub fn text(&self, limit: Limit) -> Result<String, Refusal> {
        decoded(self.bytes(limit)?).map_err(|reason| self.unusable(&reason))
    }

    /// What is in the file, whatever it is.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is larger than its limit.
    pub fn bytes(&self, limit: Limit) -> Result<Vec<u8>, Refusal> {
        let read = if self.is_standard_input() {
            limit.read(Vec::new(), &mut StandardInput)
        } else {
            limit.read(Vec::new(), &mut self.open()?)
        };
        match read {
            Ok(Some(content)) => Ok(content),
            Ok(None) => Err(self.too_large(limit)),
            Err(error) => Err(self.unreadable(error)),
        }
    }

    /// Opens the file.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or is no path at all.
    pub fn open(&self) -> Result<File, Refusal> {
        File::open(&self.path).map_err(|error| self.unopened(error, "input"))
    }

    /// Opens the file to be written, and empties it.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or is no path at all.
    pub fn create(&self) -> Result<File, Refusal> {
        File::create(&self.path).map_err(|error| self.unopened(error, "output"))
    }

    /// The refusal of a file that is larger than `limit`.
    #[must_use]
    pub fn too_large(&self, limit: Limit) -> Refusal {
        Refusal::answer(limit.exit_code, format!("{self}: it is larger than its limit, {limit}."))
    }

    /// The refusal for an error of the system.
    #[must_use]
    pub fn unreadable(&self, error: Error) -> Refusal {
        Refusal::Unreadable { file: self.to_string(), error }
    }

    /// What is wrong with the file: `reason`, a clause without a full stop.
    fn unusable(&self, reason: &impl fmt::Display) -> Refusal {
        Refusal::answer(UNUSABLE_FILE, format!("{self}: {reason}."))
    }

    /// `standard` is what `-` names instead.
    fn unopened(&self, error: Error, standard: &str) -> Refusal {
        let flag = if self.flag.is_empty() { String::new() } else { format!("--{}: ", self.flag) };
        let (path, is_missing) = (self.path.as_str(), error.kind() == ErrorKind::NotFound);
        // What is no path may be what the file should hold. None of it is shown then.
        let instead = if path.is_empty() {
            "the path is empty".to_owned()
        } else if path.trim_start().starts_with(['{', '[']) && path.contains('"') {
            format!(
                "it wants the path of a file, and got JSON text, which is not shown: it may hold a secret. A file can be \
                 standard {standard}: -"
            )
        } else if path.trim_end().contains(['\n', '\r']) || path.len() >= MAX_PATH {
            format!(
                "it wants the path of a file, and got a text that is none and is not shown: it may be a secret. A file \
                 can be standard {standard}: -"
            )
        } else if path.contains("://") && url::may_hold_secret(path) {
            "it wants the path of a file, and got a URL, which is not shown: it may hold a secret".to_owned()
        } else if self.flag == PASSWORD_FILE && is_missing && !is_in_directory(path) {
            "there is no such file. Its path is not shown: it may be the password itself, which belongs into the file \
             or into MQTT_PASSWORD"
                .to_owned()
        } else {
            let end = match (is_missing, path.trim() == path, path.ends_with(['\n', '\r'])) {
                (true, false, true) => "; the path ends in a line break",
                (true, false, false) => "; the path begins or ends in white space",
                (true, true, _) | (false, _, _) => "",
            };
            return if end.is_empty() {
                self.unreadable(error)
            } else {
                self.unusable(&format_args!("{error}{end}"))
            };
        };
        Refusal::answer(UNUSABLE_FILE, format!("{flag}{instead}."))
    }
}

impl fmt::Display for NamedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.flag.is_empty() {
            write!(f, "--{} ", self.flag)?;
        }
        Shown::plain(&self.path, MAX_PATH).fmt(f)
    }
}

/// Whether the path leads into a directory that exists.
fn is_in_directory(path: &str) -> bool {
    Path::new(path).parent().is_some_and(|parent| !parent.as_os_str().is_empty() && parent.is_dir())
}

/// The text of a file; what is wrong with it otherwise, as a clause.
fn decoded(mut bytes: Vec<u8>) -> Result<String, String> {
    // The marks of UTF-32 begin with those of UTF-16. Without a mark, what documents begin with tells them: ASCII.
    let other = match bytes.as_slice() {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some(("UTF-32", "as its byte order mark says")),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some(("UTF-16", "as its byte order mark says")),
        [0, 0, 0, (1..), ..] => Some(("UTF-32BE", "without a byte order mark")),
        [(1..), 0, 0, 0, ..] => Some(("UTF-32LE", "without a byte order mark")),
        [0, (1..), ..] => Some(("UTF-16BE", "without a byte order mark")),
        [(1..), 0, ..] => Some(("UTF-16LE", "without a byte order mark")),
        _ => None,
    };
    if let Some((encoding, why)) = other {
        return Err(format!(
            "the file is {encoding} text, {why}, wants UTF-8; iconv -f {encoding} -t UTF-8 converts it"
        ));
    }
    let mut mark = [0; 4];
    if bytes.starts_with(MARK.encode_utf8(&mut mark).as_bytes()) {
        bytes.drain(..MARK.len_utf8());
    }
    String::from_utf8(bytes).map_err(|_| "the file is not UTF-8 text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf_8_with_or_without_a_mark() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"a", "a"),
            (b"\xef\xbb\xbf", ""),
            (b"\xef\xbb\xbf{}", "{}"),
            (b"\xef\xbb\xbf\xef\xbb\xbfa", "\u{feff}a"),
            (b"a\xef\xbb\xbf", "a\u{feff}"),
            (b"\0", "\0"),
            (b"ab\0", "ab\0"),
        ] {
            assert_eq!(decoded(bytes.to_vec()).as_deref(), Ok(text), "{bytes:?}");
        }
    }

    #[test]
    fn other_encodings_are_named() {
        let other = |encoding: &str, why: &str| {
            format!(
                "the file is {encoding} text, {why}, wants UTF-8; iconv -f {encoding} -t UTF-8 converts it"
            )
        };
        for (bytes, reason) in [
            (&b"\xff\xfe{\0"[..], other("UTF-16", "as its byte order mark says")),
            (b"\xfe\xff\0{", other("UTF-16", "as its byte order mark says")),
            (b"\xff\xfe", other("UTF-16", "as its byte order mark says")),
            (b"\xff\xfe\0\0{\0\0\0", other("UTF-32", "as its byte order mark says")),
            (b"\0\0\xfe\xff", other("UTF-32", "as its byte order mark says")),
            (b"{\0}\0", other("UTF-16LE", "without a byte order mark")),
            (b"\0{\0}", other("UTF-16BE", "without a byte order mark")),
            (b"{\0\0\0}\0\0\0", other("UTF-32LE", "without a byte order mark")),
            (b"\0\0\0{\0\0\0}", other("UTF-32BE", "without a byte order mark")),
            (b"\xfc", "the file is not UTF-8 text".to_owned()),
            (b"\xef\xbb\xbf\xfc", "the file is not UTF-8 text".to_owned()),
            (b"\xef\xbb", "the file is not UTF-8 text".to_owned()),
        ] {
            assert_eq!(decoded(bytes.to_vec()), Err(reason), "{bytes:?}");
        }
    }

    #[test]
    fn no_more_is_read_than_the_limit() {
        let limit = Limit::new(10, "10 B");
        for (before, size, read) in
            [(0, 0, Some(0)), (0, 10, Some(10)), (4, 6, Some(10)), (0, 11, None), (4, 7, None)]
        {
            let content = limit.read(vec![0; before], &mut std::io::repeat(1).take(size)).unwrap();
            assert_eq!(content.map(|content| content.len()), read, "{before} and {size}");
        }
        assert_eq!(limit.read(Vec::new(), &mut std::io::repeat(1)).unwrap(), None);
    }
}
