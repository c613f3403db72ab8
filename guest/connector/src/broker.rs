//! How a broker is reached: its URL, or a list of them; TLS, the WebSocket handshake, and the proxy on the way.

pub mod address;
mod list;
pub mod pem;
pub mod proxy;
pub mod tls;
mod url;
pub mod websocket;

pub use list::{Brokers, MAX_BROKERS, Schemes};
pub use proxy::{ProxyUrl, ProxyUsername};
pub use tls::ServerName;
pub use url::{BrokerUrl, Scheme};
