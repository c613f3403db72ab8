//! A bad network: [`Proxy`], between a client and a broker, with [`Faults`] at random from a seed.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fastrand::Rng;
use socket2::{Domain, SockRef, Socket, Type};

use crate::port::bound;
use crate::process::{Watched, lock};

mod faults;
mod pair;

pub use faults::Faults;
use pair::Pair;

/// How long the threads of connections may take to end on a machine under load.
const PATIENCE: Duration = Duration::from_secs(20);

/// A TCP proxy on a loopback port of its own that misbehaves as its [`Faults`] say; it ends when dropped, and all its
/// connections with it.
///
/// Its decisions come from a seed: connection *n* has the same faults after the same numbers of bytes each time. What
/// they meet depends on time, so that a run with the same seed is alike, not equal.
///
/// ```
/// use std::io::Write;
/// use std::net::{TcpListener, TcpStream};
///
/// use mqtt_connector_tests::{Faults, Proxy, encode};
///
/// // A broker that says nothing: one that does could end the connection itself.
/// let broker = TcpListener::bind("127.0.0.1:0")?;
/// let proxy = Proxy::start(broker.local_addr()?, 1, Faults { cut: 1.0, ..Faults::none() });
///
/// // The first fault comes after some bytes, and this one cuts the connection.
/// let mut client = TcpStream::connect(proxy.address())?;
/// let ended = (0..100_000).any(|_| client.write_all(&encode::pingresp()).is_err());
/// assert!(ended);
/// assert_eq!(proxy.happened().cuts, 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// What a [`Proxy`] has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Happened {
    /// Connections that were accepted.
    pub connections: usize,
    /// Connections that were cut, at once.
    pub cuts: usize,
    /// Connections that were cut after what one side said was swallowed for a while.
    pub swallows: usize,
    /// Times that one direction stood still and went on.
    pub stalls: usize,
    /// Times that the port refused connections for a while.
    pub outages: usize,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    seed: u64,
    faults: Faults,
    address: SocketAddr,
    /// Bound to the port and not listening, so that nobody else gets it while connections are refused.
    _bound: Socket,
    started: Instant,
    state: Watched<State>,
    transcript: Option<Mutex<BufWriter<File>>>,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    /// None while connections are refused.
    listener: Option<Arc<Socket>>,
    /// Threads that serve a connection.
    alive: usize,
    connections: HashMap<usize, Arc<Pair>>,
    happened: Happened,
}

impl Proxy {
    /// Starts one to `target`.
    ///
    /// # Panics
    ///
    /// If no port can be had.
    #[track_caller]
    #[must_use]
    pub fn start(target: SocketAddr, seed: u64, faults: Faults) -> Self {
        Self::open(target, seed, faults, None)
    }

    /// Starts one that writes what passes, and what it does, to a new file at `transcript`: a line for each step, with
    /// the number of the connection, the milliseconds since the start, and the first 120 bytes.
    ///
    /// # Panics
    ///
    /// If no port can be had, or the file cannot be made.
    #[track_caller]
    #[must_use]
    pub fn with_transcript(target: SocketAddr, seed: u64, faults: Faults, transcript: &Path) -> Self {
        match File::create(transcript) {
            Ok(file) => Self::open(target, seed, faults, Some(Mutex::new(BufWriter::new(file)))),
            Err(error) => panic!("the transcript {} could not be made: {error}", transcript.display()),
        }
    }

    #[track_caller]
    fn open(
        target: SocketAddr,
        seed: u64,
        faults: Faults,
        transcript: Option<Mutex<BufWriter<File>>>,
    ) -> Self {
        let (address, bound) = bound();
        let listener = match bound.set_reuse_address(true).and_then(|()| listen(address)) {
            Ok(listener) => listener,
            Err(error) => panic!("could not listen on {address}: {error}"),
        };
        let state = Watched::new(State { listener: Some(Arc::clone(&listener)), ..State::default() });
        let started = Instant::now();
        let shared =
            Arc::new(Shared { target, seed, faults, address, _bound: bound, started, state, transcript });
        let accepting = Arc::clone(&shared);
        let acceptor = thread::spawn(move || accepting.accept(listener));
        Self { shared, acceptor: Some(acceptor) }
    }

    /// Where it listens: 127.0.0.1 and [`port`](Self::port).
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.shared.address.port()
    }

    /// What it has done so far.
    #[must_use]
    pub fn happened(&self) -> Happened {
        self.shared.state.read(|state| state.happened)
    }

    /// Adds a line of the test's own to the transcript, if there is one.
    pub fn note(&self, line: &str) {
        self.shared.note(&format_args!("{line}"));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state.change(|state| {
            state.stopped = true;
            // Wakes the accepting thread.
            let _ = state.listener.as_ref().map(|listener| listener.shutdown(Shutdown::Both));
            for pair in state.connections.values() {
                pair.break_off();
            }
        });
        let panicked = self.acceptor.take().is_some_and(|acceptor| acceptor.join().is_err());
        if panicked && !thread::panicking() {
            panic!("the thread of a proxy panicked; see above");
        }
        let ended = |state: &State| (state.alive == 0).then_some(());
        if self.shared.state.wait(PATIENCE, ended).is_none() && !thread::panicking() {
            panic!("connections of the proxy did not end");
        }
        if let Some(transcript) = &self.shared.transcript {
            let _ = lock(transcript).flush();
        }
    }
}

const BACKLOG: i32 = 1024;

/// Listens on a port that only this proxy has bound.
fn listen(address: SocketAddr) -> io::Result<Arc<Socket>> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(Arc::new(socket))
}

/// Connects to the broker, and moves bytes until the connection ends.
fn serve(shared: &Shared, number: usize, client: TcpStream, random: Rng) {
    // While the broker is frozen, and its queue of connections full, an attempt gets no answer.
    let broker = match TcpStream::connect_timeout(&shared.target, PATIENCE / 4) {
        Ok(broker) => broker,
        Err(error) => {
            shared.note(&format_args!("{number} no broker: {error}"));
            let _ = SockRef::from(&client).set_linger(Some(Duration::ZERO));
            return;
        }
    };
    let pair = Arc::new(Pair::new(client, broker));
    let registered = shared.state.change(|state| {
        (!state.stopped).then(|| state.connections.insert(number, Arc::clone(&pair))).is_some()
    });
    if registered {
        pair.run(shared, number, random);
        shared.state.change(|state| state.connections.remove(&number));
    }
}

impl Shared {
    /// Accepts connections, and refuses them for a while at times.
    fn accept(self: Arc<Self>, mut listener: Arc<Socket>) {
        for number in 1.. {
            let Some(client) = self.next(&listener) else { return };
            self.note(&format_args!("{number} accepted"));
            let mut random = Rng::with_seed(self.seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let outage = random.f64() < self.faults.outage;
            let time = faults::some_of(&mut random, self.faults.longest_outage);
            self.state.change(|state| {
                state.happened.connections += 1;
                state.alive += 1;
            });
            let serving = Arc::clone(&self);
            thread::spawn(move || {
                serve(&serving, number, client, random);
                serving.note(&format_args!("{number} closed"));
                serving.state.change(|state| state.alive -= 1);
            });
            if outage {
                self.note(&format_args!("connections are refused for {time:?}"));
                self.state.change(|state| {
                    state.happened.outages += 1;
                    state.listener = None;
                });
                drop(listener);
                let _ = self.state.wait(time, |state| state.stopped.then_some(()));
                let again = self.state.change(|state| {
                    let listener = if state.stopped { None } else { listen(self.address).ok() };
                    state.listener.clone_from(&listener);
                    listener
                });
                let Some(again) = again else { return };
                listener = again;
            }
        }
    }

    /// The next connection; none when the proxy ends.
    fn next(&self, listener: &Socket) -> Option<TcpStream> {
        loop {
            match listener.accept() {
                _ if self.state.read(|state| state.stopped) => return None,
                Ok((client, _)) => return Some(client.into()),
                // Out of descriptors, say: to try again at once would not help.
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    fn note(&self, line: &dyn std::fmt::Display) {
        if let Some(transcript) = &self.transcript {
            let _ = writeln!(lock(transcript), "{:.3} {line}", self.started.elapsed().as_secs_f64() * 1e3);
        }
    }

    fn count(&self, count: impl FnOnce(&mut Happened)) {
        self.state.change(|state| count(&mut state.happened));
    }
}
