//! Texts as MQTT carries them.

use mqtt_connector_contract::characters::Finding;

use crate::json::Value;
use crate::problem::Wants;

/// The longest string and the longest binary field of an MQTT packet, in bytes (MQTT 3.1.1, section 1.5.3).
pub const MAX_LENGTH: usize = 65_535;

/// A UTF-8 string of an MQTT packet (MQTT 3.1.1, section 1.5.3): 65,535 bytes at most, no control characters and no
/// non-characters, for which a broker may close the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MqttString(String);

impl MqttString {
    /// Checks a string.
    ///
    /// # Errors
    ///
    /// When it is longer than 65,535 bytes or holds such a character.
    pub fn new(text: impl Into<String>) -> Result<Self, Wants> {
        let text = short(text.into())?;
        match Finding::of(&text) {
            Some(finding) => Err(Wants::Characters(finding)),
            None => Ok(MqttString(text)),
        }
    }

    /// Reads a string.
    ///
    /// # Errors
    ///
    /// When the value is no string, or as [`MqttString::new`].
    #[inline(never)]
    pub fn read(value: Value<'_>) -> Result<Self, Wants> {
        Self::new(value.string()?)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// A password. MQTT carries it as bytes (MQTT 3.1.1, section 3.1.3.5), so U+0000 is allowed. It has no
/// `Debug`: nothing can print it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Checks a password.
    ///
    /// # Errors
    ///
    /// When it is longer than 65,535 bytes.
    pub fn new(text: impl Into<String>) -> Result<Self, Wants> {
        Ok(Password(short(text.into())?))
    }

    /// Reads a password.
    ///
    /// # Errors
    ///
    /// When the value is no string, or as [`Password::new`].
    #[inline(never)]
    pub fn read(value: Value<'_>) -> Result<Self, Wants> {
        Self::new(value.string()?)
    }

    /// The password itself, for rules about its characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The password itself, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// The text, if it is no longer than a string of an MQTT packet may be.
pub(crate) fn short(text: String) -> Result<String, Wants> {
    if text.len() > MAX_LENGTH { Err(Wants::ShortString { length: text.len() }) } else { Ok(text) }
}
