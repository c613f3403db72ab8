//! The answer to a request, and what a platform does by it.

pub use mqtt_connector_contract::connector::Meta;
use mqtt_connector_contract::exit_code::{Delivery, ExitCode, FAULT, Retry};
use serde::{Deserialize, Serialize};

use crate::publisher::Tally;

/// The answer to a request. As JSON it has one member, `meta`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Response {
    /// How the execution ended.
    pub meta: Meta,
    /// The publisher has seen that no message of the call may have arrived, whatever the exit code leaves open.
    #[serde(skip)]
    is_unsent: bool,
}

/// What became of a message, and whether to send it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It reached its quality of service: written to the socket (QoS 0), PUBACK (QoS 1), PUBCOMP (QoS 2).
    Sent,
    /// It was not delivered, and will not be.
    NotSent {
        /// Whether sending it again may end better.
        retry: Retry,
    },
    /// It may have been delivered. Sent again, it may arrive twice, which QoS 1 allows.
    Uncertain,
}

impl Response {
    /// A response with this exit code and this message.
    pub fn new(exit_code: i32, message: impl Into<String>) -> Self {
        Self { meta: Meta { exit_code, message: message.into() }, is_unsent: false }
    }

    /// What became of the message, when this is the answer to a send.
    ///
    /// Some exit codes leave open whether the message may have arrived: 70, and a reason code that the broker may give in a
    /// DISCONNECT as well as in CONNACK. The response of a [`Connector`](crate::Connector) knows which it was, unless another
    /// message of the same batch may have arrived. One that was read from JSON does not: it is [`Outcome::Uncertain`] then.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let Some(known) = ExitCode::find(self.meta.exit_code) else { return Outcome::Uncertain };
        match known.delivery {
            Delivery::Reached => Outcome::Sent,
            Delivery::NotSent => Outcome::NotSent { retry: known.retry },
            Delivery::Uncertain if self.is_unsent => Outcome::NotSent { retry: known.retry },
            Delivery::Uncertain => Outcome::Uncertain,
        }
    }

    /// Takes into account what the publisher has seen of the messages of the call.
    pub(super) fn see(&mut self, tally: Tally) {
        // Nobody knows whose message was acknowledged before a fault.
        let was_acknowledged = self.meta.exit_code == FAULT && tally.acknowledged > 0;
        self.is_unsent = tally.uncertain == 0 && !was_acknowledged;
    }
}

/// Equal are responses that say the same.
impl PartialEq for Response {
    fn eq(&self, other: &Self) -> bool {
        self.meta == other.meta
    }
}

impl Eq for Response {}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Tally = Tally { acknowledged: 0, uncertain: 0 };

    #[test]
    fn an_exit_code_says_what_became_of_the_message() {
        for (exit_code, outcome) in [
            (0, Outcome::Sent),
            (4, Outcome::NotSent { retry: Retry::No }),
            (69, Outcome::NotSent { retry: Retry::Later }),
            (70, Outcome::Uncertain),
            (75, Outcome::NotSent { retry: Retry::Yes }),
            (79, Outcome::Uncertain),
            (134, Outcome::NotSent { retry: Retry::No }),
            (137, Outcome::Uncertain),
            (1000, Outcome::Uncertain),
        ] {
            assert_eq!(Response::new(exit_code, "").outcome(), outcome, "{exit_code}");
        }
    }

    #[test]
    fn what_the_publisher_has_seen_decides_what_the_exit_code_leaves_open() {
        let sent = Tally { acknowledged: 1, uncertain: 0 };
        let uncertain = Tally { acknowledged: 0, uncertain: 1 };
        for (exit_code, tally, outcome) in [
            (0, sent, Outcome::Sent),
            (70, NOTHING, Outcome::NotSent { retry: Retry::No }),
            (70, sent, Outcome::Uncertain),
            (70, uncertain, Outcome::Uncertain),
            (79, uncertain, Outcome::Uncertain),
            (137, NOTHING, Outcome::NotSent { retry: Retry::Later }),
            (137, sent, Outcome::NotSent { retry: Retry::Later }),
            (137, uncertain, Outcome::Uncertain),
        ] {
            let mut response = Response::new(exit_code, "");
            response.see(tally);
            assert_eq!(response.outcome(), outcome, "{exit_code}, {tally:?}");
        }
    }

    #[test]
    fn a_response_is_read_as_it_is_written() {
        let mut response = Response::new(137, "The broker is busy.");
        response.see(NOTHING);
        let written = r#"{"meta":{"exit-code":137,"message":"The broker is busy."}}"#;
        assert_eq!(serde_json::to_string(&response).unwrap(), written);
        let read: Response = serde_json::from_str(written).unwrap();
        assert_eq!(read, response);
        assert_eq!(read.outcome(), Outcome::Uncertain);
    }
}
