//! [`Said`]: what NATS has said against this node, so that what fails has a reason.
//!
//! What the permissions of a user do not allow is answered by nobody: the server says so beside, and the request runs into its timeout.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::stream::{RawMessageError, RawMessageErrorKind};
use async_nats::{ClientError, ConnectErrorKind, Event, ServerError};
use tokio::sync::watch;

use super::connect::of_user;
use crate::error::StoreError;

/// What has to be allowed so that NATS delivers something, without the stream.
const TO_LISTEN: [&str; 2] = ["$JS.API.CONSUMER.CREATE.", "$JS.API.CONSUMER.MSG.NEXT."];

/// What has to be allowed so that an execution is carried out that this node does not hold.
const TO_READ: [&str; 1] = ["$JS.API.STREAM.MSG.GET."];

/// For so long it counts that listening or reading was denied: it is tried again within that time.
const RECENT: Duration = Duration::from_secs(20);

/// What NATS has said against this node.
pub(super) struct Said {
    stream: String,
    has_user: bool,
    state: watch::Sender<State>,
}

#[derive(Default)]
struct State {
    /// Why there is no connection.
    away: Option<String>,
    /// What the user may not publish to, as permissions name it, and when that was said last.
    denied: HashMap<String, Instant>,
    /// Where answers would come and the user may not subscribe: until there is another connection.
    deaf: Option<String>,
}

impl Said {
    /// Of a node with this stream; whether it says who it is.
    pub(super) fn new(stream: &str, has_user: bool) -> Self {
        Self { stream: stream.to_owned(), has_user, state: watch::Sender::default() }
    }

    /// Something has become of the connection, or was said on it.
    pub(super) fn hear(&self, event: &Event) {
        let refused = || Some(format!("NATS does not let this node in any more: {}", of_user(self.has_user)));
        self.state.send_modify(|state| match event {
            Event::Connected => (state.away, state.deaf) = (None, None),
            Event::Disconnected | Event::Closed => {
                state.away.get_or_insert_with(|| "no server of NATS can be reached".to_owned());
            }
            // The client has no other word for it.
            Event::ClientError(ClientError::Other(why))
                if *why == ConnectErrorKind::AuthorizationViolation.to_string() =>
            {
                state.away = refused();
            }
            Event::ServerError(ServerError::AuthorizationViolation) => state.away = refused(),
            Event::ServerError(ServerError::Other(said)) => match violation(said) {
                Some(("Publish", subject)) => {
                    state.denied.insert(permission(subject, &self.stream), Instant::now());
                }
                Some((_, subject)) => state.deaf = Some(permission(subject, &self.stream)),
                None => {}
            },
            _ => {}
        });
    }

    /// Why nothing was answered that was published below `subject` after `since`, as far as NATS has said it.
    pub(super) fn why(&self, subject: &str, since: Instant) -> Option<String> {
        let away = self.state.borrow().away.clone();
        away.or_else(|| self.denied(subject, since))
    }

    /// Which permission the user lacks, as far as it concerns what was published below `subject` after `since`.
    pub(super) fn denied(&self, subject: &str, since: Instant) -> Option<String> {
        self.state.borrow().denied(&[subject], since)
    }

    /// Which permission the user lacks to hear of the stream.
    pub(super) fn not_listening(&self) -> Option<String> {
        self.recently(&TO_LISTEN)
    }

    /// Which permission the user lacks to read what is in the stream.
    pub(super) fn not_reading(&self) -> Option<String> {
        self.recently(&TO_READ)
    }

    fn recently(&self, below: &[&str]) -> Option<String> {
        let since = Instant::now().checked_sub(RECENT)?;
        self.state.borrow().denied(below, since)
    }

    /// Answers when the user lacks a permission to hear of the stream.
    pub(super) async fn denies_listening(&self) -> String {
        loop {
            let mut state = self.state.subscribe();
            if let Some(denied) = self.not_listening() {
                return denied;
            }
            // The sender is here.
            let _ = state.changed().await;
        }
    }

    /// Whether the user may not subscribe where answers would come. What the server has ended does not begin again on the same connection.
    pub(super) fn is_deaf(&self) -> bool {
        self.state.borrow().deaf.is_some()
    }

    /// What an answer of JetStream says about the stream, if that is not for a moment.
    pub(super) fn answered(&self, error: &RawMessageError) -> Option<String> {
        let RawMessageErrorKind::JetStream(error) = error.kind() else { return None };
        match error.error_code() {
            ErrorCode::STREAM_NOT_FOUND => {
                Some(format!("NATS has no stream {}: a service makes it when it starts", self.stream))
            }
            ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => {
                Some("NATS has no JetStream for this node (jetstream in the configuration of its servers, or of the account)".to_owned())
            }
            _ => None,
        }
    }
}

impl State {
    fn denied(&self, below: &[&str], since: Instant) -> Option<String> {
        if let Some(subject) = &self.deaf {
            return Some(format!(
                "the permissions of its user of NATS do not let this node subscribe to {subject:?}"
            ));
        }
        let is_meant = |subject: &str| below.iter().any(|below| subject.starts_with(below));
        let mut denied = self.denied.iter().filter(|(subject, at)| **at >= since && is_meant(subject));
        let (subject, _) = denied.next()?;
        Some(format!("the permissions of its user of NATS do not let this node publish to {subject:?}"))
    }
}

/// That NATS does not answer, and says nothing.
pub(super) fn silent() -> StoreError {
    StoreError::Unusable("NATS does not answer, or has no majority of its servers".to_owned())
}

/// What was not allowed, and of which subject: `Permissions Violation for Publish to "a.b"`.
fn violation(said: &str) -> Option<(&str, &str)> {
    let (_, violation) = said.split_once("Permissions Violation for ")?;
    let (what, rest) = violation.split_once(" to \"")?;
    let (subject, _) = rest.split_once('"')?;
    Some((what, subject))
}

/// A subject as docs/cluster.md names it where it says which permissions a node needs: up to the stream. What comes behind it is the name of a tenant or of a
/// consumer.
fn permission(subject: &str, stream: &str) -> String {
    let mut tokens = subject.split('.');
    let is_stream = |token: &&str| *token == stream || token.strip_prefix("_INBOX_") == Some(stream);
    let mut kept = Vec::new();
    for token in tokens.by_ref() {
        kept.push(token);
        if is_stream(&token) {
            break;
        }
    }
    if tokens.next().is_some() {
        kept.push(">");
    }
    kept.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(said: &str) -> Event {
        Event::ServerError(ServerError::Other(said.to_owned()))
    }

    #[test]
    fn what_is_denied_is_named_as_permissions_are_and_without_what_comes_behind_the_stream() {
        let (said, before) = (Said::new("X", true), Instant::now());
        assert_eq!(said.why("X.", before), None);
        said.hear(&server("Permissions Violation for Publish to \"X.x.planted.1\""));
        let denied = "the permissions of its user of NATS do not let this node publish to \"X.>\"";
        assert_eq!(said.why("X.", before).as_deref(), Some(denied));
        assert_eq!((said.why("$JS.API.STREAM.", before), said.not_listening()), (None, None));
        assert_eq!(said.why("X.", Instant::now() + RECENT), None);
        said.hear(&server("Permissions Violation for Publish to \"$JS.API.CONSUMER.MSG.NEXT.X.planted\""));
        let denied = "the permissions of its user of NATS do not let this node publish to \"$JS.API.CONSUMER.MSG.NEXT.X.>\"";
        assert_eq!(said.not_listening().as_deref(), Some(denied));
        for (subject, wanted) in [("$JS.API.STREAM.INFO.X", "$JS.API.STREAM.INFO.X"), ("a.b", "a.b")] {
            assert_eq!(permission(subject, "X"), wanted);
        }
    }

    #[test]
    fn whoever_may_not_subscribe_is_deaf_until_there_is_another_connection() {
        let (said, before) = (Said::new("X", true), Instant::now());
        said.hear(&server("Permissions Violation for Subscription to \"_INBOX_X.planted.*\""));
        let denied = "the permissions of its user of NATS do not let this node subscribe to \"_INBOX_X.>\"";
        assert!(said.is_deaf());
        assert_eq!(said.why("X.", before).as_deref(), Some(denied));
        said.hear(&Event::Connected);
        assert!(!said.is_deaf());
        assert_eq!(said.why("X.", before), None);
    }

    #[test]
    fn whoever_is_not_let_in_any_more_hears_why() {
        let (said, before) = (Said::new("X", true), Instant::now());
        said.hear(&Event::Disconnected);
        assert_eq!(said.why("X.", before).as_deref(), Some("no server of NATS can be reached"));
        said.hear(&Event::ClientError(ClientError::Other("authorization violation".to_owned())));
        said.hear(&Event::Disconnected);
        let refused = format!("NATS does not let this node in any more: {}", of_user(true));
        assert_eq!(said.why("X.", before), Some(refused));
        said.hear(&Event::Connected);
        assert_eq!(said.why("X.", before), None);
    }
}
