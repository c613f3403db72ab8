//! Each arrow of the diagram, and what must not be one.

use bytes::Buf as _;
use rumqttc::PubAck;

use super::*;
use crate::bindings::flint::mqtt::publisher::{Message, Progress, Qos};

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
        self.delivery.connected(session_present, 500);
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

    fn receive(&mut self, packet: &Packet) {
        self.delivery.received(packet).unwrap();
    }

    fn settlements(mut self) -> Vec<Result<Qos, Progress>> {
        let batch = self.batch;
        self.end(batch, false)
    }

    fn end(&mut self, batch: BatchId, goes_on: bool) -> Vec<Result<Qos, Progress>> {
        let outcome =
            |settlement: Settlement| settlement.map(|receipt| receipt.qos).map_err(|(_, progress)| progress);
        self.delivery.end(batch, &cut(), goes_on).into_iter().map(outcome).collect()
    }
}

fn message(qos: Qos) -> Message {
    Message { topic: "t".to_owned(), payload: b"x".to_vec(), qos, retain: false, properties: None }
}

fn cut() -> Error {
    Error::Lost("cut".to_owned())
}

fn puback(pkid: u16) -> Packet {
    Packet::PubAck(PubAck::new(pkid))
}

fn pubrec(pkid: u16) -> Packet {
    Packet::PubRec(PubRec::new(pkid))
}

fn pubrel(pkid: u16) -> Packet {
    Packet::PubRel(PubRel::new(pkid))
}

fn pubcomp(pkid: u16) -> Packet {
    Packet::PubComp(PubComp::new(pkid))
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
    run.receive(&pubrec(1));
    run.receive(&pubcomp(1));
    assert!(!run.delivery.is_settled(), "before it is serialised");
    run.serialise();
    run.take(3);
    run.receive(&pubcomp(1));
    assert!(!run.delivery.is_settled(), "before it is written whole");
    run.take(1);
    run.receive(&pubcomp(1));
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
    run.receive(&puback(1));
    assert!(!run.delivery.is_settled(), "two bytes of PINGREQ are not the message's");
    run.take(1);
    run.receive(&puback(1));
    assert!(run.delivery.is_settled());
}

#[test]
fn a_broker_that_only_asks_is_not_listened_to_for_ever() {
    let mut run = Run::new(&[Qos::AtLeastOnce]);
    run.connect(false);
    for _ in 0..MAX_OWED {
        run.receive(&pubrec(77));
    }
    assert!(!run.delivery.is_swamped());
    run.receive(&pubrec(77));
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
    run.receive(&puback(2));
    run.receive(&puback(2));
    run.receive(&puback(3));
    assert!(!run.delivery.is_settled());
    run.receive(&puback(1));
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
    run.receive(&puback(1));
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
    run.receive(&puback(1));
    run.receive(&puback(3));
    assert_eq!(run.settlements(), [Ok(Qos::AtLeastOnce), Ok(Qos::AtLeastOnce)]);
}

#[test]
fn an_acknowledgement_from_before_the_connection_was_lost_settles_nothing() {
    let mut run = Run::new(&[Qos::AtLeastOnce]);
    run.connect(false);
    run.write();
    run.lose(true);
    run.connect(false);
    run.receive(&puback(1));
    assert!(!run.delivery.is_settled(), "it is not written on this connection yet");
    assert_eq!(published(&run.write()), [(1, true)]);
    run.receive(&puback(1));
    assert!(run.delivery.is_settled());
}

#[test]
fn qos_2_wants_pubrec_and_then_pubcomp() {
    let mut run = Run::new(&[Qos::ExactlyOnce]);
    run.connect(false);
    assert_eq!(published(&run.write()), [(1, false)]);
    run.receive(&puback(1));
    run.receive(&pubcomp(1));
    assert!(!run.delivery.is_settled());
    run.receive(&pubrec(1));
    assert_eq!(run.write(), [pubrel(1)]);
    run.receive(&pubrec(1));
    assert_eq!(run.write(), [pubrel(1)], "a repeated PUBREC is answered again");
    run.receive(&pubcomp(1));
    assert!(run.delivery.is_settled());
    run.receive(&pubrec(1));
    assert_eq!(run.write(), [pubrel(1)], "also when it is late");
    assert_eq!(run.settlements(), [Ok(Qos::ExactlyOnce)]);
}

#[test]
fn qos_2_goes_on_in_a_session_that_survived() {
    let mut run = Run::new(&[Qos::ExactlyOnce, Qos::ExactlyOnce]);
    run.connect(false);
    run.write();
    run.receive(&pubrec(1));
    run.write();
    run.lose(false);
    run.connect(true);
    let packets = run.write();
    assert_eq!(packets[0], pubrel(1));
    assert_eq!(published(&packets), [(2, true)]);
    run.receive(&pubcomp(1));
    run.receive(&pubrec(2));
    run.write();
    run.receive(&pubcomp(2));
    assert_eq!(run.settlements(), [Ok(Qos::ExactlyOnce), Ok(Qos::ExactlyOnce)]);
}

#[test]
fn qos_2_is_uncertain_when_the_session_is_gone() {
    let mut run = Run::new(&[Qos::ExactlyOnce, Qos::ExactlyOnce]);
    run.connect(false);
    run.write();
    run.receive(&pubrec(1));
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
    run.receive(&pubrec(7));
    assert_eq!(published(&run.write()).len(), 0, "PUBREC does not end the exchange");
    run.receive(&pubcomp(7));
    assert_eq!(published(&run.write()), [(21, false)]);

    let mut run = Run::new(&[Qos::AtLeastOnce; 150]);
    run.connect(false);
    assert_eq!(published(&run.write()).len(), WINDOW);
    run.receive(&puback(1));
    assert_eq!(published(&run.write()), [(101, false)]);
}

#[test]
fn identifiers_wrap_around_and_skip_those_in_use() {
    let mut run = Run::new(&[Qos::AtLeastOnce; 3]);
    run.delivery.connected(true, u16::MAX - 1);
    assert_eq!(published(&run.write()), [(u16::MAX, false), (1, false), (2, false)]);

    let mut run = Run::new(&[Qos::ExactlyOnce; WINDOW_QOS2 + 1]);
    run.connect(false);
    run.write();
    run.receive(&pubrec(5));
    assert_eq!(run.write(), [pubrel(5)]);
    run.receive(&pubcomp(5));
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
    for packet in [Packet::PingReq, Packet::Disconnect] {
        assert_eq!(run.delivery.received(&packet), Err("a packet that only a client sends"));
    }
}

#[test]
fn calls_share_a_connection_and_each_is_settled_by_itself() {
    let mut run = Run::new(&[Qos::AtLeastOnce]);
    run.connect(false);
    assert_eq!(published(&run.write()), [(1, false)]);
    let (one, two) = (run.batch, run.add(Qos::ExactlyOnce));
    assert_eq!(published(&run.write()), [(2, false)], "on the connection that stands");
    run.receive(&puback(1));
    assert!(run.delivery.has_settled(one) && !run.delivery.has_settled(two));
    assert_eq!(run.delivery.take_settled(), [one]);
    assert_eq!(run.end(one, true), [Ok(Qos::AtLeastOnce)]);
    run.receive(&pubrec(2));
    run.write();
    run.receive(&pubcomp(2));
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
        run.receive(&puback(1));
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
    run.receive(&puback(1));
    assert!(!run.delivery.has_settled(other));
    run.receive(&puback(2));
    assert_eq!(run.end(other, true), [Ok(Qos::AtLeastOnce)]);
}

#[test]
fn an_exchange_that_was_given_up_comes_to_its_end_with_the_broker() {
    let mut run = Run::new(&[Qos::ExactlyOnce]);
    run.connect(false);
    run.write();
    let (given_up, other) = (run.batch, run.add(Qos::ExactlyOnce));
    assert_eq!(run.end(given_up, true), [SENT]);
    run.receive(&pubrec(1));
    assert_eq!(run.write()[0], pubrel(1));
    run.receive(&pubcomp(1));
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
        delivery.connected(session_present, 500);
        delivery.add([(message(Qos::ExactlyOnce), Instant::now())].into_iter(), Instant::now());
        let mut out = BytesMut::new();
        delivery.serialise(&mut out, 0);
        assert_eq!(published(&[Packet::read(&mut out, MAX_PACKET).unwrap()]), [(expected, false)]);
    }
}
