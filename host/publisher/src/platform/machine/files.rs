//! Files of a directory that was opened once, and files anywhere.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};

/// A directory as it was when it was opened: what is renamed or linked later does not change which one it is.
#[derive(Debug)]
pub(crate) struct Directory(Dir);

impl Directory {
    /// Opens the directory at `path`.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Dir::open_ambient_dir(path, ambient_authority()).map(Self)
    }

    /// Opens the file at `inside`, a path in this directory, for reading. A pipe without a writer is opened at once.
    ///
    /// # Errors
    ///
    /// The system's; and one of the kind `PermissionDenied` without a number of the system's for a path that leads out of
    /// the directory, be it by `..` or by a link.
    pub(crate) fn file(&self, inside: &Path) -> io::Result<File> {
        let options = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).clone();
        Ok(self.0.open_with(inside, &options)?.into_std())
    }
}

/// Opens the file at `path` for reading. A pipe without a writer is opened at once.
///
/// # Errors
///
/// The system's.
pub(crate) fn file(path: &Path) -> io::Result<File> {
    fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}
