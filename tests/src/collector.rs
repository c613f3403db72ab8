//! A subscriber for many thousand messages: [`Collector`].

use std::collections::HashSet;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::encode;
use crate::packet::{self, Ack, Packet, PacketType, Publish};
use crate::process::Watched;

/// How long the collector's own exchanges with the broker may take on a machine under load.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long it waits before it connects again to a broker that is down.
const AGAIN: Duration = Duration::from_millis(20);

/// A subscriber in this process that receives with QoS 2, in a persistent session, and connects again when its broker
/// was restarted.
///
/// What it counts, it counts exactly: it remembers the packet identifiers of the messages that it has and that the
/// broker has not released, also over connections (MQTT 3.1.1, section 4.3.3, method B). An
/// [`Observer`](crate::Observer) is for few messages, and shows all there is of them, but is no witness for exactly
/// once over restarts: a QoS 2 message that the broker repeats on a new connection, `mosquitto_sub` 2.0.11 keeps
/// twice, and shows once more in the place of the next one that has its packet identifier.
///
/// The broker has to keep sessions when it is restarted:
/// [`persistence_when_stopped`](crate::broker::MosquittoBuilder::persistence_when_stopped). It shares no code with the
/// connector under test.
///
/// ```
/// use std::process::Command;
/// use std::sync::mpsc;
/// use std::time::Duration;
///
/// use mqtt_connector_tests::{Collector, Mosquitto};
///
/// let broker = Mosquitto::builder().persistence_when_stopped().start();
/// let (sender, topics) = mpsc::channel();
/// let collector = Collector::start(broker.port(), "collector", "#", move |publish| {
///     let _ = sender.send(publish.topic);
/// });
/// broker.restart();
/// let port = broker.port().to_string();
/// Command::new("mosquitto_pub").args(["-p", &port, "-q", "2", "-t", "a topic", "-m", "x"]).status()?;
/// assert_eq!(topics.recv_timeout(Duration::from_secs(10)).as_deref(), Ok("a topic"));
/// assert_eq!(collector.problems(), [""; 0]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Collector {
    state: Arc<Watched<State>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    socket: Option<Arc<TcpStream>>,
    subscriptions: usize,
    problems: Vec<String>,
}

/// What outlives a connection.
struct Session<F> {
    address: SocketAddr,
    client_id: String,
    filter: String,
    on_message: F,
    /// Packet identifiers of QoS 2 messages that were handed on, and that the broker has not released.
    held: HashSet<u16>,
    state: Arc<Watched<State>>,
}

impl Collector {
    /// Subscribes to `filter` at the broker on loopback `port`, in the session of `client_id`, and calls `on_message`
    /// once for each message, from a thread of its own. It is subscribed when this returns.
    ///
    /// # Panics
    ///
    /// If it is not subscribed in 20 seconds. Later, when it is dropped, if `on_message` panicked.
    #[track_caller]
    pub fn start(
        port: u16,
        client_id: &str,
        filter: &str,
        on_message: impl FnMut(Publish) + Send + 'static,
    ) -> Self {
        let state = Arc::new(Watched::<State>::default());
        let mut session = Session {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            client_id: client_id.to_owned(),
            filter: filter.to_owned(),
            on_message,
            held: HashSet::new(),
            state: Arc::clone(&state),
        };
        let thread = thread::spawn(move || {
            while session.state.wait(Duration::ZERO, |state| state.stopped.then_some(())).is_none() {
                // The broker is down, or has just gone; the messages are in the session.
                let _ = session.connection();
                let _ = session.state.wait(AGAIN, |state| state.stopped.then_some(()));
            }
        });
        let collector = Self { state, thread: Some(thread) };
        collector.wait_for_subscriptions(1, PATIENCE);
        collector
    }

    /// How often it has subscribed: 1, and 1 more each time that it had to connect again.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.state.read(|state| state.subscriptions)
    }

    /// Waits until it has subscribed `count` times in all, as after a restart of the broker.
    ///
    /// # Panics
    ///
    /// When it has not after `timeout`.
    #[track_caller]
    pub fn wait_for_subscriptions(&self, count: usize, timeout: Duration) {
        let subscribed = |state: &State| (state.subscriptions >= count).then_some(());
        let subscribed = self.state.wait(timeout, subscribed);
        assert!(subscribed.is_some(), "not subscribed within {timeout:?}; problems: {:?}", self.problems());
    }

    /// Why it may have missed messages, or counted one twice: the broker forgot the session, or broke the protocol.
    /// Empty, as it should be, when nothing of the kind happened.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.state.read(|state| state.problems.clone())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.state.change(|state| {
            state.stopped = true;
            let _ = state.socket.as_ref().map(|socket| socket.shutdown(Shutdown::Both));
        });
        let panicked = self.thread.take().is_some_and(|thread| thread.join().is_err());
        if panicked && !thread::panicking() {
            panic!("the closure `on_message` of a collector panicked; see above");
        }
    }
}

impl<F: FnMut(Publish)> Session<F> {
    /// One connection, to its end.
    fn connection(&mut self) -> io::Result<()> {
        let socket = Arc::new(TcpStream::connect(self.address)?);
        socket.set_nodelay(true)?;
        self.state.change(|state| {
            if state.stopped {
                let _ = socket.shutdown(Shutdown::Both);
            }
            state.socket = Some(Arc::clone(&socket));
        });
        (&*socket).write_all(&connect(&self.client_id))?;
        let mut bytes = vec![0; 256 * 1024];
        let (mut start, mut end) = (0, 0);
        loop {
            let mut replies = Vec::new();
            while let Some(length) = packet::length(&bytes[start..end]).map_err(io::Error::other)? {
                if length > end - start {
                    bytes.resize(bytes.len().max(start + length), 0);
                    break;
                }
                let packet = Packet::parse(&bytes[start..start + length], 4);
                start += length;
                replies.extend(self.received(packet));
            }
            (&*socket).write_all(&replies)?;
            bytes.copy_within(start..end, 0);
            (start, end) = (0, end - start);
            match (&*socket).read(&mut bytes[end..])? {
                0 => return Ok(()),
                count => end += count,
            }
        }
    }

    /// Takes in a packet, and says what to answer.
    fn received(&mut self, packet: Packet) -> Vec<u8> {
        match packet {
            Packet::Other { kind: PacketType::ConnAck, body } => {
                let first = self.state.read(|state| state.subscriptions == 0);
                match body[..] {
                    [1, 0] => {}
                    [0, 0] => {
                        self.held.clear();
                        if !first {
                            self.problem("the broker forgot the session".to_owned());
                        }
                    }
                    _ => self.problem(format!("CONNACK {body:?}")),
                }
                subscribe(&self.filter)
            }
            Packet::Other { kind: PacketType::SubAck, body } => {
                if body != [0, 1, 2] {
                    self.problem(format!("SUBACK {body:?}"));
                }
                self.state.change(|state| state.subscriptions += 1);
                Vec::new()
            }
            Packet::Publish(publish) => match (publish.qos, publish.packet_id) {
                (1, Some(id)) => {
                    (self.on_message)(publish);
                    encode::puback(id)
                }
                (2, Some(id)) => {
                    if self.held.insert(id) {
                        (self.on_message)(publish);
                    } else if !publish.dup {
                        self.problem(format!("packet identifier {id} was used again before it was free"));
                    }
                    encode::pubrec(id)
                }
                _ => {
                    (self.on_message)(publish);
                    Vec::new()
                }
            },
            Packet::Ack(Ack { kind: PacketType::PubRel, packet_id, .. }) => {
                self.held.remove(&packet_id);
                encode::pubcomp(packet_id)
            }
            other => {
                self.problem(format!("the broker sent {other}"));
                Vec::new()
            }
        }
    }

    fn problem(&self, problem: String) {
        self.state.change(|state| state.problems.push(problem));
    }
}

/// CONNECT of MQTT 3.1.1 without keep-alive, with a persistent session.
fn connect(client_id: &str) -> Vec<u8> {
    encode::packet(0x10, &[b"\0\x04MQTT\x04\0\0\0", &text(client_id)[..]].concat())
}

/// SUBSCRIBE with QoS 2 and packet identifier 1.
fn subscribe(filter: &str) -> Vec<u8> {
    encode::packet(0x82, &[&[0, 1], &text(filter)[..], &[2]].concat())
}

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], text.as_bytes()].concat()
}
