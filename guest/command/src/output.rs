//! What is written, and how the program ends.

use std::io::{self, ErrorKind, Write as _};

use mqtt_connector_arguments::refusal::Refusal;
use mqtt_connector_contract::connector::{Meta, Response};
use mqtt_connector_contract::exit_code::{FAULT, SHORTAGE, UNUSABLE_FILE};
use mqtt_connector_wasi::Shortage;

/// Exit status of what went well.
pub(crate) const SUCCESS: u8 = 0;

/// What is answered where a command line cannot be followed.
pub(crate) fn refused(refusal: Refusal) -> Meta {
    match refusal {
        Refusal::Answer { exit_code, message } => Meta { exit_code, message },
        Refusal::Unreadable { file, error } => unreadable(&file, &error),
    }
}

/// The answer where a file cannot be read or written; `which` names it.
pub(crate) fn unreadable(which: &str, error: &io::Error) -> Meta {
    let unusable = |message: String| Meta { exit_code: UNUSABLE_FILE, message };
    if error.kind() == ErrorKind::NotFound {
        // The host says the same of both.
        return unusable(format!(
            "{which}: it does not exist, or is in no directory that the host has opened for this program (wasmtime: --dir)."
        ));
    }
    // wasmtime has no word of its own for descriptors that it does not get.
    match Shortage::of(error).or_else(|| Shortage::of_descriptors(1)) {
        Some(shortage) => Meta {
            exit_code: SHORTAGE,
            message: format!(
                "Not sent, this machine has {shortage}, while opening {which}. Sending it again is safe."
            ),
        },
        None => unusable(format!("{which}: {error}.")),
    }
}

/// Prints the response, one line on standard output, and answers with the exit status.
pub(crate) fn respond(meta: Meta) -> u8 {
    let exit_code = meta.exit_code;
    let line = serde_json::to_string(&Response { meta }).unwrap_or_default() + "\n";
    if let Err(error) = write(line.as_bytes()) {
        note(&format!("mqtt-connector: standard output: {error}; the response is {}", line.trim_end()));
    }
    exit_status(exit_code)
}

/// Prints a text, and answers with the exit status.
pub(crate) fn print(text: &str) -> u8 {
    match write(text.as_bytes()) {
        Ok(()) => SUCCESS,
        // Whoever reads has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => SUCCESS,
        Err(error) => {
            note(&format!("mqtt-connector: standard output: {error}."));
            exit_status(FAULT)
        }
    }
}

/// Writes to standard output.
///
/// # Errors
///
/// The host's.
pub(crate) fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Writes a line for people.
pub(crate) fn note(text: &str) {
    // Nothing can be done about an output that is gone.
    let _ = writeln!(io::stderr(), "{text}");
}

/// The exit code as the exit status of the program.
pub(crate) fn exit_status(code: i32) -> u8 {
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// Ends the program. Success is what every host knows; any other status needs a host that has `exit-with-code` (wasmtime has it
/// since 46).
pub(crate) fn end(status: u8) {
    if status != SUCCESS {
        wasip2::cli::exit::exit_with_code(status);
    }
}
