//! The will: the message that the broker publishes for the client when the connection is lost.

use std::borrow::Cow;

use mqtt_connector_contract::publisher::{Qos, Will, WillProperties};

use super::text::{MAX_LENGTH, MqttString};
use super::topic::Topic;
use super::{content, qos};
use crate::catalogue::Known;
use crate::catalogue::will::{MEMBERS, Member, ONLY_MQTT5};
use crate::document::{Given, Source};
use crate::json::Value;
use crate::problem::{Got, Problem, Rule, Wants};

/// A will that has been read, right or wrong.
#[derive(Clone, Default)]
pub struct Read {
    /// The will, with the properties that it has under MQTT 5; `None` when something is wrong with it.
    pub will: Option<Will>,
    /// What it has that only MQTT 5 has.
    given: [bool; ONLY_MQTT5],
}

impl Read {
    /// The names of the members that were given and that only MQTT 5 has.
    pub fn only_mqtt5(&self) -> impl Iterator<Item = &'static str> {
        let names = MEMBERS.into_iter().skip(MEMBERS.len() - ONLY_MQTT5);
        names.zip(self.given).filter(|(_, given)| *given).map(|(name, _)| name)
    }
}

/// Reads `will`: an object with `topic`, `content` or `content-base64` (65,535 bytes at most, MQTT 3.1.1,
/// section 3.1.3.3), `qos` (default 0), `retain` (default false) and what MQTT 5 has besides.
///
/// What is wrong with it, names that it does not have included, goes to `problems`; then there is no will.
pub fn read<'a>(given: Given<'a>, problems: &mut Vec<Problem<'a>>) -> Read {
    let Given { value, source, .. } = given;
    let members = match value.object() {
        Ok(members) => members,
        Err(mismatch) => {
            problems.push(Problem::Wrong {
                name: "will",
                source,
                got: Got::secret(value),
                wants: mismatch.into(),
            });
            return Read::default();
        }
    };
    let before = problems.len();
    let mut reader = Reader { values: [None; MEMBERS.len()], source, problems };
    for (name, value) in members {
        reader.add(&name, value);
    }
    let topic = reader.read(Member::Topic, |value| Topic::read(value));
    if reader.get(Member::Topic).is_none() {
        reader.problems.push(Problem::MissingInWill { name: Member::Topic.as_str(), source });
    }
    let payload = reader.read_payload();
    let qos = reader.read(Member::Qos, qos::read);
    let retain = reader.read(Member::Retain, |value| Ok(value.boolean()?));
    let delay_interval = reader.read_seconds(Member::DelayInterval).unwrap_or(0);
    let is_text = reader.read(Member::PayloadFormatIndicator, |value| Ok(value.boolean()?));
    if let (Some(true), Some(payload)) = (is_text, &payload) {
        reader.check_text(payload);
    }
    let properties = WillProperties {
        delay_interval,
        payload_format_indicator: is_text.unwrap_or(reader.get(Member::ContentBase64).is_none()),
        message_expiry_interval: reader.read_seconds(Member::MessageExpiryInterval),
        content_type: reader.read(Member::ContentType, MqttString::read).map(MqttString::into_string),
    };
    let given = [
        Member::DelayInterval,
        Member::PayloadFormatIndicator,
        Member::MessageExpiryInterval,
        Member::ContentType,
    ];
    let given = given.map(|member| reader.get(member).is_some());
    let is_right = reader.problems.len() == before;
    let will = topic.zip(payload).filter(|_| is_right).map(|(topic, payload)| Will {
        topic: topic.into_string(),
        payload,
        qos: qos.unwrap_or(Qos::AtMostOnce),
        retain: retain.unwrap_or(false),
        properties: Some(properties),
    });
    Read { will, given }
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
        match read(value) {
            Ok(right) => Some(right),
            Err(wants) => {
                self.wrong(member, value, wants);
                None
            }
        }
    }

    #[inline(never)]
    fn wrong(&mut self, member: Member, value: Value<'a>, wants: Wants) {
        let got = match member {
            Member::Content | Member::ContentBase64 => Got::secret(value),
            Member::Topic
            | Member::Qos
            | Member::Retain
            | Member::DelayInterval
            | Member::PayloadFormatIndicator
            | Member::MessageExpiryInterval
            | Member::ContentType => Got::open(value),
        };
        self.problems.push(Problem::Wrong { name: member.as_str(), source: self.source, got, wants });
    }

    /// A number of seconds, as the standard has them: four bytes.
    #[inline(never)]
    fn read_seconds(&mut self, member: Member) -> Option<u32> {
        let wants = Wants::WholeNumber { minimum: 0, maximum: u32::MAX, unit: "seconds" };
        let number = |value: Value<'_>| value.whole_number().and_then(|number| u32::try_from(number).ok());
        self.read(member, |value| number(value).ok_or(wants))
    }

    /// That the payload is what the indicator says (MQTT 5.0, section 3.1.3.2.3).
    fn check_text(&mut self, payload: &[u8]) {
        if let Some(rule) = Rule::text(payload) {
            let name = Member::PayloadFormatIndicator.as_str();
            self.problems.push(Problem::Rule { name, source: Some(self.source), rule });
        }
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
            (Some(_), None) => self.read(Member::Content, |value| fits(content::read(value, false)?)),
            (None, Some(_)) => self.read(Member::ContentBase64, |value| fits(content::read_base64(value)?)),
            (None, None) => {
                let name = Member::Content.as_str();
                self.problems.push(Problem::MissingInWill { name, source: self.source });
                None
            }
        }
    }
}
