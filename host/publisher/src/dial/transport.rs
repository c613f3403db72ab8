//! What carries the bytes of MQTT: TCP, TLS over it, WebSocket frames over either.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::websocket::WebSocket;
use super::{lost, tls, websocket};
use crate::error::Error;
use crate::platform::socket;
use crate::platform::socket::Gathering;

/// The bytes to and from a broker. What only some connections need is boxed, so that a connection over TCP does not take its
/// memory.
pub(crate) enum Transport {
    Tcp(TcpStream),
    Tls(Box<Secured>),
    /// Over one of the others.
    WebSocket(Box<WebSocket<Transport>>),
}

/// TLS, whose handshake is done.
pub(crate) struct Secured {
    stream: TlsStream<Gathering>,
    /// Something of the broker's own has come, and not TLS's session tickets alone.
    has_heard: bool,
}

impl Transport {
    /// TLS, after its handshake.
    pub(crate) fn secured(stream: TlsStream<Gathering>) -> Self {
        Self::Tls(Box::new(Secured { stream, has_heard: false }))
    }

    /// Whether it is TCP and nothing above it.
    pub(crate) fn is_tcp(&self) -> bool {
        matches!(self, Self::Tcp(_))
    }

    /// The most bytes that it is to be given before it is flushed. TLS delivers a record as a whole: when it is given no more
    /// than one, it never holds a message of which nobody could say whether it was sent. A WebSocket makes portions itself.
    pub(crate) fn portion(&self) -> usize {
        match self {
            Self::Tcp(_) | Self::WebSocket(_) => usize::MAX,
            Self::Tls(_) => tls::RECORD,
        }
    }

    /// Whether the socket has something to read, an end or an error, of which the runtime may not know yet.
    pub(crate) fn has_news(&self) -> bool {
        socket::has_news(self.tcp())
    }

    /// Tells the broker's TCP at once what has come. A broker with Nagle's algorithm (RFC 896) keeps its next small packets
    /// back until then, and this side would wait for up to 40 ms for something to send along: with that, a window of
    /// messages took 40 ms. False where only something that is sent can tell it.
    pub(crate) fn acknowledge(&self) -> bool {
        socket::acknowledge(self.tcp())
    }

    /// Lets what is written from now on leave together with the end of the connection.
    pub(crate) fn hold_until_end(&self) {
        socket::hold_until_end(self.tcp());
    }

    /// The connection of TCP below.
    pub(crate) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Tcp(stream) => stream,
            Self::Tls(secured) => socket::tcp(secured.stream.get_ref().0),
            Self::WebSocket(stream) => stream.get_ref().tcp(),
        }
    }
}

impl Secured {
    /// Reads, and until the broker's first answer has come, tells its TCP at once what else has: a server of TLS 1.3 sends session
    /// tickets before it, and with Nagle's algorithm it keeps the answer back until they are acknowledged, for 40 ms.
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if !self.has_heard {
            self.has_heard = read.is_ready();
            if read.is_pending() {
                socket::acknowledge(socket::tcp(self.stream.get_ref().0));
            }
        }
        read
    }
}

/// What an error of a [`Transport`] means. What the broker says is in it as far as it `may_be_shown`.
pub(crate) fn explain(error: &io::Error, may_be_shown: impl Fn(&[u8]) -> bool) -> Error {
    websocket::explain(error, may_be_shown).unwrap_or_else(|| lost::explain(error))
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(secured) => secured.poll_read(context, buffer),
            Self::WebSocket(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(secured) => Pin::new(&mut secured.stream).poll_write(context, bytes),
            Self::WebSocket(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(secured) => Pin::new(&mut secured.stream).poll_flush(context),
            Self::WebSocket(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(secured) => Pin::new(&mut secured.stream).poll_shutdown(context),
            Self::WebSocket(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
