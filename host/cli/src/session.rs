//! How a command runs and answers: a response on standard output, or a text; what ends it by a signal.

use std::future::Future;
use std::io::{ErrorKind, Write as _};
use std::mem::ManuallyDrop;

use mqtt_connector::{Response, Shortage};
use mqtt_connector_contract::exit_code::FAULT;
use tokio::runtime::Runtime;

use crate::output::{self, has_colours, note};
use crate::response::{SUCCESS, exit_status, response};
use crate::shortage;
use crate::signals::Signals;

/// A command that answers with a response: the runtime it runs in, and the signals that end it.
pub struct Session {
    runtime: Result<ManuallyDrop<Runtime>, Response>,
    signals: Option<Signals>,
}

impl Session {
    /// Starts the runtime, and listens to the signals from then on.
    pub(crate) fn start() -> Self {
        let runtime = runtime();
        let signals = runtime.as_ref().ok().map(|runtime| {
            let _context = runtime.enter();
            Signals::listen()
        });
        Self { runtime, signals }
    }

    /// Runs the command, prints its response, one line on standard output, and answers with the exit status.
    pub(crate) fn respond(self, command: impl AsyncFnOnce(&mut Signals) -> Result<Response, Response>) -> u8 {
        let Self { runtime: Ok(runtime), signals: Some(mut signals) } = self else {
            let failed = self.runtime.err();
            let failed = failed.unwrap_or_else(|| response(FAULT, "No signals can be heard.".to_owned()));
            return respond(&failed);
        };
        runtime.block_on(async {
            let response = command(&mut signals).await.unwrap_or_else(|failed| failed);
            let line = line(&response);
            match output::print_unless_ended(&line, &mut signals).await {
                Some(printed) => said(printed, &line),
                None => note(&format!(
                    "mqtt-connector: standard output: nobody reads it; the response is {}",
                    line.trim_end()
                )),
            }
            exit_status(response.meta.exit_code)
        })
    }

    /// Prints help, unless a signal comes while nobody reads it.
    pub(crate) fn print(self, help: &clap::Error) {
        let Self { runtime: Ok(runtime), signals: Some(mut signals) } = self else {
            return drop(help.print());
        };
        let text = help.render();
        let text = if has_colours(&std::io::stdout()) { text.ansi().to_string() } else { text.to_string() };
        runtime.block_on(async { drop(output::print_unless_ended(&text, &mut signals).await) });
    }
}

/// Prints a response, one line on standard output, and answers with the exit status.
pub(crate) fn respond(response: &Response) -> u8 {
    let line = line(response);
    said(output::print(&line), &line);
    exit_status(response.meta.exit_code)
}

fn line(response: &Response) -> String {
    serde_json::to_string(response).unwrap_or_default() + "\n"
}

/// Says the response to people where standard output did not take it.
fn said(printed: std::io::Result<()>, line: &str) {
    if let Err(error) = printed {
        note(&format!("mqtt-connector: standard output: {error}; the response is {}", line.trim_end()));
    }
}

/// Runs a command that prints a text; what is wrong goes to standard error, and its exit code is the exit status.
pub fn report(command: impl FnOnce() -> Result<String, Response>) -> u8 {
    let printed = command().and_then(|text| {
        match std::io::stdout().write_all(text.as_bytes()) {
            // Whoever reads has read enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|error| response(FAULT, format!("standard output: {error}."))),
        }
    });
    match printed {
        Ok(()) => SUCCESS,
        Err(failed) => {
            note(&format!("mqtt-connector: {}", failed.meta.message));
            exit_status(failed.meta.exit_code)
        }
    }
}

/// Runs a future to its end.
///
/// # Errors
///
/// The response: no runtime can be started.
pub fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Response> {
    Ok(runtime()?.block_on(future))
}

fn runtime() -> Result<ManuallyDrop<Runtime>, Response> {
    shortage::check_descriptors()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    // A name look-up that still hangs at the end has no say any more.
    runtime.map(ManuallyDrop::new).map_err(|error| match Shortage::of(&error) {
        Some(shortage) => shortage::short(shortage, "starting"),
        None => response(FAULT, format!("The runtime cannot be started: {error}.")),
    })
}
