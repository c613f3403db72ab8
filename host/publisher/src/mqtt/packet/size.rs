//! How large a packet may be.

use crate::error::Error;

/// The largest packet that MQTT can express, in bytes (3.1.1, section 2.2.3; 5.0, section 2.1.4).
pub(super) const MAX_PACKET: usize = 268_435_455 + 5;
/// The largest packet that is read from a broker, in bytes. What a broker sends to a publisher is small. Only a message for a
/// subscription that another program made in the same session can be larger.
pub(super) const MAX_INCOMING: u32 = 1024 * 1024;

/// Why a packet of this `size` is not read.
pub(super) fn too_large_to_take(size: usize) -> Error {
    Error::Protocol(format!("a packet of {size} bytes, for a client that only publishes"))
}
