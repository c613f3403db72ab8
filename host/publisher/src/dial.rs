//! From a broker in the connect options to a stream of bytes: look-up, TCP, proxy, TLS, WebSocket.
//! A [`Transport`](transport::Transport) is what comes of it.

pub(crate) mod connect;
pub(crate) mod egress;
pub(crate) mod http;
mod lost;
pub(crate) mod proxy;
pub(crate) mod tls;
pub(crate) mod transport;
pub(crate) mod websocket;
