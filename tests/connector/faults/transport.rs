//! One script over both transports: MQTT over TCP, and over TLS.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use mqtt_connector::Meta;
use mqtt_connector_tests::pki::Pki;
use mqtt_connector_tests::script::ScriptedBrokerBuilder;
use mqtt_connector_tests::{Record, ScriptedBroker, ServerTls, Step};
use serde_json::{Value, json};

use crate::support::{self, with};

/// How long after its time-out a send may answer: 50 ms. A debug build, beside other tests on a machine with few cores,
/// may have to wait half a second for its turn on one.
pub(super) const LATE: Duration = Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 50 });

/// What carries MQTT between the connector and a scripted broker.
#[derive(Clone, Debug)]
pub(crate) struct Transport(Option<Secured>);

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
}

impl Transport {
    /// TCP.
    pub(crate) fn tcp() -> Self {
        Self(None)
    }

    /// TLS, with a certificate that the connector trusts.
    pub(crate) fn tls() -> Self {
        let pki = Pki::new();
        let server = ServerTls::new(&pki.server(&["127.0.0.1"]));
        Self(Some(Secured { server, authority: pki.authority().text().to_owned() }))
    }

    /// TLS 1.2.
    pub(super) fn tls_1_2() -> Self {
        let Self(secured) = Self::tls();
        Self(secured.map(|secured| Secured { server: secured.server.only_tls12(), ..secured }))
    }

    pub(crate) fn both() -> [Self; 2] {
        [Self::tcp(), Self::tls()]
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.0.is_some()
    }

    /// A broker on this transport.
    pub(crate) fn broker(&self) -> ScriptedBrokerBuilder {
        match &self.0 {
            None => ScriptedBroker::builder(),
            Some(secured) => ScriptedBroker::builder().tls(secured.server.clone()),
        }
    }

    /// A configuration for a broker on this transport; the request has the rest.
    pub(crate) fn config(&self, port: u16) -> Value {
        let broker = self.url(port);
        let authority = self.0.as_ref().map(|secured| secured.authority.as_str());
        with(&support::config(port), json!({ "broker": broker, "root-ca-crt": authority }))
    }

    fn url(&self, port: u16) -> String {
        format!("{}://127.0.0.1:{port}", if self.is_tls() { "ssl" } else { "tcp" })
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
        Played { meta, took: answered - started, answered, record }
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
pub(super) fn lost(reason: &str) -> String {
    format!(
        "Not sent, the connection to the broker BROKER was lost before: {reason}. Sending it again is safe."
    )
}

/// What is said of a message that was not sent, because the time was over before.
pub(super) fn too_late(milliseconds: u32, stage: &str) -> String {
    format!(
        "Not sent, the time was over before, with the broker BROKER: no answer within {milliseconds} ms, while \
         {stage}. Sending it again is safe."
    )
}

/// What is said of a message that was not sent, because the broker broke the protocol.
pub(super) fn broken(what: &str) -> String {
    format!("Not sent, the broker BROKER broke the protocol: {what}.")
}

/// What is said of a message that may have arrived.
pub(super) fn uncertain(qos: u8, what: &str, reason: &str) -> String {
    let again = if qos == 1 { "is safe" } else { "may duplicate it" };
    format!(
        "Sent to the broker BROKER, but not acknowledged: {what} ({reason}). It may have arrived. Sending it again \
         {again}."
    )
}

/// What is said of a message that arrived.
pub(super) fn sent(qos: u8) -> String {
    let never = if qos == 0 { " (never acknowledged)" } else { "" };
    format!("Sent with QoS {qos}{never} to topic \"t\" at BROKER in … ms.")
}
