//! What carries MQTT between a client and a scripted broker: both versions of MQTT, over TCP, TLS, WebSocket, and WebSocket over
//! TLS. One script is played over each of them.

use std::fmt;
use std::net::SocketAddr;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::script::ScriptedBrokerBuilder;
use crate::{Bridge, Pki, ScriptedBroker, ServerTls, Step, encode};

/// A version of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// MQTT 3.1.1.
    V311,
    /// MQTT 5.
    V5,
}

/// What carries MQTT between a client and a broker, and in which version.
#[derive(Clone, Debug)]
pub struct Carrier {
    version: Version,
    websocket: bool,
    secured: Option<Secured>,
}

/// TLS: the broker's side, and whom the client is to trust (PEM).
#[derive(Clone, Debug)]
struct Secured {
    server: ServerTls,
    authority: String,
}

/// `MQTT 5 over wss`.
impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = match self.version {
            Version::V311 => "3.1.1",
            Version::V5 => "5",
        };
        write!(f, "MQTT {version} over {}", self.scheme())
    }
}

impl Carrier {
    /// MQTT 3.1.1 over TCP.
    #[must_use]
    pub fn tcp() -> Self {
        Self { version: Version::V311, websocket: false, secured: None }
    }

    /// MQTT 3.1.1 over TLS, with a certificate that the connector trusts.
    #[must_use]
    pub fn tls() -> Self {
        static SECURED: OnceLock<Secured> = OnceLock::new();
        let secured = SECURED.get_or_init(|| {
            let pki = Pki::new();
            let server = ServerTls::new(&pki.server(&["127.0.0.1"]));
            Secured { server, authority: pki.authority().text().to_owned() }
        });
        Self { secured: Some(secured.clone()), ..Self::tcp() }
    }

    /// The same with MQTT 5.
    #[must_use]
    pub fn version_5(self) -> Self {
        Self { version: Version::V5, ..self }
    }

    /// The same with WebSocket between MQTT and what carries it.
    #[must_use]
    pub fn websocket(self) -> Self {
        Self { websocket: true, ..self }
    }

    /// The same over TLS 1.2, if it is over TLS.
    #[must_use]
    pub fn tls_1_2(self) -> Self {
        let secured = self.secured.map(|secured| Secured { server: secured.server.only_tls12(), ..secured });
        Self { secured, ..self }
    }

    /// Each version over each transport.
    #[must_use]
    pub fn all() -> [Self; 8] {
        let transports = || [Self::tcp(), Self::tls(), Self::tcp().websocket(), Self::tls().websocket()];
        let [a, b, c, d] = transports();
        let [e, f, g, h] = transports().map(Self::version_5);
        [a, b, c, d, e, f, g, h]
    }

    /// Its version of MQTT.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether TLS is in it.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.secured.is_some()
    }

    /// Whether WebSocket is in it.
    #[must_use]
    pub fn is_websocket(&self) -> bool {
        self.websocket
    }

    /// A CONNACK of this version that accepts.
    #[must_use]
    pub fn connack(&self, session_present: bool) -> Vec<u8> {
        match self.version {
            Version::V311 => encode::connack(session_present, 0),
            Version::V5 => encode::connack_v5(session_present, 0, &[]),
        }
    }

    /// A PUBLISH of this version, from the broker.
    #[must_use]
    pub fn publish(&self, topic: &str, qos: u8, retain: bool, packet_id: u16, payload: &[u8]) -> Vec<u8> {
        match self.version {
            Version::V311 => encode::publish(topic, qos, retain, packet_id, payload),
            Version::V5 => encode::publish_v5(topic, qos, retain, packet_id, &[], payload),
        }
    }

    /// A CONNACK of this version that refuses, for the reason that MQTT 3.1.1 numbers `code`, and the code that it has in
    /// this version.
    ///
    /// # Panics
    ///
    /// If `code` is not one from 1 to 5.
    #[must_use]
    pub fn refusal(&self, code: u8) -> (u8, Vec<u8>) {
        match self.version {
            Version::V311 => (code, encode::connack(false, code)),
            Version::V5 => {
                // Unsupported Protocol Version to Not authorized, in the order of MQTT 3.1.1.
                let code = [132, 133, 136, 134, 135][usize::from(code) - 1];
                (code, encode::connack_v5(false, code, &[]))
            }
        }
    }

    /// What is said of a connection that the broker has closed in order.
    #[must_use]
    pub fn closed(&self) -> &'static str {
        if self.websocket {
            "the broker closed the WebSocket with code 1000 (normal)"
        } else {
            "the broker closed the connection"
        }
    }

    /// What may help those for whom the broker has never spoken MQTT, or not in this version.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self.version {
            Version::V5 => " (perhaps it does not speak MQTT 5; see protocol-version)",
            Version::V311 if self.is_tls() || self.is_websocket() => "",
            Version::V311 => " (a broker behind TLS is named with ssl://)",
        }
    }

    /// What a request says for a session that outlives its connection.
    #[must_use]
    pub fn kept_session(&self) -> Value {
        match self.version {
            Version::V311 => json!({ "clean-session": false }),
            Version::V5 => json!({ "clean-session": false, "session-expiry-interval": 60 }),
        }
    }

    /// A broker on this carrier.
    pub fn broker(&self) -> ScriptedBrokerBuilder {
        let builder = ScriptedBroker::builder();
        let builder = if self.websocket { builder.websocket() } else { builder };
        match &self.secured {
            None => builder,
            Some(secured) => builder.tls(secured.server.clone()),
        }
    }

    /// What comes before WebSocket, in a script that begins with the connection.
    #[must_use]
    pub fn below_websocket(&self) -> Vec<Step> {
        if self.is_tls() { vec![Step::start_tls()] } else { vec![] }
    }

    /// A WebSocket in front of the broker at `target`, over TLS if this carrier is.
    #[must_use]
    pub fn bridge(&self, target: SocketAddr) -> Bridge {
        Bridge::start(target, self.secured.as_ref().map(|secured| &secured.server))
    }

    /// A configuration for a broker on this carrier, for a send that takes five seconds at most and tries one connection; the
    /// request has the rest.
    #[must_use]
    pub fn config(&self, port: u16) -> Value {
        let mut config =
            json!({ "broker": self.url(port), "client-id": "sender", "timeout": 5000, "retries": 0 });
        if let Some(secured) = &self.secured {
            config["root-ca-crt"] = secured.authority.as_str().into();
        }
        if self.version == Version::V5 {
            config["protocol-version"] = "5".into();
        }
        config
    }

    /// The broker's URL, as answers show it.
    #[must_use]
    pub fn url(&self, port: u16) -> String {
        format!("{}://127.0.0.1:{port}", self.scheme())
    }

    /// The scheme of its URLs.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        match (self.websocket, self.is_tls()) {
            (false, false) => "tcp",
            (false, true) => "ssl",
            (true, false) => "ws",
            (true, true) => "wss",
        }
    }
}
