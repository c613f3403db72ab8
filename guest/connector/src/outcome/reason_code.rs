//! The reason codes of MQTT 5 that say no (MQTT 5.0, section 2.4, table 2-6).

/// The lowest of them, which is the first of [`NAMES`].
const FIRST: u8 = 128;

/// The standard's names, from 128 to 162.
const NAMES: [&str; 35] = [
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
pub(super) fn name(code: u8) -> Option<&'static str> {
    NAMES.get(usize::from(code.checked_sub(FIRST)?)).copied()
}

/// What to do about it, as a sentence with a space before it; empty when there is nothing to say.
pub(super) fn hint(code: u8) -> &'static str {
    match code {
        132 => " Look at protocol-version.",
        133 => " Look at client-id.",
        134 => " Look at username and password.",
        135 => " Look at username, password, client-id and topic.",
        136 | 137 | 139 | 159 => " Try again later.",
        140 => " There is no other way to authenticate than username, password and certificate.",
        142 => {
            " Another client came with the same client-id: give each its own, or \"\", and the broker chooses one."
        }
        144 => " Look at topic.",
        149 => " The message has to be smaller.",
        150 => " Send less often.",
        151 => " Try again later, or have the quota raised at the broker.",
        153 => " content is sent as UTF-8 text; content-base64 as bytes.",
        154 => " Set retain to false.",
        155 => " Set qos to a lower one.",
        156 | 157 => " Look at broker.",
        _ => "",
    }
}
