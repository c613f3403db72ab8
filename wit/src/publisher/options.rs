//! How a connection is made: [`ConnectOptions`], and what they consist of.

use super::Qos;
#[cfg(feature = "wasmtime")]
use wasmtime::component::{ComponentType, Lift, Lower};

/// Two publications share a connection when their connect options are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct ConnectOptions {
    /// At least one. They are tried in order until one takes the connection; one that refuses the client ends the search.
    pub brokers: Vec<Broker>,
    /// Through which the brokers are reached; without one, directly.
    pub proxy: Option<Proxy>,
    /// The version of MQTT.
    #[cfg_attr(feature = "wasmtime", component(name = "protocol-version"))]
    pub protocol_version: ProtocolVersion,
    /// Empty: the broker chooses; then `clean-session` is true.
    #[cfg_attr(feature = "wasmtime", component(name = "client-id"))]
    pub client_id: String,
    /// What the client says about itself; without, nothing.
    pub credentials: Option<Credentials>,
    /// MQTT 5 calls it Clean Start.
    #[cfg_attr(feature = "wasmtime", component(name = "clean-session"))]
    pub clean_session: bool,
    /// Seconds; 0 turns it off.
    #[cfg_attr(feature = "wasmtime", component(name = "keep-alive"))]
    pub keep_alive: u16,
    /// What the broker publishes when the connection is lost.
    pub will: Option<Will>,
    /// Present exactly when the transport of one of the brokers is `tls` or `websocket-tls`.
    pub tls: Option<TlsOptions>,
    /// Further headers of the WebSocket handshake.
    #[cfg_attr(feature = "wasmtime", component(name = "websocket-headers"))]
    pub websocket_headers: Vec<WebsocketHeader>,
    /// MQTT 5 session expiry, in seconds; without it, the session ends with the connection.
    #[cfg_attr(feature = "wasmtime", component(name = "session-expiry-interval"))]
    pub session_expiry_interval: Option<u32>,
}

impl ConnectOptions {
    /// MQTT 3.1.1 to this one broker, with a clean session and a keep-alive of 60 seconds; neither credentials, will, proxy nor
    /// TLS.
    #[must_use]
    pub fn new(broker: Broker, client_id: impl Into<String>) -> Self {
        Self {
            brokers: vec![broker],
            proxy: None,
            protocol_version: ProtocolVersion::V311,
            client_id: client_id.into(),
            credentials: None,
            clean_session: true,
            keep_alive: 60,
            will: None,
            tls: None,
            websocket_headers: Vec::new(),
            session_expiry_interval: None,
        }
    }
}

/// The protocol spoken with the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(enum))]
#[repr(u8)]
pub enum ProtocolVersion {
    /// MQTT 3.1.1, protocol level 4.
    #[cfg_attr(feature = "wasmtime", component(name = "v311"))]
    V311,
    /// MQTT 5.0, protocol level 5.
    #[cfg_attr(feature = "wasmtime", component(name = "v5"))]
    V5,
}

/// What carries the MQTT packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(enum))]
#[repr(u8)]
pub enum Transport {
    /// `tcp`, `mqtt`: plain TCP.
    #[cfg_attr(feature = "wasmtime", component(name = "tcp"))]
    Tcp,
    /// `ssl`, `tls`, `mqtts`: TLS over TCP.
    #[cfg_attr(feature = "wasmtime", component(name = "tls"))]
    Tls,
    /// `ws`: WebSocket over TCP.
    #[cfg_attr(feature = "wasmtime", component(name = "websocket"))]
    Websocket,
    /// `wss`: WebSocket over TLS.
    #[cfg_attr(feature = "wasmtime", component(name = "websocket-tls"))]
    WebsocketTls,
}

/// Where the broker is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct Broker {
    /// What carries the MQTT packets.
    pub transport: Transport,
    /// A host name, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The path of the WebSocket handshake; empty on other transports.
    pub path: String,
}

impl Broker {
    /// A broker behind plain TCP.
    #[must_use]
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self { transport: Transport::Tcp, host: host.into(), port, path: String::new() }
    }
}

/// What the client says about itself in CONNECT.
#[derive(Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct Credentials {
    /// The user name, 65,535 bytes at most.
    pub username: Option<String>,
    /// The password, 65,535 bytes at most; under MQTT 3.1.1 only with a user name.
    pub password: Option<String>,
}

/// PEM text, or the absolute path of a file that holds it.
#[derive(Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(variant))]
pub enum Pem {
    /// The path as the tenant wrote it. The host reads it, within the tenant's grants.
    #[cfg_attr(feature = "wasmtime", component(name = "file"))]
    File(String),
    /// The PEM text itself.
    #[cfg_attr(feature = "wasmtime", component(name = "text"))]
    Text(String),
}

/// What the client shows a broker that asks for a certificate.
#[derive(Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct ClientIdentity {
    /// The certificate, followed by its intermediates if there are any.
    pub certificate: Pem,
    /// Its key: PKCS#1, PKCS#8 or SEC1.
    #[cfg_attr(feature = "wasmtime", component(name = "private-key"))]
    pub private_key: Pem,
    /// For an encrypted PKCS#8 key.
    #[cfg_attr(feature = "wasmtime", component(name = "private-key-password"))]
    pub private_key_password: Option<String>,
}

/// How the broker is verified, and what it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct TlsOptions {
    /// Trust anchors; without one, those of the system.
    #[cfg_attr(feature = "wasmtime", component(name = "root-ca"))]
    pub root_ca: Option<Pem>,
    /// The client certificate and its key; without one, none is shown.
    pub identity: Option<ClientIdentity>,
    /// The name to verify and to ask for (SNI); without one, the broker's host.
    #[cfg_attr(feature = "wasmtime", component(name = "server-name"))]
    pub server_name: Option<String>,
    /// Application protocols to offer (ALPN, RFC 7301), in order of preference; none is allowed.
    #[cfg_attr(feature = "wasmtime", component(name = "alpn-protocols"))]
    pub alpn_protocols: Vec<String>,
    /// False only where the tenant's grants allow it.
    #[cfg_attr(feature = "wasmtime", component(name = "verify-server"))]
    pub verify_server: bool,
}

/// MQTT 5 will properties (MQTT 5.0, section 3.1.3.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct WillProperties {
    /// Seconds between the loss of the connection and the publication, unless the session ends before; 0: none.
    #[cfg_attr(feature = "wasmtime", component(name = "delay-interval"))]
    pub delay_interval: u32,
    /// Whether the payload is text in UTF-8.
    #[cfg_attr(feature = "wasmtime", component(name = "payload-format-indicator"))]
    pub payload_format_indicator: bool,
    /// Seconds.
    #[cfg_attr(feature = "wasmtime", component(name = "message-expiry-interval"))]
    pub message_expiry_interval: Option<u32>,
    /// What the payload is: a MIME type, for example.
    #[cfg_attr(feature = "wasmtime", component(name = "content-type"))]
    pub content_type: Option<String>,
}

/// The message that the broker publishes for the client when the connection is lost (MQTT 3.1.1, 3.1.2.5).
#[derive(Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct Will {
    /// Where it is published.
    pub topic: String,
    /// What is published, 65,535 bytes at most.
    pub payload: Vec<u8>,
    /// With which quality of service.
    pub qos: Qos,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
    /// MQTT 5 only.
    pub properties: Option<WillProperties>,
}

/// A header of the WebSocket handshake (RFC 6455, section 4.1).
#[derive(Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct WebsocketHeader {
    /// The name.
    pub name: String,
    /// The value; it may be a credential.
    pub value: String,
}

/// How a proxy is asked for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(enum))]
#[repr(u8)]
pub enum ProxyProtocol {
    /// SOCKS version 5 (RFC 1928).
    #[cfg_attr(feature = "wasmtime", component(name = "socks5"))]
    Socks5,
    /// HTTP CONNECT (RFC 9110, section 9.3.6).
    #[cfg_attr(feature = "wasmtime", component(name = "http"))]
    Http,
}

/// A proxy between the host and the broker. It looks the broker's name up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct Proxy {
    /// How it is asked.
    pub protocol: ProxyProtocol,
    /// A host name, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// What the proxy is told about the client (RFC 1929; Basic of RFC 7617); without, nothing.
    pub credentials: Option<Credentials>,
}
