//! Whether a message fits into one packet, PUBLISH, together with its topic and its properties.

use crate::parameters::Parameters;
use crate::problem::Rule;

/// The largest remaining length of an MQTT packet, in bytes (MQTT 3.1.1, section 2.2.3).
const MAX_REMAINING_LENGTH: usize = 268_435_455;

/// What is wrong with a packet of PUBLISH whose payload, topic and properties have so many bytes.
pub fn judge(length: usize, topic: usize, properties: usize) -> Option<Rule> {
    // The topic and its length; the packet identifier is there from QoS 1 on.
    let maximum = MAX_REMAINING_LENGTH - topic - 4;
    if properties > maximum {
        return Some(Rule::PropertiesTooLarge { length: properties });
    }
    let maximum = maximum - properties;
    (length > maximum).then_some(Rule::PacketTooLarge { length, maximum })
}

/// How many bytes the properties of a message take in its packet, with the length that stands before them.
pub fn properties_length(parameters: &Parameters) -> usize {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_into_a_packet() {
        let too_large = |length, maximum| Some(Rule::PacketTooLarge { length, maximum });
        for (length, topic, properties, rule) in [
            (268_435_450, 1, 0, None),
            (268_435_451, 1, 0, too_large(268_435_451, 268_435_450)),
            (268_435_440, 1, 10, None),
            (268_435_441, 1, 10, too_large(268_435_441, 268_435_440)),
            (0, 1, 268_435_450, None),
            (1, 1, 268_435_450, too_large(1, 0)),
            (0, 1, 268_435_451, Some(Rule::PropertiesTooLarge { length: 268_435_451 })),
            (0, 65_535, usize::MAX, Some(Rule::PropertiesTooLarge { length: usize::MAX })),
        ] {
            assert_eq!(judge(length, topic, properties), rule, "{length} {topic} {properties}");
        }
    }
}
