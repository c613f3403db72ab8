//! WebSocket at the scripted broker (RFC 6455; MQTT 5.0, section 6): its handshake, and its frames, sound ones and others.

use std::fmt;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use crate::record::hex;

/// What a frame is (RFC 6455, section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    fn of(first_byte: u8) -> Option<Self> {
        let all = [Self::Continuation, Self::Text, Self::Binary, Self::Close, Self::Ping, Self::Pong];
        all.into_iter().find(|opcode| *opcode as u8 == first_byte & 0x0f)
    }
}

/// A frame from the client, unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When its last byte had come.
    pub at: Instant,
    /// Whether it is the last of its message.
    pub fin: bool,
    /// What it is.
    pub opcode: Opcode,
    /// Its content.
    pub payload: Vec<u8>,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.fin { "" } else { ", to be continued" };
        write!(f, "{:?} {}{more}", self.opcode, hex(&self.payload))
    }
}

/// The request that begins a WebSocket (RFC 6455, section 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// What it asks for: the path, with its query if there is one.
    pub target: String,
    /// The headers as they came, in order.
    pub headers: Vec<(String, String)>,
}

impl Upgrade {
    /// The only header of this name, whatever its case; `None` as well when there are several.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let (_, value) = values.next()?;
        values.next().is_none().then_some(value.as_str())
    }

    /// What the server has to answer the client's key with (section 4.2.2).
    #[must_use]
    pub fn accept_key(&self) -> String {
        let key = self.header("sec-websocket-key").unwrap_or_default();
        let digest = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
        STANDARD.encode(digest)
    }

    /// The answer that accepts it, with the subprotocol `mqtt`.
    #[must_use]
    pub fn accept(&self) -> Vec<u8> {
        let key = self.accept_key();
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {key}\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
        )
        .into_bytes()
    }

    /// Takes a request apart, with the empty line behind it.
    pub(crate) fn parse(request: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(request).map_err(|_| "a request that is not UTF-8")?;
        let text = text.strip_suffix("\r\n\r\n").ok_or("a request without its end")?;
        let mut lines = text.split("\r\n");
        let target = lines
            .next()
            .and_then(|line| line.strip_prefix("GET ")?.strip_suffix(" HTTP/1.1"))
            .ok_or("a request that is not GET in HTTP/1.1")?;
        if !target.starts_with('/') || target.contains([' ', '#']) || target.chars().any(char::is_control) {
            return Err("a target that is no path");
        }
        let mut headers = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':').ok_or("a header without a colon")?;
            let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if name.is_empty() || !name.chars().all(token) {
                return Err("a header with a name that is no token");
            }
            if value.chars().any(|c| c.is_control() && c != '\t') {
                return Err("a control character in a header");
            }
            headers.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
        }
        Ok(Self { target: target.to_owned(), headers })
    }

    /// That it asks for MQTT over WebSocket, as sections 4.1 and 4.2.1 say.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let is = |name, value: &str| self.header(name).is_some_and(|found| found.eq_ignore_ascii_case(value));
        let lists = |name, value: &str| {
            self.header(name)
                .is_some_and(|all| all.split(',').any(|one| one.trim().eq_ignore_ascii_case(value)))
        };
        let key = self.header("sec-websocket-key").and_then(|key| STANDARD.decode(key).ok());
        match () {
            () if self.header("host").is_none_or(str::is_empty) => Err("no header Host"),
            () if !is("upgrade", "websocket") => Err("no header Upgrade: websocket"),
            () if !lists("connection", "upgrade") => Err("no header Connection: Upgrade"),
            () if !is("sec-websocket-version", "13") => Err("no header Sec-WebSocket-Version: 13"),
            () if key.is_none_or(|key| key.len() != 16) => Err("a key that is not 16 bytes in base64"),
            // Case matters: MQTT-6.0.0-3.
            () if self.header("sec-websocket-protocol") != Some("mqtt") => Err("no subprotocol mqtt"),
            () => Ok(()),
        }
    }
}

/// A sound frame of a server: whole and unmasked.
#[must_use]
pub fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    frame_with(0x80 | opcode as u8, payload)
}

/// A frame of a server with any first byte: 0x80 says that it is the last of its message, then three reserved bits, then
/// the opcode.
#[must_use]
pub fn frame_with(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    let mut bytes = vec![first_byte];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => bytes.push(short),
        (_, Ok(medium)) => {
            bytes.push(126);
            bytes.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            bytes.push(127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// A Close frame with a status code (section 7.4) and a reason.
#[must_use]
pub fn close(code: u16, reason: &str) -> Vec<u8> {
    frame(Opcode::Close, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

/// What a client sends, from bytes to frames. It is strict: what section 5 forbids a client is an error.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    bytes: Vec<u8>,
    /// Whether a message has begun and not ended.
    in_message: bool,
    closed: bool,
}

impl Decoder {
    /// One that has these bytes already.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// Whether the client's Close frame has come.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame that is whole.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, &'static str> {
        let [first, second, ..] = self.bytes[..] else { return Ok(None) };
        let opcode = Opcode::of(first).ok_or("an opcode that is reserved")?;
        let fin = first & 0x80 != 0;
        let control = opcode as u8 >= 8;
        let short = usize::from(second & 0x7f);
        match () {
            () if self.closed => return Err("a frame after Close"),
            () if first & 0x70 != 0 => return Err("reserved bits of a frame"),
            () if second & 0x80 == 0 => return Err("a frame that is not masked"),
            () if control && (!fin || short > 125) => return Err("a control frame in parts, or too long"),
            () if opcode == Opcode::Text => return Err("a text frame, where MQTT needs binary ones"),
            () if opcode == Opcode::Binary && self.in_message => return Err("a message within a message"),
            () if opcode == Opcode::Continuation && !self.in_message => {
                return Err("a continuation of nothing");
            }
            () => {}
        }
        let extended = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let header = 2 + extended + 4;
        if self.bytes.len() < header {
            return Ok(None);
        }
        let number = self.bytes[2..2 + extended].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let length = if extended == 0 { short as u64 } else { number };
        if (extended == 2 && length < 126) || (extended == 8 && length <= 0xffff) {
            return Err("a length in more bytes than it needs");
        }
        let end = usize::try_from(length).ok().and_then(|length| header.checked_add(length));
        let end = end.ok_or("a frame that is too long")?;
        if self.bytes.len() < end {
            return Ok(None);
        }
        let mut payload: Vec<u8> = self.bytes.drain(..end).collect();
        let mask: Vec<u8> = payload[header - 4..header].to_vec();
        payload.drain(..header);
        for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
        match opcode {
            Opcode::Binary | Opcode::Continuation => self.in_message = !fin,
            Opcode::Close => {
                self.closed = true;
                if payload.len() == 1 {
                    return Err("a Close frame with half a status code");
                }
            }
            Opcode::Text | Opcode::Ping | Opcode::Pong => {}
        }
        Ok(Some(Frame { at: Instant::now(), fin, opcode, payload }))
    }
}
