//! From a broker in the connect options to a stream of bytes: look-up, TCP, proxy, TLS, WebSocket.

pub(crate) mod connect;
pub(crate) mod egress;
pub(crate) mod http;
pub(crate) mod proxy;
pub(crate) mod tls;
pub(crate) mod websocket;
