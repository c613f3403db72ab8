//! What lines are read from, until somebody says stop.

use std::fs::{File, Metadata};
use std::io::{Error, ErrorKind, PipeReader, Read as _, Result as Read, Seek as _};
use std::os::fd::{AsFd as _, FromRawFd as _};

use mqtt_connector_arguments::files::NamedFile;
use mqtt_connector_arguments::refusal::Refusal;

use crate::poll::{Wish, ready};

/// A file, a pipe or a terminal.
pub(super) struct Input {
    file: File,
    /// Ready when nothing more is to be read: its other end is closed then.
    stop: PipeReader,
}

impl Input {
    /// Opens the file. Standard input is closed with this.
    ///
    /// # Errors
    ///
    /// It cannot be opened.
    pub(super) fn open(file: &NamedFile, stop: PipeReader) -> Result<Self, Refusal> {
        let opened = if file.is_standard_input() { standard_input() } else { file.open()? };
        // Otherwise it is found out only by reading, when the results have been emptied.
        if opened.metadata().map_err(|error| file.unreadable(error))?.is_dir() {
            return Err(file.unreadable(Error::from_raw_os_error(libc::EISDIR)));
        }
        Ok(Self { file: opened, stop })
    }

    /// How many bytes there are to be read, if that is known.
    pub(super) fn size(&mut self) -> Option<u64> {
        let metadata = self.file.metadata().ok().filter(Metadata::is_file)?;
        Some(metadata.len().saturating_sub(self.file.stream_position().unwrap_or_default()))
    }

    /// Reads what is there, and waits until something is; `None` when nothing more is to be read.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Read<Option<usize>> {
        loop {
            let [_, stopped] =
                ready([(self.file.as_fd(), Wish::Read), (self.stop.as_fd(), Wish::Read)], true);
            if stopped {
                return Ok(None);
            }
            match self.file.read(buffer) {
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                read => return read.map(Some),
            }
        }
    }

    /// Closes it, so that nobody can write to it in vain, and says whether something was left in it.
    pub(super) fn close(mut self) -> bool {
        let is_ready = ready([(self.file.as_fd(), Wish::Read)], false) == [true];
        // At its end it is ready too.
        is_ready && self.file.read(&mut [0]).is_ok_and(|count| count > 0)
    }
}

/// Standard input, which nobody else reads after this.
#[expect(unsafe_code, reason = "the standard library does not close it")]
fn standard_input() -> File {
    // SAFETY: the descriptor is open from the start of the program, lines are read once, and by nobody but this: no other
    // flag has `-` then.
    unsafe { File::from_raw_fd(libc::STDIN_FILENO) }
}
