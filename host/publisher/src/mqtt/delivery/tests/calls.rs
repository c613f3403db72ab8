//! The calls that share a delivery: each is settled by itself.

use super::*;

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
    assert_eq!(published(&run.write()).len(), 1, "the message that was never written");
}
