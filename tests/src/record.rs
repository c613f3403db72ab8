//! What a scripted broker saw: [`Record`], one [`Conversation`] for each connection.

use std::fmt;
use std::time::{Duration, Instant};

use crate::packet::{self, Packet};
use crate::step::PacketId;
use crate::websocket::{Frame, Upgrade};

/// Everything that happened at a [`ScriptedBroker`](crate::ScriptedBroker); its `Display` is a transcript.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The connections, in the order in which they were accepted.
    pub conversations: Vec<Conversation>,
    /// What did not go by the script.
    pub problems: Vec<String>,
}

/// What happened on one connection.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// When it was accepted.
    pub opened: Instant,
    /// All bytes that were received; with TLS, after decryption; with WebSocket, what the frames of messages held.
    pub bytes: Vec<u8>,
    /// The packets that were received whole.
    pub packets: Vec<Received>,
    /// What was sent, and when; with TLS, before encryption; with WebSocket, before it was put into frames.
    pub sent: Vec<(Instant, Vec<u8>)>,
    /// What the handshake settled, once it succeeded.
    pub tls: Option<TlsFacts>,
    /// Why the handshake failed, if it did: what the client's alert said, or what was wrong with its certificate.
    pub tls_error: Option<String>,
    /// With WebSocket: the request that it began with, once it has come.
    pub upgrade: Option<Upgrade>,
    /// With WebSocket: all frames that were received whole.
    pub frames: Vec<Frame>,
    /// How and when it ended, once it has. To be certain that it is the client's end and not the test's, wait for it: with
    /// [`Step::expect_end`](crate::Step::expect_end) or [`wait_until`](crate::ScriptedBroker::wait_until).
    pub ended: Option<(Instant, End)>,
    /// Where in `bytes` the packet starts that is not complete yet.
    parsed: usize,
}

/// A packet, and when its last byte had come.
#[derive(Clone, Debug)]
pub struct Received {
    /// When.
    pub at: Instant,
    /// The packet, taken apart.
    pub packet: Packet,
    /// The packet as it came.
    pub bytes: Vec<u8>,
}

/// What a TLS handshake settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// The host name that the client asked for (SNI); none for an IP address.
    pub server_name: Option<String>,
    /// The application protocol that was agreed on (ALPN).
    pub alpn: Option<String>,
    /// The client's own certificate (DER).
    pub client_certificate: Option<Vec<u8>>,
    /// `TLSv1_2` or `TLSv1_3`.
    pub version: String,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client closed it in order: FIN, with TLS also after its `close_notify`, with WebSocket after its Close frame.
    Closed,
    /// The client closed it with FIN, but with TLS left out `close_notify`, or with WebSocket the Close frame.
    Truncated,
    /// The client broke it off: RST, or a TLS alert.
    Reset,
    /// The script ended it, or the test did.
    ByScript,
}

impl Conversation {
    pub(crate) fn new() -> Self {
        Self {
            opened: Instant::now(),
            bytes: Vec::new(),
            packets: Vec::new(),
            sent: Vec::new(),
            tls: None,
            tls_error: None,
            upgrade: None,
            frames: Vec::new(),
            ended: None,
            parsed: 0,
        }
    }

    /// The protocol level of the CONNECT that came; 4 (MQTT 3.1.1) before one did.
    pub(crate) fn level(&self) -> u8 {
        self.packets
            .iter()
            .find_map(|received| match &received.packet {
                Packet::Connect(connect) => Some(connect.level),
                _ => None,
            })
            .unwrap_or(4)
    }

    /// Takes in bytes, and the packets that they complete.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        let at = Instant::now();
        self.bytes.extend_from_slice(bytes);
        loop {
            let rest = &self.bytes[self.parsed..];
            let (length, packet) = match packet::length(rest) {
                Ok(Some(length)) if length <= rest.len() => {
                    (length, Packet::parse(&rest[..length], self.level()))
                }
                Ok(_) => break,
                Err(why) => (rest.len(), Packet::Malformed { why, bytes: rest.to_vec() }),
            };
            let bytes = rest[..length].to_vec();
            self.packets.push(Received { at, packet, bytes });
            self.parsed += length;
        }
    }

    /// The packet identifier for an acknowledgement, when the script has come to byte `cursor`.
    pub(crate) fn packet_id(&self, which: PacketId, cursor: usize) -> Option<u16> {
        let mut start = 0;
        // A client may have sent more already than the script has come to.
        let dealt_with = self.packets.iter().take_while(|received| {
            let before = start < cursor;
            start += received.bytes.len();
            before
        });
        let last = dealt_with.filter_map(|received| received.packet.packet_id()).last();
        let mut publishes = self.packets.iter().filter_map(|received| match &received.packet {
            Packet::Publish(publish) => publish.packet_id,
            _ => None,
        });
        match which {
            PacketId::Last => last,
            PacketId::OfPublish(number) => publishes.nth(number),
            PacketId::Other => last.map(|id| id.wrapping_add(1000).max(1)),
            PacketId::Exactly(id) => Some(id),
        }
    }

    /// The bytes after the last whole packet.
    #[must_use]
    pub fn unfinished(&self) -> &[u8] {
        &self.bytes[self.parsed..]
    }

    /// Whether the client's last packet was a DISCONNECT and it then closed the connection.
    #[must_use]
    pub fn ended_in_order(&self) -> bool {
        matches!(self.packets.last(), Some(Received { packet: Packet::Disconnect { .. }, .. }))
            && self.unfinished().is_empty()
            && matches!(self.ended, Some((_, End::Closed | End::Truncated)))
    }
}

impl Record {
    /// All packets of all connections, in order.
    pub fn packets(&self) -> impl Iterator<Item = &Packet> {
        self.conversations
            .iter()
            .flat_map(|conversation| &conversation.packets)
            .map(|received| &received.packet)
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, conversation) in self.conversations.iter().enumerate() {
            write!(f, "connection {number}:\n{conversation}")?;
        }
        self.problems.iter().try_for_each(|problem| writeln!(f, "problem: {problem}"))
    }
}

/// A transcript, in order of time.
impl fmt::Display for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<(Duration, String)> = Vec::new();
        let mut note = |at: Instant, line: String| lines.push((at.duration_since(self.opened), line));
        for received in &self.packets {
            note(received.at, format!("received {}", received.packet));
        }
        for frame in self.frames.iter().filter(|frame| frame.opcode as u8 >= 8) {
            note(frame.at, format!("received {frame}"));
        }
        for (at, bytes) in &self.sent {
            note(*at, format!("sent     {}", hex(bytes)));
        }
        lines.sort_by_key(|(at, _)| *at);
        for (at, line) in lines {
            writeln!(f, "  {:>10.3} ms {line}", at.as_secs_f64() * 1e3)?;
        }
        if !self.unfinished().is_empty() {
            writeln!(f, "  unfinished: {}", hex(self.unfinished()))?;
        }
        if let Some(error) = &self.tls_error {
            writeln!(f, "  TLS: {error}")?;
        }
        match &self.ended {
            Some((at, end)) => {
                writeln!(f, "  {:>10.3} ms ended: {end:?}", (*at - self.opened).as_secs_f64() * 1e3)
            }
            None => writeln!(f, "  still open"),
        }
    }
}

/// Bytes in hexadecimal, for messages.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const MUCH: usize = 64;
    let mut text: Vec<String> = bytes.iter().take(MUCH).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > MUCH {
        text.push(format!("… ({} bytes)", bytes.len()));
    }
    format!("[{}]", text.join(" "))
}
