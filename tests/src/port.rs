//! Loopback ports: free ones, and ones that fail a client in a chosen way.
//!
//! | a client that connects to | sees |
//! |---|---|
//! | [`ClosedPort`] | "connection refused", at once |
//! | [`SilentPort`] | a connection on which nothing is ever read, written or closed |
//! | [`BlackHole`] | a connection attempt that is never answered |

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// A loopback port that nothing listened on a moment ago.
///
/// Somebody else may take it before you do, so be ready to try another. It lies below the range from which the
/// kernel takes the local ports of outgoing connections: a client that tries again and again while its broker is
/// down cannot occupy the broker's port, and cannot connect to itself.
///
/// # Panics
///
/// If 1,000 ports in a row are taken.
#[track_caller]
#[must_use]
pub fn free_port() -> u16 {
    bound().0.port()
}

/// A bound socket that is not listening yet, and its address.
#[track_caller]
pub(crate) fn bound() -> (SocketAddr, Socket) {
    let (low, high) = outside_ephemeral_range();
    for _ in 0..1000 {
        // A new `RandomState` has new keys: randomness without a dependency.
        let random = RandomState::new().build_hasher().finish() % u64::from(high - low);
        let port = low + u16::try_from(random).unwrap_or_default();
        if let Some(socket) = bind(port) {
            return (SocketAddr::from((Ipv4Addr::LOCALHOST, port)), socket);
        }
    }
    panic!("no free port found between {low} and {high} on 127.0.0.1");
}

fn bind(port: u16) -> Option<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()).ok()?;
    Some(socket)
}

fn outside_ephemeral_range() -> (u16, u16) {
    let lowest_ephemeral = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(32768_u16);
    if lowest_ephemeral >= 20_000 { (10_000, lowest_ephemeral) } else { (lowest_ephemeral, 65_000) }
}

/// A listener on a free loopback port.
///
/// # Panics
///
/// If no port can be had.
#[track_caller]
pub(crate) fn listen(receive_buffer: Option<usize>) -> (SocketAddr, TcpListener) {
    for _ in 0..10 {
        let (address, socket) = bound();
        if let Some(bytes) = receive_buffer {
            // Accepted connections inherit it, and the window that they offer is fixed by it from the start.
            let _ = socket.set_recv_buffer_size(bytes);
        }
        if socket.listen(1024).is_ok() {
            return (address, socket.into());
        }
    }
    panic!("could not listen on 127.0.0.1");
}

/// A port on which nothing listens: every connection is refused. Nobody else can take it while this value lives.
#[derive(Debug)]
pub struct ClosedPort {
    address: SocketAddr,
    _bound: Socket,
}

impl ClosedPort {
    /// Reserves a port.
    ///
    /// # Panics
    ///
    /// If no port can be had.
    #[track_caller]
    #[must_use]
    pub fn open() -> Self {
        let (address, bound) = bound();
        Self { address, _bound: bound }
    }

    /// Where connections are refused.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port of [`address`](Self::address).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

/// A port where the kernel accepts connections and no program ever looks at them.
///
/// To be silent later than that (after CONNECT, after PUBLISH), and to see what was sent, use
/// [`ScriptedBroker`](crate::ScriptedBroker).
#[derive(Debug)]
pub struct SilentPort {
    address: SocketAddr,
    _listener: TcpListener,
}

impl SilentPort {
    /// Starts to listen.
    ///
    /// # Panics
    ///
    /// If no port can be had.
    #[track_caller]
    #[must_use]
    pub fn open() -> Self {
        let (address, listener) = listen(None);
        Self { address, _listener: listener }
    }

    /// Where connections go unanswered.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port of [`address`](Self::address).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

/// A port that drops connection attempts, as a firewall does: `connect` neither succeeds nor fails.
///
/// Its queue of connections is full, and Linux ignores further attempts then.
#[derive(Debug)]
pub struct BlackHole {
    address: SocketAddr,
    _listener: Socket,
    _queued: Vec<TcpStream>,
}

impl BlackHole {
    /// Starts to listen, and fills the queue.
    ///
    /// # Panics
    ///
    /// If no port can be had, or the queue does not fill up.
    #[track_caller]
    #[must_use]
    pub fn open() -> Self {
        let (address, listener) = bound();
        if let Err(error) = listener.listen(0) {
            panic!("could not listen on {address}: {error}");
        }
        let mut queued = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            queued.push(stream);
            assert!(queued.len() < 64, "the queue of {address} does not fill up");
        }
        Self { address, _listener: listener, _queued: queued }
    }

    /// Where connection attempts vanish.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port of [`address`](Self::address).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}
