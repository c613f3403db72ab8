//! Acknowledgements that come before what they acknowledge: they acknowledge nothing.

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Step, encode};
use serde_json::json;

use crate::faults::{connected, goodbye, play, publish, script};

#[test]
fn an_acknowledgement_that_comes_with_connack_settles_nothing() {
    for (qos, early) in [
        (1, encode::puback(1)),
        (1, [encode::puback(1), encode::puback(2)].concat()),
        (2, [encode::pubrec(1), encode::pubcomp(1)].concat()),
    ] {
        let steps = vec![
            Step::expect(Expect::connect()),
            Step::send([encode::connack(false, 0), early.clone()].concat()),
            Step::expect(Expect::publish().qos(qos)),
            Step::send(encode::pingresp()),
            Step::expect_end(),
        ];
        // A PUBREC of before is answered like any late one, so that PUBREL comes first at QoS 2.
        let steps = if qos == 2 {
            let mut steps = steps;
            steps.insert(2, Step::expect(Expect::pubrel()));
            steps
        } else {
            steps
        };
        let meta = play([steps], json!({ "qos": qos, "timeout": 400 }));
        assert_eq!(meta.exit_code, 79, "QoS {qos} {early:?}: {}", meta.message);
    }
}

#[test]
fn what_breaks_the_protocol_together_with_connack_is_seen_before_anything_is_sent() {
    for wrong in [encode::connack(false, 0), vec![0xc0, 0x00], vec![0xff, 0x00]] {
        let answer = [encode::connack(false, 0), wrong.clone()].concat();
        let steps = vec![Step::expect(Expect::connect()), Step::send(answer), Step::expect_end()];
        let meta = play([steps], json!({}));
        assert_eq!(meta.exit_code, 76, "{wrong:?}: {}", meta.message);
    }
}

#[test]
fn a_pubcomp_that_comes_with_pubrec_settles_nothing() {
    let steps = script([
        connected(false),
        vec![
            Step::expect(publish(2)),
            Step::send([encode::pubrec(1), encode::pubcomp(1)].concat()),
            Step::expect(Expect::pubrel()),
            Step::expect_end(),
        ],
    ]);
    let meta = play([steps], json!({ "timeout": 400 }));
    assert_eq!(meta.exit_code, 79, "{}", meta.message);

    let steps = script([
        connected(false),
        vec![
            Step::expect(publish(2)),
            Step::send([encode::pubrec(1), encode::pubcomp(1)].concat()),
            Step::expect(Expect::pubrel()),
            Step::respond(PacketType::PubComp),
        ],
        goodbye(),
    ]);
    assert_eq!(play([steps], json!({})).exit_code, 0);
}
