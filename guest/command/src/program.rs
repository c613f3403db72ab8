//! From arguments to the exit status.

use std::ffi::OsString;

use mqtt_connector_arguments::documents;
use mqtt_connector_arguments::message::MessageFlags;
use mqtt_connector_arguments::origins;
use mqtt_connector_arguments::usage::{self, Verdict};
use mqtt_connector_contract::WIT;
use mqtt_connector_contract::connector::Meta;
use mqtt_connector_contract::exit_code::PARAMETER;
use mqtt_connector_guest::schema::schema;
use mqtt_connector_wasi::connector;

use crate::arguments::{self, Arguments};
use crate::lines;
use crate::output::{SUCCESS, exit_status, note, print, refused, respond};

/// Runs the program with `arguments`, the first of which is its name. What it answers is the exit status: the response's exit
/// code.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(wrong) = usage::swallowed(arguments::command, &arguments) {
        return respond(refused(wrong));
    }
    let matches = match arguments::command().try_get_matches_from(&arguments) {
        Ok(matches) => matches,
        Err(error) => return misused(&arguments, error),
    };
    match Arguments::resolve(&matches) {
        Ok(Arguments::Send(flags)) => respond(send(&flags)),
        Ok(Arguments::Check(flags)) => respond(answered(&flags, connector::check)),
        Ok(Arguments::Schema) => print(&(schema() + "\n")),
        Ok(Arguments::Wit) => print(WIT),
        Err(wrong) => respond(refused(wrong)),
    }
}

fn send(flags: &MessageFlags) -> Meta {
    match &flags.lines {
        Some(named) => lines::send(flags, named).unwrap_or_else(|failed| failed),
        None => answered(flags, connector::send),
    }
}

/// What `ask` answers to the documents that the flags name.
fn answered(flags: &MessageFlags, ask: fn(&str, &str) -> Meta) -> Meta {
    let documents = match documents::read(flags) {
        Ok(documents) => documents,
        Err(wrong) => return refused(wrong),
    };
    let Meta { exit_code, message } = ask(&documents.config, &documents.request);
    Meta { exit_code, message: origins::told(exit_code, message, flags, &documents) }
}

/// Arguments that clap does not accept, or that ask for help. A script that sends has its response line either way.
fn misused(arguments: &[OsString], error: clap::Error) -> u8 {
    match usage::judged(arguments::command, arguments, error) {
        (Verdict::Asked, error) => {
            // Nothing can be done about an output that is gone.
            drop(error.print());
            SUCCESS
        }
        (Verdict::Refused { said, refusal }, _) => {
            note(said.to_string().trim_end_matches('\n'));
            match refusal {
                Some(wrong) => respond(refused(wrong)),
                None => exit_status(PARAMETER),
            }
        }
    }
}
