//! Exchanges of QoS 2 and packet identifiers across the connections of a session.

use super::*;

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
fn an_identifier_that_was_given_up_is_not_used_again_while_the_session_lives() {
    let mut run = Run::new(&[Qos::ExactlyOnce]);
    run.connect(false);
    run.write();
    let (given_up, other) = (run.batch, run.add(Qos::ExactlyOnce));
    assert_eq!(run.end(given_up, true), [SENT]);
    run.lose(false);
    run.connect(true);
    run.delivery.inflight.last_identifier = 0;
    assert_eq!(
        published(&run.write()),
        [(2, false)],
        "the message that was given up is not sent again either"
    );
    assert_eq!(run.end(other, true), [SENT]);
    run.lose(false);
    run.connect(false);
    run.delivery.inflight.last_identifier = 0;
    run.add(Qos::ExactlyOnce);
    assert_eq!(published(&run.write()), [(1, false)], "the session is gone");
}

#[test]
fn what_an_earlier_connection_has_left_behind_is_not_used_while_the_session_lives() {
    for (session_present, expected) in [(true, 502), (false, 1)] {
        let mut delivery = Delivery::after(HashSet::from([501, 1]));
        delivery.connected(limits(session_present), 500);
        let now = Instant::now();
        delivery.add([(message(Qos::ExactlyOnce), now)].into_iter(), now);
        let mut out = BytesMut::new();
        delivery.serialise(now, &mut out, 0);
        assert_eq!(published(&[Packet::read(&mut out, usize::MAX).unwrap()]), [(expected, false)]);
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
