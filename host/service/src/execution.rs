//! What an execution is: its identifier, its status, its options, its attempts.

mod change;
mod fingerprint;
mod id;
mod options;
mod request;

use std::sync::Arc;

use mqtt_connector::Meta;
use mqtt_connector::publisher::{Stage, Stages, TraceContext};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) use fingerprint::fingerprint;
pub use id::{Id, IdError};
pub(crate) use options::check_key;
pub use options::{Options, OptionsError};
#[cfg(feature = "http")]
pub(crate) use request::Members;
pub use request::{Request, RequestError};

use crate::Timestamp;

/// One request of one tenant to be carried out, and what has become of it.
///
/// As JSON it has these names in kebab-case; what is not there is left out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Execution {
    /// Which it is.
    pub id: Id,
    /// Whose it is.
    #[serde(serialize_with = "as_str", deserialize_with = "shared")]
    #[cfg_attr(feature = "http", schema(value_type = String))]
    pub tenant: Arc<str>,
    /// How far it is.
    pub status: Status,
    /// The topic: that of the message as it was published or, before that, the one that stands in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// When it was accepted.
    pub accepted: Timestamp,
    /// When its status became final.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// What was asked for besides the request.
    pub options: Options,
    /// The attempts so far, the first one first.
    pub attempts: Vec<Attempt>,
    /// How it ended, if it has: the answer of the last attempt, or what holds in place of it. An execution that has expired has the
    /// answer of its last attempt, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "http", schema(value_type = Option<crate::http::MetaSchema>))]
    pub meta: Option<Meta>,
    /// The execution that this one carries out again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<Id>,
    /// The execution that carries this one out again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retried_as: Option<Id>,
    /// The trace of the call that asked for it, of a tenant with the grant `trace-context`: its message says so, where it is of MQTT 5.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "http", schema(value_type = Option<crate::http::TraceContextSchema>))]
    pub trace_context: Option<TraceContext>,
    /// The request, for as long as it is kept; it is in no list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
}

impl Execution {
    /// One that is accepted now.
    #[must_use]
    pub fn new(tenant: Arc<str>, request: Request, options: Options, now: Timestamp) -> Self {
        Self {
            id: Id::new(),
            tenant,
            status: Status::Accepted,
            topic: request.topic(),
            accepted: now,
            ended: None,
            options,
            attempts: Vec::new(),
            meta: None,
            retry_of: None,
            retried_as: None,
            trace_context: None,
            request: Some(request),
        }
    }

    /// Whether it is a dead letter: it ended without having been sent well, may be listed as such, and sent again by a person.
    #[must_use]
    pub fn is_dead_letter(&self) -> bool {
        match self.status {
            Status::Finished => self.meta.as_ref().is_none_or(|meta| meta.exit_code != 0),
            Status::Expired => true,
            Status::Accepted | Status::Running | Status::Cancelled => false,
        }
    }

    /// Whether it is a dead letter that nobody has had carried out again.
    pub(crate) fn is_open_dead_letter(&self) -> bool {
        self.is_dead_letter() && self.retried_as.is_none()
    }

    /// Whether an attempt was broken off of which nobody knows the answer, so that the message may have arrived.
    #[must_use]
    pub fn may_have_arrived(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.meta.is_none() && attempt.ended.is_some())
    }
}

fn as_str<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

fn shared<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    String::deserialize(deserializer).map(Arc::from)
}

/// How far an execution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It is kept, and will be carried out; or carried out again, when an attempt was answered with something that may pass.
    Accepted,
    /// It is being sent: the message may have left.
    Running,
    /// It ended with an exit code. Final.
    Finished,
    /// It was cancelled before anything was sent. Final.
    Cancelled,
    /// Its time was over before it was sent. Final.
    Expired,
}

impl Status {
    /// Each, in the order in which an execution may have them.
    pub const ALL: [Self; 5] =
        [Self::Accepted, Self::Running, Self::Finished, Self::Cancelled, Self::Expired];

    /// The word for it, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// Whether nothing more becomes of an execution that has it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled | Self::Expired)
    }
}

/// One time that an execution was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub struct Attempt {
    /// When it began.
    pub began: Timestamp,
    /// When it ended; of one that was broken off, when that was found out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<Timestamp>,
    /// What it was answered with. An attempt that has ended without an answer was broken off, and its message may have arrived.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "http", schema(value_type = Option<crate::http::MetaSchema>))]
    pub meta: Option<Meta>,
    /// What it went through, in the order in which it came to each last: the last one is where it was answered. There are none of an
    /// attempt that was answered before it needed the network, or that was broken off.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub stages: Vec<StageTime>,
}

/// How long an attempt was at something, in all connections that it tried. Waits of less than 10 ms are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub struct StageTime {
    /// What it was at: `look-up`, `dial`, `tls`, `connect`, `acknowledgement` and others, and waits such as `rate-limit`. One that shares a
    /// connection that stands has `acknowledgement` alone.
    #[cfg_attr(feature = "http", schema(value_type = String))]
    pub stage: Stage,
    /// How long.
    pub microseconds: u64,
}

impl StageTime {
    /// Those of one call of the publisher.
    pub(crate) fn of(stages: &Stages) -> impl Iterator<Item = Self> {
        stages.times().map(|(stage, spent)| Self {
            stage,
            microseconds: u64::try_from(spent.as_micros()).unwrap_or(u64::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_of_before_its_stages_were_kept_is_read_and_written_as_it_was() {
        let before = r#"{"began":"2026-11-29T12:00:00.000Z","ended":"2026-11-29T12:00:01.000Z","meta":{"exit-code":0,"message":"Sent."}}"#;
        let attempt: Attempt = serde_json::from_str(before).unwrap();
        assert_eq!(attempt.stages, []);
        assert_eq!(serde_json::to_string(&attempt).unwrap(), before);
    }

    #[test]
    fn stages_have_names_that_stay() {
        let names = Stage::ALL.map(|stage| StageTime { stage, microseconds: 1 });
        let names = names.map(|time| serde_json::to_value(time).unwrap()["stage"].clone());
        let wanted = [
            "rate-limit",
            "look-up",
            "proxy-look-up",
            "certificates",
            "client-id-queue",
            "connection-permit",
            "dial",
            "proxy",
            "tls",
            "websocket",
            "connect",
            "acknowledgement",
            "back-off",
        ];
        assert_eq!(names, wanted);
    }
}
