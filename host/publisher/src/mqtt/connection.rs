//! One network connection to a broker: CONNECT, the packets of a [`Delivery`], DISCONNECT.
//!
//! Nothing here knows about time-outs: whoever drops the connection ends it, and every await is safe to drop.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use mqtt_connector_contract::secrets::Heard;
use mqtt_connector_contract::shown::Shown;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;
use tokio_util::io::poll_read_buf;

use super::delivery::Delivery;
use super::packet;
use super::packet::{Connack, Incoming, Terms};
use crate::contract::ProtocolVersion;
use crate::dial::{tls, websocket};
use crate::error::{Error, System};
use crate::options::{LEFT_OUT, MayBeShown, Options};

/// The most characters of the broker's words that a message or a log shows.
const SHOWN: usize = 500;
/// Bytes to make room for before a read: a broker's answers are two to four bytes each.
const READ_SIZE: usize = 1024;
/// How long a broker may take to read the last of what it is sent, and to close the connection.
pub(crate) const LINGER: Duration = Duration::from_millis(500);

/// A connection that the broker has accepted.
pub(crate) struct Connection<S> {
    stream: S,
    options: Arc<Options>,
    inbox: BytesMut,
    outbox: BytesMut,
    /// Bytes that the stream took from the outbox and may still hold.
    taken: usize,
    medium: Medium,
    /// Bytes that have left this process.
    written: u64,
    /// What came with CONNACK is not taken yet.
    early: bool,
    /// Nothing was to be written for a while.
    quiet: bool,
    /// When something last came.
    heard: Option<Instant>,
    keep_alive: Option<KeepAlive>,
    terms: Terms,
}

/// A stream over TCP.
pub(crate) trait OverTcp: AsyncRead + AsyncWrite + Unpin {
    /// The connection of TCP below.
    fn tcp(&self) -> &TcpStream;
}

impl OverTcp for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl OverTcp for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// What the packets go through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Medium {
    Tcp,
    Tls,
    /// Over TCP or over TLS. It makes portions of its own.
    WebSocket,
}

impl Medium {
    /// The most bytes that the stream is given before it is flushed. TLS delivers a record as a whole: given no more than
    /// one, it never holds a message of which nobody could say whether it was sent.
    fn portion(self) -> usize {
        match self {
            Self::Tcp | Self::WebSocket => usize::MAX,
            Self::Tls => tls::RECORD,
        }
    }
}

/// The client's duty to be heard of (MQTT 3.1.1, section 3.1.2.10).
struct KeepAlive {
    interval: Duration,
    last_written: Instant,
    unanswered: bool,
}

/// What the socket did.
enum Moved {
    /// Bytes have come.
    In,
    /// Bytes have left this process.
    Out,
}

impl<S: OverTcp> Connection<S> {
    /// Sends CONNECT and waits for CONNACK (sections 3.1 and 3.2).
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's return or reason code, [`Error::Lost`], [`Error::Protocol`], and
    /// [`Error::Tls`] for an alert: with TLS 1.3 a refused client certificate is only known by now.
    ///
    /// What the broker says is in them as far as it `may_be_shown`.
    pub(crate) async fn open(
        stream: S,
        medium: Medium,
        options: &Arc<Options>,
        may_be_shown: MayBeShown<'_>,
    ) -> Result<Self, Error> {
        let version = options.protocol_version;
        let mut connection = Self {
            stream,
            options: Arc::clone(options),
            inbox: BytesMut::new(),
            outbox: BytesMut::new(),
            taken: 0,
            medium,
            written: 0,
            early: true,
            quiet: false,
            heard: None,
            keep_alive: None,
            terms: Terms::new(version, false),
        };
        packet::write_connect(options, &mut connection.outbox)?;
        let connack = loop {
            if let Some(reason) = not_a_connack(&connection.inbox, medium, version) {
                return Err(Error::Protocol(reason));
            }
            let packet = connection.next_packet()?;
            match packet.map(|packet| packet.map_words(|words| heard(words, may_be_shown))) {
                Some(Incoming::Connack(connack)) => break *connack,
                Some(_) => return Err(Error::Protocol("its first packet is not CONNACK".to_owned())),
                None => {}
            }
            let moved = poll_fn(|context| connection.poll_move(context, true)).await;
            moved.map_err(|error| lost(&error, may_be_shown))?;
        };
        connection.terms = match connack {
            Connack::Accepted(mut terms) => {
                terms.assigned_client_id.take_if(|client_id| client_id.is_empty());
                if let Some(client_id) = &mut terms.assigned_client_id
                    && !may_be_shown(client_id.as_bytes())
                {
                    client_id.clear();
                }
                terms
            }
            Connack::Refused(refusal) => return Err(Error::Refused(refusal)),
        };
        if connection.terms.session_present && options.clean_session {
            return Err(Error::Protocol(
                "CONNACK says that a session is present, for a clean session".to_owned(),
            ));
        }
        let keep_alive = connection.terms.server_keep_alive.unwrap_or(options.keep_alive);
        connection.keep_alive = (keep_alive > 0).then(|| KeepAlive {
            interval: Duration::from_secs(keep_alive.into()),
            last_written: Instant::now(),
            unanswered: false,
        });
        Ok(connection)
    }

    /// What the broker has said in CONNACK.
    pub(crate) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Exchanges packets for `delivery` until there is nothing to do; ready only when the connection cannot go on.
    ///
    /// # Errors
    ///
    /// [`Error::Lost`], [`Error::Tls`] for an alert, [`Error::Protocol`].
    pub(crate) fn poll_exchange(
        &mut self,
        context: &mut Context<'_>,
        delivery: &mut Delivery,
    ) -> Poll<Error> {
        let mut has_read = false;
        loop {
            if let Err(error) = self.take_packets(delivery) {
                return Poll::Ready(error);
            }
            // What came with CONNACK came before any message, and acknowledges none.
            self.early &= !self.inbox.is_empty();
            if self.early && delivery.is_swamped() {
                let reason = "acknowledgements without end, before any message".to_owned();
                return Poll::Ready(Error::Protocol(reason));
            }
            let is_wanted = !delivery.is_settled();
            let is_held_back = self.quiet && is_wanted && self.has_news();
            if !self.early && !is_held_back {
                self.quiet &= !is_wanted;
                delivery.serialise(&mut self.outbox, self.written + self.taken as u64);
            }
            let Poll::Ready(moved) = self.poll_move(context, !delivery.is_swamped()) else {
                if is_held_back && !self.has_news() {
                    // It was nothing for us: a ping of the WebSocket, a ticket of TLS. Nobody wakes us for it again.
                    continue;
                }
                if has_read && is_wanted {
                    self.acknowledge();
                }
                self.quiet |= !is_wanted && self.is_flushed();
                return Poll::Pending;
            };
            match moved {
                Ok(Moved::In) => {
                    self.heard = Some(Instant::now());
                    has_read = true;
                }
                Ok(Moved::Out) => {
                    // What had come is acknowledged along with it.
                    has_read = false;
                    delivery.written(self.written);
                }
                Err(error) => {
                    return Poll::Ready(lost(&error, |words| {
                        let heard = Heard::new(words);
                        !self.options.is_repeated_by(&heard) && !delivery.is_repeated_by(&heard, None)
                    }));
                }
            }
        }
    }

    /// When something last came from the broker, after CONNACK.
    pub(crate) fn heard(&self) -> Option<Instant> {
        self.heard
    }

    /// Whether nothing is on its way out.
    pub(crate) fn is_flushed(&self) -> bool {
        self.outbox.is_empty() && self.taken == 0
    }

    /// When the next PINGREQ is due, if nothing else is written before.
    pub(crate) fn next_ping(&self) -> Option<Instant> {
        // A client that is writing is heard of.
        self.keep_alive.as_ref().filter(|_| self.is_flushed()).map(KeepAlive::due)
    }

    /// Ends the connection in order: DISCONNECT, so that the will is not published (section 3.14.4), then the
    /// transport. Every message is settled by now, so that nothing that fails here changes an answer.
    ///
    /// Ends only when the broker has closed it too, or does not within [`LINGER`]: before, the client identifier is not to
    /// be used again. For who does not need that, `parted` is called as soon as all is said.
    pub(crate) async fn close(mut self, parted: impl FnOnce()) {
        self.outbox.clear();
        if packet::write_disconnect(&mut self.outbox).is_err() {
            return;
        }
        // DISCONNECT leaves with the end of the connection: one segment, where there would be two.
        #[cfg(target_os = "linux")]
        if let Err(error) = SockRef::from(self.stream.tcp()).set_tcp_cork(true) {
            tracing::debug!(%error, "TCP_CORK");
        }
        let goodbye = async {
            self.stream.write_all(&self.outbox).await?;
            self.stream.shutdown().await?;
            // In a session of before, what is left unread would make the kernel answer with a reset, which can overtake
            // DISCONNECT.
            if !self.terms.session_present {
                parted();
            }
            self.inbox.clear();
            while self.stream.read_buf(&mut self.inbox).await? > 0 {
                self.inbox.clear();
            }
            io::Result::Ok(())
        };
        match tokio::time::timeout(LINGER, goodbye).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the broker closed the connection first"),
            Err(_) => tracing::debug!("the broker did not close the connection"),
        }
    }

    /// Hands the packets that have come whole to `delivery`.
    fn take_packets(&mut self, delivery: &mut Delivery) -> Result<(), Error> {
        while let Some(packet) = self.next_packet()? {
            if let (Incoming::Pingresp, Some(keep_alive)) = (&packet, &mut self.keep_alive) {
                keep_alive.unanswered = false;
            }
            let identifier = packet.answers();
            let packet = packet.map_words(|words| {
                heard(words, &|words| {
                    let heard = Heard::new(words);
                    !self.options.is_repeated_by(&heard) && !delivery.is_repeated_by(&heard, identifier)
                })
            });
            delivery.received(packet)?;
        }
        Ok(())
    }

    /// Takes the next whole packet from what has been read, with the broker's words as they came.
    fn next_packet(&mut self) -> Result<Option<Incoming>, Error> {
        packet::read(self.terms.version, &mut self.inbox)
    }

    /// Puts PINGREQ in the outbox, or says that the last one was not answered.
    pub(crate) fn ping(&mut self) -> Result<(), Error> {
        let Some(keep_alive) = &mut self.keep_alive else { return Ok(()) };
        if keep_alive.unanswered {
            return Err(Error::Lost(
                "the broker did not answer PINGREQ within the keep-alive time".to_owned(),
            ));
        }
        keep_alive.unanswered = true;
        packet::write_pingreq(&mut self.outbox)
    }

    /// Whether the socket has something to read, an end or an error, of which the runtime may not know yet. A message is
    /// not to be given to a connection that ended while nobody needed it.
    fn has_news(&self) -> bool {
        let peeked = SockRef::from(self.stream.tcp()).peek(&mut [MaybeUninit::uninit()]);
        !peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Tells the broker's TCP at once what has come. A broker with Nagle's algorithm (RFC 896) keeps its next small packets
    /// back until then, and ours would wait for up to 40 ms for something to send along: with that, a window of
    /// messages took 40 ms.
    fn acknowledge(&self) {
        #[cfg(target_os = "linux")]
        if let Err(error) = self.stream.tcp().set_quickack(true) {
            tracing::debug!(%error, "TCP_QUICKACK");
        }
    }

    /// Moves bytes, once. Reading comes first, if there is to be any: what the broker said, or that it has hung up, is to
    /// be known before another message is handed over.
    fn poll_move(&mut self, context: &mut Context<'_>, reading: bool) -> Poll<io::Result<Moved>> {
        let Self { stream, inbox, outbox, taken, medium, .. } = self;
        let mut stream = Pin::new(stream);
        if reading {
            inbox.reserve(READ_SIZE);
            if let Poll::Ready(read) = poll_read_buf(stream.as_mut(), context, inbox) {
                return Poll::Ready(match read? {
                    0 => Err(io::ErrorKind::UnexpectedEof.into()),
                    _ => Ok(Moved::In),
                });
            }
        }
        if *taken == 0 {
            if outbox.is_empty() {
                return Poll::Pending;
            }
            let next = &outbox[..outbox.len().min(medium.portion())];
            *taken = ready!(stream.as_mut().poll_write(context, next))?;
            if *taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            outbox.advance(*taken);
        }
        ready!(stream.poll_flush(context))?;
        self.written += std::mem::take(taken) as u64;
        if let Some(keep_alive) = &mut self.keep_alive {
            keep_alive.last_written = Instant::now();
        }
        Poll::Ready(Ok(Moved::Out))
    }
}

impl KeepAlive {
    /// When the next PINGREQ is due: well before the broker would miss us.
    fn due(&self) -> Instant {
        self.last_written + self.interval * 3 / 4
    }
}

/// What is shown of the broker's words.
fn heard(words: &str, may_be_shown: MayBeShown<'_>) -> String {
    if may_be_shown(words.as_bytes()) { Shown::plain(words, SHOWN).to_string() } else { LEFT_OUT.to_owned() }
}

/// What an error of the stream to the broker means. What the broker says is in it as far as it `may_be_shown`.
pub(crate) fn lost(error: &io::Error, may_be_shown: impl Fn(&[u8]) -> bool) -> Error {
    let explained = tls::explain_after(error).or_else(|| websocket::explain(error, may_be_shown));
    explained.unwrap_or_else(|| match error.kind() {
        io::ErrorKind::UnexpectedEof if error.get_ref().is_none() => {
            Error::Closed("the broker closed the connection".to_owned())
        }
        _ if tls::is_cut_off(error) => {
            Error::Closed("the broker closed the connection without ending TLS (no close_notify)".to_owned())
        }
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Error::Closed(reset(error)),
        _ => Error::Lost(format!("the network failed: {}", System(error))),
    })
}

/// How a connection ended without being closed, as a clause that stands behind "the connection was lost".
fn reset(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset => "the broker reset the connection".to_owned(),
        io::ErrorKind::BrokenPipe => "the broker reads no more".to_owned(),
        io::ErrorKind::ConnectionAborted => "the connection was aborted".to_owned(),
        _ => "the connection ended early".to_owned(),
    }
}

/// What the first bytes are instead of a CONNACK, as far as one can tell before a whole packet has come.
fn not_a_connack(bytes: &[u8], medium: Medium, version: ProtocolVersion) -> Option<String> {
    const CONNACK: u8 = 0x20;
    const TLS_ALERT: u8 = 0x15;
    match bytes.first() {
        Some(&CONNACK)
            if version == ProtocolVersion::V311 && bytes.get(1).is_some_and(|length| *length != 2) =>
        {
            Some("its CONNACK is not two bytes long".to_owned())
        }
        None | Some(&CONNACK) => None,
        Some(&TLS_ALERT) if medium == Medium::Tcp => {
            Some("it answers in TLS; a broker behind TLS is named with ssl://".to_owned())
        }
        Some(_) if bytes.starts_with(b"HTTP/") => {
            Some("it answers in HTTP; this is not an MQTT port".to_owned())
        }
        Some(_) => Some("its first packet is not CONNACK".to_owned()),
    }
}

#[cfg(test)]
mod tests;
