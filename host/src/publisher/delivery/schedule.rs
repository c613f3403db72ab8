//! Messages that are not to be sent, and messages that are not to be sent yet.

use tokio::time::Instant;

use super::Delivery;
use crate::error::Error;
use crate::tenant::Schedule;

impl Delivery {
    /// Settles a message that is not to be sent; the others go on.
    pub(in crate::publisher) fn refuse(&mut self, index: usize, why: Error) {
        self.fail(index, why);
    }

    /// How many messages are not settled.
    pub(in crate::publisher) fn unsettled(&self) -> usize {
        self.unsettled
    }

    /// Gives each message its turn, and settles those that have none.
    pub(in crate::publisher) fn follow(&mut self, schedule: &Schedule, why: impl Fn() -> Error) {
        let mut position = 0;
        for index in 0..self.messages.len() {
            if self.messages[index].settlement.is_some() {
                continue;
            }
            if position < schedule.granted() {
                self.messages[index].turn = schedule.turn(position);
                position += 1;
            } else {
                self.refuse(index, why());
            }
        }
    }

    /// When the first message may go.
    pub(in crate::publisher) fn first_turn(&self) -> Option<Instant> {
        self.messages.iter().find(|exchange| exchange.settlement.is_none()).map(|exchange| exchange.turn)
    }

    /// When the next message of this connection may go, if that is later.
    pub(in crate::publisher) fn next_turn(&self) -> Option<Instant> {
        let next = self.queue.front().map(|&index| self.messages[index].turn);
        next.filter(|turn| *turn > Instant::now())
    }
}
