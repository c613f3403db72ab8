//! Each arrow of the diagram, and what must not be one.

use bytes::Buf as _;
use rumqttc::{Packet, PubRel};

use super::*;
use crate::contract::{Message, Progress, Qos};
use crate::error::Refusal;
use crate::error::{Settlement, Unsettled};
use crate::mqtt::packet::{Ack, Connack, Incoming, MAX_PACKET};

/// A delivery, and what it has serialised and nobody has taken.
struct Run {
    delivery: Delivery,
    batch: BatchId,
    out: BytesMut,
    written: u64,
}

impl Run {
    fn new(qualities: &[Qos]) -> Self {
        let mut delivery = Delivery::default();
        let messages = qualities.iter().map(|qos| (message(*qos), Instant::now()));
        let batch = delivery.add(messages, Instant::now());
        Self { delivery, batch, out: BytesMut::new(), written: 0 }
    }

    /// Hands over one more message, as another call.
    fn add(&mut self, qos: Qos) -> BatchId {
        self.delivery.add([(message(qos), Instant::now())].into_iter(), Instant::now())
    }

    fn connect(&mut self, session_present: bool) {
        self.out.clear();
        self.written = 0;
        self.delivery.connected(terms(session_present), 500);
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
        self.delivery.serialise(&mut self.out, self.written);
        let mut copy = self.out.clone();
        let mut packets = Vec::new();
        while !copy.is_empty() {
            packets.push(Packet::read(&mut copy, MAX_PACKET).unwrap());
        }
        packets
    }

    fn take(&mut self, bytes: usize) {
        self.out.advance(bytes);
        self.written += bytes as u64;
        self.delivery.written(self.written);
    }

    fn receive(&mut self, packet: Incoming) {
        self.delivery.received(packet).unwrap();
    }

    fn settlements(mut self) -> Vec<Result<Qos, Progress>> {
        let batch = self.batch;
        self.end(batch, false)
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

fn terms(session_present: bool) -> Terms {
    Terms { session_present, ..Terms::default() }
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

const SENT: Result<Qos, Progress> = Err(Progress::SentUnacknowledged);
const NOT_SENT: Result<Qos, Progress> = Err(Progress::NotSent);

#[test]
fn qos_0_is_settled_when_it_is_written_and_not_before() {
    let mut run = Run::new(&[Qos::AtMostOnce]);
    run.connect(false);
    run.serialise();
    let bytes = run.out.len();
    run.take(bytes - 1);
    assert!(!run.delivery.is_settled());
    run.take(1);
    assert!(run.delivery.is_settled());
    assert_eq!(run.settlements(), [Ok(Qos::AtMostOnce)]);
}

#[test]
fn qos_0_is_sent_again_only_when_it_was_not_written_whole() {
    let mut run = Run::new(&[Qos::AtMostOnce, Qos::AtMostOnce]);
    run.connect(false);
    run.serialise();
    let bytes = run.out.len();
    run.take(bytes - 1);
    run.lose(true);
    run.connect(false);
    assert_eq!(published(&run.write()), [(0, false)], "the first is settled");
    assert_eq!(run.settlements(), [Ok(Qos::AtMostOnce), Ok(Qos::AtMostOnce)]);
}

#[test]
fn pubcomp_counts_only_after_pubrel_was_written() {
    let mut run = Run::new(&[Qos::ExactlyOnce]);
    run.connect(false);
    run.write();
    run.receive(pubrec(1));
    run.receive(pubcomp(1));
    assert!(!run.delivery.is_settled(), "before it is serialised");
    run.serialise();
    run.take(3);
    run.receive(pubcomp(1));
    assert!(!run.delivery.is_settled(), "before it is written whole");
    run.take(1);
    run.receive(pubcomp(1));
    assert!(run.delivery.is_settled());
}

#[test]
fn what_else_is_written_moves_no_boundary() {
    let mut run = Run::new(&[Qos::AtLeastOnce]);
    run.connect(false);
    run.out.extend_from_slice(&[0xc0, 0x00]);
    run.delivery.serialise(&mut run.out, run.written);
    let bytes = run.out.len();
    run.take(bytes - 1);
    run.receive(puback(1));
    assert!(!run.delivery.is_settled(), "two bytes of PINGREQ are not the message's");
    run.take(1);
    run.receive(puback(1));
    assert!(run.delivery.is_settled());
}

#[test]
fn a_broker_that_only_asks_is_not_listened_to_for_ever() {
    let mut run = Run::new(&[Qos::AtLeastOnce]);
    run.connect(false);
    for _ in 0..MAX_OWED {
        run.receive(pubrec(77));
    }
    assert!(!run.delivery.is_swamped());
    run.receive(pubrec(77));
    run.serialise();
    assert!(run.delivery.is_swamped(), "serialised is not written");
    run.write();
    assert!(!run.delivery.is_swamped());
}

#[test]
fn qos_1_is_settled_by_its_own_puback() {
    let mut run = Run::new(&[Qos::AtLeastOnce, Qos::AtLeastOnce]);
    run.connect(false);
    assert_eq!(published(&run.write()), [(1, false), (2, false)]);
    run.receive(puback(2));
    run.receive(puback(2));
    run.receive(puback(3));
    assert!(!run.delivery.is_settled());
    run.receive(puback(1));
    assert!(run.delivery.is_settled());
    assert_eq!(run.settlements(), [Ok(Qos::AtLeastOnce), Ok(Qos::AtLeastOnce)]);
}

#[test]
fn an_acknowledgement_of_what_was_not_written_whole_settles_nothing() {
    let mut run = Run::new(&[Qos::AtLeastOnce]);
    run.connect(false);
    run.serialise();
    let bytes = run.out.len();
    run.take(bytes - 1);
    run.receive(puback(1));
    assert!(!run.delivery.is_settled());
    run.lose(true);
    assert_eq!(run.settlements(), [NOT_SENT]);
}

#[test]
fn qos_1_is_a_duplicate_only_when_it_was_written_before() {
    let mut run = Run::new(&[Qos::AtLeastOnce, Qos::AtLeastOnce]);
    run.connect(false);
    run.serialise();
    let bytes = run.out.len();
    run.take(bytes - 1);
    run.lose(true);
    run.connect(false);
    assert_eq!(published(&run.write()), [(1, true), (3, false)]);
    run.receive(puback(1));
    run.receive(puback(3));
    assert_eq!(run.settlements(), [Ok(Qos::AtLeastOnce), Ok(Qos::AtLeastOnce)]);
}

#[test]
fn an_acknowledgement_from_before_the_connection_was_lost_settles_nothing() {
    let mut run = Run::new(&[Qos::AtLeastOnce]);
    run.connect(false);
    run.write();
    run.lose(true);
    run.connect(false);
    run.receive(puback(1));
    assert!(!run.delivery.is_settled(), "it is not written on this connection yet");
    assert_eq!(published(&run.write()), [(1, true)]);
    run.receive(puback(1));
    assert!(run.delivery.is_settled());
}

#[test]
fn qos_2_wants_pubrec_and_then_pubcomp() {
    let mut run = Run::new(&[Qos::ExactlyOnce]);
    run.connect(false);
    assert_eq!(published(&run.write()), [(1, false)]);
    run.receive(puback(1));
    run.receive(pubcomp(1));
    assert!(!run.delivery.is_settled());
    run.receive(pubrec(1));
    assert_eq!(run.write(), [released(1)]);
    run.receive(pubrec(1));
    assert_eq!(run.write(), [released(1)], "a repeated PUBREC is answered again");
    run.receive(pubcomp(1));
    assert!(run.delivery.is_settled());
    run.receive(pubrec(1));
    assert_eq!(run.write(), [released(1)], "also when it is late");
    assert_eq!(run.settlements(), [Ok(Qos::ExactlyOnce)]);
}

#[test]
fn qos_2_goes_on_in_a_session_that_survived() {
    let mut run = Run::new(&[Qos::ExactlyOnce, Qos::ExactlyOnce]);
    run.connect(false);
    run.write();
    run.receive(pubrec(1));
    run.write();
    run.lose(false);
    run.connect(true);
    let packets = run.write();
    assert_eq!(packets[0], released(1));
    assert_eq!(published(&packets), [(2, true)]);
    run.receive(pubcomp(1));
    run.receive(pubrec(2));
    run.write();
    run.receive(pubcomp(2));
    assert_eq!(run.settlements(), [Ok(Qos::ExactlyOnce), Ok(Qos::ExactlyOnce)]);
}

#[test]
fn qos_2_is_uncertain_when_the_session_is_gone() {
    let mut run = Run::new(&[Qos::ExactlyOnce, Qos::ExactlyOnce]);
    run.connect(false);
    run.write();
    run.receive(pubrec(1));
    run.lose(false);
    run.connect(false);
    assert!(run.delivery.is_settled());
    assert_eq!(run.write(), []);
    assert_eq!(run.settlements(), [SENT, SENT]);

    let mut run = Run::new(&[Qos::ExactlyOnce]);
    run.connect(false);
    run.write();
    run.lose(true);
    assert!(run.delivery.is_settled(), "a clean session needs no further connection to know");
    assert_eq!(run.settlements(), [SENT]);
}

#[test]
fn qos_2_that_was_not_written_is_new_in_any_session() {
    let mut run = Run::new(&[Qos::ExactlyOnce]);
    run.connect(false);
    run.serialise();
    run.take(3);
    run.lose(true);
    assert!(!run.delivery.is_settled());
    run.connect(false);
    assert_eq!(published(&run.write()), [(2, false)], "a new message, a new identifier");
}

#[test]
fn a_session_of_before_is_entered_with_other_identifiers() {
    let mut run = Run::new(&[Qos::ExactlyOnce]);
    run.connect(true);
    assert_eq!(published(&run.write()), [(501, false)]);
}

#[test]
fn the_windows_hold() {
    let mut run = Run::new(&[Qos::ExactlyOnce; 30]);
    run.connect(false);
    assert_eq!(published(&run.write()).len(), WINDOW_QOS2);
    run.receive(pubrec(7));
    assert_eq!(published(&run.write()).len(), 0, "PUBREC does not end the exchange");
    run.receive(pubcomp(7));
    assert_eq!(published(&run.write()), [(21, false)]);

    let mut run = Run::new(&[Qos::AtLeastOnce; 150]);
    run.connect(false);
    assert_eq!(published(&run.write()).len(), WINDOW);
    run.receive(puback(1));
    assert_eq!(published(&run.write()), [(101, false)]);
}

#[test]
fn identifiers_wrap_around_and_skip_those_in_use() {
    let mut run = Run::new(&[Qos::AtLeastOnce; 3]);
    run.delivery.connected(terms(true), u16::MAX - 1);
    assert_eq!(published(&run.write()), [(u16::MAX, false), (1, false), (2, false)]);

    let mut run = Run::new(&[Qos::ExactlyOnce; WINDOW_QOS2 + 1]);
    run.connect(false);
    run.write();
    run.receive(pubrec(5));
    assert_eq!(run.write(), [released(5)]);
    run.receive(pubcomp(5));
    run.delivery.last_identifier = u16::MAX;
    assert_eq!(published(&run.write()), [(5, false)]);
}

#[test]
fn what_is_given_up_says_how_far_it_got() {
    let mut run = Run::new(&[Qos::AtLeastOnce, Qos::AtMostOnce, Qos::ExactlyOnce]);
    run.connect(false);
    run.serialise();
    run.take(8);
    run.lose(false);
    assert_eq!(run.settlements(), [SENT, NOT_SENT, NOT_SENT]);
}

#[test]
fn what_a_server_must_not_send_is_an_error() {
    let mut run = Run::new(&[Qos::AtLeastOnce]);
    run.connect(false);
    let connack = Incoming::Connack(Box::new(Connack::Accepted(terms(false))));
    for (packet, error) in [
        (connack, Error::Protocol("a second CONNACK".to_owned())),
        (
            Incoming::Unexpected("a packet that only a client sends"),
            Error::Protocol("a packet that only a client sends".to_owned()),
        ),
        (
            Incoming::Disconnect(Box::new(Refusal::new(0))),
            Error::Lost("the broker ended the connection".to_owned()),
        ),
        (Incoming::Disconnect(Box::new(Refusal::new(139))), Error::Disconnected(Refusal::new(139))),
    ] {
        assert_eq!(run.delivery.received(packet), Err(error));
    }
}

#[test]
fn calls_share_a_connection_and_each_is_settled_by_itself() {
    let mut run = Run::new(&[Qos::AtLeastOnce]);
    run.connect(false);
    assert_eq!(published(&run.write()), [(1, false)]);
    let (one, two) = (run.batch, run.add(Qos::ExactlyOnce));
    assert_eq!(published(&run.write()), [(2, false)], "on the connection that stands");
    run.receive(puback(1));
    assert!(run.delivery.has_settled(one) && !run.delivery.has_settled(two));
    assert_eq!(run.delivery.take_settled(), [one]);
    assert_eq!(run.end(one, true), [Ok(Qos::AtLeastOnce)]);
    run.receive(pubrec(2));
    run.write();
    run.receive(pubcomp(2));
    assert_eq!(run.delivery.take_settled(), [two]);
    assert_eq!(run.end(two, true), [Ok(Qos::ExactlyOnce)]);
    assert!(run.delivery.is_settled());
}

#[test]
fn what_was_not_serialised_when_its_call_ended_is_not_sent() {
    let mut run = Run::new(&[Qos::AtLeastOnce]);
    run.connect(false);
    let other = run.add(Qos::AtLeastOnce);
    assert_eq!(run.end(other, true), [NOT_SENT]);
    assert_eq!(published(&run.write()), [(1, false)]);
}

#[test]
fn what_is_on_its_way_when_its_call_ends_may_arrive() {
    for qos in [Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce] {
        let mut run = Run::new(&[Qos::AtLeastOnce]);
        run.connect(false);
        let other = run.add(qos);
        run.serialise();
        assert_eq!(run.end(other, true), [SENT], "{qos:?}: the connection goes on, and its bytes with it");
        assert!(!run.delivery.is_settled());
        run.write();
        run.receive(puback(1));
        assert!(run.delivery.is_settled());
        assert_eq!(run.settlements(), [Ok(Qos::AtLeastOnce)]);
    }
}

#[test]
fn a_late_acknowledgement_settles_nobody_elses_message() {
    let mut run = Run::new(&[Qos::AtLeastOnce]);
    run.connect(false);
    run.write();
    let given_up = run.batch;
    let other = run.add(Qos::AtLeastOnce);
    assert_eq!(run.end(given_up, true), [SENT]);
    assert_eq!(published(&run.write()), [(2, false)], "its identifier is still in use");
    run.receive(puback(1));
    assert!(!run.delivery.has_settled(other));
    run.receive(puback(2));
    assert_eq!(run.end(other, true), [Ok(Qos::AtLeastOnce)]);
}

#[test]
fn an_exchange_that_was_given_up_comes_to_its_end_with_the_broker() {
    let mut run = Run::new(&[Qos::ExactlyOnce]);
    run.connect(false);
    run.write();
    let (given_up, other) = (run.batch, run.add(Qos::ExactlyOnce));
    assert_eq!(run.end(given_up, true), [SENT]);
    run.receive(pubrec(1));
    assert_eq!(run.write()[0], released(1));
    run.receive(pubcomp(1));
    assert!(!run.delivery.has_settled(other));
}

#[test]
fn an_identifier_that_was_given_up_is_not_used_again_while_the_session_lives() {
    let mut run = Run::new(&[Qos::ExactlyOnce]);
    run.connect(false);
    run.write();
    let (given_up, other) = (run.batch, run.add(Qos::ExactlyOnce));
    assert_eq!(run.end(given_up, true), [SENT]);
    run.lose(false);
    run.connect(true);
    run.delivery.last_identifier = 0;
    assert_eq!(published(&run.write()), [(2, false)], "nor is the message sent again, of which nobody waits");
    assert_eq!(run.end(other, true), [SENT]);
    run.lose(false);
    run.connect(false);
    run.delivery.last_identifier = 0;
    run.add(Qos::ExactlyOnce);
    assert_eq!(published(&run.write()), [(1, false)], "the session is gone");
}

#[test]
fn a_lost_connection_settles_each_call_by_its_own_progress() {
    let mut run = Run::new(&[Qos::ExactlyOnce]);
    run.connect(false);
    run.write();
    let (twice, once, later) = (run.batch, run.add(Qos::AtMostOnce), run.add(Qos::AtLeastOnce));
    run.serialise();
    run.take(6);
    run.lose(true);
    assert!(run.delivery.has_settled(twice) && run.delivery.has_settled(once));
    assert!(!run.delivery.has_settled(later) && run.delivery.is_untouched(later));
    assert_eq!(run.end(twice, false), [SENT]);
    assert_eq!(run.end(once, false), [Ok(Qos::AtMostOnce)]);
    run.connect(false);
    assert_eq!(published(&run.write()).len(), 1, "the one that nobody has");
}

#[test]
fn what_an_earlier_connection_has_left_behind_is_not_used_while_the_session_lives() {
    for (session_present, expected) in [(true, 502), (false, 1)] {
        let mut delivery = Delivery::after(HashSet::from([501, 1]));
        delivery.connected(terms(session_present), 500);
        delivery.add([(message(Qos::ExactlyOnce), Instant::now())].into_iter(), Instant::now());
        let mut out = BytesMut::new();
        delivery.serialise(&mut out, 0);
        assert_eq!(published(&[Packet::read(&mut out, MAX_PACKET).unwrap()]), [(expected, false)]);
    }
}

/// An acknowledgement of MQTT 5.
fn says(identifier: u16, reason_code: u8) -> Ack {
    Ack { identifier, reason_code, reason: Some("words".into()) }
}

fn rejected(code: u8, progress: Progress) -> Settlement {
    let refusal = Refusal { reason: "words".to_owned(), ..Refusal::new(code) };
    Err(Unsettled { error: Error::Rejected(refusal), progress, broker: 0 })
}

/// Messages over a connection on which these terms hold.
fn under(terms: Terms, qualities: &[Qos]) -> Run {
    let mut run = Run::new(qualities);
    run.delivery.connected(terms, 500);
    run
}

fn v5() -> Terms {
    Terms::new(ProtocolVersion::V5, false)
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

impl Run {
    fn write_v5(&mut self) -> Vec<(u8, u16)> {
        self.delivery.serialise(&mut self.out, self.written);
        let found = publishes(&self.out);
        let bytes = self.out.len();
        self.take(bytes);
        found
    }

    fn all_settled(mut self) -> Vec<Settlement> {
        let batch = self.batch;
        self.delivery.end(batch, &cut(), false)
    }
}

#[test]
fn a_reason_code_from_128_is_a_refusal_and_one_below_is_told() {
    let mut run = under(v5(), &[Qos::AtLeastOnce, Qos::AtLeastOnce]);
    assert_eq!(run.write_v5(), [(0x32, 1), (0x32, 2)]);
    run.receive(Incoming::Puback(says(1, 135)));
    run.receive(Incoming::Puback(says(2, 16)));
    let settled = run.all_settled();
    assert_eq!(settled[0], rejected(135, Progress::NotSent));
    assert_eq!(settled[1].as_ref().unwrap().reason_code, 16);
}

#[test]
fn pubrec_with_an_error_ends_the_exchange_and_frees_its_identifier() {
    let mut run = under(v5(), &[Qos::ExactlyOnce, Qos::ExactlyOnce]);
    run.write_v5();
    run.receive(Incoming::Pubrec(says(1, 151)));
    assert_eq!(run.write(), [], "no PUBREL");
    run.receive(Incoming::Pubrec(says(1, 151)));
    assert_eq!(run.write(), [], "nor for a repetition");
    run.receive(Incoming::Pubrec(says(2, 16)));
    assert_eq!(run.write(), [released(2)]);
    run.receive(pubcomp(2));
    assert!(run.delivery.abandoned.is_empty());
    let settled = run.all_settled();
    assert_eq!(settled[0], rejected(151, Progress::NotSent));
    assert_eq!(settled[1].as_ref().unwrap().reason_code, 16);
}

#[test]
fn a_refusal_of_a_repetition_says_nothing_of_the_first() {
    let mut run = under(v5(), &[Qos::AtLeastOnce]);
    run.write_v5();
    run.lose(true);
    run.out.clear();
    run.written = 0;
    run.delivery.connected(v5(), 500);
    assert_eq!(run.write_v5(), [(0x3a, 1)]);
    run.receive(Incoming::Puback(says(1, 151)));
    assert_eq!(run.all_settled(), [rejected(151, Progress::SentUnacknowledged)]);
}

#[test]
fn a_broker_that_has_forgotten_an_identifier_has_completed_it_only_in_a_session_that_survived() {
    let session = || Terms { session_present: true, ..v5() };
    for lost in [false, true] {
        let mut run = under(session(), &[Qos::ExactlyOnce]);
        run.write_v5();
        run.receive(pubrec(501));
        run.write();
        if lost {
            run.lose(false);
            run.out.clear();
            run.written = 0;
            run.delivery.connected(session(), 500);
            assert_eq!(run.write(), [released(501)]);
        }
        run.receive(Incoming::Pubcomp(says(501, 146)));
        assert_eq!(run.settlements(), [if lost { Ok(Qos::ExactlyOnce) } else { SENT }], "lost: {lost}");
    }
}

#[test]
fn a_lower_maximum_qos_lowers_what_has_not_begun() {
    let maximum_qos = |qos| Terms { maximum_qos: qos, ..v5() };
    let mut run =
        under(maximum_qos(QoS::AtLeastOnce), &[Qos::ExactlyOnce, Qos::AtLeastOnce, Qos::AtMostOnce]);
    assert_eq!(run.write_v5(), [(0x32, 1), (0x32, 2), (0x30, 0)]);
    run.receive(puback(1));
    run.receive(puback(2));
    assert_eq!(run.settlements(), [Ok(Qos::AtLeastOnce), Ok(Qos::AtLeastOnce), Ok(Qos::AtMostOnce)]);
    let mut run = under(maximum_qos(QoS::AtMostOnce), &[Qos::ExactlyOnce]);
    // Another connection, on which more is possible, before anything was written.
    run.lose(true);
    run.delivery.connected(v5(), 500);
    assert_eq!(run.write_v5(), [(0x34, 1)]);
}

#[test]
fn the_receive_maximum_bounds_what_is_open_on_one_connection() {
    let terms = || Terms { receive_maximum: 2, ..v5() };
    let mut run = under(terms(), &[Qos::AtLeastOnce, Qos::ExactlyOnce, Qos::AtLeastOnce, Qos::AtMostOnce]);
    assert_eq!(run.write_v5(), [(0x32, 1), (0x34, 2)], "in order: QoS 0 waits, too");
    run.receive(pubrec(2));
    assert_eq!(run.write(), [released(2)], "PUBREC makes no room");
    run.receive(puback(1));
    assert_eq!(run.write_v5(), [(0x32, 3), (0x30, 0)]);
    run.receive(pubcomp(2));
    run.lose(true);
    run.out.clear();
    run.written = 0;
    let more = run.add(Qos::AtLeastOnce);
    run.delivery.connected(Terms { receive_maximum: 1, ..v5() }, 500);
    assert_eq!(run.write_v5(), [(0x3a, 3)]);
    run.receive(puback(3));
    assert_eq!(run.write_v5(), [(0x32, 4)]);
    run.receive(puback(4));
    assert_eq!(run.end(more, true), [Ok(Qos::AtLeastOnce)]);
}

#[test]
fn what_the_broker_has_ruled_out_is_not_sent() {
    let mut retained = message(Qos::AtLeastOnce);
    retained.retain = true;
    let mut large = message(Qos::AtLeastOnce);
    large.payload = vec![b'x'; 10];
    // Fixed header 2, topic 3, packet identifier 2, length of properties 1, payload 10.
    for (maximum_packet_size, large_fits) in [(18, true), (17, false)] {
        let terms = Terms { retain_available: false, maximum_packet_size, ..v5() };
        let mut delivery = Delivery::default();
        delivery.connected(terms, 500);
        let now = Instant::now();
        let messages = [(retained.clone(), now), (large.clone(), now), (message(Qos::AtMostOnce), now)];
        let batch = delivery.add(messages.into_iter(), now);
        let mut out = BytesMut::new();
        delivery.serialise(&mut out, 0);
        let sent: Vec<u8> = publishes(&out).into_iter().map(|(first, _)| first).collect();
        assert_eq!(sent, if large_fits { vec![0x32, 0x30] } else { vec![0x30] });
        let code = |settled| match settled {
            Err(Unsettled { error: Error::Rejected(refusal), progress: Progress::NotSent, .. }) => {
                refusal.code
            }
            _ => 0,
        };
        let codes: Vec<u8> = delivery.end(batch, &cut(), false).into_iter().map(code).collect();
        assert_eq!(codes, [154, if large_fits { 0 } else { 149 }, 0]);
    }
}

#[test]
fn a_session_that_another_broker_has_kept_is_another() {
    for (broker, outcome) in [(0, Ok(Qos::ExactlyOnce)), (1, SENT)] {
        let mut run = Run::new(&[Qos::ExactlyOnce]);
        run.delivery.tries(0);
        run.connect(false);
        run.write();
        run.receive(pubrec(1));
        run.write();
        run.lose(false);
        run.delivery.tries(broker);
        run.connect(true);
        run.write();
        run.receive(pubcomp(1));
        assert_eq!(run.settlements(), [outcome], "broker {broker}");
    }
}
