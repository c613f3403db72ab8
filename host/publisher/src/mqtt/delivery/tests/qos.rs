//! What each quality of service takes to be settled.

use super::*;
use crate::error::Refusal;
use crate::mqtt::delivery::outbound::MAX_OWED;
use crate::mqtt::packet::Connack;

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
    run.delivery.serialise(run.now, &mut run.out, run.written);
    let bytes = run.out.len();
    run.take(bytes - 1);
    run.receive(puback(1));
    assert!(!run.delivery.is_settled(), "two bytes of PINGREQ are not the message's");
    run.take(1);
    run.receive(puback(1));
    assert!(run.delivery.is_settled());
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
    let connack = Incoming::Connack(Box::new(Connack::Accepted(limits(false))));
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
        assert_eq!(run.delivery.handle_packet(run.now, packet), Err(error));
    }
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
