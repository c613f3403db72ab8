//! [`Record`]: an execution as a message, and [`Subjects`]: where it stands.
//!
//! All that the cluster knows stands in one stream, of which each subject has one message: the last one.
//!
//! | subject | message |
//! |---|---|
//! | `PREFIX.x.TENANT.ID` | an execution: its [`Entry`] in a header, itself as JSON |
//! | `PREFIX.k.TENANT.HASH` | an idempotency key: which execution it belongs to |
//! | `PREFIX.d.TENANT.ID` | that an execution is a dead letter, or was one |
//! | `PREFIX.n.NODE` | a node that carries executions out: its heart-beat |
//! | `PREFIX.o.TENANT` | which node carries out what a tenant has |
//! | `PREFIX.start` | from which message on a node that starts has to hear of executions |

use std::fmt::Write as _;
use std::sync::Arc;

use async_nats::HeaderMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::Timestamp;
use crate::error::StoreError;
use crate::execution::{Execution, Id, Status, fingerprint};

/// The header that holds an [`Entry`].
const ENTRY: &str = "Mqtt-Execution";

/// What the nodes have to know of an execution, which they all hear: without its request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Entry {
    pub(super) status: Status,
    /// Its place in the order in which executions were accepted: the sequence of its first message, which cannot have it itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) place: Option<u64>,
    /// When it may begin, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "milliseconds")]
    pub(super) due: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default, with = "milliseconds")]
    pub(super) expires: Option<Timestamp>,
    /// A hash of its ordering key.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) order: Option<String>,
    /// Whether it has attempts.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(super) was_tried: bool,
    /// Of one that is running: whether it may be sent again.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(super) may_be_repeated: bool,
}

mod milliseconds {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::Timestamp;

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Timestamp::milliseconds).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<i64>::deserialize(deserializer)?.map(Timestamp::from_milliseconds))
    }
}

impl Entry {
    /// Of an execution whose place is known, or that is new; it may begin at `due`.
    pub(super) fn of(execution: &Execution, place: Option<u64>, due: Option<Timestamp>) -> Self {
        let order = execution.options.ordering_key.as_deref();
        Self {
            status: execution.status,
            place,
            due,
            expires: execution.options.expires,
            order: order.map(|order| hash(order)[..16].to_owned()),
            was_tried: !execution.attempts.is_empty(),
            may_be_repeated: false,
        }
    }

    /// Of an execution that is new.
    pub(super) fn of_new(execution: &Execution) -> Self {
        let not_before = execution.options.not_before.filter(|time| *time > execution.accepted);
        Self::of(execution, None, not_before)
    }

    pub(super) fn of_headers(headers: &HeaderMap) -> Option<Self> {
        serde_json::from_str(headers.get(ENTRY)?.as_str()).ok()
    }

    pub(super) fn headers(&self) -> Result<HeaderMap, StoreError> {
        let mut headers = HeaderMap::new();
        headers.insert(ENTRY, serde_json::to_string(self).map_err(|_| unwritable())?);
        Ok(headers)
    }
}

/// An execution as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Record {
    pub(super) execution: Execution,
    /// The idempotency key that belongs to it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) key: Option<Key>,
}

/// An idempotency key: the message of its subject, and a part of the execution that it belongs to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Key {
    /// Of the key; the key itself is not stored.
    pub(super) hash: String,
    /// By which the request is known again.
    pub(super) fingerprint: String,
    pub(super) id: Id,
    /// When the key was taken.
    pub(super) taken: Timestamp,
}

impl Key {
    pub(super) fn new(key: &str, execution: &Execution) -> Self {
        Self::with_hash(hash(key), execution)
    }

    /// The same key, as that of this execution.
    pub(super) fn of(&self, execution: &Execution) -> Self {
        Self::with_hash(self.hash.clone(), execution)
    }

    fn with_hash(hash: String, execution: &Execution) -> Self {
        let fingerprint = hexadecimal(&fingerprint(execution.id, execution));
        Self { hash, fingerprint, id: execution.id, taken: execution.accepted }
    }

    /// Whether `new` asks for the same as the execution that has this key.
    pub(super) fn is_same(&self, new: &Execution) -> bool {
        self.fingerprint == hexadecimal(&fingerprint(self.id, new))
    }
}

pub(super) fn to_json(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|_| unwritable())
}

pub(super) fn from_json<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, StoreError> {
    // Without what serde says, which could have a value in it.
    serde_json::from_slice(json)
        .map_err(|_| StoreError::Unusable("it holds what this version did not write".to_owned()))
}

fn unwritable() -> StoreError {
    StoreError::Unusable("an execution cannot be written as JSON".to_owned())
}

/// SHA-256, in hexadecimal digits.
pub(super) fn hash(text: &str) -> String {
    hexadecimal(&Sha256::digest(text))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The subjects of one stream.
#[derive(Clone, Debug)]
pub(super) struct Subjects {
    prefix: String,
}

/// What a message is about, by its subject.
pub(super) enum About {
    Execution(Arc<str>, Id),
    Node(String),
    Owner(Arc<str>),
}

impl Subjects {
    pub(super) fn new(stream: &str) -> Self {
        Self { prefix: stream.to_owned() }
    }

    /// What is asked of JetStream about the stream.
    pub(super) fn api(&self, what: &str) -> String {
        format!("$JS.API.{what}.{}", self.prefix)
    }

    pub(super) fn all(&self) -> String {
        format!("{}.>", self.prefix)
    }

    /// Those that each node hears.
    pub(super) fn watched(&self) -> Vec<String> {
        ["x", "n", "o"].iter().map(|kind| format!("{}.{kind}.>", self.prefix)).collect()
    }

    pub(super) fn start(&self) -> String {
        format!("{}.start", self.prefix)
    }

    /// All nodes, and all owners.
    pub(super) fn nodes_and_owners(&self) -> [String; 2] {
        ["n", "o"].map(|kind| format!("{}.{kind}.>", self.prefix))
    }

    /// An execution, of whichever tenant.
    pub(super) fn execution(&self, tenant: Option<&str>, id: Id) -> String {
        format!("{}.x.{}.{id}", self.prefix, tenant.map_or_else(|| "*".to_owned(), token))
    }

    pub(super) fn executions(&self, tenant: Option<&str>) -> String {
        format!("{}.x.{}.*", self.prefix, tenant.map_or_else(|| "*".to_owned(), token))
    }

    pub(super) fn dead_letter(&self, tenant: &str, id: Id) -> String {
        format!("{}.d.{}.{id}", self.prefix, token(tenant))
    }

    pub(super) fn dead_letters(&self, tenant: Option<&str>) -> String {
        format!("{}.d.{}.*", self.prefix, tenant.map_or_else(|| "*".to_owned(), token))
    }

    pub(super) fn key(&self, tenant: &str, hash: &str) -> String {
        format!("{}.k.{}.{hash}", self.prefix, token(tenant))
    }

    pub(super) fn node(&self, name: &str) -> String {
        format!("{}.n.{}", self.prefix, token(name))
    }

    pub(super) fn owner(&self, tenant: &str) -> String {
        format!("{}.o.{}", self.prefix, token(tenant))
    }

    pub(super) fn about(&self, subject: &str) -> Option<About> {
        let mut tokens = subject.strip_prefix(&self.prefix)?.strip_prefix('.')?.split('.');
        let (kind, first, second) = (tokens.next()?, untoken(tokens.next()?)?, tokens.next());
        match (kind, second) {
            ("x", Some(id)) => Some(About::Execution(Arc::from(first), id.parse().ok()?)),
            ("n", None) => Some(About::Node(first)),
            ("o", None) => Some(About::Owner(Arc::from(first))),
            _ => None,
        }
    }

    /// The tenant and the execution that stand in a subject.
    pub(super) fn tenant_and_id(subject: &str) -> Option<(String, Id)> {
        let mut tokens = subject.rsplit('.');
        let id = tokens.next()?.parse().ok()?;
        Some((untoken(tokens.next()?)?, id))
    }
}

/// A name as a part of a subject, which has no dots, blanks and wildcards: other bytes than letters, digits, `-` and `_` are `=` and two digits.
fn token(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    name.bytes().fold(String::with_capacity(name.len()), |mut text, byte| {
        if is_plain(byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(text, "={byte:02x}");
        }
        text
    })
}

fn untoken(token: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'=' {
            let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_part_of_a_subject() {
        for (name, wanted) in [
            ("acme", "acme"),
            ("a.b", "a=2eb"),
            ("a_b-C9", "a_b-C9"),
            ("*", "=2a"),
            ("a=b", "a=3db"),
            ("ö", "=c3=b6"),
        ] {
            assert_eq!(token(name), wanted);
            assert_eq!(untoken(wanted).as_deref(), Some(name));
        }
        assert_eq!((untoken("=2"), untoken("=zz"), untoken("=ff")), (None, None, None));
    }

    #[test]
    fn subjects_are_read_as_they_are_written() {
        let (subjects, id) = (Subjects::new("MQTT"), Id::new());
        let subject = subjects.execution(Some("a.b"), id);
        assert_eq!(subject, format!("MQTT.x.a=2eb.{id}"));
        let Some(About::Execution(tenant, read)) = subjects.about(&subject) else { panic!("{subject}") };
        assert_eq!((&*tenant, read), ("a.b", id));
        assert_eq!(Subjects::tenant_and_id(&subjects.dead_letter("a.b", id)), Some(("a.b".to_owned(), id)));
        assert!(matches!(subjects.about("MQTT.n.one"), Some(About::Node(node)) if node == "one"));
        assert!(matches!(subjects.about("MQTT.o.a=2eb"), Some(About::Owner(tenant)) if &*tenant == "a.b"));
        for other in ["MQTT.k.a.b", "MQTT.x.a.b", "MQTT.x.a", "OTHER.n.one", "MQTT"] {
            assert!(subjects.about(other).is_none(), "{other}");
        }
    }
}
