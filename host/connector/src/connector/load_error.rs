//! [`LoadError`]: why a component could not be loaded.

use mqtt_connector_contract::shown::Shown;

use super::{Connector, shortage};
use crate::publisher::Shortage;

/// The most characters of the engine's reason for refusing a component: names that the component chose may stand in it.
pub(super) const REASON: usize = 1000;

const LARGEST: usize = Connector::LARGEST;

/// Why a component could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It is too large to be compiled.
    #[error("the component cannot be loaded: it has {size} bytes, and {LARGEST} (16 MiB) is the most")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },

    /// It is something else.
    #[error("the component cannot be loaded: it is not a WebAssembly component, but {what}")]
    NotAComponent {
        /// What it is instead.
        what: &'static str,
    },

    /// It wants what no component is given.
    #[error("the component cannot be loaded: it imports what this host does not have: {}", names.join(", "))]
    Imports {
        /// The names of its imports that are not there, sorted.
        names: Vec<String>,
    },

    /// This machine has too little of something.
    #[error("the component cannot be loaded: this machine has {0}")]
    Shortage(Shortage),

    /// The engine refuses it, or does not run on this machine.
    #[error("the component cannot be loaded: {reason}")]
    Refused {
        /// The engine's words, on one line.
        reason: String,
    },
}

impl From<wasmtime::Error> for LoadError {
    fn from(error: wasmtime::Error) -> Self {
        if let Some(shortage) = shortage::of_engine(&error) {
            return Self::Shortage(shortage);
        }
        Self::Refused { reason: Shown::plain(&format!("{error:#}"), REASON).to_string() }
    }
}
