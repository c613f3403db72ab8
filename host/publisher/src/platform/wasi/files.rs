//! Files below the directories that the host has opened for this program (preopens).

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use wasip2::filesystem::preopens::get_directories;

use crate::platform::{Shortage, Words};

/// A directory, by its path. Where the host has opened it, it is what was opened.
#[derive(Debug)]
pub(crate) struct Directory(PathBuf);

impl Directory {
    /// Takes the directory at `path`, which exists.
    ///
    /// # Errors
    ///
    /// The host's: it has no such directory, or has not opened it for this program.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if fs::metadata(path)?.is_dir() {
            Ok(Self(path.to_owned()))
        } else {
            Err(ErrorKind::NotADirectory.into())
        }
    }

    /// Opens the file at `inside`, a path in this directory, for reading.
    ///
    /// # Errors
    ///
    /// The host's; and one of the kind `PermissionDenied` without a number of the system's for a path that may lead out of
    /// the directory: one with `..`, or with a link. The host knows only its own directories, so that it would follow a link
    /// out of this one.
    pub(crate) fn file(&self, inside: &Path) -> io::Result<File> {
        let mut path = self.0.clone();
        for component in inside.components() {
            match component {
                Component::CurDir => continue,
                Component::Normal(name) => path.push(name),
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(leads_out()),
            }
            if fs::symlink_metadata(&path)?.is_symlink() {
                return Err(leads_out());
            }
        }
        file(&path)
    }
}

/// Opens the file at `path` for reading.
///
/// # Errors
///
/// The host's; and one in our words for a path that is below no directory that the host has opened.
pub(crate) fn file(path: &Path) -> io::Result<File> {
    File::open(path).map_err(|error| match error.raw_os_error() {
        _ if !is_reachable(path) => unreachable(),
        // What wasmtime says when it has no descriptor left, too.
        Some(libc::EIO) => Shortage::of_descriptors(1).map_or(error, io::Error::from),
        _ => error,
    })
}

/// Whether the host has opened a directory that `path` is below. Relative paths begin where absolute ones do.
fn is_reachable(path: &Path) -> bool {
    let names = |path: &Path| -> Vec<_> {
        path.components()
            .filter_map(|component| match component {
                Component::Normal(name) => Some(name.to_owned()),
                Component::ParentDir | Component::RootDir | Component::Prefix(_) | Component::CurDir => None,
            })
            .collect()
    };
    let wanted = names(path);
    get_directories().iter().any(|(_, opened)| wanted.starts_with(&names(Path::new(opened))))
}

fn unreachable() -> io::Error {
    io::Error::new(
        ErrorKind::NotFound,
        Words("it is in no directory that the host has opened for this component (wasmtime: --dir)"),
    )
}

fn leads_out() -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, "the path leads out of its directory")
}
