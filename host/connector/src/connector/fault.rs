//! What a component may do wrong, in words: exit code 70.

use mqtt_connector_contract::exit_code;
use wasmtime::Trap;

use super::Response;
use super::shortage;
use crate::publisher::Shortage;
use crate::publisher::Tally;

/// How a component failed. `Display` is what `meta` says of it: it holds nothing that the component chose, but for
/// numbers, and nothing of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// WebAssembly's own trap: unreachable, out of bounds, division by zero and so on.
    #[error("it trapped")]
    Trap,
    /// It recursed too deep.
    #[error("it used more stack than there is")]
    Stack,
    /// It wanted more than the tenant's limit of memory.
    #[error("it used more memory than the tenant's limit allows")]
    Memory,
    /// It computed for longer than the tenant's limit.
    #[error("it computed for longer than the tenant's limit allows")]
    Computing,
    /// It had not returned when the timeout and some grace were over.
    #[error("it did not return in time")]
    Time,
    /// It handed more to the host in one call than it may have memory.
    #[error("it handed over more data than the tenant's limit of memory allows")]
    Data,
    /// It ended itself through WASI.
    #[cfg(feature = "wasi")]
    #[error("it exited instead of returning")]
    Exit,
    /// It published where nothing may leave it.
    #[error("it published in a dry run")]
    DryRun,
    /// It was not what the contract says: a pointer that leads outside, text that is not UTF-8, too many memories.
    #[error("it broke the contract")]
    Contract,
    /// Its answer has an exit code that is not documented.
    #[error("it answered with exit code {0}, which the contract does not have")]
    ExitCode(i32),
    /// Its answer has a message that is too long for a person.
    #[error("its message has {length} bytes, of {most} allowed")]
    Long {
        /// Bytes of the message.
        length: usize,
        /// How many there may be.
        most: usize,
    },
    /// Its answer has a message that could mislead a person or a terminal.
    #[error("its message has control characters")]
    ControlCharacters,
    /// It said more often that a message was sent than the host has seen an acknowledgement.
    #[error("it said that a message was sent which was not acknowledged")]
    NotAcknowledged,
    /// It answered another number of requests than it was asked.
    #[error("it did not answer each request")]
    Count,
    /// No fault of the component: this machine has too little of what it needs to run.
    #[error("this machine has {0}")]
    Shortage(Shortage),
}

impl Fault {
    /// What an error of the engine means.
    pub(super) fn of(error: &wasmtime::Error) -> Self {
        if let Some(fault) = error.downcast_ref::<Self>() {
            return *fault;
        }
        if let Some(shortage) = shortage::of_engine(error) {
            return Self::Shortage(shortage);
        }
        #[cfg(feature = "wasi")]
        if error.downcast_ref::<wasmtime_wasi::I32Exit>().is_some() {
            return Self::Exit;
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => Self::Stack,
            Some(Trap::Interrupt) => Self::Computing,
            Some(Trap::CannotLeaveComponent | Trap::CannotEnterComponent) => Self::Contract,
            Some(_) => Self::Trap,
            // wasmtime has no type for it; a test fails should the words change.
            None if error.root_cause().to_string().starts_with("too much data is being copied") => Self::Data,
            None => Self::Contract,
        }
    }

    /// The answer: exit code 70, and what is known of the messages that the component published before. For a shortage it
    /// is 71, as long as it published none.
    pub(super) fn into_response(self, tally: Tally) -> Response {
        let is_unsent = tally.acknowledged == 0 && tally.uncertain == 0;
        let (exit_code, mut message) = match self {
            Self::Shortage(shortage) if is_unsent => {
                let message = format!(
                    "Not sent, this machine has {shortage}, while running the connector. Sending it again is safe."
                );
                (exit_code::SHORTAGE, message)
            }
            Self::Shortage(_) => (exit_code::UNCERTAIN, format!("The connector was stopped: {self}.")),
            _ => (exit_code::FAULT, format!("The connector itself failed: {self}.")),
        };
        let messages = |count| if count == 1 { "1 message".to_owned() } else { format!("{count} messages") };
        if tally.acknowledged > 0 {
            message += &format!(" Before that, the broker acknowledged {}.", messages(tally.acknowledged));
        }
        if tally.uncertain > 0 {
            message += &format!(" Before that, it sent {} that may have arrived.", messages(tally.uncertain));
        }
        let mut response = Response::new(exit_code, message);
        response.see(tally);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::Meta;

    #[test]
    fn a_shortage_is_no_fault_and_what_may_have_arrived_stays_uncertain() {
        let answer = |acknowledged, uncertain| {
            let tally = Tally { acknowledged, uncertain };
            let Meta { exit_code, message } = Fault::Shortage(Shortage::Memory).into_response(tally).meta;
            (exit_code, message)
        };
        let has = "this machine has too little memory left (see ulimit -v)";
        let short = format!("Not sent, {has}, while running the connector. Sending it again is safe.");
        assert_eq!(answer(0, 0), (71, short));
        let stopped = format!("The connector was stopped: {has}.");
        let sent = format!("{stopped} Before that, it sent 1 message that may have arrived.");
        assert_eq!(answer(0, 1), (79, sent));
        let acknowledged = format!("{stopped} Before that, the broker acknowledged 2 messages.");
        assert_eq!(answer(2, 0), (79, acknowledged));
    }

    #[test]
    fn memory_that_the_system_does_not_have_is_not_the_tenants() {
        let errno = wasmtime::Error::from(rustix::io::Errno::NOMEM).context("mmap failed");
        assert_eq!(Fault::of(&errno), Fault::Shortage(Shortage::Memory));
        assert_eq!(Fault::of(&errno.context(Fault::Memory)), Fault::Memory);
    }
}
