//! How a shared connection is opened: the brokers of the list in order, and for each of them the way from its name to CONNACK.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use mqtt_connector_contract::secrets::Heard;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::SharedConnection;
use super::failures;
use crate::admission::preparation;
use crate::admission::preparation::Prepared;
use crate::contract as wit;
use crate::contract::Broker;
use crate::dial::tls::Tls;
use crate::dial::transport::Transport;
use crate::dial::{egress, proxy, websocket};
use crate::error::Error;
use crate::mqtt::connection::Connection;
use crate::sharing::pool_config::PoolConfig;
use crate::stage::Stage;
use crate::telemetry;
use crate::tenant::Permit;

/// How long a broker may take to accept a connection when there is another broker: a call with little time may wait beside
/// a call with much.
const PATIENCE: Duration = Duration::from_secs(5);

/// What one attempt to connect has learnt for the next.
#[derive(Default)]
pub(super) struct Known {
    /// The addresses that were found and checked, for each broker. They are forgotten when the broker accepts a
    /// connection, because they may change from then on.
    addresses: Vec<Vec<SocketAddr>>,
    /// What TLS needs. It is forgotten when a broker accepts a connection, because files may change from then on.
    prepared: Option<Prepared>,
    /// The broker that accepted the last connection: it may have kept the session.
    last: usize,
}

/// A connection that a broker has accepted.
pub(super) struct Connected<'a> {
    pub(super) connection: Connection,
    /// Counts the connection in telemetry. To be dropped after it.
    pub(super) open: telemetry::Open,
    /// Counts the connection against the tenant's limit. To be dropped after it.
    pub(super) permit: Permit<'a>,
}

/// A broker of the list, and what is known for the way to it.
struct Candidate<'a> {
    broker: &'a Broker,
    addresses: &'a mut Vec<SocketAddr>,
    tls: Option<&'a Tls>,
}

impl SharedConnection {
    /// Connects to the first of the brokers that accepts a connection.
    ///
    /// # Errors
    ///
    /// Why no broker has accepted one. When a broker refuses the client, no further broker is asked. When a broker cannot be
    /// reached, is busy or does not speak MQTT, the next one is.
    pub(super) async fn connect(
        &self,
        known: &mut Known,
        config: &PoolConfig,
    ) -> Result<Connected<'_>, Error> {
        let brokers = &self.options.brokers;
        let Known { addresses, prepared, last } = known;
        // Before the first look-up: while a file cannot be used, no name server need learn a broker's name.
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
        let mut failed = Vec::new();
        for (position, index) in order.enumerate() {
            let (Some(broker), Some(addresses)) = (brokers.get(index), addresses.get_mut(index)) else {
                break;
            };
            self.lock().delivery.tries(u32::try_from(index).unwrap_or(u32::MAX));
            let candidate = Candidate { broker, addresses, tls: ready.tls(index) };
            // Boxed, so that a connection that stands does not take the memory of its way there.
            let connecting = Box::pin(self.connect_to(candidate, config));
            let further = brokers.len() - position - 1;
            let error = match self.in_time(connecting, further).await {
                Ok(connected) => {
                    *last = index;
                    *prepared = None;
                    return Ok(connected);
                }
                Err(error) => ready.explain(error),
            };
            if brokers.len() == 1 || failures::holds_for_all(&error) {
                return Err(error);
            }
            tracing::debug!(%error, index, "the broker does not take the connection");
            let error = if let Error::Closed(reason) = error { Error::Lost(reason) } else { error };
            failed.push((broker, error));
        }
        Err(failures::joined(failed))
    }

    /// Waits for `connecting`; if there are `further` brokers, no longer than its share of the time.
    async fn in_time<'a>(
        &self,
        connecting: impl Future<Output = Result<Connected<'a>, Error>>,
        further: usize,
    ) -> Result<Connected<'a>, Error> {
        if further == 0 {
            return connecting.await;
        }
        let shares = u32::try_from(further + 1).unwrap_or(u32::MAX);
        let share = self.deadline().saturating_duration_since(Instant::now()) / shares;
        let limit = share.min(PATIENCE);
        let mut connecting = pin!(connecting);
        if let Ok(result) = timeout(limit, connecting.as_mut()).await {
            return result;
        }
        let stage = self.lock().stage;
        match stage {
            // It waits for another connection of the same tenant. That is not the broker's fault, nor would another be faster.
            Stage::ConnectionPermit | Stage::ClientIdQueue => connecting.await,
            stage => {
                let (limit, words) = (limit.as_millis(), stage.words());
                Err(Error::Unreachable(format!("no answer within {limit} ms, while {words}")))
            }
        }
    }

    /// Connects to one broker.
    async fn connect_to(
        &self,
        candidate: Candidate<'_>,
        config: &PoolConfig,
    ) -> Result<Connected<'_>, Error> {
        let Candidate { broker, addresses, tls } = candidate;
        if addresses.is_empty() {
            *addresses = self.look_up(broker, config).await?;
        }
        let permit = match self.tenant.quotas().try_connection() {
            Some(permit) => permit,
            None => self.permit().await,
        };
        self.enter(if self.options.proxy.is_some() { Stage::Proxy } else { Stage::Dial });
        let mut attempt = telemetry::Attempt::begin(self.tenant.shared_name());
        let socket = self.dial(broker, addresses).await?;
        let transport = self.transport(socket, broker, tls).await?;
        if !self.is_predecessor_closed() {
            // A second connection with the client identifier would make the broker close the first one, which may have
            // sent something that the broker has not read yet.
            self.enter(Stage::ClientIdQueue);
            let waited = Instant::now();
            self.predecessor_closed().await;
            attempt.put_off(waited.elapsed());
        }
        self.enter(Stage::Connect);
        let may_be_shown = |words: &[u8]| self.may_be_shown(words);
        let connection = Connection::open(transport, &self.options, &may_be_shown).await?;
        addresses.clear();
        Ok(Connected { connection, open: attempt.accepted(), permit })
    }

    /// The addresses of `broker` that the tenant may use; those of the proxy where there is one.
    async fn look_up(&self, broker: &Broker, config: &PoolConfig) -> Result<Vec<SocketAddr>, Error> {
        match &self.options.proxy {
            None => {
                self.enter(Stage::LookUp);
                egress::addresses(broker.into(), &self.tenant, &config.resolver).await
            }
            Some(proxy) => {
                self.enter(Stage::ProxyLookUp);
                let found = egress::addresses(proxy.into(), &self.tenant, &config.resolver).await;
                found.map_err(proxy::unreachable)
            }
        }
    }

    /// A connection over TCP to one of `addresses`, which leads to `broker`.
    async fn dial(&self, broker: &Broker, addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
        let socket = egress::dial(addresses, self.deadline()).await;
        match &self.options.proxy {
            None => socket,
            Some(proxy) => {
                let socket = socket.map_err(proxy::unreachable)?;
                let may_be_shown = |words: &[u8]| self.may_be_shown(words);
                Box::pin(proxy::tunnel(socket, proxy, broker, &may_be_shown)).await
            }
        }
    }

    /// What is to carry the bytes, above `socket`: TLS and WebSocket frames where the broker wants them.
    async fn transport(
        &self,
        socket: TcpStream,
        broker: &Broker,
        tls: Option<&Tls>,
    ) -> Result<Transport, Error> {
        let may_be_shown = |words: &[u8]| self.may_be_shown(words);
        let transport = match tls {
            None => Transport::Tcp(socket),
            Some(tls) => {
                self.enter(Stage::Tls);
                let stream = Box::pin(tls.handshake(socket, &may_be_shown)).await?;
                Transport::secured(stream)
            }
        };
        match broker.transport {
            wit::Transport::Tcp | wit::Transport::Tls => Ok(transport),
            wit::Transport::Websocket | wit::Transport::WebsocketTls => {
                self.enter(Stage::WebSocket);
                let headers = &self.options.websocket_headers;
                let stream = websocket::open(transport, broker, headers, &may_be_shown);
                Ok(Transport::WebSocket(Box::new(Box::pin(stream).await?)))
            }
        }
    }

    /// Whether somebody's words repeat nothing of what is secret, and of what the messages say.
    fn may_be_shown(&self, words: &[u8]) -> bool {
        let heard = Heard::new(words);
        !self.options.is_repeated_by(&heard) && !self.lock().delivery.is_repeated_by(&heard, None)
    }

    /// Waits for a permit for one more connection of the tenant. While the predecessor is closing, it waits for the permit of
    /// that, so that no idle connection has to give way.
    async fn permit(&self) -> Permit<'_> {
        let quotas = self.tenant.quotas();
        if !self.is_predecessor_closed() {
            self.enter(Stage::ClientIdQueue);
            self.predecessor_closed().await;
            if let Some(permit) = quotas.try_connection() {
                return permit;
            }
        }
        self.enter(Stage::ConnectionPermit);
        let _waiting = telemetry::Waiting::begin(self.tenant.shared_name(), "connections");
        quotas.connection().await
    }

    /// The latest deadline of the calls.
    fn deadline(&self) -> Instant {
        let state = self.lock();
        state.calls.values().map(|call| call.deadline).max().unwrap_or_else(Instant::now)
    }
}
