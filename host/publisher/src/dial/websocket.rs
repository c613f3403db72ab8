//! MQTT in WebSocket frames (RFC 6455; MQTT 3.1.1 and 5.0, section 6): [`WebSocket`] makes a stream of bytes of them.
//!
//! The headers of frames and the keys of the handshake are made by the library tungstenite. Its stream is not used, for three
//! reasons. It buffers frames, so that nobody could say how much of a message has left this process. It collects whole WebSocket
//! messages, which to MQTT are only pieces of a stream. And it logs what it sends, which holds passwords.

mod ending;
mod frames;
mod handshake;
mod stream;

pub(crate) use ending::explain;
pub(crate) use handshake::{check, open};
pub(crate) use stream::WebSocket;
