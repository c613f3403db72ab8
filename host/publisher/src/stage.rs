//! [`Stage`]: what a call is doing. [`Stages`]: how long it has been at what.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// What a call is doing in [`Stage::Acknowledgement`], as long as none of its messages is written. It stands after "while", as
/// [`Stage::words`] do.
pub(crate) const WRITING: &str = "writing the message";

/// A wait that is shorter is none to tell of: each call passes the rate of its tenant and the queue of its client identifier, which takes
/// a busy machine some milliseconds.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

/// What a call is doing, or the connection that it waits for. As text it has its name in kebab-case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The tenant has sent as many messages as it may for now.
    RateLimit,
    /// The name of the broker is looked up.
    LookUp,
    /// The name of the proxy is looked up.
    ProxyLookUp,
    /// Certificates and keys are read.
    Certificates,
    /// Another send uses the client identifier.
    #[default]
    ClientIdQueue,
    /// The tenant has as many connections open as it may.
    ConnectionPermit,
    /// The broker is connected to over TCP.
    Dial,
    /// The proxy is dialled and makes the connection, in place of [`Dial`](Self::Dial).
    Proxy,
    /// The TLS handshake.
    Tls,
    /// The handshake of a WebSocket.
    #[serde(rename = "websocket")]
    WebSocket,
    /// From CONNECT to CONNACK.
    Connect,
    /// From PUBLISH to the last acknowledgement.
    Acknowledgement,
    /// A connection has failed, and the next one is not due yet.
    BackOff,
}

impl Stage {
    const COUNT: usize = Self::ALL.len();

    /// Each.
    pub const ALL: [Self; 13] = [
        Self::RateLimit,
        Self::LookUp,
        Self::ProxyLookUp,
        Self::Certificates,
        Self::ClientIdQueue,
        Self::ConnectionPermit,
        Self::Dial,
        Self::Proxy,
        Self::Tls,
        Self::WebSocket,
        Self::Connect,
        Self::Acknowledgement,
        Self::BackOff,
    ];

    /// Whether the call waits for others of its tenant, or for its turn.
    #[must_use]
    pub const fn is_wait(self) -> bool {
        match self {
            Self::RateLimit | Self::ClientIdQueue | Self::ConnectionPermit | Self::BackOff => true,
            Self::LookUp
            | Self::ProxyLookUp
            | Self::Certificates
            | Self::Dial
            | Self::Proxy
            | Self::Tls
            | Self::WebSocket
            | Self::Connect
            | Self::Acknowledgement => false,
        }
    }

    /// Whether a connection in this stage has been dialled.
    fn is_connected(self) -> bool {
        match self {
            Self::Tls | Self::WebSocket | Self::Connect | Self::Acknowledgement => true,
            // Dials are counted where the stage is entered.
            Self::Dial
            | Self::Proxy
            | Self::RateLimit
            | Self::LookUp
            | Self::ProxyLookUp
            | Self::Certificates
            | Self::ClientIdQueue
            | Self::ConnectionPermit
            | Self::BackOff => false,
        }
    }

    /// How messages about a timeout name it, after "while".
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::RateLimit => "waiting for the tenant's turn",
            Self::LookUp => "looking up the broker",
            Self::ProxyLookUp => "looking up the proxy",
            Self::Certificates => "reading the certificates",
            Self::ClientIdQueue => "waiting for another send with the same client-id",
            Self::ConnectionPermit => "waiting for another connection of the tenant to close",
            Self::Dial => "connecting to the broker",
            Self::Proxy => "waiting for the proxy",
            Self::Tls => "waiting for the TLS handshake",
            Self::WebSocket => "waiting for the WebSocket handshake",
            Self::Connect => "waiting for CONNACK",
            Self::Acknowledgement => "waiting for the acknowledgement",
            Self::BackOff => "waiting to connect again",
        }
    }
}

/// The stages of one call, with the time that each took in all its attempts. They begin when the call does: what a shared
/// connection went through before the call joined it is not in them.
#[derive(Debug)]
pub struct Stages {
    stage: Stage,
    since: Instant,
    spent: [Duration; Stage::COUNT],
    /// When each stage was entered last, in the order of all that were; 0: never.
    entered: [u16; Stage::COUNT],
    attempts: u32,
    /// The call joined a connection that had been dialled before.
    joined: bool,
    /// Why the last connection failed, when another one may be tried.
    failure: Option<String>,
}

impl Stages {
    /// The stages that the call was in, each with its time, in the order in which it came to them last: the last one is the one
    /// in which it was answered. Waits of less than 10 ms are left out. A call that joins a connection that stands has
    /// [`Stage::Acknowledgement`] alone; one that was refused before it used the network, none.
    pub fn times(&self) -> impl Iterator<Item = (Stage, Duration)> {
        self.times_at(Instant::now())
    }

    fn times_at(&self, now: Instant) -> impl Iterator<Item = (Stage, Duration)> {
        let mut stages = Stage::ALL.map(|stage| (self.entered[stage as usize], stage));
        stages.sort_unstable_by_key(|(entered, _)| *entered);
        let entered = stages.into_iter().filter(|(entered, _)| *entered > 0);
        let timed = entered.map(move |(_, stage)| (stage, self.spent_at(stage, now)));
        timed.filter(|(stage, spent)| !stage.is_wait() || *spent >= SHORTEST_WAIT)
    }

    /// The first stage, of a call that began when it `started`.
    pub(crate) fn begin(started: Instant) -> Self {
        let mut entered = [0; Stage::COUNT];
        entered[Stage::RateLimit as usize] = 1;
        Self {
            stage: Stage::RateLimit,
            since: started,
            spent: [Duration::ZERO; Stage::COUNT],
            entered,
            attempts: 0,
            joined: false,
            failure: None,
        }
    }

    /// The call joins, `now`, a connection that is in `stage`.
    pub(crate) fn join(&mut self, stage: Stage, now: Instant) {
        self.joined = stage.is_connected();
        self.enter_at(stage, now);
    }

    /// The connection that the call joined had ended before: it does not count.
    pub(crate) fn found_nothing(&mut self) {
        self.joined = false;
    }

    /// A connection failed, and another will be tried.
    pub(crate) fn failed(&mut self, why: String) {
        self.failure = Some(why);
    }

    /// Why the last connection failed, when another one may be tried.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// How many connections the call has tried, counting the connection that it joined.
    pub(crate) fn connections(&self) -> u32 {
        self.attempts + u32::from(self.joined)
    }

    /// Goes on to `stage`.
    pub(crate) fn enter(&mut self, stage: Stage) {
        self.enter_at(stage, Instant::now());
    }

    fn enter_at(&mut self, stage: Stage, now: Instant) {
        self.spent[self.stage as usize] += now - self.since;
        self.entered[stage as usize] = self.entered[self.stage as usize].saturating_add(1);
        self.stage = stage;
        self.since = now;
        self.attempts += u32::from(matches!(stage, Stage::Dial | Stage::Proxy));
    }

    /// The stage that the call has come to.
    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    /// How long the call has been in its stage.
    pub(crate) fn waited(&self) -> Duration {
        self.since.elapsed()
    }

    /// How long the call was in `stage`, in all its attempts.
    pub(crate) fn spent(&self, stage: Stage) -> Duration {
        self.spent_at(stage, Instant::now())
    }

    fn spent_at(&self, stage: Stage, now: Instant) -> Duration {
        let last = if stage == self.stage { now.duration_since(self.since) } else { Duration::ZERO };
        self.spent[stage as usize] + last
    }

    /// How many connections were dialled for the call.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_told_in_the_order_in_which_a_call_came_to_them_last() {
        let mut now = Instant::now();
        let mut stages = Stages::begin(now);
        assert_eq!(stages.times_at(now).next(), None);
        let way = [
            (Stage::ClientIdQueue, 0),
            (Stage::LookUp, 3),
            (Stage::Dial, 4),
            (Stage::Connect, 5),
            (Stage::BackOff, 500),
            (Stage::Dial, 40),
        ];
        for (stage, time) in way {
            stages.enter_at(stage, now);
            now += Duration::from_millis(time);
        }
        let told: Vec<_> = stages.times_at(now).map(|(stage, spent)| (stage, spent.as_millis())).collect();
        let wanted = [(Stage::LookUp, 3), (Stage::Connect, 5), (Stage::BackOff, 500), (Stage::Dial, 44)];
        assert_eq!(told, wanted);
    }

    #[test]
    fn a_call_that_joins_a_connection_that_stands_has_only_the_acknowledgement() {
        let now = Instant::now();
        let mut stages = Stages::begin(now);
        stages.enter_at(Stage::ClientIdQueue, now);
        stages.join(Stage::Acknowledgement, now);
        let told: Vec<_> = stages.times_at(now).collect();
        assert_eq!(told, [(Stage::Acknowledgement, Duration::ZERO)]);
    }
}
