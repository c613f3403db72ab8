//! The properties that only MQTT 5 has (MQTT 5.0, sections 3.1.3.2 and 3.3.2.3).

use crate::parameters::Parameters;
use crate::text::MqttString;
use crate::value::Value;
use crate::wants::Wants;

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
        Err(Wants::WholeCharacters) => Err(Wants::WholeCharacters),
        Err(_) => Err(Wants::Properties),
    };
    Ok((text(name, true)?, text(value, false)?))
}

/// How many bytes the properties of a message take in its packet, those that say how many included.
pub fn length(parameters: &Parameters) -> usize {
    let user = parameters.user_properties.iter().flatten();
    let length = 2
        + parameters.content_type.as_ref().map_or(0, |text| 3 + text.as_str().len())
        + parameters.response_topic.as_ref().map_or(0, |topic| 3 + topic.as_str().len())
        + parameters.correlation_data.as_ref().map_or(0, |data| 3 + data.len())
        + parameters.message_expiry_interval.map_or(0, |_| 5)
        + user.map(|(name, value)| 5 + name.len() + value.len()).sum::<usize>();
    // A variable byte integer (MQTT 5.0, section 1.5.5).
    let itself = match length {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        0x20_0000.. => 4,
    };
    itself + length
}
