//! The transport of a scripted broker's connection: TCP, or TLS over it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::record::TlsFacts;

/// TCP, or TLS over it.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Stream {
    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => &tls.sock,
        }
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.write_all(bytes),
            Self::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
        }
    }

    /// Writes to TCP, whether or not there is TLS over it.
    pub(crate) fn write_beneath(&self, bytes: &[u8]) -> io::Result<()> {
        self.socket().write_all(bytes)
    }

    /// Has TLS send a fatal alert: rustls does it when a record cannot be right, so it is shown one.
    pub(crate) fn fatal_alert(&mut self) -> io::Result<()> {
        const NO_ROOM_FOR_A_TAG: &[u8] = &[0x17, 3, 3, 0, 1, 0];
        let Self::Tls(tls) = self else { return Err(io::Error::other("there is no TLS")) };
        tls.conn.read_tls(&mut &*NO_ROOM_FOR_A_TAG)?;
        if tls.conn.process_new_packets().is_ok() {
            return Err(io::Error::other("TLS took nonsense for a record"));
        }
        while tls.conn.wants_write() {
            tls.conn.write_tls(&mut tls.sock)?;
        }
        Ok(())
    }

    /// Sends `close_notify`; nothing without TLS.
    pub(crate) fn close_notify(&mut self) {
        if let Self::Tls(tls) = self {
            tls.conn.send_close_notify();
            let _ = tls.flush();
        }
    }

    /// What the handshake settled; nothing without TLS.
    pub(crate) fn tls_facts(&self) -> Option<TlsFacts> {
        let Self::Tls(tls) = self else { return None };
        Some(TlsFacts {
            server_name: tls.conn.server_name().map(str::to_owned),
            alpn: tls.conn.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
            client_certificate: tls.conn.peer_certificates().and_then(|all| Some(all.first()?.to_vec())),
            version: tls.conn.protocol_version().map(|version| format!("{version:?}")).unwrap_or_default(),
        })
    }

    /// Waits until the client has closed the connection, for at most `patience`, without looking at what comes.
    pub(crate) fn drain(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut socket = self.socket();
        let _ = socket.set_read_timeout(Some(patience));
        while Instant::now() < deadline && matches!(socket.read(&mut [0; 4096]), Ok(count) if count > 0) {}
    }

    /// Does the server's part of a TLS handshake on a TCP connection, and returns it with the outcome; `over` tells
    /// when to give up.
    pub(crate) fn handshake(
        self,
        config: Arc<ServerConfig>,
        over: impl Fn() -> bool,
    ) -> (Self, Result<(), String>) {
        let Self::Plain(socket) = self else { return (self, Err("TLS has begun before".to_owned())) };
        let conn = match ServerConnection::new(config) {
            Ok(conn) => conn,
            Err(error) => return (Self::Plain(socket), Err(error.to_string())),
        };
        let mut tls = Box::new(StreamOwned::new(conn, socket));
        let _ = tls.sock.set_read_timeout(Some(Duration::from_millis(10)));
        let mut outcome = Ok(());
        while outcome.is_ok() && tls.conn.is_handshaking() {
            outcome = match tls.conn.complete_io(&mut tls.sock) {
                Ok(_) => Ok(()),
                Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    Err(error.to_string())
                }
                Err(_) if over() => Err("it did not end in time".to_owned()),
                Err(_) => Ok(()),
            };
        }
        (Self::Tls(tls), outcome)
    }
}
