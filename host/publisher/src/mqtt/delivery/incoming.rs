//! What the broker says: which message an acknowledgement settles, and what is owed in return.

use std::time::Duration;

use tokio::time::Instant;

use super::Delivery;
use super::exchange::{Awaits, Exchange};
use crate::error::{Error, Refusal};
use crate::mqtt::packet::{Ack, Incoming, Reply};

/// "Packet identifier not found" (MQTT 5.0, section 3.7.2.1).
const IDENTIFIER_NOT_FOUND: u8 = 146;
/// How long a message of QoS 2 waits for PUBREC once the broker has answered it with PUBACK.
const MISTAKEN: Duration = Duration::from_secs(5);
/// What a broker is that does so: RabbitMQ, for one.
const NO_QOS_2: &str =
    "it answered a message of QoS 2 with PUBACK, as brokers do that have no QoS 2: set qos to 1";

impl Delivery {
    /// Takes a packet from the broker, after CONNACK.
    ///
    /// An acknowledgement settles the message with its packet identifier, if that is the packet the message waits for.
    /// Any other is ignored: it neither settles a message nor ends the connection that others depend on.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] for a packet that a server must not send, and what DISCONNECT says.
    pub(crate) fn received(&mut self, packet: Incoming) -> Result<(), Error> {
        match packet {
            Incoming::Puback(ack) => self.puback(ack),
            Incoming::Pubrec(ack) => self.pubrec(ack),
            Incoming::Pubcomp(ack) => self.pubcomp(&ack),
            Incoming::Pubrel { identifier } => self.reply(Reply::Pubcomp(identifier)),
            // A session that survived may have subscriptions, which are another program's: what is not acknowledged
            // here stays with the broker for it.
            Incoming::Publish | Incoming::Pingresp => {}
            Incoming::Connack(_) => return Err(Error::Protocol("a second CONNACK".to_owned())),
            Incoming::Unexpected(what) => return Err(Error::Protocol(what.to_owned())),
            Incoming::Disconnect(refusal) => {
                return Err(match refusal.code {
                    0..128 => Error::Lost("the broker ended the connection".to_owned()),
                    128.. => Error::Disconnected(*refusal),
                });
            }
        }
        Ok(())
    }

    fn puback(&mut self, ack: Ack) {
        if let Some((id, _)) = self.waiting(ack.identifier, Awaits::Puback) {
            match ack.reason_code {
                0..128 => self.succeed(id, ack.reason_code),
                128.. => self.reject(id, refusal(ack)),
            }
        } else if let Some((id, exchange)) = self.waiting(ack.identifier, Awaits::Pubrec)
            && !exchange.has_puback
        {
            exchange.has_puback = true;
            self.mistaken.push_back((Instant::now() + MISTAKEN, id));
        }
    }

    fn pubrec(&mut self, ack: Ack) {
        let identifier = ack.identifier;
        if let Some((id, exchange)) = self.waiting(identifier, Awaits::Pubrec) {
            if ack.reason_code >= 128 {
                // The exchange is over: there is no PUBREL (MQTT 5.0, section 4.3.3).
                self.reject(id, refusal(ack));
                return;
            }
            exchange.awaits = Awaits::Release;
            exchange.resumed = false;
            exchange.reason_code = ack.reason_code;
        } else if ack.reason_code >= 128 {
            return;
        }
        // Also when it is repeated, or late: the broker waits for PUBREL, whatever it missed. Not when it answers what it
        // has not been sent.
        let exchange = self.identifiers.get(&identifier).and_then(|id| self.exchanges.get(id));
        let early =
            exchange.is_some_and(|exchange| matches!(exchange.awaits, Awaits::Puback | Awaits::Pubrec));
        if !early {
            self.reply(Reply::Pubrel(identifier));
        }
    }

    fn pubcomp(&mut self, ack: &Ack) {
        if let Some((id, exchange)) = self.waiting(ack.identifier, Awaits::Pubcomp) {
            let reason_code = exchange.reason_code;
            // A broker that has had PUBREL before knows nothing of it any more (MQTT 5.0, section 3.7.2.1).
            if ack.reason_code < 128 || (ack.reason_code == IDENTIFIER_NOT_FOUND && exchange.resumed) {
                self.succeed(id, reason_code);
            } else {
                let reason = format!("PUBCOMP with reason code {}, after PUBREC without", ack.reason_code);
                self.fail(id, Error::Protocol(reason));
            }
        }
    }

    /// Gives up what the broker has acknowledged wrongly, and has not put right.
    pub(crate) fn give_up_mistaken(&mut self) {
        while let Some(&(until, id)) = self.mistaken.front()
            && until <= Instant::now()
        {
            self.mistaken.pop_front();
            if self.exchanges.get(&id).is_some_and(|exchange| exchange.awaits == Awaits::Pubrec) {
                self.fail(id, Error::Protocol(NO_QOS_2.to_owned()));
            }
        }
    }

    fn reply(&mut self, reply: Reply) {
        self.owed += 1;
        self.replies.push_back(reply);
    }

    /// The message with this identifier, if `awaits` is what it waits for on this connection.
    pub(super) fn waiting(&mut self, identifier: u16, awaits: Awaits) -> Option<(u64, &mut Exchange)> {
        let id = self.identifiers.get(&identifier).copied();
        let exchange = id.and_then(|id| Some((id, self.exchanges.get_mut(&id)?)));
        let found = exchange.filter(|(_, exchange)| exchange.sent_here && exchange.awaits == awaits);
        if found.is_none() {
            tracing::debug!(identifier, "an acknowledgement that no message waits for is ignored");
        }
        found
    }
}

fn refusal(ack: Ack) -> Refusal {
    let reason = ack.reason.map(String::from).unwrap_or_default();
    Refusal { reason, ..Refusal::new(ack.reason_code) }
}
