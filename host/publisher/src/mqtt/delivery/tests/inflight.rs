//! How many messages are in flight, and under which packet identifiers.

use super::*;
use crate::mqtt::delivery::inflight::{MAX_INFLIGHT, MAX_INFLIGHT_QOS2};

#[test]
fn no_more_messages_are_in_flight_than_allowed() {
    let mut run = Run::new(&[Qos::ExactlyOnce; 30]);
    run.connect(false);
    assert_eq!(published(&run.write()).len(), MAX_INFLIGHT_QOS2);
    run.receive(pubrec(7));
    assert_eq!(published(&run.write()).len(), 0, "PUBREC does not end the exchange");
    run.receive(pubcomp(7));
    assert_eq!(published(&run.write()), [(21, false)]);

    let mut run = Run::new(&[Qos::AtLeastOnce; 150]);
    run.connect(false);
    assert_eq!(published(&run.write()).len(), MAX_INFLIGHT);
    run.receive(puback(1));
    assert_eq!(published(&run.write()), [(101, false)]);
}

#[test]
fn identifiers_wrap_around_and_skip_those_in_use() {
    let mut run = Run::new(&[Qos::AtLeastOnce; 3]);
    run.delivery.connected(limits(true), u16::MAX - 1);
    assert_eq!(published(&run.write()), [(u16::MAX, false), (1, false), (2, false)]);

    let mut run = Run::new(&[Qos::ExactlyOnce; MAX_INFLIGHT_QOS2 + 1]);
    run.connect(false);
    run.write();
    run.receive(pubrec(5));
    assert_eq!(run.write(), [released(5)]);
    run.receive(pubcomp(5));
    run.delivery.inflight.last_identifier = u16::MAX;
    assert_eq!(published(&run.write()), [(5, false)]);
}

#[test]
fn the_receive_maximum_bounds_what_is_in_flight_on_one_connection() {
    let limits = || ConnackLimits { receive_maximum: 2, ..v5() };
    let mut run =
        Run::under(limits(), &[Qos::AtLeastOnce, Qos::ExactlyOnce, Qos::AtLeastOnce, Qos::AtMostOnce]);
    assert_eq!(run.write_v5(), [(0x32, 1), (0x34, 2)], "in order: QoS 0 waits, too");
    run.receive(pubrec(2));
    assert_eq!(run.write(), [released(2)], "PUBREC makes no room");
    run.receive(puback(1));
    assert_eq!(run.write_v5(), [(0x32, 3), (0x30, 0)]);
    run.receive(pubcomp(2));
    run.lose(true);
    let more = run.add(Qos::AtLeastOnce);
    run.connect_with(ConnackLimits { receive_maximum: 1, ..v5() });
    assert_eq!(run.write_v5(), [(0x3a, 3)]);
    run.receive(puback(3));
    assert_eq!(run.write_v5(), [(0x32, 4)]);
    run.receive(puback(4));
    assert_eq!(run.end(more, true), [Ok(Qos::AtLeastOnce)]);
}
