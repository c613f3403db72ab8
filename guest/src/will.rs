//! The will: the message that the broker publishes for the client when the connection is lost.

use std::borrow::Cow;

use crate::bindings::publisher::Qos;
use crate::confidential::Will;
use crate::document::Source;
use crate::merge::Given;
use crate::problem::{Known, Problem, Rule};
use crate::text::MAX_LENGTH;
use crate::topic::Topic;
use crate::value::{Got, Value};
use crate::wants::Wants;
use crate::{content, qos};

/// The members of a will, as messages name them: with `will.` in front.
pub const MEMBERS: [&str; 5] =
    ["will.topic", "will.content", "will.content-base64", "will.qos", "will.retain"];

/// A member of a will; as a number, its index in [`MEMBERS`].
#[derive(Clone, Copy)]
enum Member {
    Topic,
    Content,
    ContentBase64,
    Qos,
    Retain,
}

impl Member {
    fn as_str(self) -> &'static str {
        MEMBERS[self as usize]
    }
}

/// Reads `will`: an object with `topic`, `content` or `content-base64` (65,535 bytes at most, MQTT 3.1.1,
/// section 3.1.3.3), `qos` (default 0) and `retain` (default false).
///
/// What is wrong with it, names that it does not have included, goes to `problems`; then there is no will.
pub fn read<'a>(given: Given<'a>, problems: &mut Vec<Problem<'a>>) -> Option<Will> {
    let Given { value, source } = given;
    let members = match value.object() {
        Ok(members) => members,
        Err(wants) => {
            problems.push(Problem::Wrong { name: "will", source, got: Got::secret(value), wants });
            return None;
        }
    };
    let before = problems.len();
    let mut reader = Reader { values: [None; MEMBERS.len()], source, problems };
    for (name, value) in members {
        reader.add(&name, value);
    }
    let topic = reader.read(Member::Topic, |value| Topic::new(value.string()?));
    if reader.get(Member::Topic).is_none() {
        reader.problems.push(Problem::MissingInWill { name: Member::Topic.as_str(), source });
    }
    let payload = reader.read_payload();
    let qos = reader.read(Member::Qos, qos::read);
    let retain = reader.read(Member::Retain, Value::boolean);
    if reader.problems.len() > before {
        return None;
    }
    Some(Will {
        topic: topic?.into_string(),
        payload: payload?,
        qos: qos.unwrap_or(Qos::AtMostOnce),
        retain: retain.unwrap_or(false),
        properties: None,
    })
}

struct Reader<'p, 'a> {
    values: [Option<Value<'a>>; MEMBERS.len()],
    source: Source,
    problems: &'p mut Vec<Problem<'a>>,
}

impl<'a> Reader<'_, 'a> {
    fn add(&mut self, name: &str, value: Value<'a>) {
        let source = self.source;
        let full = format!("will.{name}");
        let slot =
            MEMBERS.iter().position(|member| *member == full).and_then(|index| self.values.get_mut(index));
        match slot {
            None => {
                self.problems.push(Problem::Unknown { name: Cow::Owned(full), source, known: Known::InWill });
            }
            Some(Some(_)) => self.problems.push(Problem::Twice { name: Cow::Owned(full), source }),
            Some(empty) => *empty = Some(value),
        }
    }

    fn get(&self, member: Member) -> Option<Value<'a>> {
        self.values[member as usize].filter(|value| !value.is_null())
    }

    fn read<T>(&mut self, member: Member, read: impl FnOnce(Value<'a>) -> Result<T, Wants>) -> Option<T> {
        let value = self.get(member)?;
        read(value)
            .map_err(|wants| {
                let got = match member {
                    Member::Content | Member::ContentBase64 => Got::secret(value),
                    Member::Topic | Member::Qos | Member::Retain => Got::open(value),
                };
                self.problems.push(Problem::Wrong { name: member.as_str(), source: self.source, got, wants });
            })
            .ok()
    }

    fn read_payload(&mut self) -> Option<Vec<u8>> {
        let fits = |payload: Vec<u8>| match payload.len() {
            0..=MAX_LENGTH => Ok(payload),
            length => Err(Wants::WillPayload { length }),
        };
        match (self.get(Member::Content), self.get(Member::ContentBase64)) {
            (Some(_), Some(_)) => {
                let (name, source) = (Member::Content.as_str(), Some(self.source));
                self.problems.push(Problem::Rule { name, source, rule: Rule::OneContent });
                None
            }
            (Some(_), None) => self.read(Member::Content, |value| fits(content::read(value)?)),
            (None, Some(_)) => self.read(Member::ContentBase64, |value| fits(content::read_base64(value)?)),
            (None, None) => {
                let name = Member::Content.as_str();
                self.problems.push(Problem::MissingInWill { name, source: self.source });
                None
            }
        }
    }
}
