//! One network connection to a broker: CONNECT, the packets of a [`Delivery`], DISCONNECT.
//!
//! Only [`Connection::close`] has a timeout of its own, [`LINGER`]. Everything else is ended by dropping the connection, which is
//! safe at every await.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use mqtt_connector_contract::secrets::Heard;
use mqtt_connector_contract::shown::Shown;
use tokio::io::{AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _};
use tokio::time::Instant;
use tokio_util::io::poll_read_buf;

use super::delivery::Delivery;
use super::packet;
use super::packet::{Connack, ConnackLimits, Incoming};
use crate::contract::ProtocolVersion;
use crate::dial::transport;
use crate::dial::transport::Transport;
use crate::error::Error;
use crate::options::{LEFT_OUT, MayBeShown, Options};

/// The most characters of the broker's words that a message or a log shows, and bytes of the client identifier that it chose.
const SHOWN: usize = 500;
/// Bytes to make room for before a read: a broker's answers are two to four bytes each.
const READ_SIZE: usize = 1024;
/// How long a broker may take to read the last of what it is sent, and to close the connection.
pub(crate) const LINGER: Duration = Duration::from_millis(500);

/// A connection that the broker has accepted.
pub(crate) struct Connection {
    transport: Transport,
    options: Arc<Options>,
    inbox: BytesMut,
    outbox: BytesMut,
    /// Bytes that the transport took from the outbox and may still hold.
    taken: usize,
    /// Bytes that have left this process.
    written: u64,
    /// Packets that came together with CONNACK are still in the inbox: they came before any message was sent.
    early: bool,
    /// The connection has been idle: everything was written, and no message waited for anything.
    quiet: bool,
    /// Several messages have waited for their acknowledgements at one time, and not all of them have it.
    several: bool,
    /// When bytes last came from the broker.
    heard: Option<Instant>,
    keep_alive: Option<KeepAlive>,
    limits: ConnackLimits,
}

/// The client has to write something within this interval (MQTT 3.1.1, section 3.1.2.10).
struct KeepAlive {
    interval: Duration,
    last_written: Instant,
    /// How many PINGREQ were written whose PINGRESP has not come.
    unanswered: usize,
}

/// What the socket did.
enum Moved {
    /// Bytes have come.
    In,
    /// Bytes have left this process.
    Out,
}

impl Connection {
    /// Sends CONNECT and waits for CONNACK (sections 3.1 and 3.2).
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's return or reason code, [`Error::Lost`], [`Error::Protocol`], and
    /// [`Error::Tls`] for an alert: with TLS 1.3 a refused client certificate is only known by now.
    ///
    /// The broker's words are in them where they `may_be_shown`.
    pub(crate) async fn open(
        transport: Transport,
        options: &Arc<Options>,
        may_be_shown: MayBeShown<'_>,
    ) -> Result<Self, Error> {
        let version = options.protocol_version;
        let mut connection = Self {
            transport,
            options: Arc::clone(options),
            inbox: BytesMut::new(),
            outbox: BytesMut::new(),
            taken: 0,
            written: 0,
            early: true,
            quiet: false,
            several: false,
            heard: None,
            keep_alive: None,
            limits: ConnackLimits::new(version, false),
        };
        packet::write_connect(options, &mut connection.outbox)?;
        let connack = loop {
            if let Some(reason) = not_a_connack(&connection.inbox, &connection.transport, version) {
                return Err(Error::Protocol(reason));
            }
            let packet = connection.next_packet()?;
            match packet.map(|packet| packet.map_words(|words| heard(words, may_be_shown))) {
                Some(Incoming::Connack(connack)) => break *connack,
                Some(_) => return Err(Error::Protocol("its first packet is not CONNACK".to_owned())),
                None => {}
            }
            let moved = poll_fn(|context| connection.poll_move(context, true)).await;
            moved.map_err(|error| transport::explain(&error, may_be_shown))?;
        };
        connection.limits = match connack {
            Connack::Accepted(mut limits) => {
                limits.assigned_client_id.take_if(|client_id| client_id.is_empty());
                if let Some(client_id) = &mut limits.assigned_client_id {
                    let is_shown = may_be_shown(client_id.as_bytes());
                    // Each receipt has it.
                    client_id.truncate(if is_shown { client_id.floor_char_boundary(SHOWN) } else { 0 });
                }
                limits
            }
            Connack::Refused(refusal) => return Err(Error::Refused(refusal)),
        };
        if connection.limits.session_present && options.clean_session {
            return Err(Error::Protocol(
                "CONNACK says that a session is present, for a clean session".to_owned(),
            ));
        }
        let keep_alive = connection.limits.server_keep_alive.unwrap_or(options.keep_alive);
        connection.keep_alive = (keep_alive > 0).then(|| KeepAlive {
            interval: Duration::from_secs(keep_alive.into()),
            last_written: Instant::now(),
            unanswered: 0,
        });
        Ok(connection)
    }

    /// What the broker has said in CONNACK.
    pub(crate) fn limits(&self) -> &ConnackLimits {
        &self.limits
    }

    /// Exchanges packets for `delivery`, from `now` until there is nothing to do; ready only when the connection cannot go on.
    ///
    /// # Errors
    ///
    /// [`Error::Lost`], [`Error::Tls`] for an alert, [`Error::Protocol`].
    pub(crate) fn poll_exchange(
        &mut self,
        context: &mut Context<'_>,
        mut now: Instant,
        delivery: &mut Delivery,
    ) -> Poll<Error> {
        let (mut has_read, mut has_answer) = (false, false);
        loop {
            match self.take_packets(now, delivery) {
                Ok(taken) => has_answer |= taken,
                Err(error) => return Poll::Ready(error),
            }
            // Packets that came together with CONNACK came before any message, so that they acknowledge none.
            self.early &= !self.inbox.is_empty();
            if self.early && delivery.is_swamped() {
                let reason = "acknowledgements without end, before any message".to_owned();
                return Poll::Ready(Error::Protocol(reason));
            }
            let is_wanted = !delivery.is_settled();
            self.several = is_wanted && (self.several || delivery.has_several());
            let is_held_back = self.quiet && is_wanted && self.transport.has_news();
            if !self.early && !is_held_back {
                self.quiet &= !is_wanted;
                let written = self.written + self.taken as u64;
                delivery.serialise(now.into_std(), &mut self.outbox, written);
            }
            let Poll::Ready(moved) = self.poll_move(context, !delivery.is_swamped()) else {
                if is_held_back && !self.transport.has_news() {
                    // Bytes were read that hold nothing of MQTT: a ping of the WebSocket, a session ticket of TLS. They are gone
                    // from the socket, so that nothing would wake this task again.
                    continue;
                }
                let is_told = !(has_read && is_wanted) || self.transport.acknowledge();
                if !is_told && self.several && has_answer && self.is_flushed() {
                    // The broker's first answers have come, and it may keep the others back until TCP acknowledges these: with
                    // something that is sent.
                    has_answer = false;
                    if self.ping_early() {
                        continue;
                    }
                }
                self.quiet |= !is_wanted && self.is_flushed();
                return Poll::Pending;
            };
            now = Instant::now();
            match moved {
                Ok(Moved::In) => {
                    self.heard = Some(now);
                    has_read = true;
                }
                Ok(Moved::Out) => {
                    // TCP has acknowledged what had come along with these bytes.
                    (has_read, has_answer) = (false, false);
                    if let Some(keep_alive) = &mut self.keep_alive {
                        keep_alive.last_written = now;
                    }
                    delivery.handle_written(now.into_std(), self.written);
                }
                Err(error) => {
                    return Poll::Ready(transport::explain(&error, |words| {
                        let heard = Heard::new(words);
                        !self.options.is_repeated_by(&heard) && !delivery.is_repeated_by(&heard, None)
                    }));
                }
            }
        }
    }

    /// When bytes last came from the broker, after CONNACK.
    pub(crate) fn heard(&self) -> Option<Instant> {
        self.heard
    }

    /// Whether nothing is on its way out.
    pub(crate) fn is_flushed(&self) -> bool {
        self.outbox.is_empty() && self.taken == 0
    }

    /// When PINGREQ is due, unless something else is written before.
    pub(crate) fn next_ping(&self) -> Option<Instant> {
        // While bytes are on their way out, they show the broker that the client is alive.
        self.keep_alive.as_ref().filter(|_| self.is_flushed()).map(KeepAlive::due)
    }

    /// Sends DISCONNECT, so that the broker does not publish the will (section 3.14.4), and closes the transport. Every message is
    /// settled by now: a failure here changes no answer.
    ///
    /// It returns when the broker has closed the connection too, or has not within [`LINGER`]. Until then the client identifier
    /// should not be used again. Where that does not matter, because no session outlives the connection, and where the broker has
    /// nothing to answer any more, `disconnected` is called as soon as DISCONNECT is written.
    pub(crate) async fn close(mut self, disconnected: impl FnOnce()) {
        self.outbox.clear();
        if packet::write_disconnect(&mut self.outbox).is_err() {
            return;
        }
        self.transport.hold_until_end();
        let goodbye = async {
            self.transport.write_all(&self.outbox).await?;
            self.transport.shutdown().await?;
            // In a session that was there before, the broker may still send packets, and it answers each PINGREQ. If nobody read
            // them, the kernel would answer them with a reset, which can overtake DISCONNECT.
            let is_answered = self.keep_alive.as_ref().is_none_or(|keep_alive| keep_alive.unanswered == 0);
            if is_answered && !self.limits.session_present {
                disconnected();
            }
            self.inbox.clear();
            while self.transport.read_buf(&mut self.inbox).await? > 0 {
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

    /// Hands the packets that have come whole by `now` to `delivery`; whether one of them answers a message.
    fn take_packets(&mut self, now: Instant, delivery: &mut Delivery) -> Result<bool, Error> {
        let mut has_answer = false;
        while let Some(packet) = self.next_packet()? {
            if let (Incoming::Pingresp, Some(keep_alive)) = (&packet, &mut self.keep_alive) {
                keep_alive.unanswered = keep_alive.unanswered.saturating_sub(1);
            }
            let identifier = packet.answers();
            has_answer |= identifier.is_some();
            let packet = packet.map_words(|words| {
                heard(words, &|words| {
                    let heard = Heard::new(words);
                    !self.options.is_repeated_by(&heard) && !delivery.is_repeated_by(&heard, identifier)
                })
            });
            delivery.handle_packet(now.into_std(), packet)?;
        }
        Ok(has_answer)
    }

    /// Takes the next whole packet from what has been read, with the broker's words as they came.
    fn next_packet(&mut self) -> Result<Option<Incoming>, Error> {
        packet::read(self.limits.version, &mut self.inbox)
    }

    /// Puts PINGREQ in the outbox.
    ///
    /// # Errors
    ///
    /// [`Error::Lost`] when the last PINGREQ was not answered.
    pub(crate) fn ping(&mut self) -> Result<(), Error> {
        let Some(keep_alive) = &mut self.keep_alive else { return Ok(()) };
        if keep_alive.unanswered > 0 {
            return Err(Error::Lost(
                "the broker did not answer PINGREQ within the keep-alive time".to_owned(),
            ));
        }
        keep_alive.unanswered += 1;
        packet::write_pingreq(&mut self.outbox)
    }

    /// Puts PINGREQ in the outbox before it is due, whether or not the last one is answered. False where the keep-alive is turned
    /// off.
    fn ping_early(&mut self) -> bool {
        let Some(keep_alive) = &mut self.keep_alive else { return false };
        keep_alive.unanswered += 1;
        packet::write_pingreq(&mut self.outbox).is_ok()
    }

    /// Moves bytes once, in or out. When `reading`, it reads first: what the broker said, or that it has closed the connection,
    /// has to be known before another message is written.
    fn poll_move(&mut self, context: &mut Context<'_>, reading: bool) -> Poll<io::Result<Moved>> {
        let Self { transport, inbox, outbox, taken, .. } = self;
        let portion = transport.portion();
        let mut transport = Pin::new(transport);
        if reading {
            inbox.reserve(READ_SIZE);
            if let Poll::Ready(read) = poll_read_buf(transport.as_mut(), context, inbox) {
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
            let next = &outbox[..outbox.len().min(portion)];
            *taken = ready!(transport.as_mut().poll_write(context, next))?;
            if *taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            outbox.advance(*taken);
        }
        ready!(transport.poll_flush(context))?;
        self.written += std::mem::take(taken) as u64;
        Poll::Ready(Ok(Moved::Out))
    }
}

impl KeepAlive {
    /// When the next PINGREQ is due: well before the broker gives the client up.
    fn due(&self) -> Instant {
        self.last_written + self.interval * 3 / 4
    }
}

/// The broker's words as they are shown: shortened, or left out.
fn heard(words: &str, may_be_shown: MayBeShown<'_>) -> String {
    if may_be_shown(words.as_bytes()) { Shown::plain(words, SHOWN).to_string() } else { LEFT_OUT.to_owned() }
}

/// What the first bytes are instead of a CONNACK, as far as one can tell before a whole packet has come.
fn not_a_connack(bytes: &[u8], transport: &Transport, version: ProtocolVersion) -> Option<String> {
    const CONNACK: u8 = 0x20;
    const TLS_ALERT: u8 = 0x15;
    match bytes.first() {
        Some(&CONNACK)
            if version == ProtocolVersion::V311 && bytes.get(1).is_some_and(|length| *length != 2) =>
        {
            Some(
                "its CONNACK is not two bytes long, as that of MQTT 3.1.1 is; see protocol-version"
                    .to_owned(),
            )
        }
        None | Some(&CONNACK) => None,
        Some(&TLS_ALERT) if transport.is_tcp() => {
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
