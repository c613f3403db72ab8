//! An independent witness: [`Observer`], a `mosquitto_sub` that shows exactly what a broker delivers.

use std::ffi::OsString;
use std::fmt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{process as std_process, thread};

use crate::pki::{Identity, Pem};
use crate::process::{self, Process, Watched};

const PACKAGES: &str = "mosquitto-clients";

/// Marks a line that shows a message, among the lines of `mosquitto_sub -d`.
const MARK: &str = "MESSAGE";

/// Where the observer sends messages to itself; never shown as messages.
const BARRIER: &str = "mqtt-connector-tests/barrier";

/// How long the observer's own exchanges with the broker may take on a machine under load.
const PATIENCE: Duration = Duration::from_secs(20);

/// A message as the broker delivered it.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The topic it was published to.
    pub topic: String,
    /// The quality of service of the delivery: the publisher's, or the subscription's if that is lower.
    pub qos: u8,
    /// Whether the broker had kept it before the observer subscribed. (A message that arrives while the observer
    /// is subscribed has `false`, also when it was published with the retain flag.)
    pub retain: bool,
    /// The content, byte for byte.
    pub payload: Vec<u8>,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} qos {} retain {} ", self.topic, self.qos, self.retain)?;
        write!(f, "{} bytes \"{}\"", self.payload.len(), self.payload.escape_ascii())
    }
}

/// A subscriber that shares no code with the connector under test.
///
/// It is subscribed when [`start`](Self::start) returns, connects again by itself when the broker was restarted, and
/// ends when dropped. [The example on the crate's page](crate) uses one.
#[derive(Debug)]
pub struct Observer {
    connection: Vec<OsString>,
    seen: Arc<Watched<Seen>>,
    barrier: String,
    barriers: AtomicUsize,
    _process: Process,
}

#[derive(Debug, Default)]
struct Seen {
    messages: Vec<Message>,
    barriers: Vec<String>,
    subscriptions: usize,
    refused: bool,
    open_streams: usize,
    /// What `mosquitto_sub` said, for error messages.
    log: String,
}

impl Observer {
    /// Subscribes to `filter` with QoS 2 at the broker on loopback `port`, without TLS or credentials.
    ///
    /// # Panics
    ///
    /// As [`ObserverBuilder::start`].
    #[track_caller]
    #[must_use]
    pub fn start(port: u16, filter: &str) -> Self {
        Self::builder(port).filter(filter).start()
    }

    /// Configures one for the broker on loopback `port`.
    pub fn builder(port: u16) -> ObserverBuilder {
        ObserverBuilder { port, host: "127.0.0.1".to_owned(), ..ObserverBuilder::default() }
    }

    /// Waits for `count` messages and returns all that came since the start, which must be exactly `count`.
    ///
    /// That there are no more is found out as [`settled`](Self::settled) does.
    ///
    /// # Panics
    ///
    /// If fewer came within `timeout`, or more came; the message lists what came.
    #[track_caller]
    #[must_use]
    pub fn messages(&self, count: usize, timeout: Duration) -> Vec<Message> {
        let came = self.wait_for(count, timeout);
        let messages = if came { self.settled() } else { self.received() };
        assert!(
            messages.len() == count,
            "expected {count} messages within {timeout:?}, {} came: {messages:#?}",
            messages.len()
        );
        messages
    }

    /// All messages that had come by the time that everything which the broker accepted before this call was delivered.
    ///
    /// This waits no fixed time: the observer publishes a message to itself, with QoS 2, which the broker must deliver
    /// after the ones that it accepted before. With an access list at the broker, the observer's user needs
    /// `topic readwrite mqtt-connector-tests/#`.
    ///
    /// # Panics
    ///
    /// If the observer's own message does not arrive.
    #[track_caller]
    #[must_use]
    pub fn settled(&self) -> Vec<Message> {
        let content = self.barriers.fetch_add(1, Ordering::Relaxed).to_string();
        let mut command = Command::new(process::find("mosquitto_pub", PACKAGES));
        command.args(&self.connection).args(["-q", "2", "-t", &self.barrier, "-m", &content]);
        process::run(&mut command);
        let arrived = self.seen.wait(PATIENCE, |seen| seen.barriers.contains(&content).then_some(()));
        assert!(
            arrived.is_some(),
            "the observer's own message to {:?} did not come back; may its user write and read there? {}",
            self.barrier,
            self.explanation()
        );
        self.received()
    }

    /// Makes sure that nothing was delivered, as [`settled`](Self::settled) finds out.
    ///
    /// # Panics
    ///
    /// If something was; the message lists it.
    #[track_caller]
    pub fn nothing(&self) {
        let messages = self.settled();
        assert!(messages.is_empty(), "expected no message, {} came: {messages:#?}", messages.len());
    }

    /// The messages that the broker had kept for the topics that this observer subscribed to.
    ///
    /// # Panics
    ///
    /// As [`settled`](Self::settled).
    #[track_caller]
    #[must_use]
    pub fn retained(&self) -> Vec<Message> {
        self.settled().into_iter().filter(|message| message.retain).collect()
    }

    /// The messages that have come so far, in their order.
    #[must_use]
    pub fn received(&self) -> Vec<Message> {
        self.seen.read(|seen| seen.messages.clone())
    }

    /// How many messages have come so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.seen.read(|seen| seen.messages.len())
    }

    /// Waits until at least `count` messages have come; `false` when they have not after `timeout`.
    #[must_use]
    pub fn wait_for(&self, count: usize, timeout: Duration) -> bool {
        self.seen.wait(timeout, |seen| (seen.messages.len() >= count).then_some(())).is_some()
    }

    /// How often it has subscribed: 1, and 1 more each time that it had to connect again.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.seen.read(|seen| seen.subscriptions)
    }

    /// Waits until it has subscribed `count` times in all, as after a restart of the broker.
    ///
    /// # Panics
    ///
    /// When it has not after `timeout`.
    #[track_caller]
    pub fn wait_for_subscriptions(&self, count: usize, timeout: Duration) {
        let subscribed = self.seen.wait(timeout, |seen| (seen.subscriptions >= count).then_some(()));
        assert!(subscribed.is_some(), "not subscribed again within {timeout:?}; {}", self.explanation());
    }

    fn explanation(&self) -> String {
        format!("mosquitto_sub said:\n{}", self.seen.read(|seen| seen.log.clone()))
    }
}

/// What an [`Observer`] is to be like; see [`Observer::builder`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ObserverBuilder {
    host: String,
    port: u16,
    filters: Vec<String>,
    connection: Vec<OsString>,
    session: Vec<OsString>,
}

impl ObserverBuilder {
    /// Subscribes to `filter`; may be called for several. Without any it is `#`: everything but `$…` topics.
    pub fn filter(mut self, filter: &str) -> Self {
        self.filters.push(filter.to_owned());
        self
    }

    /// Connects to `host` instead of `127.0.0.1`: for TLS, a name that the server's certificate is good for.
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Connects with a user name and a password.
    pub fn password(self, user: &str, password: &str) -> Self {
        self.arg("-u").arg(user).arg("-P").arg(password)
    }

    /// Connects with TLS, and trusts `authority`.
    pub fn tls(self, authority: &Pem) -> Self {
        self.arg("--cafile").arg(authority.path())
    }

    /// Shows a client certificate (with [`tls`](Self::tls)).
    pub fn client_certificate(self, client: &Identity) -> Self {
        self.arg("--cert").arg(client.certificate().path()).arg("--key").arg(client.key().path())
    }

    /// Keeps a session under `client_id` at the broker, so that nothing is missed while the observer is not connected.
    pub fn persistent_session(mut self, client_id: &str) -> Self {
        self.session = vec!["-c".into(), "-i".into(), client_id.into()];
        self
    }

    /// Adds an argument that `mosquitto_sub` and `mosquitto_pub` both know, such as `-V` and then `mqttv5`.
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.connection.push(argument.into());
        self
    }

    /// Starts it, and returns when the broker has confirmed the subscription.
    ///
    /// # Panics
    ///
    /// If there is no `mosquitto_sub`, or it is not subscribed in 20 seconds; the message holds what it said.
    #[track_caller]
    #[must_use]
    pub fn start(&self) -> Observer {
        static OBSERVERS: AtomicUsize = AtomicUsize::new(0);
        let number = OBSERVERS.fetch_add(1, Ordering::Relaxed);
        let barrier = format!("{BARRIER}/{}/{number}", std_process::id());

        let mut connection: Vec<OsString> =
            ["-h", &self.host, "-p", &self.port.to_string()].map(Into::into).to_vec();
        connection.extend_from_slice(&self.connection);
        // mosquitto_sub flushes its output after a message, but not after the line that says it is subscribed.
        let mut command = process::command(&process::find("stdbuf", "coreutils"));
        command.arg("-oL").arg(process::find("mosquitto_sub", PACKAGES));
        command.args(&connection).args(&self.session).args(["-d", "-q", "2"]);
        // The topic stands last, because it may contain spaces; a line break it cannot contain: mosquitto refuses it.
        command.arg("-F").arg(format!("{MARK} %q %r %x %t")).args(["-t", &barrier]);
        let everything = ["#".to_owned()];
        for filter in if self.filters.is_empty() { &everything[..] } else { &self.filters } {
            command.args(["-t", filter]);
        }

        let seen = Arc::new(Watched::new(Seen { open_streams: 2, ..Seen::default() }));
        let (lines, ends, own) = (Arc::clone(&seen), Arc::clone(&seen), barrier.clone());
        let process = Process::start(
            command,
            move |line| lines.change(|seen| note(seen, &own, line)),
            move || ends.change(|seen| seen.open_streams = seen.open_streams.saturating_sub(1)),
        );
        let process = match process {
            Ok(process) => process,
            Err(error) => panic!("mosquitto_sub could not be started: {error}"),
        };
        let observer =
            Observer { connection, seen, barrier, barriers: AtomicUsize::new(0), _process: process };
        let subscribed = observer.seen.wait(PATIENCE, |seen| {
            (seen.subscriptions > 0 || seen.open_streams == 0)
                .then_some(seen.subscriptions > 0 && !seen.refused)
        });
        assert!(subscribed == Some(true), "the observer could not subscribe; {}", observer.explanation());
        observer
    }
}

/// Takes in one line of `mosquitto_sub`.
fn note(seen: &mut Seen, own: &str, line: &str) {
    let fields = line.strip_prefix(MARK).and_then(|rest| rest.strip_prefix(' '));
    if let Some(message) = fields.and_then(parse) {
        if message.topic == own {
            seen.barriers.push(String::from_utf8_lossy(&message.payload).into_owned());
        } else if !message.topic.starts_with(BARRIER) {
            seen.messages.push(message);
        }
        return;
    }
    // `Subscribed (mid: 1): 2, 2` are the granted qualities of service, and 128 is a refusal.
    if let Some((_, granted)) = line.strip_prefix("Subscribed (mid: ").and_then(|rest| rest.split_once("): "))
    {
        seen.subscriptions += 1;
        seen.refused |= granted.split(", ").any(|qos| qos == "128");
    }
    // With `-d` it tells of every packet, which for many thousand messages is not worth keeping.
    if seen.log.len() < 100_000 {
        seen.log.push_str(line);
        seen.log.push('\n');
    }
}

/// Reads `QOS RETAIN HEX TOPIC`.
fn parse(fields: &str) -> Option<Message> {
    let mut parts = fields.splitn(4, ' ');
    let qos = parts.next()?.parse().ok()?;
    let retain = parts.next()? == "1";
    let hex = parts.next()?;
    let topic = parts.next()?.to_owned();
    let payload = hex
        .as_bytes()
        .chunks(2)
        .map(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())
        .collect::<Option<_>>()?;
    Some(Message { topic, qos, retain, payload })
}

impl Drop for Observer {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- the observer received {:#?}\n---", self.received());
        }
    }
}
