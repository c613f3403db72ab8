//! What comes from the client: how it is waited for, and how the end of the connection is told.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use super::{Connection, Mismatch};
use crate::packet::Packet;
use crate::record::{Conversation, End, hex};

/// How long to wait for more.
#[derive(Clone, Copy)]
pub(super) enum Patience {
    /// As long as a step may take.
    Step,
    /// Until the test asks for the record.
    Test,
}

/// How long a read waits before it looks whether the test is over.
pub(super) const GLANCE: Duration = Duration::from_millis(10);

/// How long the last read waits: on a machine under load, what a client did just before the test ended may still be
/// on its way through the kernel.
const LAST_LOOK: Duration = Duration::from_millis(50);

impl Connection {
    /// Reads once: `false` when nothing came within `timeout`, the end of the connection as `Err`.
    pub(super) fn fill(&mut self, timeout: Duration) -> Result<bool, End> {
        let Some(bytes) = self.read_once(timeout)? else { return Ok(false) };
        match self.websocket {
            Some(_) => self.take_frames(&bytes),
            None => self.note(|conversation| conversation.receive(&bytes)),
        }
        Ok(true)
    }

    /// Reads once, what is beneath WebSocket: nothing when nothing came within `timeout`.
    pub(super) fn read_once(&mut self, timeout: Duration) -> Result<Option<Vec<u8>>, End> {
        let (chunk, pause) = self.pace.unwrap_or((64 * 1024, Duration::ZERO));
        self.pause(pause);
        let mut buffer = vec![0; chunk.max(1)];
        let Some(stream) = &mut self.stream else { return Err(End::ByScript) };
        // Zero would mean to wait for ever.
        let _ = stream.socket().set_read_timeout(Some(timeout.max(Duration::from_millis(1))));
        let end = match stream.read(&mut buffer) {
            Ok(0) if self.websocket.as_ref().is_some_and(|client| !client.is_closed()) => End::Truncated,
            Ok(0) => End::Closed,
            Ok(count) => {
                buffer.truncate(count);
                return Ok(Some(buffer));
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => return Ok(None),
                ErrorKind::UnexpectedEof => End::Truncated,
                _ => End::Reset,
            },
        };
        self.end(end);
        Err(end)
    }

    /// Reads until `enough` finds what it wants in the conversation.
    pub(super) fn read_until<R>(
        &mut self,
        patience: Patience,
        enough: impl Fn(&Conversation, usize) -> Option<R>,
    ) -> Result<R, Mismatch> {
        let started = Instant::now();
        loop {
            if let Some(found) = self.look(|conversation| enough(conversation, self.cursor)) {
                return Ok(found);
            }
            // Asked before reading: what the client did before the test ended is still read.
            let over = match patience {
                Patience::Step => started.elapsed() >= self.step_timeout,
                Patience::Test => self.state.read(|state| state.finishing),
            };
            let happened = match self.fill(if over { LAST_LOOK } else { GLANCE }) {
                Err(end) => format!("the connection ended ({end:?})"),
                Ok(false) if over => format!("nothing came within {:?}", started.elapsed()),
                Ok(_) => continue,
            };
            let rest = self.look(|conversation| hex(&conversation.bytes[self.cursor..]));
            return Err(format!("{happened}; what came is {rest}"));
        }
    }

    pub(super) fn next_bytes(&mut self, count: usize) -> Result<Vec<u8>, Mismatch> {
        let bytes = self.read_until(Patience::Step, |conversation, cursor| {
            conversation.bytes.get(cursor..cursor.checked_add(count)?).map(<[u8]>::to_vec)
        })?;
        self.cursor += count;
        Ok(bytes)
    }

    pub(super) fn next_packet(&mut self, patience: Patience) -> Result<Packet, Mismatch> {
        let (length, packet) = self.read_until(patience, |conversation, cursor| {
            let mut start = 0;
            conversation.packets.iter().find_map(|received| {
                let found = start >= cursor;
                start += received.bytes.len();
                found.then(|| (start - cursor, received.packet.clone()))
            })
        })?;
        self.cursor += length;
        Ok(packet)
    }

    pub(super) fn expect_end(&mut self) -> Result<(), Mismatch> {
        let more = |conversation: &Conversation, cursor: usize| {
            let more = &conversation.bytes[cursor..];
            (!more.is_empty()).then(|| hex(more))
        };
        match self.read_until(Patience::Step, more) {
            Ok(more) => Err(format!("got {more}")),
            Err(_) if self.has_ended() => {
                self.forget_socket();
                Ok(())
            }
            Err(mismatch) => Err(mismatch),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.look(|conversation| conversation.ended.is_some())
    }
}
