//! Why a command line cannot be followed.

use std::io;

use mqtt_connector_contract::exit_code::PARAMETER;

/// Why a command line cannot be followed. Nothing was sent.
#[derive(Debug)]
pub enum Refusal {
    /// What is answered.
    Answer {
        /// One of the contract's [exit codes](mqtt_connector_contract::exit_code).
        exit_code: i32,
        /// A whole sentence.
        message: String,
    },
    /// The system does not open or read a file. Whether it lacks something, the program knows that runs on it.
    Unreadable {
        /// As messages name the file.
        file: String,
        /// What the system says.
        error: io::Error,
    },
}

impl Refusal {
    /// The answer with this exit code and this message.
    pub(crate) fn answer(exit_code: i32, message: String) -> Self {
        Self::Answer { exit_code, message }
    }

    /// The answer to flags that do not fit together, with exit code 64: `reason` is a clause without a full stop.
    #[must_use]
    pub fn of_usage(reason: &str) -> Self {
        Self::answer(PARAMETER, format!("The command line: {reason}."))
    }
}
