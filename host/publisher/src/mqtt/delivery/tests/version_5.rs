//! What MQTT 5 adds: reason codes, and what CONNACK allows.

use super::*;
use crate::error::{Refusal, Unsettled};

/// An acknowledgement of MQTT 5.
fn says(identifier: u16, reason_code: u8) -> Ack {
    Ack { identifier, reason_code, reason: Some("words".into()) }
}

fn rejected(code: u8, progress: Progress) -> Settlement {
    let refusal = Refusal { reason: "words".to_owned(), ..Refusal::new(code) };
    Err(Unsettled { error: Error::Rejected(refusal), progress, broker: 0 })
}

#[test]
fn a_reason_code_from_128_is_a_refusal_and_one_below_is_told() {
    let mut run = Run::under(v5(), &[Qos::AtLeastOnce, Qos::AtLeastOnce]);
    assert_eq!(run.write_v5(), [(0x32, 1), (0x32, 2)]);
    run.receive(Incoming::Puback(says(1, 135)));
    run.receive(Incoming::Puback(says(2, 16)));
    let settled = run.all_settled();
    assert_eq!(settled[0], rejected(135, Progress::NotSent));
    assert_eq!(settled[1].as_ref().unwrap().reason_code, 16);
}

#[test]
fn pubrec_with_an_error_ends_the_exchange_and_frees_its_identifier() {
    let mut run = Run::under(v5(), &[Qos::ExactlyOnce, Qos::ExactlyOnce]);
    run.write_v5();
    run.receive(Incoming::Pubrec(says(1, 151)));
    assert_eq!(run.write(), [], "no PUBREL");
    run.receive(Incoming::Pubrec(says(1, 151)));
    assert_eq!(run.write(), [], "nor for a repetition");
    run.receive(Incoming::Pubrec(says(2, 16)));
    assert_eq!(run.write(), [released(2)]);
    run.receive(pubcomp(2));
    assert!(run.delivery.inflight.abandoned.is_empty());
    let settled = run.all_settled();
    assert_eq!(settled[0], rejected(151, Progress::NotSent));
    assert_eq!(settled[1].as_ref().unwrap().reason_code, 16);
}

#[test]
fn a_refusal_of_a_repetition_says_nothing_of_the_first() {
    let mut run = Run::under(v5(), &[Qos::AtLeastOnce]);
    run.write_v5();
    run.lose(true);
    run.connect_with(v5());
    assert_eq!(run.write_v5(), [(0x3a, 1)]);
    run.receive(Incoming::Puback(says(1, 151)));
    assert_eq!(run.all_settled(), [rejected(151, Progress::SentUnacknowledged)]);
}

#[test]
fn a_broker_that_has_forgotten_an_identifier_has_completed_it_only_in_a_session_that_survived() {
    let session = || ConnackLimits { session_present: true, ..v5() };
    for lost in [false, true] {
        let mut run = Run::under(session(), &[Qos::ExactlyOnce]);
        run.write_v5();
        run.receive(pubrec(501));
        run.write();
        if lost {
            run.lose(false);
            run.connect_with(session());
            assert_eq!(run.write(), [released(501)]);
        }
        run.receive(Incoming::Pubcomp(says(501, 146)));
        assert_eq!(run.settlements(), [if lost { Ok(Qos::ExactlyOnce) } else { SENT }], "lost: {lost}");
    }
}

#[test]
fn a_lower_maximum_qos_lowers_what_has_not_begun() {
    let maximum_qos = |qos| ConnackLimits { maximum_qos: qos, ..v5() };
    let mut run =
        Run::under(maximum_qos(QoS::AtLeastOnce), &[Qos::ExactlyOnce, Qos::AtLeastOnce, Qos::AtMostOnce]);
    assert_eq!(run.write_v5(), [(0x32, 1), (0x32, 2), (0x30, 0)]);
    run.receive(puback(1));
    run.receive(puback(2));
    assert_eq!(run.settlements(), [Ok(Qos::AtLeastOnce), Ok(Qos::AtLeastOnce), Ok(Qos::AtMostOnce)]);
    let mut run = Run::under(maximum_qos(QoS::AtMostOnce), &[Qos::ExactlyOnce]);
    // Another connection, on which more is possible, before anything was written.
    run.lose(true);
    run.connect_with(v5());
    assert_eq!(run.write_v5(), [(0x34, 1)]);
}

#[test]
fn what_the_broker_has_ruled_out_is_not_sent() {
    let mut retained = message(Qos::AtLeastOnce);
    retained.retain = true;
    let mut large = message(Qos::AtLeastOnce);
    large.payload = vec![b'x'; 10];
    // Fixed header 2, topic 3, packet identifier 2, length of properties 1, payload 10.
    for (maximum_packet_size, large_fits) in [(18, true), (17, false)] {
        let limits = ConnackLimits { retain_available: false, maximum_packet_size, ..v5() };
        let mut delivery = Delivery::default();
        delivery.connected(limits, 500);
        let now = Instant::now();
        let messages = [(retained.clone(), now), (large.clone(), now), (message(Qos::AtMostOnce), now)];
        let batch = delivery.add(messages.into_iter(), now);
        let mut out = BytesMut::new();
        delivery.serialise(now, &mut out, 0);
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
