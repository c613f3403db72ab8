//! Which files a command reads, by their flags.

use std::fs::{File, Metadata};
use std::io::{Result, stdin};
use std::os::fd::AsFd as _;

use clap::ArgMatches;

use super::arguments::{COMPONENT, CONFIG, CONTENT_FILE, PASSWORD_FILE, REQUEST, TENANTS};

/// Those that are read before anything is sent.
const BEFORE: [&str; 5] = [TENANTS, CONFIG, REQUEST, CONTENT_FILE, PASSWORD_FILE];

/// Whether reading the files may take long: one is a pipe, a terminal or a device, or a component is to be compiled.
pub(super) fn may_take_long(matches: &ArgMatches) -> bool {
    let named = |name: &&str| path(matches, name);
    named(&COMPONENT).is_some()
        || BEFORE.iter().filter_map(named).any(|path| metadata(path).is_ok_and(|file| !file.is_file()))
}

/// The path after a flag that the command may not have.
fn path<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a str> {
    matches.try_get_one::<String>(name).ok().flatten().map(String::as_str)
}

/// Of what is at `path`; `-` is standard input.
fn metadata(path: &str) -> Result<Metadata> {
    match path {
        "-" => File::from(stdin().as_fd().try_clone_to_owned()?).metadata(),
        path => std::fs::metadata(path),
    }
}
