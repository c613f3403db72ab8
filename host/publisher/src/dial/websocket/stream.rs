//! The stream of bytes: MQTT goes into binary frames, and comes out of them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use rustls::crypto::SecureRandom;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;
use tungstenite::protocol::frame::coding::Control;

use super::ending;
use super::ending::{Ending, NORMAL};
use super::frames;
use super::frames::{Incoming, Outgoing, Piece};
use crate::dial::tls;

/// Bytes to make room for before a read.
const READ_SIZE: usize = 4 * 1024;
/// The most bytes of MQTT in one frame. With the frame's header they fit a record of TLS, which arrives as a whole or not at all.
const PORTION: usize = tls::RECORD - frames::MAX_HEADER;

/// A stream of bytes in binary frames, over `S`.
///
/// Nothing is held back here: the bytes that [`poll_write`](AsyncWrite::poll_write) has taken, `S` has taken. The header of a frame
/// says how long it is. So the bytes that were offered first have to be offered again until they are taken, before any others.
pub(crate) struct WebSocket<S> {
    stream: S,
    random: &'static dyn SecureRandom,
    /// Bytes of frames that have come and were not read yet.
    inbox: BytesMut,
    incoming: Incoming,
    /// The frame that is being written.
    outgoing: Outgoing,
    /// The control frame that is to be written next: the answer to the last ping, or a close frame.
    owed: Option<(Control, BytesMut)>,
    /// The kind of bytes that `stream` has taken and may still hold.
    unflushed: Unflushed,
    close: Close,
}

/// The kind of bytes that the stream below may still hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unflushed {
    Nothing,
    /// Control frames alone.
    Control,
    /// Data, and no control frame behind it: when the stream is flushed, the data is known to have left.
    Data,
}

/// Who has sent a close frame.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Close {
    Nobody,
    We,
    Broker,
    Both,
}

impl<S> WebSocket<S> {
    /// A WebSocket over `stream`, whose handshake is done. `inbox` holds the bytes that came behind the handshake.
    pub(crate) fn new(stream: S, inbox: BytesMut) -> Self {
        Self {
            stream,
            random: tls::random(),
            inbox,
            incoming: Incoming::default(),
            outgoing: Outgoing::default(),
            owed: None,
            unflushed: Unflushed::Nothing,
            close: Close::Nobody,
        }
    }

    /// The stream below.
    pub(crate) fn get_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Hands the rest of the frame that was begun to the stream below. It is ready when no rest is left.
    fn poll_outgoing(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.bytes.is_empty() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(context, &self.outgoing.bytes))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outgoing.bytes.advance(count);
            if self.unflushed == Unflushed::Nothing {
                self.unflushed = Unflushed::Control;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Hands the control frame that is owed to the stream below. A frame of data that was begun goes first.
    fn poll_control(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.outgoing.is_data {
                return Poll::Pending;
            }
            ready!(self.poll_outgoing(context))?;
            let Some((control, payload)) = self.owed.take() else { return Poll::Ready(Ok(())) };
            self.outgoing.begin_control(control, &payload, self.random)?;
        }
    }

    /// Writes the answer to the broker's last ping, or to its close frame, as far as the stream below takes it now. The answer is
    /// never put behind data that the stream below may still hold: it could not be told then when the data has left.
    fn answer(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let has_answer = self.owed.is_some() || !self.outgoing.bytes.is_empty();
        if self.unflushed == Unflushed::Data || (!has_answer && self.unflushed == Unflushed::Nothing) {
            return Ok(());
        }
        if let Poll::Ready(answered) = self.poll_control(context) {
            answered?;
            if Pin::new(&mut self.stream).poll_flush(context)?.is_ready() {
                self.unflushed = Unflushed::Nothing;
            }
        }
        Ok(())
    }

    /// A control frame has come.
    fn control(&mut self, control: Control, payload: BytesMut) -> Result<(), Ending> {
        match control {
            Control::Ping => {
                // Only the last ping needs an answer (section 5.5.3), and none after a close frame.
                if self.close == Close::Nobody {
                    self.owed = Some((Control::Pong, payload));
                }
                Ok(())
            }
            Control::Pong => Ok(()),
            Control::Close => {
                let words = ending::read_close(&payload)?;
                match self.close {
                    Close::We | Close::Both => {
                        self.close = Close::Both;
                        Ok(())
                    }
                    Close::Nobody | Close::Broker => {
                        self.close = Close::Broker;
                        self.owed = Some((Control::Close, payload));
                        Err(Ending::Closed(words))
                    }
                }
            }
            Control::Reserved(_) => Err(Ending::Broken("a WebSocket frame of an unknown kind")),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocket<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            this.answer(context)?;
            if this.close == Close::Both {
                // After both close frames, only the end of the connection can come.
                this.inbox.clear();
            }
            match this.incoming.next(&mut this.inbox, buffer)? {
                Piece::Data => return Poll::Ready(Ok(())),
                Piece::Control(control, payload) => {
                    if let Err(ending) = this.control(control, payload) {
                        this.answer(context)?;
                        return Poll::Ready(Err(ending.into()));
                    }
                }
                Piece::Missing => {
                    this.inbox.reserve(READ_SIZE);
                    let count = ready!(poll_read_buf(Pin::new(&mut this.stream), context, &mut this.inbox))?;
                    if count == 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebSocket<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.close != Close::Nobody {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if !this.outgoing.is_data {
            ready!(this.poll_control(context))?;
            this.outgoing.begin_data(&bytes[..bytes.len().min(PORTION)], this.random)?;
        }
        loop {
            let count = ready!(Pin::new(&mut this.stream).poll_write(context, &this.outgoing.bytes))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            this.unflushed = Unflushed::Data;
            let taken = this.outgoing.advance(count);
            if taken > 0 {
                return Poll::Ready(Ok(taken));
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        this.unflushed = Unflushed::Nothing;
        this.answer(context)?;
        Poll::Ready(Ok(()))
    }

    /// Sends a close frame, and closes the stream below for writing.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // In the middle of a frame of data, no other frame can be sent.
        if !this.outgoing.is_data {
            if this.close == Close::Nobody {
                this.close = Close::We;
                this.owed = Some((Control::Close, BytesMut::from(&NORMAL.to_be_bytes()[..])));
            }
            ready!(this.poll_control(context))?;
        }
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
