//! What the broker says: which message an acknowledgement settles, and what the broker is owed in return.

use std::time::{Duration, Instant};

use super::Delivery;
use super::exchange::Awaits;
use crate::error::{Error, Refusal};
use crate::mqtt::packet::{Ack, Incoming, Reply};

/// "Packet identifier not found" (MQTT 5.0, section 3.7.2.1).
const IDENTIFIER_NOT_FOUND: u8 = 146;
/// How long a broker that has answered a message of QoS 2 with PUBACK may take to send PUBREC after all.
pub(super) const PUBREC_GRACE: Duration = Duration::from_secs(5);
/// Why a message of QoS 2 failed that was answered with PUBACK, as RabbitMQ does.
const NO_QOS_2: &str =
    "it answered a message of QoS 2 with PUBACK, as brokers do that have no QoS 2: set qos to 1";

impl Delivery {
    /// Takes a packet that came from the broker at `now`, after CONNACK.
    ///
    /// An acknowledgement settles the message with its packet identifier, if the message waits for this type of packet.
    /// Any other acknowledgement is ignored: it settles no message, and it does not end a connection that other messages
    /// depend on.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] for a packet that a server must not send; [`Error::Lost`] or [`Error::Disconnected`] for
    /// DISCONNECT.
    pub(crate) fn handle_packet(&mut self, now: Instant, packet: Incoming) -> Result<(), Error> {
        match packet {
            Incoming::Puback(ack) => self.puback(now, ack),
            Incoming::Pubrec(ack) => self.pubrec(ack),
            Incoming::Pubcomp(ack) => self.pubcomp(now, &ack),
            Incoming::Pubrel { identifier } => self.outbound.reply(Reply::Pubcomp(identifier)),
            // A session that survived may have subscriptions of another program. A message that is not acknowledged here
            // stays with the broker for that program.
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

    /// Gives up the messages of QoS 2 that were answered with PUBACK, and with no PUBREC by `now`.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, id)) = self.pubrec_until.pop_front_if(|(until, _)| *until <= now) {
            if self.exchanges.get(&id).is_some_and(|exchange| exchange.awaits == Awaits::Pubrec) {
                self.fail(id, Error::Protocol(NO_QOS_2.to_owned()));
            }
        }
    }

    fn puback(&mut self, now: Instant, ack: Ack) {
        if let Some((id, _)) = self.waiting(ack.identifier, Awaits::Puback) {
            match ack.reason_code {
                0..128 => self.succeed(now, id, ack.reason_code),
                128.. => self.reject(id, refusal(ack)),
            }
        } else if let Some((id, exchange)) = self.waiting(ack.identifier, Awaits::Pubrec)
            && !exchange.has_puback
        {
            exchange.has_puback = true;
            self.pubrec_until.push_back((now + PUBREC_GRACE, id));
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
        // A repeated or late PUBREC is answered as well: the broker waits for PUBREL, whatever it has missed. A PUBREC for a
        // message that is not written on this connection, or for one of QoS 1, is not answered.
        let exchange = self.inflight.message(identifier).and_then(|id| self.exchanges.get(&id));
        let is_early =
            exchange.is_some_and(|exchange| matches!(exchange.awaits, Awaits::Puback | Awaits::Pubrec));
        if !is_early {
            self.outbound.reply(Reply::Pubrel(identifier));
        }
    }

    fn pubcomp(&mut self, now: Instant, ack: &Ack) {
        if let Some((id, exchange)) = self.waiting(ack.identifier, Awaits::Pubcomp) {
            let reason_code = exchange.reason_code;
            // A broker that had PUBREL on an earlier connection has forgotten the identifier (MQTT 5.0, section 3.7.2.1).
            if ack.reason_code < 128 || (ack.reason_code == IDENTIFIER_NOT_FOUND && exchange.resumed) {
                self.succeed(now, id, reason_code);
            } else {
                let reason = format!("PUBCOMP with reason code {}, after PUBREC without", ack.reason_code);
                self.fail(id, Error::Protocol(reason));
            }
        }
    }
}

fn refusal(ack: Ack) -> Refusal {
    let reason = ack.reason.map(String::from).unwrap_or_default();
    Refusal { reason, ..Refusal::new(ack.reason_code) }
}
