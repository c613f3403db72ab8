//! The version of MQTT to speak.

use mqtt_connector_contract::publisher::ProtocolVersion;

use crate::json::Value;
use crate::problem::Wants;

/// Reads `protocol-version`: `"3.1.1"` or `"5"`.
///
/// # Errors
///
/// When the value is anything else.
pub fn read(value: Value<'_>) -> Result<ProtocolVersion, Wants> {
    match value.string().as_deref() {
        Ok("3.1.1") => Ok(ProtocolVersion::V311),
        Ok("5") => Ok(ProtocolVersion::V5),
        Ok(_) | Err(_) => Err(Wants::ProtocolVersion),
    }
}
