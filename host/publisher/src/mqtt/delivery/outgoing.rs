//! What is said to the broker: which packet is next, and what it means that a packet was written.

use std::time::Instant;

use bytes::BytesMut;
use rumqttc::QoS;

use super::Delivery;
use super::batch::MessageId;
use super::exchange::Awaits;
use super::outbound::Unwritten;
use crate::mqtt::packet;
use crate::mqtt::packet::Reply;

/// Bytes to serialise ahead of the socket.
const WRITE_AHEAD: usize = 64 * 1024;

impl Delivery {
    /// Serialises what the broker is owed at `now` behind what `out` holds, as far as the limits and [`WRITE_AHEAD`] allow.
    /// `written` is how many bytes of this connection have left `out` before.
    pub(crate) fn serialise(&mut self, now: Instant, out: &mut BytesMut, written: u64) {
        while let Some(reply) = self.outbound.next_reply() {
            let packet = match reply {
                Reply::Pubrel(identifier) => Unwritten::Pubrel(identifier),
                Reply::Pubcomp(_) => Unwritten::Pubcomp,
            };
            reply.write(out);
            self.outbound.serialised(written + out.len() as u64, packet);
        }
        self.outbound.held_until = None;
        while out.len() < WRITE_AHEAD {
            let Some(&id) = self.outbound.queue.front() else { return };
            let Some(exchange) = self.exchanges.get(&id) else {
                // It was given up before it was serialised.
                self.outbound.queue.pop_front();
                continue;
            };
            if exchange.not_before > now {
                self.outbound.held_until = Some(exchange.not_before);
                return;
            }
            if !self.claim(id) {
                return;
            }
            self.outbound.queue.pop_front();
            let Some(exchange) = self.exchanges.get_mut(&id) else { continue };
            if let Err(error) = packet::write_publish(&mut exchange.publish, &self.limits, out) {
                self.fail(id, error);
                continue;
            }
            exchange.awaits = match exchange.publish.qos {
                QoS::AtMostOnce => Awaits::Written,
                QoS::AtLeastOnce => Awaits::Puback,
                QoS::ExactlyOnce => Awaits::Pubrec,
            };
            if exchange.publish.qos != QoS::AtMostOnce {
                exchange.is_counted = true;
                self.inflight.count();
            }
            self.outbound.serialised(written + out.len() as u64, Unwritten::Publish(id));
        }
    }

    /// At `now`, `written` bytes of this connection have left this process.
    pub(crate) fn handle_written(&mut self, now: Instant, written: u64) {
        while let Some(packet) = self.outbound.take_written(written) {
            match packet {
                Unwritten::Publish(id) => {
                    let Some(exchange) = self.exchanges.get_mut(&id) else { continue };
                    exchange.sent = true;
                    exchange.sent_here = true;
                    if let Some(owner) = exchange.owner {
                        self.batches.written(owner.batch);
                    }
                    if exchange.awaits == Awaits::Written {
                        self.succeed(now, id, 0);
                    }
                }
                Unwritten::Pubrel(identifier) => {
                    if let Some((_, exchange)) = self.waiting(identifier, Awaits::Release) {
                        exchange.awaits = Awaits::Pubcomp;
                    }
                }
                Unwritten::Pubcomp => {}
            }
        }
    }

    /// Gives the message its quality of service and its packet identifier; false while too many others are in flight.
    fn claim(&mut self, id: MessageId) -> bool {
        let Some(exchange) = self.exchanges.get_mut(&id) else { return false };
        exchange.lower_to(self.limits.maximum_qos);
        let publish = &mut exchange.publish;
        if publish.qos == QoS::AtMostOnce {
            return true;
        }
        if self.inflight.has_reached(self.limits.receive_maximum) {
            return false;
        }
        if publish.identifier == 0 {
            let claimed = self.inflight.claim(id, publish.qos, self.limits.version);
            let Some(identifier) = claimed else { return false };
            publish.identifier = identifier;
        }
        true
    }
}
