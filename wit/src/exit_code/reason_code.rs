//! The reason codes of MQTT 5 that say no (MQTT 5.0, section 2.4, table 2-6).

/// The lowest of them: those below it say yes.
pub const FIRST: u8 = 128;

/// The highest of them.
pub const LAST: u8 = 162;

/// What one of them means as an exit code.
pub const MEANING: &str = "the reason code with which an MQTT 5 broker refused the connection or the message, or ended the connection";

/// The standard's names, from [`FIRST`] to [`LAST`].
pub(super) const NAMES: [&str; (LAST - FIRST) as usize + 1] = [
    "Unspecified error",
    "Malformed Packet",
    "Protocol Error",
    "Implementation specific error",
    "Unsupported Protocol Version",
    "Client Identifier not valid",
    "Bad User Name or Password",
    "Not authorized",
    "Server unavailable",
    "Server busy",
    "Banned",
    "Server shutting down",
    "Bad authentication method",
    "Keep Alive timeout",
    "Session taken over",
    "Topic Filter invalid",
    "Topic Name invalid",
    "Packet Identifier in use",
    "Packet Identifier not found",
    "Receive Maximum exceeded",
    "Topic Alias invalid",
    "Packet too large",
    "Message rate too high",
    "Quota exceeded",
    "Administrative action",
    "Payload format invalid",
    "Retain not supported",
    "QoS not supported",
    "Use another server",
    "Server moved",
    "Shared Subscriptions not supported",
    "Connection rate exceeded",
    "Maximum connect time",
    "Subscription Identifiers not supported",
    "Wildcard Subscriptions not supported",
];

/// The standard's name of the code; `None` when it has none.
#[must_use]
pub fn name(code: u8) -> Option<&'static str> {
    NAMES.get(usize::from(code.checked_sub(FIRST)?)).copied()
}
