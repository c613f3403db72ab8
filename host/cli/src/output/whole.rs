//! Lines that are written whole or not at all.

use std::fs::File;
use std::io::{ErrorKind, Result, Seek as _, SeekFrom, Write, stdout};
use std::os::fd::AsFd as _;

use crate::poll::{Wish, ready};

/// As many bytes are written to a pipe together or not at all (POSIX, `PIPE_BUF`; Linux has 4096).
pub(crate) const ATOMIC: usize = 4096;

/// A file, a pipe or a terminal to which lines are written. Of a line that it does not take as a whole it keeps nothing, as
/// far as that can be had: a regular file is cut back, and a pipe is given no more at a time than it takes together.
pub struct WholeLines {
    output: Output,
    is_regular: bool,
}

enum Output {
    File(File),
    /// When there is no descriptor for a [`File`] of it.
    Stdout,
}

impl WholeLines {
    /// Writes to a file from where it stands.
    pub(crate) fn file(file: File) -> Self {
        let is_regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
        Self { output: Output::File(file), is_regular }
    }

    /// Writes to standard output.
    pub fn stdout() -> Self {
        match stdout().as_fd().try_clone_to_owned() {
            Ok(owned) => Self::file(owned.into()),
            Err(_) => Self { output: Output::Stdout, is_regular: false },
        }
    }

    /// Writes whole lines.
    ///
    /// # Errors
    ///
    /// Not all of them were written; `write_counting` says how many were.
    pub fn write(&mut self, lines: &[u8]) -> Result<()> {
        self.write_counting(lines, |_| ())
    }

    /// The same; `written` is told after each step how many lines it has written.
    ///
    /// # Errors
    ///
    /// Not all of them were written.
    pub(crate) fn write_counting(&mut self, lines: &[u8], mut written: impl FnMut(u64)) -> Result<()> {
        let mut rest = lines;
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(if self.is_regular { rest.len() } else { piece(rest) });
            let mut done = 0;
            let failed = loop {
                match self.output.write(&piece[done..]) {
                    Ok(0) => break Err(ErrorKind::WriteZero.into()),
                    Ok(count) => done += count,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    // Somebody else who has it open does not want to wait.
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        self.output.wait();
                    }
                    Err(error) => break Err(error),
                }
                if done == piece.len() {
                    break Ok(());
                }
            };
            let whole = piece[..done].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            written(piece[..whole].iter().filter(|byte| **byte == b'\n').count() as u64);
            if failed.is_err() && self.is_regular {
                self.cut((done - whole) as u64);
            }
            failed?;
            rest = behind;
        }
        Ok(())
    }

    /// Takes back the last bytes. Where that fails, nothing can be done about it.
    fn cut(&mut self, bytes: u64) {
        let Output::File(file) = &mut self.output else { return };
        let Ok(end) = file.stream_position() else { return };
        let is_last = file.metadata().is_ok_and(|metadata| metadata.len() == end);
        if bytes > 0 && is_last && file.set_len(end - bytes).is_ok() {
            let _ = file.seek(SeekFrom::Start(end - bytes));
        }
    }
}

impl Output {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stdout => stdout().write_all(bytes).map(|()| bytes.len()),
        }
    }

    /// Waits until it can be written to.
    fn wait(&self) {
        match self {
            Self::File(file) => ready([(file.as_fd(), Wish::Write)], true),
            Self::Stdout => ready([(stdout().as_fd(), Wish::Write)], true),
        };
    }
}

/// How many bytes the first lines have that a pipe takes together; of a line that is longer, all.
fn piece(lines: &[u8]) -> usize {
    if lines.len() <= ATOMIC {
        return lines.len();
    }
    let is_end = |byte: &u8| *byte == b'\n';
    let last = lines[..ATOMIC].iter().rposition(is_end).or_else(|| lines.iter().position(is_end));
    last.map_or(lines.len(), |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_whole_lines() {
        let line = |length: usize| [vec![b'x'; length - 1], vec![b'\n']].concat();
        for (lines, first) in [
            (vec![], 0),
            (vec![1], 1),
            (vec![4096], 4096),
            (vec![4000, 96], 4096),
            (vec![4000, 97], 4000),
            (vec![2000, 2000, 2000], 4000),
            (vec![4097], 4097),
            (vec![5000, 1], 5000),
        ] {
            let text: Vec<u8> = lines.iter().flat_map(|length| line(*length)).collect();
            assert_eq!(piece(&text), first, "{lines:?}");
        }
    }

    #[test]
    fn a_file_is_cut_back_to_its_last_whole_line() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"before\nha").unwrap();
        let mut lines = WholeLines::file(file.try_clone().unwrap());
        lines.cut(2);
        lines.write(b"after\n").unwrap();
        assert_eq!(file.metadata().unwrap().len(), b"before\nafter\n".len() as u64);
    }
}
