//! What this machine has too little of for the program itself, and what is said when the program fails for that.

use std::fmt::Display;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};

use mqtt_connector::{Response, Shortage};
use mqtt_connector_contract::exit_code::{FAULT, SHORTAGE, UNCERTAIN, UNUSABLE_FILE};

use crate::response::response;

/// Bytes of memory that are to be had when the program starts: below that, parts of it could not say what they lack.
const MEMORY: usize = 16 * 1024 * 1024;

/// Descriptors that a runtime needs, which panics without some of them: two for events, one for a copy, and three for signals.
const DESCRIPTORS: usize = 6;

/// How far the command has come.
static PROGRESS: AtomicU8 = AtomicU8::new(BEFORE);

const BEFORE: u8 = 0;
const SENDING: u8 = 1;

/// From now on a message may have arrived, whatever happens to the program.
pub(super) fn sending_begins() {
    PROGRESS.store(SENDING, Ordering::Relaxed);
}

/// The answer where a [`Shortage`] was found while something was done, and nothing was sent.
pub(super) fn short(shortage: impl Display, doing: &str) -> Response {
    response(
        SHORTAGE,
        format!("Not sent, this machine has {shortage}, while {doing}. Sending it again is safe."),
    )
}

/// The answer where a file cannot be read or opened; `which` names it.
pub(super) fn unreadable(which: &str, error: &io::Error) -> Response {
    match Shortage::of(error) {
        Some(shortage) => short(shortage, &format!("opening {which}")),
        None => response(UNUSABLE_FILE, format!("{which}: {error}.")),
    }
}

/// The answer where a thread cannot be started.
pub(super) fn no_thread(error: &io::Error, doing: &str) -> Response {
    short(Shortage::of_thread(error), doing)
}

/// That there is memory for the program.
///
/// # Errors
///
/// The response: there is too little.
pub(super) fn check_memory() -> Result<(), Response> {
    if Shortage::has_memory(MEMORY) { Ok(()) } else { Err(short(Shortage::Memory, "starting")) }
}

/// That there are descriptors for a runtime.
///
/// # Errors
///
/// The response: there are too few.
pub fn check_descriptors() -> Result<(), Response> {
    Shortage::of_descriptors(DESCRIPTORS).map_or(Ok(()), |shortage| Err(short(shortage, "starting")))
}

/// The answer where the program panicked: that is a shortage, if there is one, and a fault of the program otherwise; but what
/// may have been sent may have arrived.
pub(super) fn panicked() -> Response {
    if PROGRESS.load(Ordering::Relaxed) == SENDING {
        let message = "The program itself failed while it was sending: what it sent may have arrived.";
        return response(UNCERTAIN, message.to_owned());
    }
    match Shortage::found_behind_panic() {
        Some(shortage) => short(shortage, "starting"),
        None => response(FAULT, "The program itself failed, before anything was sent.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_fault_until_something_may_have_been_sent() {
        let answer = |response: Response| (response.meta.exit_code, response.meta.message);
        let fault = "The program itself failed, before anything was sent.";
        assert_eq!(answer(panicked()), (70, fault.to_owned()));
        sending_begins();
        let uncertain = "The program itself failed while it was sending: what it sent may have arrived.";
        assert_eq!(answer(panicked()), (79, uncertain.to_owned()));
    }
}
