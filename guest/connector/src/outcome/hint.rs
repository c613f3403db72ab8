//! What to do about a reason code of MQTT 5.

/// What to do about a reason code that says no, as a sentence with a space before it; empty when there is nothing to say.
pub(super) fn of(code: u8) -> &'static str {
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
