//! One script over everything that may carry a message: both versions of MQTT, over TCP, TLS, WebSocket, and WebSocket
//! over TLS.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use mqtt_connector::Meta;
use mqtt_connector_tests::pki::Pki;
use mqtt_connector_tests::script::ScriptedBrokerBuilder;
use mqtt_connector_tests::{Bridge, Record, ScriptedBroker, ServerTls, Step, encode};
use serde_json::{Value, json};

use crate::support::{self, with};

/// How long after its time-out a send may answer: 50 ms. A debug build, beside other tests on a machine with few cores,
/// may have to wait half a second for its turn on one.
pub(super) const LATE: Duration = Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 50 });

/// A version of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V311,
    V5,
}

/// What carries MQTT between the connector and a broker, and in which version.
#[derive(Clone, Debug)]
pub(crate) struct Carrier {
    version: Version,
    websocket: bool,
    secured: Option<Secured>,
}

/// TLS: the broker's side, and whom the connector trusts (PEM).
#[derive(Clone, Debug)]
struct Secured {
    server: ServerTls,
    authority: String,
}

/// A send to a scripted broker.
#[derive(Debug)]
pub(crate) struct Played {
    /// The answer, in which `BROKER` stands for the broker's URL.
    pub(crate) meta: Meta,
    /// How long the answer took.
    pub(crate) took: Duration,
    /// When it came.
    pub(crate) answered: Instant,
    /// What the broker saw.
    pub(crate) record: Record,
    carrier: String,
}

impl Played {
    /// Asserts the exit code and the whole message, in which `…` stands for what differs from run to run.
    #[track_caller]
    pub(crate) fn assert(&self, exit_code: i32, message: &str) {
        if !support::is_meta(&self.meta, exit_code, message) {
            panic!(
                "over {}\nwanted exit code {exit_code} and: {message}\n   got exit code {} and: {}\n{}",
                self.carrier, self.meta.exit_code, self.meta.message, self.record
            );
        }
    }
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
    pub(crate) fn tcp() -> Self {
        Self { version: Version::V311, websocket: false, secured: None }
    }

    /// MQTT 3.1.1 over TLS, with a certificate that the connector trusts.
    pub(crate) fn tls() -> Self {
        static SECURED: OnceLock<Secured> = OnceLock::new();
        let secured = SECURED.get_or_init(|| {
            let pki = Pki::new();
            let server = ServerTls::new(&pki.server(&["127.0.0.1"]));
            Secured { server, authority: pki.authority().text().to_owned() }
        });
        Self { secured: Some(secured.clone()), ..Self::tcp() }
    }

    /// The same with MQTT 5.
    pub(crate) fn version_5(self) -> Self {
        Self { version: Version::V5, ..self }
    }

    /// The same with WebSocket between MQTT and what carries it.
    pub(crate) fn websocket(self) -> Self {
        Self { websocket: true, ..self }
    }

    /// The same over TLS 1.2, if it is over TLS.
    pub(super) fn tls_1_2(self) -> Self {
        let secured = self.secured.map(|secured| Secured { server: secured.server.only_tls12(), ..secured });
        Self { secured, ..self }
    }

    /// Each version over each transport.
    pub(crate) fn all() -> [Self; 8] {
        let transports = || [Self::tcp(), Self::tls(), Self::tcp().websocket(), Self::tls().websocket()];
        let [a, b, c, d] = transports();
        let [e, f, g, h] = transports().map(Self::version_5);
        [a, b, c, d, e, f, g, h]
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.secured.is_some()
    }

    pub(crate) fn is_websocket(&self) -> bool {
        self.websocket
    }

    /// A CONNACK of this version that accepts.
    pub(crate) fn connack(&self, session_present: bool) -> Vec<u8> {
        match self.version {
            Version::V311 => encode::connack(session_present, 0),
            Version::V5 => encode::connack_v5(session_present, 0, &[]),
        }
    }

    /// A PUBLISH of this version, from the broker.
    pub(crate) fn publish(
        &self,
        topic: &str,
        qos: u8,
        retain: bool,
        packet_id: u16,
        payload: &[u8],
    ) -> Vec<u8> {
        match self.version {
            Version::V311 => encode::publish(topic, qos, retain, packet_id, payload),
            Version::V5 => encode::publish_v5(topic, qos, retain, packet_id, &[], payload),
        }
    }

    /// A CONNACK of this version that refuses, for the reason that MQTT 3.1.1 numbers `code`, and the code that it has in
    /// this version.
    pub(crate) fn refusal(&self, code: u8) -> (u8, Vec<u8>) {
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
    pub(crate) fn closed(&self) -> &'static str {
        if self.websocket {
            "the broker closed the WebSocket with code 1000 (normal)"
        } else {
            "the broker closed the connection"
        }
    }

    /// What may help those for whom the broker has never spoken MQTT, or not in this version.
    pub(crate) fn hint(&self) -> &'static str {
        match self.version {
            Version::V5 => " (perhaps it does not speak MQTT 5; see protocol-version)",
            Version::V311 if self.is_tls() || self.is_websocket() => "",
            Version::V311 => " (a broker behind TLS is named with ssl://)",
        }
    }

    /// What a request says for a session that outlives its connection.
    pub(crate) fn kept_session(&self) -> Value {
        match self.version {
            Version::V311 => json!({ "clean-session": false }),
            Version::V5 => json!({ "clean-session": false, "session-expiry-interval": 60 }),
        }
    }

    /// A broker on this carrier.
    pub(crate) fn broker(&self) -> ScriptedBrokerBuilder {
        let builder = ScriptedBroker::builder();
        let builder = if self.websocket { builder.websocket() } else { builder };
        match &self.secured {
            None => builder,
            Some(secured) => builder.tls(secured.server.clone()),
        }
    }

    /// What comes before WebSocket, in a script that begins with the connection.
    pub(crate) fn below_websocket(&self) -> Vec<Step> {
        if self.is_tls() { vec![Step::start_tls()] } else { vec![] }
    }

    /// A WebSocket in front of the broker at `target`, over TLS if this carrier is.
    pub(crate) fn bridge(&self, target: SocketAddr) -> Bridge {
        Bridge::start(target, self.secured.as_ref().map(|secured| &secured.server))
    }

    /// A configuration for a broker on this carrier; the request has the rest.
    pub(crate) fn config(&self, port: u16) -> Value {
        let authority = self.secured.as_ref().map(|secured| secured.authority.as_str());
        let version = (self.version == Version::V5).then_some("5");
        with(
            &support::config(port),
            json!({ "broker": self.url(port), "root-ca-crt": authority, "protocol-version": version }),
        )
    }

    /// The broker's URL, as answers show it.
    pub(crate) fn url(&self, port: u16) -> String {
        format!("{}://127.0.0.1:{port}", self.scheme())
    }

    fn scheme(&self) -> &'static str {
        match (self.websocket, self.is_tls()) {
            (false, false) => "tcp",
            (false, true) => "ssl",
            (true, false) => "ws",
            (true, true) => "wss",
        }
    }

    /// Sends "x" to topic "t", or what `request` says, to a broker with one script for each connection.
    pub(crate) fn play(&self, scripts: impl IntoIterator<Item = Vec<Step>>, request: Value) -> Played {
        self.play_to(scripts.into_iter().fold(self.broker(), ScriptedBrokerBuilder::connection), request)
    }

    /// The same, to a broker that is more than its scripts.
    pub(crate) fn play_to(&self, builder: ScriptedBrokerBuilder, request: Value) -> Played {
        let broker = builder.start();
        let request = with(&json!({ "topic": "t", "content": "x" }), request);
        let config = self.config(broker.port());
        let started = Instant::now();
        let mut meta = support::send(&config, &request);
        let answered = Instant::now();
        let url = self.url(broker.port());
        let record = broker.finish();
        meta.message = meta.message.replace(&url, "BROKER");
        Played { meta, took: answered - started, answered, record, carrier: self.to_string() }
    }
}

/// Runs tests that mostly wait, some at a time: more of them would keep each other waiting.
pub(crate) fn side_by_side<T: FnOnce() + Send>(tests: impl IntoIterator<Item = T>) {
    const AT_A_TIME: usize = 12;
    let tests: Mutex<VecDeque<T>> = Mutex::new(tests.into_iter().collect());
    let next = || tests.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(test) = next() {
                    test();
                }
            });
        }
    });
}

/// What is said of a message that was not sent, because the connection was lost before.
pub(crate) fn lost(reason: &str) -> String {
    format!(
        "Not sent, the connection to the broker BROKER was lost before the message was sent: {reason}. Sending it again is safe."
    )
}

/// What is said of a message that was not sent, because the time was over before.
pub(crate) fn too_late(milliseconds: u32, stage: &str) -> String {
    format!(
        "Not sent, the timeout was over before the message was sent to the broker BROKER: no answer within {milliseconds} ms, while \
         {stage}. Sending it again is safe."
    )
}

/// What is said of a message that was not sent, because the broker broke the protocol.
pub(crate) fn broken(what: &str) -> String {
    format!("Not sent, the broker BROKER broke the protocol: {what}.")
}

/// What is said of a message that may have arrived.
pub(crate) fn uncertain(qos: u8, what: &str, reason: &str) -> String {
    let again = if qos == 1 { "is safe" } else { "may duplicate it" };
    format!(
        "Sent to the broker BROKER, but not acknowledged: {what} ({reason}). It may have arrived. Sending it again \
         {again}."
    )
}

/// What is said besides where more than one connection was tried.
pub(crate) fn after(connections: usize, message: &str) -> String {
    if connections > 1 {
        format!("{message} {connections} connections were tried.")
    } else {
        message.to_owned()
    }
}

/// Why a broker may have closed a connection that it had accepted without saying why.
pub(crate) const TAKEN_OVER: &str = "; perhaps another client came with the same client-id: give each its own, or \"\", and the broker chooses one";

/// What is said of a message that arrived.
pub(crate) fn sent(qos: u8) -> String {
    let never = if qos == 0 { " (never acknowledged)" } else { "" };
    format!("Sent with QoS {qos}{never} to topic \"t\" at BROKER in … ms.")
}
