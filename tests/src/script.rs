//! A broker that does exactly what a test tells it to: [`ScriptedBroker`].

use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustls::ServerConfig;

use crate::connection::Connection;
use crate::port;
use crate::process::{FOREVER, Watched};
use crate::record::{Conversation, Record};
use crate::step::Step;
use crate::tls::ServerTls;

/// A broker that follows a script: a list of [`Step`]s for each connection, in the order in which they are accepted.
///
/// It records every byte, and [`finish`](Self::finish) says whether all went by the script. A connection beyond the
/// script is a problem, and so is one that never came; without any script nobody may connect.
///
/// Dropped without `finish` it panics, unless the test panics already: then it prints what it has recorded.
///
/// ```
/// use std::process::Command;
///
/// use mqtt_connector_tests::packet::PacketType;
/// use mqtt_connector_tests::{Expect, ScriptedBroker, Step, encode};
///
/// let broker = ScriptedBroker::builder()
///     .connection([
///         Step::expect(Expect::connect().client_id("sender").clean_session(true)),
///         Step::send(encode::connack(false, 0)),
///         Step::expect(Expect::publish().topic("t").qos(1).dup(false).payload("hello")),
///         Step::respond(PacketType::PubAck),
///         Step::expect(Expect::disconnect()),
///         Step::expect_end(),
///     ])
///     .start();
///
/// // Here stands the connector under test.
/// let status = Command::new("mosquitto_pub")
///     .args(["-p", &broker.port().to_string(), "-i", "sender", "-q", "1", "-t", "t", "-m", "hello"])
///     .status()?;
///
/// assert!(status.success());
/// let record = broker.finish();
/// assert_eq!(record.conversations[0].packets.len(), 3);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "without `finish` nothing is checked"]
pub struct ScriptedBroker {
    address: SocketAddr,
    state: Arc<Watched<State>>,
    acceptor: Option<JoinHandle<()>>,
}

/// What the threads of a scripted broker share.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) record: Record,
    /// The test is done: no new connections, and those that only wait for its end are to end.
    pub(crate) finishing: bool,
    /// The test is over: everything is to end, and nothing is a problem any more.
    pub(crate) aborted: bool,
    /// A second handle of each open socket, to end it from outside.
    pub(crate) sockets: HashMap<usize, TcpStream>,
    /// Where the connection comes from that wakes the accepting thread for the last time.
    last_call: Option<SocketAddr>,
    threads: Vec<JoinHandle<()>>,
}

impl ScriptedBroker {
    /// Writes a script.
    pub fn builder() -> ScriptedBrokerBuilder {
        ScriptedBrokerBuilder {
            scripts: Vec::new(),
            further: None,
            tls: None,
            websocket: false,
            receive_buffer: None,
            step_timeout: Duration::from_secs(10),
        }
    }

    /// Starts one that nobody may connect to; [`finish`](Self::finish) makes sure that nobody did.
    ///
    /// # Panics
    ///
    /// If no port can be had.
    #[track_caller]
    pub fn untouched() -> Self {
        Self::builder().start()
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port of [`address`](Self::address).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections it has accepted so far; one that was made a moment ago may not be among them. In the record of
    /// [`finish`](Self::finish) every one is.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.read(|state| state.record.conversations.len())
    }

    /// What has happened so far.
    #[must_use]
    pub fn record(&self) -> Record {
        self.state.read(|state| state.record.clone())
    }

    /// Waits until `condition` holds for the connections, and returns the record that it held for.
    ///
    /// The condition may ask this broker as well, as in `|_| broker.connections() == 2`: the broker may then answer with more than is in that record.
    ///
    /// # Panics
    ///
    /// When it does not after `timeout`; the message holds the transcript.
    #[track_caller]
    pub fn wait_until(&self, timeout: Duration, condition: impl Fn(&[Conversation]) -> bool) -> Record {
        let deadline = Instant::now() + timeout;
        let mut before = None;
        // The condition is looked at outside of the lock, which it may need.
        while let Some((record, changes)) =
            self.state.wait_for_change(deadline, before, |state| state.record.clone())
        {
            if condition(&record.conversations) {
                return record;
            }
            before = Some(changes);
        }
        panic!("what the test waits for did not happen within {timeout:?}:\n{}", self.record())
    }

    /// Waits until `count` packets have come, over all connections.
    ///
    /// # Panics
    ///
    /// When they have not after `timeout`; the message holds the transcript.
    #[track_caller]
    pub fn wait_for_packets(&self, count: usize, timeout: Duration) -> Record {
        self.wait_until(timeout, |all| all.iter().map(|one| one.packets.len()).sum::<usize>() >= count)
    }

    /// Lets every connection come to the end of its script (a step has ten seconds, or what
    /// [`step_timeout`](ScriptedBrokerBuilder::step_timeout) says), ends those that are silent, and returns the record.
    ///
    /// # Panics
    ///
    /// If anything did not go by the script; the message holds what was expected, what came, and the transcript.
    #[track_caller]
    pub fn finish(self) -> Record {
        let record = self.finish_unchecked();
        assert!(record.problems.is_empty(), "it did not go by the script:\n{record}");
        record
    }

    /// As [`finish`](Self::finish), but leaves it to the caller to look at [`Record::problems`].
    #[must_use]
    pub fn finish_unchecked(mut self) -> Record {
        self.end();
        self.record()
    }

    fn end(&mut self) {
        let Some(acceptor) = self.acceptor.take() else { return };
        self.state.change(|state| state.finishing = true);
        // Wakes the accepting thread; what connected before it is still accepted, and counts.
        let call = TcpStream::connect(self.address).and_then(|stream| Ok((stream.local_addr()?, stream)));
        if let Ok((from, _stream)) = call {
            self.state.change(|state| state.last_call = Some(from));
            let _ = acceptor.join();
        }
        for thread in self.state.change(|state| std::mem::take(&mut state.threads)) {
            if thread.join().is_err() {
                let problem = "the closure of an `answer` step panicked; see above".to_owned();
                self.state.change(|state| state.record.problems.push(problem));
            }
        }
    }
}

impl Drop for ScriptedBroker {
    fn drop(&mut self) {
        if self.acceptor.is_none() {
            return;
        }
        self.state.change(|state| {
            state.aborted = true;
            for socket in state.sockets.values() {
                let _ = socket.shutdown(Shutdown::Both);
            }
        });
        self.end();
        let record = self.record();
        if thread::panicking() {
            eprintln!("--- a scripted broker was dropped without `finish`\n{record}---");
        } else {
            panic!(
                "a scripted broker was dropped without `finish`, so that nothing was checked; where that is meant, there is \
                 `finish_unchecked`:\n{record}"
            );
        }
    }
}

/// The script of a [`ScriptedBroker`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ScriptedBrokerBuilder {
    scripts: Vec<Script>,
    further: Option<Script>,
    tls: Option<ServerTls>,
    websocket: bool,
    receive_buffer: Option<usize>,
    step_timeout: Duration,
}

/// The steps of one connection.
#[derive(Clone, Debug)]
struct Script {
    /// Whether the steps begin before the handshakes.
    raw: bool,
    steps: Vec<Step>,
}

impl Script {
    fn steps(self, tls: bool, websocket: bool) -> Vec<Step> {
        let tls = (tls && !self.raw).then(Step::start_tls);
        let websocket = (websocket && !self.raw).then(Step::start_websocket);
        tls.into_iter().chain(websocket).chain(self.steps).collect()
    }
}

impl ScriptedBrokerBuilder {
    /// What to do on the next connection; with TLS or WebSocket, after the handshake.
    pub fn connection(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.scripts.push(Script { raw: false, steps: steps.into_iter().collect() });
        self
    }

    /// What to do on the next connection, from TCP on: TLS begins only where the script has [`Step::start_tls`] or
    /// [`Step::expect_tls_failure`], WebSocket only where it has [`Step::start_websocket`] or [`Step::switch_to_websocket`].
    pub fn raw_connection(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.scripts.push(Script { raw: true, steps: steps.into_iter().collect() });
        self
    }

    /// What to do on every connection after those, however many there are, none included.
    pub fn further_connections(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.further = Some(Script { raw: false, steps: steps.into_iter().collect() });
        self
    }

    /// Speaks TLS.
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Speaks WebSocket, over TLS if it speaks that; see [`websocket`](crate::websocket).
    pub fn websocket(mut self) -> Self {
        self.websocket = true;
        self
    }

    /// Asks for a receive buffer of about so many bytes, so that a client's send buffer fills up soon.
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// How long a step may wait for the client, instead of ten seconds.
    pub fn step_timeout(mut self, timeout: Duration) -> Self {
        self.step_timeout = timeout;
        self
    }

    /// Starts to listen on a free loopback port.
    ///
    /// # Panics
    ///
    /// If no port can be had, or the certificate for TLS cannot be used.
    #[track_caller]
    pub fn start(self) -> ScriptedBroker {
        let tls = self.tls.as_ref().map(ServerTls::config);
        let (address, listener) = port::listen(self.receive_buffer);
        let state = Arc::new(Watched::new(State::default()));
        let shared = Arc::clone(&state);
        let acceptor = thread::spawn(move || self.accept(&listener, &shared, tls.as_ref()));
        ScriptedBroker { address, state, acceptor: Some(acceptor) }
    }

    fn accept(&self, listener: &TcpListener, state: &Arc<Watched<State>>, tls: Option<&Arc<ServerConfig>>) {
        let (has_tls, websocket) = (tls.is_some(), self.websocket);
        while let Ok((socket, from)) = listener.accept() {
            if state.read(|state| state.finishing) {
                let last = state.wait(FOREVER, |state| state.last_call);
                if last == Some(from) {
                    break;
                }
            }
            let number = state.change(|state| {
                let number = state.record.conversations.len();
                state.record.conversations.push(Conversation::new());
                if let Ok(second) = socket.try_clone() {
                    state.sockets.insert(number, second);
                }
                number
            });
            let connection =
                Connection::new(number, socket, Arc::clone(state), tls.cloned(), self.step_timeout);
            let script = self.scripts.get(number).or(self.further.as_ref()).cloned();
            let thread = thread::spawn(move || match script {
                Some(script) => connection.run(&script.steps(has_tls, websocket)),
                None => connection.refuse(),
            });
            state.change(|state| state.threads.push(thread));
        }
        state.change(|state| {
            for missing in state.record.conversations.len()..self.scripts.len() {
                state.record.problems.push(format!("connection {missing} was never opened"));
            }
        });
    }
}
