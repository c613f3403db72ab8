//! What an operator can see of the calls of [`publish`](super): a `tracing` span for each, and `metrics`.
//!
//! Names follow OpenTelemetry's semantic conventions for [messaging](https://opentelemetry.io/docs/specs/semconv/messaging/),
//! where these have one. Nothing here ever holds a password, a key, a payload or the content of a file. Without a
//! subscriber or a recorder it costs next to nothing.
//!
//! # The span `send`
//!
//! Level `INFO`, target `mqtt_connector_publisher::telemetry`; `tracing-opentelemetry` makes an OpenTelemetry span of it.
//!
//! | field | |
//! |---|---|
//! | `tenant` | the tenant's name |
//! | `broker` | `scheme://host:port`, as the tenant wrote it; of a list, the one that has the first message |
//! | `server.address`, `server.port` | host and port of the broker |
//! | `messaging.system`, `messaging.operation.name`, `messaging.operation.type` | `mqtt`, `send`, `send` |
//! | `messaging.destination.name` | the topic of the first message, shortened |
//! | `messaging.batch.message_count` | the number of messages, when it is not one |
//! | `qos` | of the first message |
//! | `error.type` | see below; of the first message that failed; none when all were sent |
//! | `attempts` | connections that were tried for it; 0 when it shared one that stood |
//! | `look_up_us`, `dial_us`, `proxy_us`, `tls_us`, `websocket_us`, `connect_us`, `ack_us` | microseconds, in all attempts: name look-up, TCP, the proxy in its place, TLS handshake, WebSocket handshake, CONNECT to CONNACK, PUBLISH to the last acknowledgement |
//! | `otel.kind`, `otel.status_code` | `client`; `ERROR` when a message failed |
//!
//! Its last event, `sent` or `not sent`, has the level `INFO`; each further connection is a `DEBUG` event before.
//! `Connector` of the crate `mqtt-connector` puts the span into one of its own, `request`, which has the `exit_code`.
//!
//! # Metrics
//!
//! Through the [`metrics`](https://docs.rs/metrics) facade: a platform installs the recorder of its exporter with
//! `metrics::set_global_recorder` and then calls [`describe`].
//!
//! | name | kind | labels |
//! |---|---|---|
//! | [`SENT_MESSAGES`] | counter, messages | `tenant`, `messaging.system`, `messaging.operation.name`, `error.type` |
//! | [`OPERATION_DURATION`] | histogram, seconds of a whole call | the same |
//! | [`CONNECTION_ATTEMPTS`] | counter, dials | `tenant` |
//! | [`CONNECTIONS`] | counter, connections that a broker accepted | `tenant` |
//! | [`CONNECTION_TIME`] | histogram, seconds from the dial to CONNACK | `tenant` |
//! | [`SENDS_IN_FLIGHT`] | gauge, calls between their first moment and their answer, those that wait among them | `tenant` |
//! | [`SENDS_WAITING`] | gauge, calls that wait for a limit of their tenant | `tenant`, `limit` |
//! | [`OPEN_CONNECTIONS`] | gauge, connections from CONNACK to their end | `tenant` |
//!
//! `limit` is the name of the limit in a document: `concurrent-sends`, `connections`, `messages-per-second`. A call that waits
//! for `concurrent-sends` has not begun, and is not in flight.
//!
//! Topics and brokers are no labels: tenants choose them, and a label costs memory for each value it ever had.
//!
//! `error.type` is the kind of error in the contract, `wit/connector.wit`: `denied`, `unusable-credential`,
//! `host-not-found`, `unreachable`, `tls`, `connection-refused`, `publish-refused`, `disconnected`, `connection-lost`,
//! `timed-out`, `too-large`, `protocol`, `shortage`. It is absent when there was none.

mod series;

use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::Duration;

use metrics::{Gauge, Label, Unit, counter, gauge, histogram};
use mqtt_connector_contract::shown::Shown;
use tokio::time::Instant;
use tracing::Span;
use tracing::field::{Empty, display};

use crate::contract::{Broker, Error, Message, Qos, Transport};
use crate::error::{Answer, Unsettled};
use crate::options::Options;
use crate::stage::{Stage, Stages};
pub(crate) use series::Series;

/// Messages that were to be sent, by what became of them.
pub const SENT_MESSAGES: &str = "messaging.client.sent.messages";
/// How long calls took, in seconds: from the first message to the last acknowledgement, with everything between.
pub const OPERATION_DURATION: &str = "messaging.client.operation.duration";
/// Connections that were tried.
pub const CONNECTION_ATTEMPTS: &str = "mqtt.client.connection.attempts";
/// Connections that a broker accepted.
pub const CONNECTIONS: &str = "mqtt.client.connections";
/// How long it took until a broker had accepted a connection, in seconds.
pub const CONNECTION_TIME: &str = "mqtt.client.connection.create_time";
/// Calls whose messages are under way, or wait to be.
pub const SENDS_IN_FLIGHT: &str = "mqtt.client.sends.in_flight";
/// Calls that wait for a limit of their tenant.
pub const SENDS_WAITING: &str = "mqtt.client.sends.waiting";
/// Connections that are open.
pub const OPEN_CONNECTIONS: &str = "mqtt.client.connections.open";

/// The most characters of a topic or a host name.
const SHOWN: usize = 200;

/// Tells the recorder that is installed what the metrics mean, and in which units they are.
pub fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!(SENT_MESSAGES, Unit::Count, "Messages that were to be sent, by what became of them");
    describe_histogram!(OPERATION_DURATION, Unit::Seconds, "How long sends took, with everything");
    describe_counter!(CONNECTION_ATTEMPTS, Unit::Count, "Connections to brokers that were tried");
    describe_counter!(CONNECTIONS, Unit::Count, "Connections that a broker accepted");
    describe_histogram!(CONNECTION_TIME, Unit::Seconds, "How long it took to connect to a broker");
    describe_gauge!(SENDS_IN_FLIGHT, Unit::Count, "Sends whose messages are under way, or wait to be");
    describe_gauge!(SENDS_WAITING, Unit::Count, "Sends that wait for a limit of their tenant");
    describe_gauge!(OPEN_CONNECTIONS, Unit::Count, "Connections to brokers that are open");
}

/// A call that is watched, from its first moment to its answer.
pub(crate) struct Observation {
    span: Span,
    series: Arc<Series>,
    /// The options of a send that has several brokers: which of them took it is known in the end.
    options: Option<Arc<Options>>,
    messages: usize,
    began: Instant,
    _in_flight: Counted,
}

/// One that a gauge counts for as long as it is there.
struct Counted(Gauge);

impl Counted {
    fn begin(gauge: Gauge) -> Self {
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// A call that waits for a limit of its tenant, for as long as this is there.
pub(crate) struct Waiting {
    _waiting: Counted,
}

impl Waiting {
    /// `limit` is the limit's name in a document.
    pub(crate) fn begin(tenant: impl Into<metrics::SharedString>, limit: &'static str) -> Self {
        let labels = vec![Label::new("tenant", tenant), Label::from_static_parts("limit", limit)];
        Self { _waiting: Counted::begin(gauge!(SENDS_WAITING, labels)) }
    }
}

/// A connection that is open, for as long as this is there.
pub(crate) struct Open {
    _open: Counted,
}

impl Observation {
    pub(crate) fn begin(
        series: &Arc<Series>,
        options: &Arc<Options>,
        messages: &[Message],
        began: Instant,
    ) -> Self {
        let only = Some(options.broker()).filter(|_| options.brokers.len() == 1);
        let span = tracing::info_span!(
            "send",
            otel.kind = "client",
            otel.status_code = Empty,
            messaging.system = "mqtt",
            messaging.operation.name = "send",
            messaging.operation.type = "send",
            messaging.destination.name = messages.first().map(|first| display(short(&first.topic))),
            messaging.batch.message_count = Some(messages.len()).filter(|count| *count != 1),
            server.address = only.map(|broker| display(short(&broker.host))),
            server.port = only.map(|broker| broker.port),
            tenant = series.tenant(),
            broker = only.map(|broker| display(Url(broker))),
            qos = messages.first().map(|first| level(first.qos)),
            error.type = Empty,
            attempts = Empty,
            look_up_us = Empty,
            dial_us = Empty,
            proxy_us = Empty,
            tls_us = Empty,
            websocket_us = Empty,
            connect_us = Empty,
            ack_us = Empty,
        );
        let options = only.is_none().then(|| Arc::clone(options));
        let (series, _in_flight) = (Arc::clone(series), Counted::begin(series.in_flight()));
        Self { span, series, options, messages: messages.len(), began, _in_flight }
    }

    /// The span of the call.
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// The call has its answer.
    pub(crate) fn end(self, stages: &Stages, answer: &Answer) {
        let error = match answer {
            Ok(results) => results.iter().find_map(|result| result.as_ref().err()),
            Err(error) => Some(error),
        };
        self.record(stages, answer, error);
        self.count(answer, error);
    }

    fn record(&self, stages: &Stages, answer: &Answer, error: Option<&Unsettled>) {
        let span = &self.span;
        if span.is_disabled() {
            return;
        }
        if let Some(broker) = self.options.as_ref().and_then(|options| options.brokers.get(taker(answer)?)) {
            span.record("server.address", display(short(&broker.host)));
            span.record("server.port", broker.port);
            span.record("broker", display(Url(broker)));
        }
        span.record("attempts", stages.attempts());
        for (field, stages_in_it) in [
            ("look_up_us", &[Stage::LookUp, Stage::ProxyLookUp][..]),
            ("dial_us", &[Stage::Dial]),
            ("proxy_us", &[Stage::Proxy]),
            ("tls_us", &[Stage::Tls]),
            ("websocket_us", &[Stage::WebSocket]),
            ("connect_us", &[Stage::Connect]),
            ("ack_us", &[Stage::Acknowledgement]),
        ] {
            let spent = stages_in_it.iter().map(|stage| stages.spent(*stage)).sum::<Duration>();
            if spent > Duration::ZERO {
                span.record(field, u64::try_from(spent.as_micros()).unwrap_or(u64::MAX));
            }
        }
        match error {
            None => span.in_scope(|| tracing::info!("sent")),
            Some(error) => {
                span.record("error.type", kind(error));
                span.record("otel.status_code", "ERROR");
                span.in_scope(|| tracing::info!("not sent"));
            }
        }
    }

    fn count(&self, answer: &Answer, error: Option<&Unsettled>) {
        let count = |error: Option<&Unsettled>, messages: usize| {
            if messages > 0 {
                self.series.sent(error.map(kind)).increment(messages as u64);
            }
        };
        match answer {
            Err(error) => count(Some(error), self.messages),
            Ok(results) => {
                let failed = results.iter().filter_map(|result| result.as_ref().err());
                count(None, results.len() - failed.clone().count());
                failed.for_each(|error| count(Some(error), 1));
            }
        }
        self.series.duration(error.map(kind)).record(self.began.elapsed());
    }
}

/// A connection that is tried.
pub(crate) struct Attempt {
    tenant: Arc<str>,
    began: Instant,
}

impl Attempt {
    /// A socket of the tenant with this name is going to be connected.
    pub(crate) fn begin(tenant: Arc<str>) -> Self {
        counter!(CONNECTION_ATTEMPTS, vec![Label::new("tenant", Arc::clone(&tenant))]).increment(1);
        Self { tenant, began: Instant::now() }
    }

    /// The connection waited so long for another one of the tenant to close. That does not count as its time.
    pub(crate) fn put_off(&mut self, by: Duration) {
        self.began += by;
    }

    /// The broker has accepted the connection.
    pub(crate) fn accepted(self) -> Open {
        let label = || vec![Label::new("tenant", Arc::clone(&self.tenant))];
        counter!(CONNECTIONS, label()).increment(1);
        histogram!(CONNECTION_TIME, label()).record(self.began.elapsed());
        Open { _open: Counted::begin(gauge!(OPEN_CONNECTIONS, label())) }
    }
}

/// Which of the brokers has taken the first message that was sent.
fn taker(answer: &Answer) -> Option<usize> {
    let receipt = answer.as_ref().ok()?.iter().find_map(|result| result.as_ref().ok())?;
    usize::try_from(receipt.broker).ok()
}

/// The name that the contract has for an error.
fn kind(unsettled: &Unsettled) -> &'static str {
    match unsettled.clone().into_wit() {
        Error::Denied(_) => "denied",
        Error::UnusableCredential(_) => "unusable-credential",
        Error::HostNotFound(_) => "host-not-found",
        Error::Unreachable(_) => "unreachable",
        Error::Tls(_) => "tls",
        Error::ConnectionRefused(_) => "connection-refused",
        Error::PublishRefused(_) => "publish-refused",
        Error::Disconnected(_) => "disconnected",
        Error::ConnectionLost(_) => "connection-lost",
        Error::TimedOut(_) => "timed-out",
        Error::TooLarge(_) => "too-large",
        Error::Protocol(_) => "protocol",
        Error::Shortage(_) => "shortage",
    }
}

fn level(qos: Qos) -> u8 {
    match qos {
        Qos::AtMostOnce => 0,
        Qos::AtLeastOnce => 1,
        Qos::ExactlyOnce => 2,
    }
}

/// A text that a tenant chose: on one line, and short.
fn short(text: &str) -> Shown<'_> {
    Shown::plain(text, SHOWN)
}

/// `scheme://host:port`.
struct Url<'a>(&'a Broker);

impl Display for Url<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Broker { transport, host, port, .. } = self.0;
        let scheme = match transport {
            Transport::Tcp => "tcp",
            Transport::Tls => "ssl",
            Transport::Websocket => "ws",
            Transport::WebsocketTls => "wss",
        };
        let shown = short(host);
        if host.contains(':') {
            write!(f, "{scheme}://[{shown}]:{port}")
        } else {
            write!(f, "{scheme}://{shown}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tenant_chose_is_one_short_line() {
        for (text, shown) in [
            ("acme/door", "acme/door".to_owned()),
            ("naïve/\"x\"", "naïve/\"x\"".to_owned()),
            ("a\n\u{1b}[2Jb\u{202e}", "a\\n\\u{1b}[2Jb\\u{202e}".to_owned()),
            (&"x".repeat(300), "x".repeat(SHOWN) + "…"),
        ] {
            assert_eq!(short(text).to_string(), shown);
        }
        for (transport, host, url) in [
            (Transport::Tcp, "h", "tcp://h:1"),
            (Transport::Tls, "::1", "ssl://[::1]:1"),
            (Transport::Websocket, "h", "ws://h:1"),
            (Transport::WebsocketTls, "h\r", "wss://h\\u{d}:1"),
        ] {
            let broker = Broker { transport, host: host.to_owned(), port: 1, path: String::new() };
            assert_eq!(Url(&broker).to_string(), url);
        }
    }
}
