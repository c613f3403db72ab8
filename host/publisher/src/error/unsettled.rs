//! A message that was not acknowledged, and how far it got.

use super::Error;
use crate::contract as wit;
use crate::contract::{Progress, Receipt};

/// How a message was settled.
pub(crate) type Settlement = Result<Receipt, Unsettled>;

/// How each message of a call was settled, or why nothing was tried.
pub(crate) type Answer = Result<Vec<Settlement>, Unsettled>;

/// Why a message did not reach its quality of service, and how far it got.
///
/// `Display` says what was wrong, and whether the message may have arrived all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}{}", if self.may_have_arrived() { "; the message may have arrived" } else { "" })]
#[non_exhaustive]
pub struct Unsettled {
    /// What went wrong.
    pub error: Error,
    /// Whether the message was handed to the network as a whole.
    pub progress: Progress,
    /// Which of the brokers of the connect options, counted from 0: the last one that was tried.
    pub broker: u32,
}

impl Unsettled {
    /// Nothing of the message was sent, to no broker in particular.
    pub(crate) fn not_sent(error: Error) -> Self {
        Self { error, progress: Progress::NotSent, broker: 0 }
    }

    /// Whether the message may have arrived. Sent again, it may arrive twice then, which QoS 1 allows.
    #[must_use]
    pub fn may_have_arrived(&self) -> bool {
        self.progress == Progress::SentUnacknowledged
    }

    pub(crate) fn into_wit(self) -> wit::Error {
        self.error.into_wit(self.progress, self.broker)
    }
}

impl From<Error> for wit::Error {
    /// The error of a message of which nothing was sent, to no broker in particular.
    fn from(error: Error) -> Self {
        Unsettled::not_sent(error).into_wit()
    }
}

impl From<Unsettled> for wit::Error {
    fn from(unsettled: Unsettled) -> Self {
        unsettled.into_wit()
    }
}
