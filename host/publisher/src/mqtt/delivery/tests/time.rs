//! What depends on the time, which every event tells.

use super::*;
use crate::error::Unsettled;
use crate::mqtt::delivery::incoming::PUBREC_GRACE;

const MILLISECOND: Duration = Duration::from_millis(1);

#[test]
fn a_message_is_not_written_before_its_moment_and_those_behind_it_wait() {
    let mut run = Run::new(&[Qos::AtLeastOnce]);
    run.connect(false);
    let moment = run.now + 10 * MILLISECOND;
    run.add_for(Qos::AtLeastOnce, moment);
    run.add(Qos::AtLeastOnce);
    assert_eq!(run.delivery.next_timeout(), None, "nobody has tried to write it");
    assert_eq!(published(&run.write()), [(1, false)]);
    assert_eq!(run.delivery.next_timeout(), Some(moment));
    run.pass(9 * MILLISECOND);
    assert_eq!(published(&run.write()), []);
    assert_eq!(run.delivery.next_timeout(), Some(moment));
    run.pass(MILLISECOND);
    assert_eq!(published(&run.write()), [(2, false), (3, false)]);
    assert_eq!(run.delivery.next_timeout(), None);
}

#[test]
fn a_moment_that_passes_between_two_questions_is_still_told() {
    let mut run = Run::new(&[]);
    run.connect(false);
    let moment = run.now + MILLISECOND;
    run.add_for(Qos::AtMostOnce, moment);
    assert_eq!(run.write(), []);
    run.pass(2 * MILLISECOND);
    assert_eq!(run.delivery.next_timeout(), Some(moment));
}

#[test]
fn a_full_window_is_waited_for_without_a_timeout() {
    let mut run = Run::under(ConnackLimits { receive_maximum: 1, ..v5() }, &[Qos::AtLeastOnce; 2]);
    assert_eq!(run.write_v5(), [(0x32, 1)]);
    run.pass(MILLISECOND);
    assert_eq!(run.delivery.next_timeout(), None);
}

#[test]
fn a_receipt_tells_the_time_from_the_call_to_the_acknowledgement() {
    let mut run = Run::new(&[Qos::AtMostOnce, Qos::AtLeastOnce, Qos::ExactlyOnce]);
    run.pass(MILLISECOND);
    run.connect(false);
    run.write();
    run.pass(2 * MILLISECOND);
    run.receive(puback(1));
    run.receive(pubrec(2));
    run.write();
    run.pass(4 * MILLISECOND);
    run.receive(pubcomp(2));
    run.pass(8 * MILLISECOND);
    let elapsed: Vec<u64> =
        run.all_settled().into_iter().map(|settlement| settlement.unwrap().elapsed_microseconds).collect();
    assert_eq!(elapsed, [1000, 3000, 7000]);
}

#[test]
fn qos_2_answered_with_puback_is_given_up_when_no_pubrec_follows() {
    let mut run = Run::new(&[Qos::ExactlyOnce]);
    run.connect(false);
    run.write();
    run.receive(puback(1));
    let until = run.now + PUBREC_GRACE;
    assert_eq!(run.delivery.next_timeout(), Some(until));
    run.pass(PUBREC_GRACE - MILLISECOND);
    run.receive(puback(1));
    run.delivery.handle_timeout(run.now);
    assert!(!run.delivery.is_settled());
    assert_eq!(run.delivery.next_timeout(), Some(until), "a second PUBACK grants no more time");
    run.pass(MILLISECOND);
    run.delivery.handle_timeout(run.now);
    assert!(run.delivery.is_settled());
    assert_eq!(run.delivery.next_timeout(), None);
    let settled = run.all_settled();
    assert!(
        matches!(
            &settled[..],
            [Err(Unsettled { error: Error::Protocol(_), progress: Progress::SentUnacknowledged, .. })]
        ),
        "{settled:?}"
    );
}

#[test]
fn qos_2_answered_with_puback_goes_on_when_pubrec_follows_or_the_connection_is_lost() {
    let mut run = Run::new(&[Qos::ExactlyOnce]);
    run.connect(false);
    run.write();
    run.receive(puback(1));
    run.pass(PUBREC_GRACE / 2);
    run.receive(pubrec(1));
    assert_eq!(run.write(), [released(1)]);
    run.pass(PUBREC_GRACE / 2);
    run.delivery.handle_timeout(run.now);
    run.receive(pubcomp(1));
    assert_eq!(run.settlements(), [Ok(Qos::ExactlyOnce)]);

    let mut run = Run::new(&[Qos::ExactlyOnce]);
    run.connect(false);
    run.write();
    run.receive(puback(1));
    run.lose(false);
    run.connect(true);
    assert_eq!(published(&run.write()), [(1, true)]);
    assert_eq!(run.delivery.next_timeout(), None, "the new connection begins without PUBACK");
    run.pass(PUBREC_GRACE);
    run.delivery.handle_timeout(run.now);
    run.receive(pubrec(1));
    run.write();
    run.receive(pubcomp(1));
    assert_eq!(run.settlements(), [Ok(Qos::ExactlyOnce)]);
}
