//! The properties that a broker of MQTT 5 sends, as bytes (MQTT 5.0, section 2.2.2): to be joined, spoiled, and given to
//! [`encode`](crate::encode).
//!
//! ```
//! use mqtt_connector_tests::{encode, property};
//!
//! let limits = [property::receive_maximum(10), property::maximum_qos(1)].concat();
//! assert_eq!(encode::connack_v5(false, 0, &limits), [0x20, 8, 0, 0, 5, 0x21, 0, 10, 0x24, 1]);
//! ```

/// Session Expiry Interval, in seconds (3.2.2.3.2).
#[must_use]
pub fn session_expiry_interval(seconds: u32) -> Vec<u8> {
    of(0x11, &seconds.to_be_bytes())
}

/// Assigned Client Identifier (3.2.2.3.7).
#[must_use]
pub fn assigned_client_identifier(id: &str) -> Vec<u8> {
    text(0x12, id)
}

/// Server Keep Alive, in seconds (3.2.2.3.14).
#[must_use]
pub fn server_keep_alive(seconds: u16) -> Vec<u8> {
    of(0x13, &seconds.to_be_bytes())
}

/// Response Information (3.2.2.3.15).
#[must_use]
pub fn response_information(words: &str) -> Vec<u8> {
    text(0x1a, words)
}

/// Server Reference (3.2.2.3.16).
#[must_use]
pub fn server_reference(server: &str) -> Vec<u8> {
    text(0x1c, server)
}

/// Reason String (3.2.2.3.9).
#[must_use]
pub fn reason_string(words: &str) -> Vec<u8> {
    text(0x1f, words)
}

/// Receive Maximum (3.2.2.3.3).
#[must_use]
pub fn receive_maximum(messages: u16) -> Vec<u8> {
    of(0x21, &messages.to_be_bytes())
}

/// Topic Alias Maximum (3.2.2.3.8).
#[must_use]
pub fn topic_alias_maximum(aliases: u16) -> Vec<u8> {
    of(0x22, &aliases.to_be_bytes())
}

/// Maximum QoS (3.2.2.3.4).
#[must_use]
pub fn maximum_qos(qos: u8) -> Vec<u8> {
    of(0x24, &[qos])
}

/// Retain Available (3.2.2.3.5).
#[must_use]
pub fn retain_available(available: bool) -> Vec<u8> {
    of(0x25, &[u8::from(available)])
}

/// User Property (3.2.2.3.10).
#[must_use]
pub fn user_property(name: &str, value: &str) -> Vec<u8> {
    [text(0x26, name), text(0, value)[1..].to_vec()].concat()
}

/// Maximum Packet Size, in bytes (3.2.2.3.6).
#[must_use]
pub fn maximum_packet_size(bytes: u32) -> Vec<u8> {
    of(0x27, &bytes.to_be_bytes())
}

/// Wildcard Subscription, Subscription Identifiers and Shared Subscription Available (3.2.2.3.11 to 3.2.2.3.13).
#[must_use]
pub fn subscriptions_available(available: bool) -> Vec<u8> {
    (0x28..=0x2a).flat_map(|identifier| of(identifier, &[u8::from(available)])).collect()
}

/// Any property: its identifier and its value.
#[must_use]
pub fn of(identifier: u8, value: &[u8]) -> Vec<u8> {
    [&[identifier], value].concat()
}

/// Any property whose value is a text of at most 65,535 bytes.
///
/// # Panics
///
/// If it is longer.
#[track_caller]
#[must_use]
pub fn text(identifier: u8, value: &str) -> Vec<u8> {
    match u16::try_from(value.len()) {
        Ok(length) => [&[identifier][..], &length.to_be_bytes(), value.as_bytes()].concat(),
        Err(_) => panic!("{} bytes do not fit into a property", value.len()),
    }
}
