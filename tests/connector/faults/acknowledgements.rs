//! Acknowledgements that are another message's, of another kind, repeated, or out of order: each message is settled by
//! its own.

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, PacketId, Step, encode};
use serde_json::{Value, json};

use super::carrier::{Carrier, sent, side_by_side, uncertain};
use super::{connected, goodbye, publish, script};
use crate::support::{send_batch, with};

const NO_ANSWER: &str = "no answer within 500 ms, while waiting for the acknowledgement";
/// RabbitMQ 3.10 does so.
const ANSWERED_WITH_PUBACK: &str = "no answer within 500 ms, while waiting for PUBREC; it answered with PUBACK, as a broker \
                                    without QoS 2 does: see qos";

#[test]
fn an_acknowledgement_of_another_kind_or_message_does_not_settle_this_one() {
    let carriers = Carrier::all();
    side_by_side(carriers.iter().flat_map(|carrier| {
        let wrong: [(u8, Vec<u8>); 19] = [
            (1, encode::puback(2)),
            (1, encode::puback(0x0100)),
            (1, encode::puback(u16::MAX)),
            (1, encode::pubrec(1)),
            (1, encode::pubcomp(1)),
            (1, [encode::pubrec(1), encode::pubcomp(1)].concat()),
            (1, [encode::puback(2), encode::puback(3), encode::puback(4)].concat()),
            (1, encode::pingresp()),
            (1, carrier.publish("t", 0, false, 0, b"x")),
            (2, encode::puback(1)),
            (2, [encode::puback(1), encode::puback(1)].concat()),
            (2, encode::pubcomp(1)),
            (2, encode::puback(9)),
            (2, encode::pingresp()),
            (2, carrier.publish("else", 0, false, 0, b"y")),
            (2, carrier.publish("else", 1, false, 1, b"y")),
            (2, carrier.publish("else", 2, false, 1, b"y")),
            (2, [encode::pubcomp(1), encode::pubcomp(1)].concat()),
            (2, [encode::puback(1), encode::pubcomp(1)].concat()),
        ];
        wrong.into_iter().map(move |(qos, wrong)| {
            let reason = if qos == 2 && wrong.starts_with(&encode::puback(1)) {
                ANSWERED_WITH_PUBACK
            } else {
                NO_ANSWER
            };
            let steps = script([
                connected(false),
                vec![Step::expect(publish(qos).packet_id(1)), Step::send(wrong), Step::expect_end()],
            ]);
            move || {
                let played = carrier.play([steps], json!({ "qos": qos, "timeout": 500 }));
                played.assert(79, &uncertain(qos, "the time was over", reason));
            }
        })
    }));
}

/// PUBREL is answered as if there had been a PUBREC, and the exchange waits for its own PUBCOMP.
#[test]
fn what_is_wrong_after_pubrec_does_not_settle_the_message() {
    let wrong = [
        (encode::pubcomp(2), None),
        (encode::puback(1), None),
        (encode::pubrec(1), Some(1)),
        (encode::pubrec(2), Some(2)),
        ([encode::puback(1), encode::pubcomp(0x0100)].concat(), None),
    ];
    let carriers = Carrier::all();
    side_by_side(wrong.iter().flat_map(|(wrong, released)| {
        carriers.iter().map(move |carrier| {
            let again = released.map(|id| Step::expect(Expect::pubrel().packet_id(id)));
            let steps = script([
                connected(false),
                vec![
                    Step::expect(publish(2).packet_id(1)),
                    Step::respond(PacketType::PubRec),
                    Step::expect(Expect::pubrel().packet_id(1)),
                    Step::send(wrong.as_slice()),
                ],
                again.into_iter().collect(),
                vec![Step::expect_end()],
            ]);
            move || {
                let played = carrier.play([steps], json!({ "timeout": 500 }));
                played.assert(79, &uncertain(2, "the time was over", NO_ANSWER));
            }
        })
    }));
}

#[test]
fn stray_acknowledgements_do_not_lose_this_message() {
    let strays = [encode::puback(9), encode::pubcomp(9), encode::puback(1), encode::pubcomp(1)].concat();
    let steps = script([
        connected(false),
        vec![
            Step::expect(publish(2).packet_id(1)),
            Step::send(strays),
            Step::send([encode::pubrec(1), encode::pubrec(1)].concat()),
            Step::expect(Expect::pubrel().packet_id(1)),
            Step::expect(Expect::pubrel().packet_id(1)),
            Step::respond(PacketType::PubComp),
        ],
        goodbye(),
    ]);
    for carrier in Carrier::all() {
        carrier.play([steps.clone()], json!({})).assert(0, &sent(2));
    }
}

#[test]
fn a_release_that_nobody_waits_for_is_completed() {
    for carrier in Carrier::all() {
        for id in [1, 77, u16::MAX] {
            let unsolicited = vec![
                Step::send(encode::pubrel(id)),
                Step::expect(Expect::packet(PacketType::PubComp).packet_id(id)),
            ];
            let once = script([
                connected(false),
                vec![Step::expect(publish(1))],
                unsolicited.clone(),
                vec![Step::respond_with_id(PacketType::PubAck, PacketId::OfPublish(0))],
                goodbye(),
            ]);
            carrier.play([once], json!({ "qos": 1 })).assert(0, &sent(1));
            let twice = script([
                connected(false),
                vec![Step::expect(publish(2))],
                unsolicited.clone(),
                vec![Step::send(encode::pubrec(1)), Step::expect(Expect::pubrel().packet_id(1))],
                unsolicited,
                vec![Step::send(encode::pubcomp(1))],
                goodbye(),
            ]);
            carrier.play([twice], json!({})).assert(0, &sent(2));
        }
    }
}

/// What a broker does with a batch of three messages, and the exit code of each.
struct Batch {
    qos: [u8; 3],
    steps: Vec<Step>,
    exit_codes: [i32; 3],
}

fn three(qos: [u8; 3]) -> Vec<Step> {
    let publishes = (1..).zip(qos).map(|(id, qos)| Step::expect(Expect::publish().qos(qos).packet_id(id)));
    script([connected(false), publishes.collect()])
}

fn acks(kind: PacketType, ids: &[u16]) -> Step {
    Step::send(ids.iter().flat_map(|&id| encode::ack(kind, id)).collect::<Vec<u8>>())
}

fn released(ids: &[u16]) -> Vec<Step> {
    ids.iter().map(|&id| Step::expect(Expect::pubrel().packet_id(id))).collect()
}

fn batches() -> Vec<Batch> {
    use PacketType::{PubAck, PubComp, PubRec};
    let batch = |qos, parts: Vec<Vec<Step>>, exit_codes: [i32; 3]| {
        let end = if exit_codes.contains(&79) { vec![Step::expect_end()] } else { goodbye() };
        Batch { qos, steps: script([three(qos), parts.concat(), end]), exit_codes }
    };
    vec![
        batch([1; 3], vec![vec![acks(PubAck, &[3, 2, 1])]], [0; 3]),
        batch([1; 3], vec![vec![acks(PubAck, &[3, 1])]], [0, 79, 0]),
        batch([1; 3], vec![vec![acks(PubAck, &[2])]], [79, 0, 79]),
        batch([1; 3], vec![vec![acks(PubAck, &[1, 1, 1])]], [0, 79, 79]),
        batch([1; 3], vec![vec![acks(PubAck, &[1, 1, 3, 3, 2, 2])]], [0; 3]),
        batch([1; 3], vec![vec![acks(PubAck, &[4, 5, 6])]], [79; 3]),
        batch(
            [2; 3],
            vec![vec![acks(PubRec, &[3, 2, 1])], released(&[3, 2, 1]), vec![acks(PubComp, &[1, 2, 3])]],
            [0; 3],
        ),
        batch(
            [2; 3],
            vec![vec![acks(PubRec, &[3, 1])], released(&[3, 1]), vec![acks(PubComp, &[1, 2, 3])]],
            [0, 79, 0],
        ),
        batch(
            [2; 3],
            vec![vec![acks(PubRec, &[1, 2, 3])], released(&[1, 2, 3]), vec![acks(PubComp, &[3, 1])]],
            [0, 79, 0],
        ),
        // A PUBREC after PUBCOMP is answered, and is nobody's any more.
        batch(
            [2; 3],
            vec![
                vec![acks(PubRec, &[1])],
                released(&[1]),
                vec![acks(PubComp, &[1]), acks(PubRec, &[1])],
                released(&[1]),
                vec![acks(PubComp, &[1, 1]), acks(PubRec, &[2, 3])],
                released(&[2, 3]),
                vec![acks(PubComp, &[3, 2])],
            ],
            [0; 3],
        ),
        batch(
            [1, 2, 1],
            vec![
                vec![acks(PubAck, &[3, 2, 1]), acks(PubRec, &[2])],
                released(&[2]),
                vec![acks(PubComp, &[2])],
            ],
            [0; 3],
        ),
        batch(
            [1, 2, 1],
            vec![vec![acks(PubRec, &[1, 2, 3])], released(&[2]), vec![acks(PubComp, &[1, 2, 3])]],
            [79, 0, 79],
        ),
    ]
}

#[test]
fn each_message_of_a_batch_is_settled_by_its_own_acknowledgements() {
    let carriers = Carrier::all();
    side_by_side(carriers.iter().flat_map(|carrier| {
        batches().into_iter().map(move |Batch { qos, steps, exit_codes }| {
            move || {
                let broker = carrier.broker().connection(steps).start();
                let timeout = if exit_codes == [0; 3] { 5000 } else { 500 };
                let config = with(&carrier.config(broker.port()), json!({ "timeout": timeout }));
                let requests: Vec<Value> =
                    qos.iter().map(|qos| json!({ "topic": "t", "content": "x", "qos": qos })).collect();
                let metas = send_batch(&config, &requests);
                let record = broker.finish();
                let codes: Vec<i32> = metas.iter().map(|meta| meta.exit_code).collect();
                assert_eq!(codes, exit_codes, "{carrier}: {metas:?}\n{record}");
                for meta in metas.iter().filter(|meta| meta.exit_code == 79) {
                    assert!(meta.message.contains(NO_ANSWER), "{meta:?}");
                }
            }
        })
    }));
}

/// As RabbitMQ 3 does under 3.1.1.
#[test]
fn a_broker_that_has_no_qos_2_and_does_not_say_so_is_not_waited_for_without_end() {
    let carriers = Carrier::all();
    side_by_side(carriers.iter().map(|carrier| {
        let steps = script([
            connected(false),
            vec![Step::expect(publish(2).packet_id(1)), Step::respond(PacketType::PubAck)],
            goodbye(),
        ]);
        move || {
            let played = carrier.play([steps], json!({ "qos": 2, "timeout": 60_000 }));
            let reason =
                "it answered a message of QoS 2 with PUBACK, as brokers do that have no QoS 2: set qos to 1";
            played.assert(79, &uncertain(2, "the broker broke the protocol", reason));
        }
    }));
}
