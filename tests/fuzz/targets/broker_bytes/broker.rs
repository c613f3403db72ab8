//! The broker: it writes what the script says, and records both directions.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot::Receiver;

use crate::packets::{self, Sent};
use crate::{Send, Version};

/// The next byte stands for itself.
const LITERAL: u8 = 0xfc;
/// What follows is written later: after PUBLISH, after PUBREL.
const LATER: u8 = 0xfd;
/// The packet identifier of the PUBLISH, two bytes; 1 as long as none has come.
const IDENTIFIER: u8 = 0xfe;

/// A listener on loopback.
pub struct Broker {
    listener: TcpListener,
}

/// What the two sides have exchanged.
#[derive(Debug)]
pub struct Conversation {
    /// All that the client has sent, if it is `whole`.
    pub received: Vec<u8>,
    /// All that the broker has sent.
    pub sent: Vec<u8>,
    /// The identifier of the PUBLISH, and how much had been sent when it had come.
    pub publish_at: Option<([u8; 2], usize)>,
    /// The same of the PUBREL for it.
    pub pubrel_at: Option<([u8; 2], usize)>,
    /// The client's side was read to its end.
    pub whole: bool,
    version: Version,
}

impl Conversation {
    fn new(version: Version) -> Self {
        let (received, sent) = (Vec::new(), Vec::new());
        Self { received, sent, publish_at: None, pubrel_at: None, whole: false, version }
    }

    /// Whether the broker began with a CONNACK that accepts.
    pub fn accepted(&self, clean_session: bool) -> bool {
        matches!(self.connack(), Some([session, 0]) if *session == 0 || (*session == 1 && !clean_session))
    }

    /// Whether the broker began with a whole packet, and not with one that accepts.
    pub fn is_refused(&self, clean_session: bool) -> bool {
        !packets::packets(&self.sent).is_empty() && !self.accepted(clean_session)
    }

    /// The return code of the CONNACK that the broker began with.
    pub fn return_code(&self) -> Option<u8> {
        self.connack().map(|connack| connack[1])
    }

    /// The two bytes with which a CONNACK of either version begins.
    fn connack(&self) -> Option<&[u8; 2]> {
        match packets::packets(&self.sent).first() {
            Some((0x20, body)) if self.version == Version::V311 => self.sent[body.clone()].try_into().ok(),
            Some((0x20, body)) => self.sent[body.clone()].first_chunk(),
            Some(_) | None => None,
        }
    }

    /// Whether the client will send another packet, having received what was sent up to now.
    fn goes_on(&self, send: Send) -> bool {
        match self.publish_at {
            None => self.accepted(send.clean_session) && packets::is_whole(&self.sent),
            Some((identifier, at)) => {
                let mut packets = packets::packets(&self.sent).into_iter();
                let recorded = packets.any(|(first, body)| {
                    first == 0x50 && self.sent[body.clone()].starts_with(&identifier) && body.end > at
                });
                send.qos == 2 && recorded
            }
        }
    }

    /// Takes note of what has come.
    fn note(&mut self) {
        let client = Sent::parse(&self.received, self.version);
        let Some(publish) = client.publish else { return };
        let at = self.sent.len();
        self.publish_at.get_or_insert((publish.identifier, at));
        if client.released {
            self.pubrel_at.get_or_insert((publish.identifier, at));
        }
    }

    /// Adds the next portion of the script to what is sent; whether another follows.
    fn append(&mut self, script: &mut impl Iterator<Item = u8>) -> bool {
        while let Some(byte) = script.next() {
            match byte {
                LATER => return true,
                IDENTIFIER => self.sent.extend(self.publish_at.map_or([0, 1], |(identifier, _)| identifier)),
                LITERAL => self.sent.extend(script.next()),
                byte => self.sent.push(byte),
            }
        }
        false
    }

    /// Reads once; the end of the client's side, in whatever way, makes it `whole`.
    async fn read(&mut self, socket: &mut TcpStream) {
        self.whole = socket.read_buf(&mut self.received).await.unwrap_or(0) == 0;
        self.note();
    }

    /// Reads until `enough`, and says whether that was before the end of the client's side and before `answer`, the end
    /// of the send.
    async fn read_until(
        &mut self,
        socket: &mut TcpStream,
        answer: &mut Receiver<()>,
        enough: impl Fn(&Self) -> bool,
    ) -> bool {
        while !enough(self) {
            let answered = tokio::select! {
                biased;
                () = self.read(socket) => false,
                _ = &mut *answer => true,
            };
            if answered || (self.whole && !enough(self)) {
                return false;
            }
        }
        true
    }
}

impl Broker {
    pub async fn new() -> Self {
        Self { listener: TcpListener::bind(("127.0.0.1", 0)).await.expect("a port on loopback") }
    }

    pub fn port(&self) -> u16 {
        self.listener.local_addr().expect("it is bound").port()
    }

    /// Plays `script` to one connection; `answer` says that the send has ended.
    pub async fn play(&self, send: Send, script: &[u8], mut answer: Receiver<()>) -> Conversation {
        let mut conversation = Conversation::new(send.version);
        let (mut socket, _) = self.listener.accept().await.expect("the client connects");
        exchange(&mut socket, &mut conversation, send, script, &mut answer).await;
        if send.abort {
            socket.set_zero_linger().expect("an option of the socket");
            return conversation;
        }
        // It fails when the client has ended first.
        let _ = socket.shutdown().await;
        while !conversation.whole {
            conversation.read(&mut socket).await;
        }
        conversation
    }
}

/// The script, up to the end of it or of the client, whichever comes first.
async fn exchange(
    socket: &mut TcpStream,
    conversation: &mut Conversation,
    send: Send,
    script: &[u8],
    answer: &mut Receiver<()>,
) {
    let connected = |seen: &Conversation| !packets::packets(&seen.received).is_empty();
    if !send.early && !conversation.read_until(socket, answer, connected).await {
        return;
    }
    let mut script = script.iter().copied();
    loop {
        let from = conversation.sent.len();
        let mut later = conversation.append(&mut script);
        while later && !conversation.goes_on(send) {
            later = conversation.append(&mut script);
        }
        if socket.write_all(&conversation.sent[from..]).await.is_err() {
            return;
        }
        if !later {
            // It is the client that has to end what has begun in a wrong way.
            if conversation.is_refused(send.clean_session) {
                conversation.read_until(socket, answer, |_| false).await;
            }
            return;
        }
        let published = conversation.publish_at.is_some();
        let enough = |seen: &Conversation| {
            if published { seen.pubrel_at.is_some() } else { seen.publish_at.is_some() }
        };
        if !conversation.read_until(socket, answer, enough).await {
            return;
        }
    }
}
