//! A topic to publish to.

use super::text::MqttString;
use crate::json::Value;
use crate::problem::Wants;

/// A topic name (MQTT 3.1.1, sections 3.3.2.1 and 4.7): 1 to 65,535 bytes, no wildcard, no
/// control characters and no non-characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic(String);

impl Topic {
    /// Checks a topic name.
    ///
    /// # Errors
    ///
    /// When it is empty, too long, or holds a wildcard (`+`, `#`) or a character that no string of MQTT has.
    pub fn new(topic: impl Into<String>) -> Result<Self, Wants> {
        let topic = MqttString::new(topic)?.into_string();
        if topic.is_empty() {
            return Err(Wants::TopicNotEmpty);
        }
        if topic.bytes().any(|byte| matches!(byte, b'+' | b'#')) {
            return Err(Wants::TopicWithoutWildcard);
        }
        Ok(Topic(topic))
    }

    /// Reads a topic name.
    ///
    /// # Errors
    ///
    /// When the value is no string, or as [`Topic::new`].
    #[inline(never)]
    pub fn read(value: Value<'_>) -> Result<Self, Wants> {
        Self::new(value.string()?)
    }

    /// The topic's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The topic's text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}
