//! Which files a command reads, by their flags: whether that may take long, and that none of them is written over.

use std::fs::{File, Metadata};
use std::io::{Result as Found, stderr, stdin, stdout};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

use clap::ArgMatches;
use mqtt_connector::Response;
use mqtt_connector_contract::exit_code::PARAMETER;
use mqtt_connector_guest::json;

use crate::arguments::{
    COMPONENT, CONFIG, CONTENT_FILE, LINES, LINES_BASE64, PASSWORD_FILE, REQUEST, REQUESTS, RESULTS, TENANTS,
};
use crate::documents::Documents;
use crate::response::response;

/// Those that are read before anything is sent.
const BEFORE: [&str; 5] = [TENANTS, CONFIG, REQUEST, CONTENT_FILE, PASSWORD_FILE];

/// Those that are read meanwhile, or by others.
const MEANWHILE: [&str; 4] = [COMPONENT, LINES, LINES_BASE64, REQUESTS];

/// The parameters that may be the path of a file.
const PARAMETERS: [&str; 3] = ["root-ca-crt", "certificate", "private-key"];

const STANDARD: &str = "-";

/// Whether reading the files may take long: one is a pipe, a terminal, a device, or made by the system while it is read, which
/// has no length then (`/proc/kmsg`); or a component is to be compiled.
pub(super) fn may_take_long(matches: &ArgMatches) -> bool {
    let named = |name: &&str| path(matches, name);
    named(&COMPONENT).is_some()
        || BEFORE
            .iter()
            .filter_map(named)
            .any(|path| input(path).is_ok_and(|file| !file.is_file() || file.len() == 0))
}

/// Makes sure that writing results to `results` destroys nothing that the flags name, and is not written over itself.
///
/// # Errors
///
/// The response: it would.
pub(super) fn spare(matches: &ArgMatches, results: &str) -> Result<(), Response> {
    let Some(file) = output(results).ok().as_ref().and_then(Identity::of) else { return Ok(()) };
    for flag in BEFORE.into_iter().chain(MEANWHILE).chain(PARAMETERS) {
        let read = path(matches, flag).and_then(|path| input(path).ok());
        if read.as_ref().and_then(Identity::of) == Some(file) {
            return Err(taken(results, &format!("is the file that --{flag} reads")));
        }
    }
    for (name, metadata) in [("standard output", of(stdout())), ("standard error", of(stderr()))] {
        let is_same = |metadata: &Metadata| metadata.is_file() && Identity::of(metadata) == Some(file);
        if results != STANDARD && metadata.is_ok_and(|metadata| is_same(&metadata)) {
            return Err(taken(results, &format!("is the file that {name} goes to")));
        }
    }
    Ok(())
}

/// The same, of the files that the documents name.
///
/// # Errors
///
/// The response: it would.
pub(super) fn spare_documents(documents: &Documents, results: &str) -> Result<(), Response> {
    let Some(file) = output(results).ok().as_ref().and_then(Identity::of) else { return Ok(()) };
    for document in [&documents.config, &documents.request] {
        let Ok(object) = json::check(document) else { continue };
        for (name, value) in json::members(object).filter(|(name, _)| PARAMETERS.contains(&&**name)) {
            let path = json::string(value).filter(|path| path.starts_with('/'));
            let read = path.and_then(|path| std::fs::metadata(&*path).ok());
            if read.as_ref().and_then(Identity::of) == Some(file) {
                return Err(taken(results, &format!("is the file that {name} names")));
            }
        }
    }
    Ok(())
}

fn taken(results: &str, what: &str) -> Response {
    response(
        PARAMETER,
        format!(
            "The command line: --{RESULTS} {results} {what}, which the results would destroy; name another file."
        ),
    )
}

/// What a path leads to, whatever the path is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// `None` where reading and writing have nothing to do with each other: terminals, `/dev/null`, sockets.
    fn of(metadata: &Metadata) -> Option<Self> {
        let kind = metadata.file_type();
        let holds_what_is_written = kind.is_file() || kind.is_fifo() || kind.is_block_device();
        holds_what_is_written.then(|| Self { device: metadata.dev(), inode: metadata.ino() })
    }
}

/// The path after a flag that the command may not have.
fn path<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a str> {
    matches.try_get_one::<String>(name).ok().flatten().map(String::as_str)
}

/// What is read at `path`; `-` is standard input.
fn input(path: &str) -> Found<Metadata> {
    if path == STANDARD { of(stdin()) } else { std::fs::metadata(path) }
}

/// What is written at `path`; `-` is standard output.
fn output(path: &str) -> Found<Metadata> {
    if path == STANDARD { of(stdout()) } else { std::fs::metadata(path) }
}

fn of(file: impl AsFd) -> Found<Metadata> {
    let file: BorrowedFd<'_> = file.as_fd();
    File::from(file.try_clone_to_owned()?).metadata()
}
