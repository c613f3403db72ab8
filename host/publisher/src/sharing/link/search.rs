//! The search for a broker that takes the connection: those of the list in order, and for each the way from its name to
//! CONNACK.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use mqtt_connector_contract::secrets::Heard;
use tokio::time::{Instant, timeout};

use super::Link;
use super::serve::Surroundings;
use crate::admission::preparation;
use crate::admission::preparation::Prepared;
use crate::contract as wit;
use crate::contract::{Broker, ProtocolVersion};
use crate::dial::tls::Tls;
use crate::dial::transport::Transport;
use crate::dial::{egress, proxy, websocket};
use crate::error::Error;
use crate::mqtt::connection::Connection;
use crate::options::Options;
use crate::stage::Stage;
use crate::telemetry;
use crate::tenant::Permit;

/// How long a broker may take to accept a connection when there is another: a call with little time may wait beside one
/// with much.
const PATIENCE: Duration = Duration::from_secs(5);

/// What one search has learnt for the next.
#[derive(Default)]
pub(super) struct Known {
    /// The addresses that have been found and checked, by broker, until one accepts a connection at one of them: from then
    /// on they may change.
    addresses: Vec<Vec<SocketAddr>>,
    /// What TLS needs, likewise: files may change, too.
    prepared: Option<Prepared>,
    /// The broker that took the last connection: it may have kept the session.
    last: usize,
}

/// A broker of the list, on the way to its connection.
struct Candidate<'a> {
    broker: &'a Broker,
    addresses: &'a mut Vec<SocketAddr>,
    tls: Option<&'a Tls>,
    surroundings: &'a Surroundings,
}

/// One of which an address has answered.
struct Dialled<'a> {
    candidate: Candidate<'a>,
    attempt: telemetry::Attempt,
}

impl Link {
    /// A connection to the first of the brokers that takes one, from the look-up to DISCONNECT.
    ///
    /// # Errors
    ///
    /// Why the connection was lost, or none was made. A broker that refuses the client ends the search; one that cannot be
    /// reached, is busy or is none does not.
    pub(super) async fn search(&self, known: &mut Known, surroundings: &Surroundings) -> Result<(), Error> {
        let brokers = &self.options.brokers;
        let Known { addresses, prepared, last } = known;
        // Before the first look-up: a file that cannot be used is no reason to tell anybody a broker's name.
        let ready = match prepared {
            Some(prepared) => &*prepared,
            None => {
                if self.options.tls.is_some() {
                    self.enter(Stage::Certificates);
                }
                prepared.insert(preparation::prepare(&self.options, &self.tenant).await?)
            }
        };
        addresses.resize_with(brokers.len(), Vec::new);
        let first = *last;
        let order = std::iter::once(first).chain((0..brokers.len()).filter(|index| *index != first));
        let mut failures = Vec::new();
        for (position, index) in order.enumerate() {
            let (Some(broker), Some(addresses)) = (brokers.get(index), addresses.get_mut(index)) else {
                break;
            };
            self.lock().delivery.tries(u32::try_from(index).unwrap_or(u32::MAX));
            let candidate = Candidate { broker, addresses, tls: ready.tls(index), surroundings };
            let connection = Box::pin(self.connection(candidate));
            let further = brokers.len() - position - 1;
            let error = match self.in_time(connection, further).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let stage = self.lock().stage;
            if stage == Stage::Acknowledgement {
                *last = index;
                *prepared = None;
                return Err(error);
            }
            let error = ready.explain(error);
            if brokers.len() == 1 || ends_the_search(&error) {
                return Err(error);
            }
            tracing::debug!(%error, index, "the broker does not take the connection");
            let error = if let Error::Closed(reason) = error { Error::Lost(reason) } else { error };
            failures.push((broker, error));
        }
        Err(all_of(failures))
    }

    /// Waits for `connection` no longer than its share of the time, as long as no broker has accepted it and there are
    /// `further` ones.
    async fn in_time(
        &self,
        connection: impl Future<Output = Result<(), Error>>,
        further: usize,
    ) -> Result<(), Error> {
        if further == 0 {
            return connection.await;
        }
        let shares = u32::try_from(further + 1).unwrap_or(u32::MAX);
        let share = self.deadline().saturating_duration_since(Instant::now()) / shares;
        let limit = share.min(PATIENCE);
        let mut connection = pin!(connection);
        if let Ok(result) = timeout(limit, connection.as_mut()).await {
            return result;
        }
        let stage = self.lock().stage;
        match stage {
            // What a connection of the tenant's own is waited for, is not this broker's doing.
            Stage::Acknowledgement | Stage::Permit | Stage::Turn => connection.await,
            stage => {
                let (limit, words) = (limit.as_millis(), stage.words());
                Err(Error::Unreachable(format!("no answer within {limit} ms, while {words}")))
            }
        }
    }

    /// One connection, from the look-up to DISCONNECT. What only some connections need is boxed: a connection is not to take
    /// the memory of all kinds, nor is the future of all to be moved.
    async fn connection(&self, candidate: Candidate<'_>) -> Result<(), Error> {
        let Candidate { broker, addresses, tls, surroundings } = candidate;
        if addresses.is_empty() {
            let Self { options, tenant, .. } = self;
            *addresses = match &options.proxy {
                None => {
                    self.enter(Stage::LookUp);
                    egress::addresses(broker.into(), tenant, &surroundings.resolver).await?
                }
                Some(proxy) => {
                    self.enter(Stage::ProxyLookUp);
                    let found = egress::addresses(proxy.into(), tenant, &surroundings.resolver).await;
                    found.map_err(proxy::unreachable)?
                }
            };
        }
        let quotas = self.tenant.quotas();
        let _room = match quotas.try_connection() {
            Some(room) => room,
            None => self.room().await,
        };
        self.enter(if self.options.proxy.is_some() { Stage::Proxy } else { Stage::Dial });
        let attempt = telemetry::Attempt::begin(self.tenant.shared_name());
        let socket = egress::dial(addresses, self.deadline()).await;
        let socket = match &self.options.proxy {
            None => socket?,
            Some(proxy) => {
                let socket = socket.map_err(proxy::unreachable)?;
                let may_be_shown = |words: &[u8]| self.may_be_shown(words);
                Box::pin(proxy::tunnel(socket, proxy, broker, &may_be_shown)).await?
            }
        };
        let dialled = Dialled { candidate: Candidate { broker, addresses, tls, surroundings }, attempt };
        let transport = match tls {
            None => Transport::Tcp(socket),
            Some(tls) => {
                self.enter(Stage::Tls);
                let may_be_shown = |words: &[u8]| self.may_be_shown(words);
                let stream = Box::pin(tls.handshake(socket, &may_be_shown)).await?;
                Transport::Tls(Box::new(stream))
            }
        };
        let transport = match broker.transport {
            wit::Transport::Tcp | wit::Transport::Tls => transport,
            wit::Transport::Websocket | wit::Transport::WebsocketTls => {
                self.enter(Stage::WebSocket);
                let may_be_shown = |words: &[u8]| self.may_be_shown(words);
                let headers = &self.options.websocket_headers;
                let stream = websocket::open(transport, broker, headers, &may_be_shown);
                Transport::WebSocket(Box::new(Box::pin(stream).await?))
            }
        };
        Box::pin(self.converse(transport, dialled)).await
    }

    /// MQTT, from CONNECT on.
    async fn converse(&self, transport: Transport, dialled: Dialled<'_>) -> Result<(), Error> {
        let Dialled { candidate, mut attempt } = dialled;
        if !self.is_alone() {
            // A second connection with the client identifier would throw the first one out, which may have something to say
            // that the broker has not read.
            self.enter(Stage::Turn);
            let waited = Instant::now();
            self.alone().await;
            attempt.put_off(waited.elapsed());
        }
        self.enter(Stage::Connect);
        let may_be_shown = |words: &[u8]| self.may_be_shown(words);
        let connection = Connection::open(transport, &self.options, &may_be_shown).await?;
        candidate.addresses.clear();
        self.exchange(connection, attempt, candidate.surroundings).await
    }

    /// Whether somebody's words repeat nothing of what is secret, and of what the messages say.
    fn may_be_shown(&self, words: &[u8]) -> bool {
        let heard = Heard::new(words);
        !self.options.is_repeated_by(&heard) && !self.lock().delivery.is_repeated_by(&heard, None)
    }

    /// Permit for one more connection of the tenant. If the one before this is about to make some, no other has to give way.
    async fn room(&self) -> Permit<'_> {
        let quotas = self.tenant.quotas();
        if !self.is_alone() {
            self.enter(Stage::Turn);
            self.alone().await;
            if let Some(room) = quotas.try_connection() {
                return room;
            }
        }
        self.enter(Stage::Permit);
        let _waiting = telemetry::Waiting::begin(self.tenant.shared_name(), "connections");
        quotas.connection().await
    }
}

/// What one of the brokers may be that hangs up at this.
pub(super) fn hint(options: &Options, broker: u32, stage: Stage) -> &'static str {
    let broker = usize::try_from(broker).ok().and_then(|index| options.brokers.get(index));
    match (broker.map(|broker| broker.transport), stage, options.protocol_version) {
        (Some(_), Stage::Connect, ProtocolVersion::V5) => {
            " (perhaps it does not speak MQTT 5; see protocol-version)"
        }
        (Some(wit::Transport::Tcp), Stage::Connect, ProtocolVersion::V311) => {
            " (a broker behind TLS is named with ssl://)"
        }
        (Some(wit::Transport::Websocket), Stage::WebSocket, _) => {
            " (a broker without WebSockets is named with tcp://, a WebSocket behind TLS with wss://)"
        }
        (Some(wit::Transport::WebsocketTls), Stage::WebSocket, _) => {
            " (a broker without WebSockets is named with ssl://)"
        }
        _ => "",
    }
}

/// Why a broker may have closed a connection that it had accepted, when it does not say so, and what helps.
pub(super) fn hint_at_takeover(options: &Options) -> &'static str {
    match (&*options.client_id, options.clean_session) {
        ("", _) => "",
        (_, true) => {
            "; perhaps another client came with the same client-id: give each its own, or \"\", and the broker chooses one"
        }
        (_, false) => "; perhaps another client came with the same client-id: give each its own",
    }
}

/// Whether what one broker says goes for the others as well: it is about the client, its parameters or its grants.
fn ends_the_search(error: &Error) -> bool {
    match error {
        Error::Unreachable(_)
        | Error::HostNotFound { .. }
        | Error::Proxy { .. }
        | Error::Tls { .. }
        | Error::Lost(_)
        | Error::Closed(_)
        | Error::Protocol(_)
        | Error::Disconnected(_) => false,
        // Unavailable, busy, elsewhere, or asked too often (MQTT 5.0, section 3.2.2.2).
        Error::Refused(refusal) => !matches!(refusal.code, 3 | 136 | 137 | 156 | 157 | 159),
        Error::Denied(_)
        | Error::Credential { .. }
        | Error::Shortage { .. }
        | Error::Rejected(_)
        | Error::TooLarge(_)
        | Error::TimedOut { .. }
        | Error::Interrupted { .. } => true,
    }
}

/// One error for those of several brokers: of their kind when they are of one kind, or else that none could be reached.
fn all_of(failures: Vec<(&Broker, Error)>) -> Error {
    let listed = failures.iter().map(|(broker, error)| format!("{}:{}: {error}", broker.host, broker.port));
    let listed = listed.collect::<Vec<_>>().join("; ");
    let mut errors = failures.into_iter().map(|(_, error)| error);
    let Some(first) = errors.next() else { return Error::Unreachable(listed) };
    let kind = std::mem::discriminant(&first);
    let code = |error: &Error| if let Error::Refused(refusal) = error { refusal.code } else { 0 };
    let mut may_pass = first.may_pass();
    let mut last = first;
    for error in errors {
        if std::mem::discriminant(&error) != kind || code(&error) != code(&last) {
            return Error::Unreachable(listed);
        }
        may_pass |= error.may_pass();
        last = error;
    }
    match last {
        Error::HostNotFound { host, .. } => Error::HostNotFound { host, reason: listed },
        Error::Tls { .. } => Error::Tls { reason: listed, may_pass },
        Error::Lost(_) => Error::Lost(listed),
        Error::Protocol(_) => Error::Protocol(listed),
        // It says which broker it is of.
        Error::Refused(refusal) => Error::Refused(refusal),
        _ => Error::Unreachable(listed),
    }
}
