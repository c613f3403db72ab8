//! [`Request`]: the document that a workflow asks with.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// A request: a JSON object, which is kept as it stands. `Debug` shows nothing of it.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema), schema(value_type = Object))]
#[serde(transparent)]
pub struct Request(Box<RawValue>);

impl Request {
    /// The longest, in bytes: 16 MiB.
    pub const LONGEST: usize = 16 * 1024 * 1024;

    /// Reads `text`. Whether its members are right, the connector says when it is carried out.
    ///
    /// # Errors
    ///
    /// It is no JSON object, or too long.
    pub fn parse(text: impl Into<String>) -> Result<Self, RequestError> {
        let text = text.into();
        if text.len() > Self::LONGEST {
            return Err(RequestError::TooLong(text.len()));
        }
        let value = RawValue::from_string(text)
            .map_err(|error| RequestError::NotJson { line: error.line(), column: error.column() })?;
        if value.get().starts_with('{') { Ok(Self(value)) } else { Err(RequestError::NotAnObject) }
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// The topic that stands in it, if it is a text that is no longer than a topic may be (MQTT 3.1.1, section 1.5.3): for lists, before the
    /// connector has said what it is.
    pub(crate) fn topic(&self) -> Option<String> {
        let members = self.members();
        let (_, value) = members.iter().find(|(name, _)| name == "topic")?;
        serde_json::from_str(value.get()).ok().filter(|topic: &String| topic.len() <= usize::from(u16::MAX))
    }

    /// Its members, in their order, each as often as it stands there.
    pub(crate) fn members(&self) -> Vec<(String, &RawValue)> {
        // It is an object, as it was parsed.
        serde_json::from_str(self.as_str()).map(|Members(members)| members).unwrap_or_default()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} bytes)", self.as_str().len())
    }
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(String::from(Box::<str>::from(value))).map_err(serde::de::Error::custom)
    }
}

/// The members of an object, as they stand. A name may hold half of a surrogate pair (`"\ud800"`, RFC 8259, section 8.2), which no text of Rust
/// can: it has a replacement character there.
pub(crate) struct Members<'a>(pub(crate) Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// The name of a member.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_bytes<E>(self, name: &[u8]) -> Result<Name, E> {
                Ok(Name(String::from_utf8_lossy(name).into_owned()))
            }
        }

        // As bytes: as a text, one half of a pair would be an error, and all members be unread for it.
        deserializer.deserialize_bytes(Text)
    }
}

/// A text is not a request. Nothing of the text is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// It is not JSON.
    #[error("the request is not JSON (RFC 8259): line {line}, column {column}")]
    NotJson {
        /// Where it is not, counted from 1.
        line: usize,
        /// Where in the line, counted from 1.
        column: usize,
    },
    /// It is JSON, and no object.
    #[error("the request is not a JSON object, as in {{\"topic\": \"acme/door\", \"content\": \"open\"}}")]
    NotAnObject,
    /// It is too long.
    #[error("the request has {0} bytes: it has at most {longest}", longest = Request::LONGEST)]
    TooLong(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_kept_as_it_stands() {
        let text = r#" {"a": 1.50, "a" : null,"b":{"c":[]}} "#;
        let request = Request::parse(text).unwrap();
        assert_eq!(request.as_str(), text.trim());
        let members: Vec<_> =
            request.members().into_iter().map(|(name, value)| (name, value.get())).collect();
        assert_eq!(
            members,
            [("a".to_owned(), "1.50"), ("a".to_owned(), "null"), ("b".to_owned(), r#"{"c":[]}"#)]
        );
        assert_eq!(format!("{request:?}"), "Request(36 bytes)");
        assert_eq!(serde_json::to_string(&request).unwrap(), text.trim());
    }

    #[test]
    fn half_of_a_pair_in_a_name_hides_no_member() {
        let request =
            Request::parse(r#"{"\ud800": 1, "t\u006fpic": "a", "\ud83d\ude00": 2, "é\"": 3}"#).unwrap();
        let names: Vec<_> = request.members().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["\u{fffd}\u{fffd}\u{fffd}", "topic", "😀", "é\""]);
        assert_eq!(request.topic().as_deref(), Some("a"));
    }

    #[test]
    fn what_is_longer_than_a_topic_is_none() {
        for (length, is_one) in [(65_535, true), (65_536, false)] {
            let topic = "t".repeat(length);
            let request = Request::parse(format!(r#"{{"topic": "{topic}"}}"#)).unwrap();
            assert_eq!(request.topic(), is_one.then_some(topic));
        }
    }

    #[test]
    fn what_is_no_object_is_refused_without_a_word_of_it() {
        for (text, error) in [
            ("", "the request is not JSON (RFC 8259): line 1, column 0"),
            (r#"{"planted"}"#, "the request is not JSON (RFC 8259): line 1, column 11"),
            ("{} {}", "the request is not JSON (RFC 8259): line 1, column 4"),
            (
                r#""planted""#,
                "the request is not a JSON object, as in {\"topic\": \"acme/door\", \"content\": \"open\"}",
            ),
            (
                "[{}]",
                "the request is not a JSON object, as in {\"topic\": \"acme/door\", \"content\": \"open\"}",
            ),
        ] {
            assert_eq!(Request::parse(text).unwrap_err().to_string(), error, "{text}");
        }
        let long = format!("{{\"a\":\"{}\"}}", "a".repeat(Request::LONGEST));
        assert_eq!(Request::parse(long).unwrap_err(), RequestError::TooLong(Request::LONGEST + 8));
    }
}
