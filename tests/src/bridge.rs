//! A WebSocket in front of a real broker that has none of its own: [`Bridge`].
//!
//! mosquitto's own listener for WebSockets binds every address and takes 200 ms for each message.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tungstenite::handshake::HandshakeError;
use tungstenite::handshake::server::{Request, Response};
use tungstenite::http::HeaderValue;
use tungstenite::{Message, WebSocket};

use crate::port;
use crate::process::lock;
use crate::tls::ServerTls;

/// A WebSocket server on a free loopback port that passes what it gets on to a broker, and back.
///
/// Its side of WebSocket is tungstenite's. It wants the subprotocol `mqtt` and the path `/mqtt`, and answers anything else
/// with 404. It ends, with all its connections, when dropped.
#[derive(Debug)]
pub struct Bridge {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    over: AtomicBool,
    /// A second handle of each client's socket, to end it from outside.
    sockets: Mutex<HashMap<usize, TcpStream>>,
}

/// What a client's bytes come through.
trait Transport: Read + Write {
    fn socket(&self) -> &TcpStream;

    /// Ends what stands between WebSocket and TCP.
    fn say_goodbye(&mut self) {}
}

impl Transport for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Transport for StreamOwned<ServerConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }

    fn say_goodbye(&mut self) {
        self.conn.send_close_notify();
        let _ = self.flush();
    }
}

impl Bridge {
    /// Starts one in front of the broker at `target`, with TLS beneath WebSocket if that is given.
    ///
    /// # Panics
    ///
    /// If no port can be had, or the certificate for TLS cannot be used.
    #[track_caller]
    #[must_use]
    pub fn start(target: SocketAddr, tls: Option<&ServerTls>) -> Self {
        let tls = tls.map(ServerTls::config);
        let (address, listener) = port::listen(None);
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let acceptor = thread::spawn(move || accept(&listener, target, &theirs, tls.as_ref()));
        Self { address, shared, acceptor: Some(acceptor) }
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
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the accepting thread for the last time.
        let _last = TcpStream::connect(self.address);
        for socket in lock(&self.shared.sockets).values() {
            let _ = socket.shutdown(Shutdown::Both);
        }
        let panicked = self.acceptor.take().is_some_and(|acceptor| acceptor.join().is_err());
        if panicked && !thread::panicking() {
            panic!("a thread of a WebSocket bridge panicked; see above");
        }
    }
}

fn accept(listener: &TcpListener, target: SocketAddr, shared: &Shared, tls: Option<&Arc<ServerConfig>>) {
    thread::scope(|scope| {
        for number in 0.. {
            let Ok((client, _)) = listener.accept() else { break };
            if let Ok(second) = client.try_clone() {
                lock(&shared.sockets).insert(number, second);
            }
            if shared.over.load(Ordering::SeqCst) {
                let _ = client.shutdown(Shutdown::Both);
                break;
            }
            let tls = tls.cloned();
            // What goes wrong with a connection is its client's to notice: it ends.
            scope.spawn(move || {
                let _ = client.set_nodelay(true);
                match tls.map(ServerConnection::new) {
                    None => drop(carry(client, target)),
                    Some(Ok(connection)) => drop(carry(StreamOwned::new(connection, client), target)),
                    Some(Err(_)) => {}
                }
                let second = lock(&shared.sockets).remove(&number);
                drop(second.map(|socket| socket.shutdown(Shutdown::Both)));
            });
        }
    });
}

/// Carries one connection to its end.
fn carry(client: impl Transport, target: SocketAddr) -> io::Result<()> {
    let client = handshake(client)?;
    let broker = TcpStream::connect(target)?;
    broker.set_nodelay(true)?;
    client.get_ref().socket().set_nonblocking(true)?;
    Pair { client, broker, unflushed: false }.carry()
}

/// Accepts the WebSocket.
fn handshake<S: Transport>(client: S) -> io::Result<WebSocket<S>> {
    // tungstenite's type for a refusal is its own, and large.
    #[expect(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
    let check = |request: &Request, mut response: Response| {
        let wants_mqtt = request.headers().get("sec-websocket-protocol").is_some_and(|all| all == "mqtt");
        if !wants_mqtt || request.uri().path() != "/mqtt" {
            let mut refusal = Response::new(()).map(|()| None);
            *refusal.status_mut() = tungstenite::http::StatusCode::NOT_FOUND;
            return Err(refusal);
        }
        response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("mqtt"));
        Ok(response)
    };
    tungstenite::accept_hdr(client, check).map_err(|error| match error {
        HandshakeError::Failure(error) => io::Error::other(error),
        HandshakeError::Interrupted(_) => io::Error::from(ErrorKind::Interrupted),
    })
}

/// Both sides of a connection.
struct Pair<S> {
    /// Never blocks.
    client: WebSocket<S>,
    broker: TcpStream,
    /// Whether something waits until the client's socket takes more.
    unflushed: bool,
}

impl<S: Transport> Pair<S> {
    fn carry(mut self) -> io::Result<()> {
        // What came in the same segment as the request may be there already.
        if !self.take_from_client()? {
            return Ok(());
        }
        loop {
            let (client, broker) = self.wait()?;
            if client && !self.take_from_client()? {
                self.client.get_mut().say_goodbye();
                return self.broker.shutdown(Shutdown::Write);
            }
            if broker && !self.take_from_broker()? {
                return self.end();
            }
        }
    }

    /// Waits until one of the sides can be dealt with.
    fn wait(&self) -> io::Result<(bool, bool)> {
        let client: BorrowedFd<'_> = self.client.get_ref().socket().as_fd();
        let writable = if self.unflushed { PollFlags::OUT } else { PollFlags::empty() };
        // The broker is not read while the client does not take what it has said.
        let readable = if self.unflushed { PollFlags::empty() } else { PollFlags::IN };
        let broker = self.broker.as_fd();
        let mut both = [PollFd::new(&client, PollFlags::IN | writable), PollFd::new(&broker, readable)];
        poll(&mut both, None::<&Timespec>)?;
        Ok((!both[0].revents().is_empty(), !both[1].revents().is_empty()))
    }

    /// Passes on what the client has sent; `false` when it has ended the connection.
    fn take_from_client(&mut self) -> io::Result<bool> {
        if self.unflushed {
            self.flush()?;
        }
        loop {
            match self.client.read() {
                Ok(Message::Binary(bytes)) => self.broker.write_all(&bytes)?,
                Ok(Message::Ping(_) | Message::Pong(_)) => self.flush()?,
                Ok(Message::Close(_)) => {
                    let _ = self.client.flush();
                    return Ok(false);
                }
                Ok(Message::Text(_) | Message::Frame(_)) => return Ok(false),
                Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(true);
                }
                Err(_) => return Ok(false),
            }
        }
    }

    /// Passes on what the broker has sent; `false` when it has ended the connection.
    fn take_from_broker(&mut self) -> io::Result<bool> {
        let mut buffer = vec![0; 64 * 1024];
        let count = self.broker.read(&mut buffer)?;
        buffer.truncate(count);
        if count > 0 {
            self.client.write(Message::binary(buffer)).map_err(io::Error::other)?;
            self.flush()?;
        }
        Ok(count > 0)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unflushed = match self.client.flush() {
            Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => true,
            other => other.map(|()| false).map_err(io::Error::other)?,
        };
        Ok(())
    }

    /// Says goodbye to the client, whose answer is waited for a moment.
    fn end(mut self) -> io::Result<()> {
        let socket = self.client.get_ref().socket();
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        self.client.close(None).map_err(io::Error::other)?;
        while self.client.read().is_ok() {}
        self.client.get_mut().say_goodbye();
        Ok(())
    }
}
