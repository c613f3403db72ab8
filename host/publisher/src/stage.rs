//! [`Stage`]: what a call is doing. [`Stages`]: how long it has been at what.

use std::time::Duration;

use tokio::time::Instant;

/// What a call is doing in [`Stage::Acknowledgement`], as long as none of its messages is written. It stands after "while", as
/// [`Stage::words`] do.
pub(crate) const WRITING: &str = "writing the message";

/// What a call is doing, or the connection that it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stage {
    /// The tenant has sent as many messages as it may for now.
    RateLimit,
    LookUp,
    ProxyLookUp,
    /// Certificates and keys are read.
    Certificates,
    /// Another send uses the client identifier.
    #[default]
    ClientIdQueue,
    /// The tenant has as many connections open as it may.
    ConnectionPermit,
    Dial,
    /// The proxy is dialled and makes the connection, in place of [`Dial`](Self::Dial).
    Proxy,
    Tls,
    WebSocket,
    Connect,
    Acknowledgement,
    /// A connection has failed, and the next one is not due yet.
    BackOff,
}

impl Stage {
    const COUNT: usize = Self::BackOff as usize + 1;

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
pub(crate) struct Stages {
    stage: Stage,
    since: Instant,
    spent: [Duration; Stage::COUNT],
    attempts: u32,
    /// The call joined a connection that had been dialled before.
    joined: bool,
    /// Why the last connection failed, when another one may be tried.
    failure: Option<String>,
}

impl Stages {
    /// The first stage, of a call that began when it `started`.
    pub(crate) fn begin(started: Instant) -> Self {
        Self {
            stage: Stage::RateLimit,
            since: started,
            spent: [Duration::ZERO; Stage::COUNT],
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
        let now = if stage == self.stage { self.waited() } else { Duration::ZERO };
        self.spent[stage as usize] + now
    }

    /// How many connections were dialled for the call.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }
}
