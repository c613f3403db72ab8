//! What the connector says of a send, in messages in which `BROKER` stands for the broker's URL.

/// Why a broker may have closed a connection that it had accepted without saying why.
pub const TAKEN_OVER: &str = "; perhaps another client came with the same client-id: give each its own, or \"\", and the broker chooses one";

/// What is said of a message that arrived.
#[must_use]
pub fn sent(qos: u8) -> String {
    let never = if qos == 0 { " (never acknowledged)" } else { "" };
    format!("Sent with QoS {qos}{never} to topic \"t\" at BROKER in … ms.")
}

/// What is said of a message that was not sent, because the connection was lost before.
#[must_use]
pub fn lost(reason: &str) -> String {
    format!(
        "Not sent, the connection to the broker BROKER was lost before the message was sent: {reason}. Sending it again is safe."
    )
}

/// What is said of a message that was not sent, because the time was over before; `milliseconds` may be `TIMEOUT`.
#[must_use]
pub fn too_late(milliseconds: &str, stage: &str) -> String {
    format!(
        "Not sent, the timeout was over before the message was sent to the broker BROKER: no answer within {milliseconds} ms, while \
         {stage}. Sending it again is safe."
    )
}

/// What is said of a message that was not sent, because the broker broke the protocol.
#[must_use]
pub fn broken(what: &str) -> String {
    format!("Not sent, the broker BROKER broke the protocol: {what}.")
}

/// What is said of a message that may have arrived.
#[must_use]
pub fn uncertain(qos: u8, what: &str, reason: &str) -> String {
    let again = if qos == 1 { "is safe" } else { "may duplicate it" };
    format!(
        "Sent to the broker BROKER, but not acknowledged: {what} ({reason}). It may have arrived. Sending it again \
         {again}."
    )
}

/// What is said of a message that may have arrived, because the time was over; `stage` is what was waited for.
#[must_use]
pub fn unacknowledged(qos: u8, stage: &str) -> String {
    uncertain(qos, "the time was over", &format!("no answer within TIMEOUT ms, while {stage}"))
}

/// What is said besides where more than one connection was tried.
#[must_use]
pub fn after(connections: usize, message: &str) -> String {
    if connections > 1 {
        format!("{message} {connections} connections were tried.")
    } else {
        message.to_owned()
    }
}
