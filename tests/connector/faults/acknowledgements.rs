//! A release that nobody waits for, and batches, of which each message is settled by its own acknowledgements; those of one
//! message are among the harness's scenarios.

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, PacketId, Step, encode};
use serde_json::{Value, json};

use super::carrier::{Carrier, Play as _, sent, side_by_side};
use super::{connected, goodbye, publish, script};
use crate::support::{send_batch, with};

const NO_ANSWER: &str = "no answer within 500 ms, while waiting for the acknowledgement";

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
