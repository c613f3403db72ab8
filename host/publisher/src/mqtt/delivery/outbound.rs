//! What is to go out on the connection: what waits to be serialised, and what is serialised and not written yet.

use std::collections::VecDeque;
use std::time::Instant;

use super::batch::MessageId;
use crate::mqtt::packet::Reply;

/// Replies that may wait to be written; with more, nothing further is read from the broker.
pub(super) const MAX_OWED: usize = 1000;

/// What is to go out on one connection.
#[derive(Default)]
pub(super) struct Outbound {
    /// Messages to serialise, in order.
    pub(super) queue: VecDeque<MessageId>,
    /// When the first message of `queue` may be written, if that is why it was not serialised.
    pub(super) held_until: Option<Instant>,
    /// PUBREL and PUBCOMP to serialise. They go before further messages.
    replies: VecDeque<Reply>,
    /// Replies that are not written yet, serialised or not.
    owed: usize,
    /// What is serialised and not written yet: each packet with the offset of its end in all that is written on this
    /// connection.
    unwritten: VecDeque<(u64, Unwritten)>,
}

/// A packet on its way to the socket.
#[derive(Clone, Copy)]
pub(super) enum Unwritten {
    Publish(MessageId),
    /// PUBREL for this packet identifier.
    Pubrel(u16),
    Pubcomp,
}

impl Outbound {
    /// Owes the broker a reply.
    pub(super) fn reply(&mut self, reply: Reply) {
        self.owed += 1;
        self.replies.push_back(reply);
    }

    pub(super) fn next_reply(&mut self) -> Option<Reply> {
        self.replies.pop_front()
    }

    /// Notes that a packet is serialised, which ends at `end`.
    pub(super) fn serialised(&mut self, end: u64, packet: Unwritten) {
        self.unwritten.push_back((end, packet));
    }

    /// The next packet that is written whole, when `written` bytes of this connection are.
    pub(super) fn take_written(&mut self, written: u64) -> Option<Unwritten> {
        let (_, packet) = self.unwritten.pop_front_if(|(end, _)| *end <= written)?;
        match packet {
            Unwritten::Publish(_) => {}
            Unwritten::Pubrel(_) | Unwritten::Pubcomp => self.owed -= 1,
        }
        Some(packet)
    }

    /// Ends with the connection: the messages that were serialised and not written whole.
    pub(super) fn into_unwritten(self) -> impl Iterator<Item = MessageId> {
        self.unwritten.into_iter().filter_map(|(_, packet)| match packet {
            Unwritten::Publish(id) => Some(id),
            Unwritten::Pubrel(_) | Unwritten::Pubcomp => None,
        })
    }

    /// Whether more than [`MAX_OWED`] replies are not written yet.
    pub(super) fn is_swamped(&self) -> bool {
        self.owed > MAX_OWED
    }
}
