//! Each arrow of the diagram, and what must not be one.

mod calls;
mod inflight;
mod qos;
mod sessions;
mod time;
mod version_5;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use bytes::{Buf as _, BytesMut};
use rumqttc::{Packet, PubRel, QoS};

use super::{BatchId, Delivery};
use crate::contract::{Message, Progress, ProtocolVersion, Qos};
use crate::error::{Error, Settlement};
use crate::mqtt::packet::{Ack, ConnackLimits, Incoming};

/// A delivery, what it has serialised and nobody has taken, and what time it is.
struct Run {
    delivery: Delivery,
    batch: BatchId,
    out: BytesMut,
    written: u64,
    now: Instant,
}

impl Run {
    fn new(qualities: &[Qos]) -> Self {
        let (mut delivery, now) = (Delivery::default(), Instant::now());
        let messages = qualities.iter().map(|qos| (message(*qos), now));
        let batch = delivery.add(messages, now);
        Self { delivery, batch, out: BytesMut::new(), written: 0, now }
    }

    /// Messages over a connection on which the broker has these limits.
    fn under(limits: ConnackLimits, qualities: &[Qos]) -> Self {
        let mut run = Self::new(qualities);
        run.connect_with(limits);
        run
    }

    /// Hands over one more message, as another call.
    fn add(&mut self, qos: Qos) -> BatchId {
        self.add_for(qos, self.now)
    }

    /// Hands over one more message, as another call, that is not to be written before this moment.
    fn add_for(&mut self, qos: Qos, not_before: Instant) -> BatchId {
        self.delivery.add([(message(qos), not_before)].into_iter(), self.now)
    }

    fn connect(&mut self, session_present: bool) {
        self.connect_with(limits(session_present));
    }

    fn connect_with(&mut self, limits: ConnackLimits) {
        self.out.clear();
        self.written = 0;
        self.delivery.connected(limits, 500);
    }

    fn lose(&mut self, clean_session: bool) {
        self.delivery.disconnected(clean_session, &cut());
    }

    /// Serialises, lets the socket take everything, and gives the packets.
    fn write(&mut self) -> Vec<Packet> {
        let packets = self.serialise();
        let bytes = self.out.len();
        self.take(bytes);
        packets
    }

    fn serialise(&mut self) -> Vec<Packet> {
        self.delivery.serialise(self.now, &mut self.out, self.written);
        let mut copy = self.out.clone();
        let mut packets = Vec::new();
        while !copy.is_empty() {
            packets.push(Packet::read(&mut copy, usize::MAX).unwrap());
        }
        packets
    }

    /// Serialises under MQTT 5, lets the socket take everything, and gives what [`publishes`] reads.
    fn write_v5(&mut self) -> Vec<(u8, u16)> {
        self.delivery.serialise(self.now, &mut self.out, self.written);
        let found = publishes(&self.out);
        let bytes = self.out.len();
        self.take(bytes);
        found
    }

    fn take(&mut self, bytes: usize) {
        self.out.advance(bytes);
        self.written += bytes as u64;
        self.delivery.handle_written(self.now, self.written);
    }

    fn receive(&mut self, packet: Incoming) {
        self.delivery.handle_packet(self.now, packet).unwrap();
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    fn settlements(mut self) -> Vec<Result<Qos, Progress>> {
        let batch = self.batch;
        self.end(batch, false)
    }

    fn all_settled(mut self) -> Vec<Settlement> {
        let batch = self.batch;
        self.delivery.end(batch, &cut(), false)
    }

    fn end(&mut self, batch: BatchId, goes_on: bool) -> Vec<Result<Qos, Progress>> {
        let outcome = |settlement: Settlement| {
            settlement.map(|receipt| receipt.qos).map_err(|unsettled| unsettled.progress)
        };
        self.delivery.end(batch, &cut(), goes_on).into_iter().map(outcome).collect()
    }
}

fn message(qos: Qos) -> Message {
    Message { topic: "t".to_owned(), payload: b"x".to_vec(), qos, retain: false, properties: None }
}

fn cut() -> Error {
    Error::Lost("cut".to_owned())
}

fn limits(session_present: bool) -> ConnackLimits {
    ConnackLimits { session_present, ..ConnackLimits::default() }
}

fn v5() -> ConnackLimits {
    ConnackLimits::new(ProtocolVersion::V5, false)
}

/// What is written in answer to PUBREC.
fn released(identifier: u16) -> Packet {
    Packet::PubRel(PubRel::new(identifier))
}

fn ack(identifier: u16) -> Ack {
    Ack { identifier, reason_code: 0, reason: None }
}

fn puback(identifier: u16) -> Incoming {
    Incoming::Puback(ack(identifier))
}

fn pubrec(identifier: u16) -> Incoming {
    Incoming::Pubrec(ack(identifier))
}

fn pubcomp(identifier: u16) -> Incoming {
    Incoming::Pubcomp(ack(identifier))
}

/// The identifiers and DUP flags of the PUBLISH packets.
fn published(packets: &[Packet]) -> Vec<(u16, bool)> {
    let publish = |packet: &Packet| match packet {
        Packet::Publish(publish) => Some((publish.pkid, publish.dup)),
        _ => None,
    };
    packets.iter().filter_map(publish).collect()
}

/// The bytes of PUBLISH under MQTT 5, without properties: its first byte, and its packet identifier.
fn publishes(bytes: &[u8]) -> Vec<(u8, u16)> {
    let mut bytes = bytes;
    let mut found = Vec::new();
    while let [first, length, rest @ ..] = bytes {
        let (packet, behind) = rest.split_at(usize::from(*length));
        let identifier = if first & 0b110 == 0 { 0 } else { u16::from_be_bytes([packet[3], packet[4]]) };
        found.push((*first, identifier));
        bytes = behind;
    }
    found
}

const SENT: Result<Qos, Progress> = Err(Progress::SentUnacknowledged);
const NOT_SENT: Result<Qos, Progress> = Err(Progress::NotSent);
