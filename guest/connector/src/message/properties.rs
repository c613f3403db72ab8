//! The properties that only MQTT 5 has (MQTT 5.0, sections 3.1.3.2 and 3.3.2.3).

use super::text::MqttString;
use crate::json::{Mismatch, Value};
use crate::problem::Wants;

/// Reads `user-properties`: an object of strings, or a list of pairs of strings, in which names may repeat. The order is
/// kept, and so are names that repeat in an object.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn read_user(value: Value<'_>) -> Result<Vec<(String, String)>, Wants> {
    let mut properties = Vec::new();
    if let Ok(members) = value.pairs() {
        for (name, value) in members {
            properties.push(pair(properties.len() + 1, name, value)?);
        }
        return Ok(properties);
    }
    for element in value.list().map_err(|_| Wants::Properties)? {
        let mut element = element.list().map_err(|_| Wants::Properties)?;
        match (element.next(), element.next(), element.next()) {
            (Some(name), Some(value), None) => properties.push(pair(properties.len() + 1, name, value)?),
            (_, _, _) => return Err(Wants::Properties),
        }
    }
    Ok(properties)
}

/// The pair that is so many in its list, counted from 1.
fn pair(pair: usize, name: Value<'_>, value: Value<'_>) -> Result<(String, String), Wants> {
    let text = |text: Value<'_>, is_name| match text.string() {
        Ok(text) => MqttString::new(text).map(MqttString::into_string).map_err(|wants| match wants {
            Wants::Characters(finding) => Wants::CharactersOfPair { pair, is_name, finding },
            wants => wants,
        }),
        Err(Mismatch::HalfCharacter) => Err(Wants::WholeCharacters),
        Err(_) => Err(Wants::Properties),
    };
    Ok((text(name, true)?, text(value, false)?))
}
