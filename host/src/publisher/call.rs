//! One call of `publish`: grants, look-up, TLS, and as many connections as the messages need, inside one deadline.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rumqttc::{Connect, ConnectAuth, LastWill};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::connection::Connection;
use super::delivery::{Delivery, Settlement, codec_qos};
use super::options::Options;
use super::stage::{Stage, Stages};
use super::tls::{self, Tls};
use super::{Publisher, admission, egress};
use crate::bindings::flint::mqtt::publisher::{
    self as wit, ConnectOptions, Credentials, Effort, Message, Progress, ProtocolVersion, Transport,
};
use crate::error::Error;
use crate::tenant::Tenant;

/// The wait before the second connection; it doubles from there.
const BACKOFF: Duration = Duration::from_millis(100);

/// Who calls, and with what.
pub(super) struct Call {
    pub(super) tenant: Arc<Tenant>,
    pub(super) publisher: Publisher,
    /// When the tenant's limit is over, whatever the effort allows.
    pub(super) latest: Instant,
    pub(super) options: Arc<Options>,
    pub(super) effort: Effort,
}

/// The state of a call that outlives its connections, and the time-out.
struct Attempts<'a> {
    delivery: Delivery,
    stages: &'a mut Stages,
}

impl Call {
    /// Publishes `messages` and answers when each is settled or the time is over.
    pub(super) async fn run(
        self,
        messages: Vec<Message>,
        stages: &mut Stages,
    ) -> Result<Vec<Result<wit::Receipt, wit::Error>>, wit::Error> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        admission::check_connection(&self.tenant, &self.options)
            .map_err(|error| error.into_wit(Progress::NotSent))?;
        let started = Instant::now();
        let deadline = self.latest.min(started + Duration::from_millis(self.effort.timeout.into()));
        let clean_session = self.options.clean_session;
        let refusals = admission::refusals(&self.tenant, &messages);
        let mut delivery = Delivery::new(messages, started);
        for (index, error) in refusals {
            delivery.refuse(index, error);
        }
        let schedule = self.tenant.load().schedule(delivery.unsettled(), deadline);
        let timeout = deadline.saturating_duration_since(started);
        if schedule.granted() == 0 && !delivery.is_settled() {
            // Were it told at once, a flood would come back at once.
            sleep_until(deadline).await;
        }
        delivery.follow(&schedule, || admission::too_many_messages(&self.tenant, timeout));
        let mut attempts = Attempts { delivery, stages };
        let ended = timeout_at(deadline, self.attempts(&mut attempts, deadline)).await;
        let Attempts { mut delivery, stages } = attempts;
        if let Err(error) =
            ended.unwrap_or_else(|_| Err(self.too_late(timeout, stages, delivery.is_untouched())))
        {
            delivery.disconnected(clean_session, &error);
            if delivery.is_untouched() {
                return Err(error.into_wit(Progress::NotSent));
            }
            delivery.give_up(&error);
        }
        let settle =
            |settlement: Settlement| settlement.map_err(|(error, progress)| error.into_wit(progress));
        Ok(delivery.into_settlements().into_iter().map(settle).collect())
    }

    /// Opens connections until every message is settled, or one fails for a reason that will not pass.
    async fn attempts(&self, attempts: &mut Attempts<'_>, deadline: Instant) -> Result<(), Error> {
        let Self { tenant, options, publisher: Publisher { shared }, .. } = self;
        let Some(turn) = attempts.delivery.first_turn() else { return Ok(()) };
        let connect = connect_packet(options)?;
        // Also the look-up is part of what the tenant's rate bounds.
        if turn > Instant::now() {
            sleep_until(turn).await;
        }
        attempts.stages.enter(Stage::LookUp);
        let addresses = egress::addresses(&options.broker, tenant, &shared.resolver).await?;
        let tls = self.prepare_tls(attempts).await?;
        attempts.stages.enter(Stage::Turn);
        let _turn = shared.turns.turn(tenant, options).await;
        let mut backoff = BACKOFF;
        let mut retries = self.effort.retries;
        loop {
            let ended = self.attempt(attempts, &addresses, tls.as_ref(), &connect, deadline).await;
            let Err(error) = ended else { return Ok(()) };
            attempts.delivery.disconnected(options.clean_session, &error);
            if attempts.delivery.is_settled() {
                return Ok(());
            }
            let wait = jittered(backoff);
            if !error.may_pass() || retries == 0 || Instant::now() + wait >= deadline {
                return Err(error);
            }
            tracing::debug!(%error, retries, "another connection will be tried");
            retries -= 1;
            backoff *= 2;
            attempts.stages.enter(Stage::BackOff);
            sleep(wait).await;
        }
    }

    /// One connection, from the first packet of TCP to the last of the exchange.
    async fn attempt(
        &self,
        attempts: &mut Attempts<'_>,
        addresses: &[SocketAddr],
        tls: Option<&Tls>,
        connect: &Connect,
        deadline: Instant,
    ) -> Result<(), Error> {
        attempts.stages.enter(Stage::Room);
        let _room = self.tenant.load().connection().await;
        attempts.stages.enter(Stage::Dial);
        let socket = egress::dial(addresses, deadline).await?;
        match tls {
            None => exchange(socket, usize::MAX, connect, attempts).await.map_err(|error| match error {
                Error::Lost(reason) if attempts.stages.stage() == Stage::Connect => {
                    Error::Lost(format!("{reason} (a broker behind TLS is named with ssl://)"))
                }
                other => other,
            }),
            Some(tls) => {
                attempts.stages.enter(Stage::Tls);
                let stream = tls.handshake(socket).await?;
                exchange(stream, tls::RECORD, connect, attempts).await
            }
        }
    }

    /// Why the time was over: an answer that did not come, or a limit that did not let the call go on.
    fn too_late(&self, timeout: Duration, stages: &Stages, untouched: bool) -> Error {
        match stages.stage() {
            Stage::Acknowledgement if untouched => Error::TimedOut { timeout, stage: "writing the message" },
            Stage::Room => admission::too_many_connections(&self.tenant, stages.waited()),
            Stage::Pace => admission::too_many_messages(&self.tenant, timeout),
            stage @ (Stage::LookUp
            | Stage::Certificates
            | Stage::Turn
            | Stage::Dial
            | Stage::Tls
            | Stage::Connect
            | Stage::Acknowledgement
            | Stage::Close
            | Stage::BackOff) => Error::TimedOut { timeout, stage: stage.words() },
        }
    }

    async fn prepare_tls(&self, attempts: &mut Attempts<'_>) -> Result<Option<Tls>, Error> {
        if self.options.tls.is_none() {
            return Ok(None);
        }
        attempts.stages.enter(Stage::Certificates);
        let (tenant, options) = (Arc::clone(&self.tenant), Arc::clone(&self.options));
        let room = tenant.load().blocking().await;
        let prepare = move || {
            let _room = room;
            options.tls.as_ref().map(|tls| Tls::prepare(tls, &options.broker.host, &tenant)).transpose()
        };
        let prepared = tokio::task::spawn_blocking(prepare).await;
        let failed = |_| Error::Tls { reason: "reading the certificates failed".to_owned(), may_pass: false };
        prepared.map_err(failed)?
    }
}

/// CONNECT, the messages, DISCONNECT.
async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    portion: usize,
    connect: &Connect,
    attempts: &mut Attempts<'_>,
) -> Result<(), Error> {
    let Attempts { delivery, stages } = attempts;
    stages.enter(Stage::Connect);
    let mut connection =
        Connection::open(stream, portion, connect).await.map_err(|error| while_at(error, stages.stage()))?;
    stages.enter(Stage::Acknowledgement);
    delivery.connected(connection.session_present(), random_identifier());
    connection.deliver(delivery).await.map_err(|error| while_at(error, stages.stage()))?;
    stages.enter(Stage::Close);
    connection.close().await;
    Ok(())
}

/// Adds to a lost connection what it was lost at.
fn while_at(error: Error, stage: Stage) -> Error {
    match error {
        Error::Lost(reason) => Error::Lost(format!("{reason}, while {}", stage.words())),
        other => other,
    }
}

/// The CONNECT packet of `options` (MQTT 3.1.1, section 3.1).
fn connect_packet(options: &ConnectOptions) -> Result<Connect, Error> {
    let unsupported = |what: &str| Error::Denied(format!("this host does not speak {what} yet"));
    match options.protocol_version {
        ProtocolVersion::V311 => {}
        ProtocolVersion::V5 => return Err(unsupported("MQTT 5")),
    }
    match options.broker.transport {
        Transport::Tcp | Transport::Tls => {}
        Transport::Websocket | Transport::WebsocketTls => return Err(unsupported("WebSocket")),
    }
    let secured = options.broker.transport == Transport::Tls;
    if secured != options.tls.is_some() {
        return Err(Error::Denied("TLS options and a TLS broker go together".to_owned()));
    }
    let mut connect = Connect::new(options.client_id.as_str());
    connect.keep_alive = options.keep_alive;
    connect.clean_session = options.clean_session;
    connect.last_will = options.will.as_ref().map(|will| {
        LastWill::new(will.topic.as_str(), will.payload.as_slice(), codec_qos(will.qos), will.retain)
    });
    connect.auth = match &options.credentials {
        None | Some(Credentials { username: None, password: None }) => ConnectAuth::None,
        Some(Credentials { username: Some(username), password: None }) => {
            ConnectAuth::Username { username: username.clone() }
        }
        Some(Credentials { username: Some(username), password: Some(password) }) => {
            ConnectAuth::UsernamePassword {
                username: username.clone(),
                password: Bytes::copy_from_slice(password.as_bytes()),
            }
        }
        Some(Credentials { username: None, password: Some(_) }) => {
            return Err(Error::Denied("MQTT 3.1.1 has no password without a user name".to_owned()));
        }
    };
    Ok(connect)
}

/// Half of `wait` to all of it, so that many that lost one broker do not come back at one moment.
fn jittered(wait: Duration) -> Duration {
    wait / 2 + (wait / 2).mul_f64(f64::from(random() as u32) / f64::from(u32::MAX))
}

fn random_identifier() -> u16 {
    (random() & 0xffff) as u16
}

/// From the keys that the standard library takes from the system for its hash maps.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
