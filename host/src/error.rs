//! What can go wrong between a checked message and its acknowledgement, and its one mapping to the contract.

use std::time::Duration;

use crate::bindings::flint::mqtt::publisher::{self as wit, Progress};

/// Why a message was not acknowledged.
///
/// `Display` says what was wrong in words a person can act on, and never holds a secret or the content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tenant's grants or limits do not allow it.
    #[error("{0}")]
    Denied(String),

    /// A certificate, key or CA could not be read or used.
    #[error("{parameter}: {reason}")]
    Credential {
        /// The parameter that named it, as it is spelled in the configuration.
        parameter: &'static str,
        /// What is wrong with it, with the path as the tenant gave it.
        reason: String,
    },

    /// The broker's host name has no address.
    #[error("the broker's host name {host:?} was not found: {reason}")]
    HostNotFound {
        /// The name that was looked up.
        host: String,
        /// The resolver's words.
        reason: String,
    },

    /// No address of the broker accepted a connection.
    #[error("the broker could not be reached: {0}")]
    Unreachable(String),

    /// The proxy could not be reached, or made no connection to the broker.
    #[error("{reason}")]
    Proxy {
        /// What was wrong, in words.
        reason: String,
        /// Another try may succeed.
        may_pass: bool,
    },

    /// The TLS handshake failed, or the server could not be verified.
    #[error("{reason}")]
    Tls {
        /// What was wrong, in words.
        reason: String,
        /// The network ended the handshake, not a disagreement: another try may succeed.
        may_pass: bool,
    },

    /// CONNACK with a return code other than 0 (MQTT 3.1.1, section 3.2.2.3).
    #[error("the broker refused the connection with return code {code}: {reason}")]
    Refused {
        /// The return code, 1 to 5.
        code: u8,
        /// What the standard says it means.
        reason: &'static str,
    },

    /// The connection ended before the message was settled.
    #[error("{0}")]
    Lost(String),

    /// The time-out was over before the message was settled.
    #[error("no answer within {} ms, while {stage}", timeout.as_millis())]
    TimedOut {
        /// The time that the send had.
        timeout: Duration,
        /// What the send was waiting for.
        stage: &'static str,
    },

    /// The send was ended from outside before the message was settled.
    #[error("interrupted after {} ms, while {stage}", after.as_millis())]
    Interrupted {
        /// How long the send had been under way.
        after: Duration,
        /// What the send was waiting for.
        stage: &'static str,
    },

    /// The message is larger than MQTT or the tenant's limit allows.
    #[error("{0}")]
    TooLarge(String),

    /// The broker broke the protocol.
    #[error("the broker broke the protocol: {0}")]
    Protocol(String),
}

impl Error {
    /// Whether another connection may succeed where this one failed: unreachable, lost, or a broker that is
    /// unavailable for now (CONNACK return code 3).
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Lost(_) => true,
            Self::Tls { may_pass, .. } | Self::Proxy { may_pass, .. } => *may_pass,
            Self::Refused { code, .. } => *code == 3,
            Self::Denied(_)
            | Self::Credential { .. }
            | Self::HostNotFound { .. }
            | Self::TimedOut { .. }
            | Self::Interrupted { .. }
            | Self::TooLarge(_)
            | Self::Protocol(_) => false,
        }
    }

    /// The contract's error for a message that got as far as `progress`.
    ///
    /// A message that may have arrived is never reported as refused or unreachable: whatever ended the last
    /// connection, what the platform has to know is that the acknowledgement is missing.
    pub(crate) fn into_wit(self, progress: Progress) -> wit::Error {
        let failure = |reason: String| wit::Failure { broker: 0, progress, reason };
        if progress == Progress::SentUnacknowledged {
            return match self {
                Self::TimedOut { .. } | Self::Interrupted { .. } => {
                    wit::Error::TimedOut(failure(self.to_string()))
                }
                Self::Protocol(reason) => wit::Error::Protocol(failure(reason)),
                Self::Lost(reason) => wit::Error::ConnectionLost(failure(reason)),
                Self::Denied(_)
                | Self::Credential { .. }
                | Self::HostNotFound { .. }
                | Self::Unreachable(_)
                | Self::Proxy { .. }
                | Self::Tls { .. }
                | Self::Refused { .. }
                | Self::TooLarge(_) => wit::Error::ConnectionLost(failure(format!(
                    "the connection was lost, and the next one failed: {self}"
                ))),
            };
        }
        match self {
            Self::Denied(reason) => wit::Error::Denied(reason),
            Self::Credential { .. } => wit::Error::UnusableCredential(self.to_string()),
            Self::HostNotFound { reason, .. } => wit::Error::HostNotFound(reason),
            Self::Unreachable(reason) | Self::Proxy { reason, .. } => wit::Error::Unreachable(reason),
            Self::Tls { reason, .. } => wit::Error::Tls(reason),
            Self::Refused { code, reason } => wit::Error::ConnectionRefused(wit::Refusal {
                broker: 0,
                code,
                reason: reason.to_owned(),
                server_reference: None,
            }),
            Self::Lost(reason) => wit::Error::ConnectionLost(failure(reason)),
            Self::TimedOut { .. } | Self::Interrupted { .. } => {
                wit::Error::TimedOut(failure(self.to_string()))
            }
            Self::TooLarge(reason) => wit::Error::TooLarge(reason),
            Self::Protocol(reason) => wit::Error::Protocol(failure(reason)),
        }
    }
}
