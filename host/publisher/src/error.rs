//! What can go wrong between a checked message and its acknowledgement, and its one mapping to the contract.

mod unsettled;

use std::fmt;
use std::time::Duration;

use mqtt_connector_contract::exit_code::{ExitCode, Retry};
use mqtt_connector_contract::shown::Shown;

use crate::contract as wit;
use crate::contract::Progress;
use crate::platform::Shortage;

pub use unsettled::Unsettled;
pub(crate) use unsettled::{Answer, Settlement};

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

    /// This machine has too little of something, which was found out before anything was sent.
    #[error("this machine has {shortage}, while {stage}")]
    Shortage {
        /// What it has too little of.
        shortage: Shortage,
        /// What the send was doing.
        stage: &'static str,
    },

    /// The broker's host name has no address.
    #[error("the broker's host name {} was not found: {reason}", Shown::whole(.host))]
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
        is_transient: bool,
    },

    /// The TLS handshake failed, or the server could not be verified.
    #[error("{reason}")]
    Tls {
        /// What was wrong, in words.
        reason: String,
        /// The network ended the handshake, not a disagreement: another try may succeed.
        is_transient: bool,
    },

    /// CONNACK with a return code other than 0 (MQTT 3.1.1, section 3.2.2.3) or a reason code from 128 (5.0, section
    /// 3.2.2.2).
    #[error("the broker refused the connection with {0}")]
    Refused(Refusal),

    /// MQTT 5: PUBACK or PUBREC with a reason code from 128 (sections 3.4.2.1 and 3.5.2.1), or what CONNACK has ruled out.
    #[error("the broker refused the message with {0}")]
    Rejected(Refusal),

    /// MQTT 5: DISCONNECT with a reason code from 128 (section 3.14.2.1).
    #[error("the broker ended the connection with {0}")]
    Disconnected(Refusal),

    /// The connection ended before the message was settled.
    #[error("{0}")]
    Lost(String),

    /// The broker ended the connection before the message was settled, without a DISCONNECT that says why.
    #[error("{0}")]
    Closed(String),

    /// The timeout was over before the message was settled.
    #[error("no answer within {} ms, while {stage}{}", timeout.as_millis(), After(failure))]
    TimedOut {
        /// The time that the send had.
        timeout: Duration,
        /// What the send was waiting for.
        stage: &'static str,
        /// Why the last connection failed, when another one was waited for.
        failure: Option<String>,
    },

    /// The send was ended from outside before the message was settled.
    #[error("interrupted after {} ms, while {stage}{}", after.as_millis(), After(failure))]
    Interrupted {
        /// How long the send had been under way.
        after: Duration,
        /// What the send was waiting for.
        stage: &'static str,
        /// Why the last connection failed, when another one was waited for.
        failure: Option<String>,
    },

    /// The message is larger than MQTT or the tenant's limit allows.
    #[error("{0}")]
    TooLarge(String),

    /// The broker broke the protocol.
    #[error("the broker broke the protocol: {0}")]
    Protocol(String),
}

/// Says why the last connection failed, if that is known.
struct After<'a>(&'a Option<String>);

impl fmt::Display for After<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(failure) => write!(f, "; the last connection failed: {failure}"),
            None => Ok(()),
        }
    }
}

/// How a broker refused a connection or a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The return code of MQTT 3.1.1 (1 to 5), or the reason code of MQTT 5.0 (from 128).
    pub code: u8,
    /// The broker's own words, made fit for a log, or what else is known about it; may be empty.
    pub reason: String,
    /// The other server that the broker names (MQTT 5.0, section 4.11). Redirects are not followed.
    pub server_reference: Option<String>,
}

impl Refusal {
    pub(crate) fn new(code: u8) -> Self {
        Self { code, reason: String::new(), server_reference: None }
    }

    /// Replaces the broker's words by what `heard` makes of them.
    pub(crate) fn map_words(&mut self, heard: impl Fn(&str) -> String) {
        if !self.reason.is_empty() {
            self.reason = heard(&self.reason);
        }
        self.server_reference = self.server_reference.take().map(|reference| heard(&reference));
    }

    fn into_wit(self, broker: u32) -> wit::Refusal {
        let Self { code, reason, server_reference } = self;
        wit::Refusal { broker, code, reason, server_reference }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.code < 128 { "return" } else { "reason" };
        write!(f, "{kind} code {}", self.code)?;
        if !self.reason.is_empty() {
            write!(f, ": {}", self.reason)?;
        }
        match &self.server_reference {
            Some(reference) => write!(f, " (it names another server: {reference})"),
            None => Ok(()),
        }
    }
}

/// Reason code of MQTT 5: a quota is used up (section 2.4).
const QUOTA_EXCEEDED: u8 = 151;

impl Error {
    /// Whether another connection may succeed where this one failed: unreachable, lost, or refused or ended by the broker with
    /// a code that is worth trying again later ([`ExitCode`]), but for a quota, which is not free again within a send.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Lost(_) | Self::Closed(_) => true,
            Self::Tls { is_transient, .. } | Self::Proxy { is_transient, .. } => *is_transient,
            Self::Refused(Refusal { code, .. }) | Self::Disconnected(Refusal { code, .. }) => {
                let known = ExitCode::find(i32::from(*code));
                *code != QUOTA_EXCEEDED && known.is_some_and(|known| known.retry == Retry::Later)
            }
            Self::Denied(_)
            | Self::Rejected(_)
            | Self::Credential { .. }
            | Self::Shortage { .. }
            | Self::HostNotFound { .. }
            | Self::TimedOut { .. }
            | Self::Interrupted { .. }
            | Self::TooLarge(_)
            | Self::Protocol(_) => false,
        }
    }

    /// Whether this machine has too little of something.
    pub(crate) fn is_shortage(&self) -> bool {
        matches!(self, Self::Shortage { .. })
    }

    /// One error for all of `errors`, which were found before anything was sent, or none.
    pub(crate) fn joined(errors: Vec<Self>) -> Option<Self> {
        let are = |is: fn(&Self) -> bool| errors.iter().all(is);
        let are_sizes = are(|error| matches!(error, Self::TooLarge(_)));
        let are_credentials = are(|error| matches!(error, Self::Credential { .. }));
        let reasons = || errors.iter().map(Self::to_string).collect::<Vec<_>>().join("; and ");
        if let Some(shortage) = errors.iter().find(|error| error.is_shortage()) {
            return Some(shortage.clone());
        }
        match errors.as_slice() {
            [] | [_] => errors.into_iter().next(),
            [Self::Credential { parameter, reason }, rest @ ..] if are_credentials => {
                let reasons = rest.iter().fold(reason.clone(), |all, error| format!("{all}; and {error}"));
                Some(Self::Credential { parameter, reason: reasons })
            }
            _ if are_sizes => Some(Self::TooLarge(reasons())),
            _ => Some(Self::Denied(reasons())),
        }
    }

    /// The contract's error for a message that got as far as `progress`, at one of the `brokers` of its connect options.
    ///
    /// A message that may have arrived is never reported as refused or unreachable: whatever ended the last
    /// connection, the platform has to know that the acknowledgement is missing.
    pub(crate) fn into_wit(self, progress: Progress, broker: u32) -> wit::Error {
        let failure = |reason: String| wit::Failure { broker, progress, reason };
        if progress == Progress::SentUnacknowledged {
            return match self {
                Self::TimedOut { .. } | Self::Interrupted { .. } => {
                    wit::Error::TimedOut(failure(self.to_string()))
                }
                Self::Protocol(reason) => wit::Error::Protocol(failure(reason)),
                Self::Lost(reason) | Self::Closed(reason) => wit::Error::ConnectionLost(failure(reason)),
                Self::Disconnected(refusal) => wit::Error::Disconnected(wit::Disconnection {
                    progress,
                    refusal: refusal.into_wit(broker),
                }),
                Self::Rejected(_) => wit::Error::ConnectionLost(failure(format!(
                    "the connection was lost, and when it was sent again {self}"
                ))),
                Self::Denied(_)
                | Self::Credential { .. }
                | Self::Shortage { .. }
                | Self::HostNotFound { .. }
                | Self::Unreachable(_)
                | Self::Proxy { .. }
                | Self::Tls { .. }
                | Self::Refused(_)
                | Self::TooLarge(_) => wit::Error::ConnectionLost(failure(format!(
                    "the connection was lost, and the next one failed: {self}"
                ))),
            };
        }
        match self {
            Self::Denied(reason) => wit::Error::Denied(reason),
            Self::Credential { .. } => wit::Error::UnusableCredential(self.to_string()),
            Self::Shortage { shortage, stage } => wit::Error::Shortage(format!("{shortage}, while {stage}")),
            Self::HostNotFound { reason, .. } => wit::Error::HostNotFound(reason),
            Self::Unreachable(reason) | Self::Proxy { reason, .. } => wit::Error::Unreachable(reason),
            Self::Tls { reason, .. } => wit::Error::Tls(reason),
            Self::Refused(refusal) => wit::Error::ConnectionRefused(refusal.into_wit(broker)),
            Self::Rejected(refusal) => wit::Error::PublishRefused(refusal.into_wit(broker)),
            Self::Disconnected(refusal) => {
                wit::Error::Disconnected(wit::Disconnection { progress, refusal: refusal.into_wit(broker) })
            }
            Self::Lost(reason) | Self::Closed(reason) => wit::Error::ConnectionLost(failure(reason)),
            Self::TimedOut { .. } | Self::Interrupted { .. } => {
                wit::Error::TimedOut(failure(self.to_string()))
            }
            Self::TooLarge(reason) => wit::Error::TooLarge(reason),
            Self::Protocol(reason) => wit::Error::Protocol(failure(reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_arrived_is_uncertain_whatever_the_machine_lacks_then() {
        let error = Error::Shortage { shortage: Shortage::Descriptors, stage: "connecting to the broker" };
        let words = "too few file descriptors left (see ulimit -n), while connecting to the broker";
        assert!(!error.is_transient());
        let unsent = error.clone().into_wit(Progress::NotSent, 0);
        assert_eq!(unsent, wit::Error::Shortage(words.to_owned()));
        let reason = format!("the connection was lost, and the next one failed: this machine has {words}");
        let failure = wit::Failure { broker: 0, progress: Progress::SentUnacknowledged, reason };
        assert_eq!(error.into_wit(Progress::SentUnacknowledged, 0), wit::Error::ConnectionLost(failure));
    }
}
