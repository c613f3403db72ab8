//! Which files a command reads, by their flags: whether that may take long, and that none of them is written over.

use std::fs::{File, Metadata};
use std::io::{Result as Found, stderr, stdin, stdout};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

use mqtt_connector::Response;
use mqtt_connector_arguments::documents::Documents;
use mqtt_connector_arguments::files::NamedFile;
use mqtt_connector_contract::exit_code::PARAMETER;
use mqtt_connector_guest::json;

use crate::arguments::SendArguments;
use crate::response::response;

/// The parameters that may be the path of a file.
const PARAMETERS: [&str; 3] = ["root-ca-crt", "certificate", "private-key"];

/// Whether reading the files may take long: one is a pipe, a terminal, a device, or made by the system while it is read, which
/// has no length then (`/proc/kmsg`); or a component is to be compiled.
pub(super) fn may_take_long(arguments: &SendArguments) -> bool {
    arguments.connector.component.is_some()
        || arguments
            .files_read_before()
            .any(|file| input(file).is_ok_and(|file| !file.is_file() || file.len() == 0))
}

/// Makes sure that writing to `results` destroys nothing that the flags name, and is not written over itself.
///
/// # Errors
///
/// The response: it would.
pub(super) fn spare(arguments: &SendArguments, results: &NamedFile) -> Result<(), Response> {
    let Some(written) = output(results).ok().as_ref().and_then(Identity::of) else { return Ok(()) };
    let is_written = |read: Found<Metadata>| read.ok().as_ref().and_then(Identity::of) == Some(written);
    let lines = arguments.message.lines.as_ref().map(|lines| &lines.file);
    let meanwhile = arguments.connector.component.iter().chain(lines);
    let files = arguments.files_read_before().chain(meanwhile).map(|file| (file.flag_name(), input(file)));
    let given = PARAMETERS.into_iter().filter_map(|name| arguments.message.given(name));
    let texts = given.flat_map(|given| given.texts.iter().map(|text| (given.parameter.name, text)));
    let named = texts.map(|(name, path)| (name, std::fs::metadata(path)));
    for (flag, read) in files.chain(named) {
        if is_written(read) {
            return Err(taken(results, &format!("is the file that --{flag} reads")));
        }
    }
    for (name, metadata) in [("standard output", of(stdout())), ("standard error", of(stderr()))] {
        let is_same = |metadata: &Metadata| metadata.is_file() && Identity::of(metadata) == Some(written);
        if !results.is_standard_output() && metadata.is_ok_and(|metadata| is_same(&metadata)) {
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
pub(super) fn spare_documents(documents: &Documents, results: &NamedFile) -> Result<(), Response> {
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

fn taken(results: &NamedFile, what: &str) -> Response {
    let message =
        format!("The command line: {results} {what}, which the results would destroy; name another file.");
    response(PARAMETER, message)
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

fn input(file: &NamedFile) -> Found<Metadata> {
    if file.is_standard_input() { of(stdin()) } else { std::fs::metadata(file.path()) }
}

fn output(file: &NamedFile) -> Found<Metadata> {
    if file.is_standard_output() { of(stdout()) } else { std::fs::metadata(file.path()) }
}

fn of(file: impl AsFd) -> Found<Metadata> {
    let file: BorrowedFd<'_> = file.as_fd();
    File::from(file.try_clone_to_owned()?).metadata()
}
