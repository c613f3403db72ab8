//! Frames: those of the broker are taken apart, and one at a time is written.

use std::io::{self, Cursor};

use bytes::{Buf as _, BytesMut};
use rustls::crypto::SecureRandom;
use tokio::io::ReadBuf;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::ending::Ending;

/// The longest header of a frame of up to 65,535 bytes, with its mask.
pub(super) const MAX_HEADER: usize = 8;
/// The most bytes that a control frame carries (RFC 6455, section 5.5).
const MAX_CONTROL: u64 = 125;

/// How far the broker's frames have been read.
#[derive(Default)]
pub(super) struct Incoming {
    /// Bytes that are still to come of the payload of a frame of data.
    left: u64,
    /// A WebSocket message has begun, and its last frame has not.
    in_message: bool,
}

/// What was found next.
pub(super) enum Piece {
    /// Bytes of MQTT, which were moved to the reader's buffer.
    Data,
    Control(Control, BytesMut),
    /// The next piece has not come whole.
    Missing,
}

impl Incoming {
    /// Takes the next piece from `inbox`. To MQTT it does not matter where a WebSocket message begins and ends (section 6): the bytes
    /// are passed on as they come, so that the length that a broker claims for a frame takes no memory.
    ///
    /// # Errors
    ///
    /// [`Ending::Broken`] for a frame that a broker must not send.
    pub(super) fn next(&mut self, inbox: &mut BytesMut, buffer: &mut ReadBuf<'_>) -> Result<Piece, Ending> {
        loop {
            if self.left > 0 {
                let count = inbox.len().min(buffer.remaining());
                let count = usize::try_from(self.left).map_or(count, |left| left.min(count));
                if count == 0 {
                    return Ok(Piece::Missing);
                }
                buffer.put_slice(&inbox[..count]);
                inbox.advance(count);
                self.left -= count as u64;
                return Ok(Piece::Data);
            }
            let mut cursor = Cursor::new(&inbox[..]);
            let parsed = FrameHeader::parse(&mut cursor);
            let Some((header, length)) =
                parsed.map_err(|_| Ending::Broken("a WebSocket frame of an unknown kind"))?
            else {
                return Ok(Piece::Missing);
            };
            let size = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
            if header.rsv1 || header.rsv2 || header.rsv3 {
                return Err(Ending::Broken("a WebSocket frame with an extension that was not agreed on"));
            }
            if header.mask.is_some() {
                return Err(Ending::Broken("a masked WebSocket frame, which only a client sends"));
            }
            match header.opcode {
                OpCode::Control(control) => {
                    if !header.is_final || length > MAX_CONTROL {
                        return Err(Ending::Broken(
                            "a WebSocket control frame in pieces, or of more than 125 bytes",
                        ));
                    }
                    let end = size + usize::try_from(length).unwrap_or(usize::MAX);
                    if inbox.len() < end {
                        return Ok(Piece::Missing);
                    }
                    inbox.advance(size);
                    return Ok(Piece::Control(control, inbox.split_to(end - size)));
                }
                OpCode::Data(data) => {
                    self.begin(data)?;
                    // The most significant bit is 0 (section 5.2).
                    if i64::try_from(length).is_err() {
                        return Err(Ending::Broken("a WebSocket frame of an impossible length"));
                    }
                    inbox.advance(size);
                    self.in_message = !header.is_final;
                    self.left = length;
                }
            }
        }
    }

    /// Whether a frame of this kind may begin now.
    fn begin(&self, data: Data) -> Result<(), Ending> {
        match (data, self.in_message) {
            (Data::Binary, false) | (Data::Continue, true) => Ok(()),
            (Data::Text, _) => Err(Ending::Broken("a WebSocket frame of text; MQTT is binary")),
            (Data::Continue, false) => Err(Ending::Broken("a WebSocket frame that continues nothing")),
            (Data::Binary, true) => {
                Err(Ending::Broken("a WebSocket message that begins before the last one ends"))
            }
            (Data::Reserved(_), _) => Err(Ending::Broken("a WebSocket frame of an unknown kind")),
        }
    }
}

/// The frame that is being written.
#[derive(Default)]
pub(super) struct Outgoing {
    /// The bytes of it that are still to be written.
    pub(super) bytes: BytesMut,
    /// It carries data, and some of that is still to be written.
    pub(super) is_data: bool,
    /// Bytes of its payload that are still to be written.
    payload: usize,
}

impl Outgoing {
    pub(super) fn begin_data(&mut self, payload: &[u8], random: &dyn SecureRandom) -> io::Result<()> {
        self.begin(OpCode::Data(Data::Binary), payload, random)?;
        self.is_data = true;
        Ok(())
    }

    pub(super) fn begin_control(
        &mut self,
        control: Control,
        payload: &[u8],
        random: &dyn SecureRandom,
    ) -> io::Result<()> {
        self.begin(OpCode::Control(control), payload, random)
    }

    fn begin(&mut self, opcode: OpCode, payload: &[u8], random: &dyn SecureRandom) -> io::Result<()> {
        // Whoever chose the payload cannot foresee the mask. Otherwise the payload could be made to look like HTTP to a proxy on the
        // way (section 10.3).
        let mut mask = [0; 4];
        random.fill(&mut mask).map_err(|_| io::Error::other("the system has no random numbers"))?;
        let header =
            FrameHeader { is_final: true, rsv1: false, rsv2: false, rsv3: false, opcode, mask: Some(mask) };
        let mut head = Vec::with_capacity(MAX_HEADER);
        header.format(payload.len() as u64, &mut head).map_err(io::Error::other)?;
        self.bytes.clear();
        self.bytes.reserve(head.len() + payload.len());
        self.bytes.extend_from_slice(&head);
        self.bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.payload = payload.len();
        Ok(())
    }

    /// The stream below has taken `count` bytes of the frame. Returns how many of them are payload.
    pub(super) fn advance(&mut self, count: usize) -> usize {
        self.bytes.advance(count);
        let taken = self.payload.saturating_sub(self.bytes.len());
        self.payload -= taken;
        self.is_data &= self.payload > 0;
        taken
    }
}
