//! [`Lock`]: one process carries out what a file holds.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::schema::OpenError;

/// A file beside the store, locked for as long as this lives, or the process does. It is another one than the store's: SQLite's own locks on that
/// are lost when the process closes it.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let beside = beside(path);
        let options = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&beside);
        let file = options.map_err(|error| OpenError::io(&beside, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(OpenError::io(&beside, error)),
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push("-lock");
    PathBuf::from(name)
}
