//! Quality of service: how surely a message arrives (MQTT 3.1.1, section 4.3).

use mqtt_connector_contract::publisher::Qos;

use crate::json::Value;
use crate::problem::Wants;

/// Reads a quality of service: the number 0, 1 or 2. Strings and fractions such as `2.0` are not taken.
///
/// # Errors
///
/// When the value is anything else.
pub fn read(value: Value<'_>) -> Result<Qos, Wants> {
    match value.text() {
        "0" => Ok(Qos::AtMostOnce),
        "1" => Ok(Qos::AtLeastOnce),
        "2" => Ok(Qos::ExactlyOnce),
        _ => Err(Wants::Qos),
    }
}

/// The number of a quality of service, as the standard and the parameter have it.
pub fn number(qos: Qos) -> u8 {
    match qos {
        Qos::AtMostOnce => 0,
        Qos::AtLeastOnce => 1,
        Qos::ExactlyOnce => 2,
    }
}
