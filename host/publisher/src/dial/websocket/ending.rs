//! How a WebSocket ends.

use std::io;

use crate::dial::http;
use crate::error::Error;
use crate::options::LEFT_OUT;

/// The code of a close frame that ends a WebSocket without a fault (RFC 6455, section 7.4.1).
pub(super) const NORMAL: u16 = 1000;

/// Why a WebSocket ended before its TCP connection did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ending {
    /// The broker closed it, with this code and this reason, if it gave one. `Display` leaves both out: whether they may be shown
    /// is not decided yet.
    #[error("the broker closed the WebSocket")]
    Closed(Option<(u16, Vec<u8>)>),
    /// The broker broke the protocol of WebSockets, or MQTT's rules for them. The words are a clause whose subject is the broker.
    #[error("{0}")]
    Broken(&'static str),
}

impl From<Ending> for io::Error {
    fn from(ending: Ending) -> Self {
        Self::new(io::ErrorKind::ConnectionAborted, ending)
    }
}

/// What an error of a [`WebSocket`](super::WebSocket) means, if the WebSocket itself ended. The broker's reason is in it when it `may_be_shown`.
pub(crate) fn explain(error: &io::Error, may_be_shown: impl Fn(&[u8]) -> bool) -> Option<Error> {
    Some(match error.get_ref()?.downcast_ref::<Ending>()? {
        ending @ Ending::Closed(None) => Error::Closed(ending.to_string()),
        ending @ Ending::Closed(Some((code, reason))) => {
            let meaning = meaning_of_close(*code);
            let words = match &reason[..] {
                [] => String::new(),
                reason if may_be_shown(reason) => format!(": {}", http::shown(reason)),
                _ => format!(": {LEFT_OUT}"),
            };
            let words = format!("{ending} with code {code}{meaning}{words}");
            // A normal end without a reason says no more than a connection that is closed.
            if *code == NORMAL && reason.is_empty() { Error::Closed(words) } else { Error::Lost(words) }
        }
        Ending::Broken(what) => Error::Protocol((*what).to_owned()),
    })
}

/// What a close frame says: its code and its reason, if it has them.
pub(super) fn read_close(payload: &[u8]) -> Result<Option<(u16, Vec<u8>)>, Ending> {
    match (payload.split_first_chunk::<2>(), payload) {
        (Some((code, reason)), _) => Ok(Some((u16::from_be_bytes(*code), reason.to_vec()))),
        (None, []) => Ok(None),
        (None, _) => Err(Ending::Broken("a WebSocket close frame with half a code")),
    }
}

/// What the code of a close frame means (section 7.4.1), as words that stand behind it.
fn meaning_of_close(code: u16) -> &'static str {
    match code {
        1000 => " (normal)",
        1001 => " (going away)",
        1002 => " (protocol error)",
        1003 => " (data that it does not accept)",
        1007 => " (inconsistent data)",
        1008 => " (policy violation)",
        1009 => " (message too big)",
        1011 => " (internal error)",
        1012 => " (restart)",
        1013 => " (try again later)",
        _ => "",
    }
}
