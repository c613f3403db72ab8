//! Acknowledgements that are another message's, of another kind, repeated, or out of order: a message is settled by its own.

use serde_json::json;

use super::{Setting, answer, connected, goodbye, script};
use crate::encode;
use crate::packet::PacketType;
use crate::scenario::{Scenario, words};
use crate::step::Step;

const WAITING: &str = "waiting for the acknowledgement";
/// RabbitMQ 3.10 does so.
const ANSWERED_WITH_PUBACK: &str =
    "waiting for PUBREC; it answered with PUBACK, as a broker without QoS 2 does: see qos";

/// What a broker sends, made of the identifier of the packet that it answers.
type Wrong = Box<dyn Fn(u16) -> Vec<u8> + Send + Sync>;

fn wrong(bytes: impl Fn(u16) -> Vec<u8> + Send + Sync + 'static) -> Wrong {
    Box::new(bytes)
}

pub(super) fn an_acknowledgement_of_another_kind_or_message_does_not_settle_this_one(
    on: &Setting,
) -> Vec<Scenario> {
    on.each(|carrier| {
        let publish = |topic: &'static str, qos: u8| {
            let carrier = carrier.clone();
            wrong(move |id| carrier.publish(topic, qos, false, if qos == 0 { 0 } else { id }, b"y"))
        };
        let wrongs = [
            (1, WAITING, wrong(|id| encode::puback(id + 1))),
            (1, WAITING, wrong(|id| encode::puback(id.swap_bytes()))),
            (1, WAITING, wrong(|_| encode::puback(u16::MAX))),
            (1, WAITING, wrong(encode::pubrec)),
            (1, WAITING, wrong(encode::pubcomp)),
            (1, WAITING, wrong(|id| [encode::pubrec(id), encode::pubcomp(id)].concat())),
            (1, WAITING, wrong(|id| [1, 2, 3].map(|more| encode::puback(id + more)).concat())),
            (1, WAITING, wrong(|_| encode::pingresp())),
            (1, WAITING, publish("t", 0)),
            (2, ANSWERED_WITH_PUBACK, wrong(encode::puback)),
            (2, ANSWERED_WITH_PUBACK, wrong(|id| encode::puback(id).repeat(2))),
            (2, WAITING, wrong(encode::pubcomp)),
            (2, WAITING, wrong(|id| encode::puback(id + 8))),
            (2, WAITING, wrong(|_| encode::pingresp())),
            (2, WAITING, publish("else", 0)),
            (2, WAITING, publish("else", 1)),
            (2, WAITING, publish("else", 2)),
            (2, WAITING, wrong(|id| encode::pubcomp(id).repeat(2))),
            (2, ANSWERED_WITH_PUBACK, wrong(|id| [encode::puback(id), encode::pubcomp(id)].concat())),
        ];
        let scenario = |(qos, stage, bytes): (u8, &str, Wrong)| {
            let answered = vec![Step::expect(on.publish(qos)), answer(bytes), Step::expect_end()];
            Scenario::new(carrier, [script([connected(false), answered])], json!({ "qos": qos }))
                .answers(79, words::unacknowledged(qos, stage))
                .times_out()
        };
        wrongs.into_iter().map(scenario).collect()
    })
}

/// PUBREL is answered as if there had been a PUBREC, and the exchange waits for its own PUBCOMP.
pub(super) fn what_is_wrong_after_pubrec_does_not_settle_the_message(on: &Setting) -> Vec<Scenario> {
    on.each(|carrier| {
        let other = |packet: crate::Expect| match on.first_packet_id {
            Some(id) => packet.packet_id(id + 1),
            None => packet,
        };
        let wrongs = [
            (wrong(|id| encode::pubcomp(id + 1)), None),
            (wrong(encode::puback), None),
            (wrong(encode::pubrec), Some(on.pubrel())),
            (wrong(|id| encode::pubrec(id + 1)), Some(other(crate::Expect::pubrel()))),
            (wrong(|id| [encode::puback(id), encode::pubcomp(id.swap_bytes())].concat()), None),
        ];
        let scenario = |(bytes, again): (Wrong, Option<crate::Expect>)| {
            let exchange = vec![
                Step::expect(on.publish(2)),
                Step::respond(PacketType::PubRec),
                Step::expect(on.pubrel()),
                answer(bytes),
            ];
            let again = again.map(Step::expect).into_iter().collect();
            let steps = script([connected(false), exchange, again, vec![Step::expect_end()]]);
            Scenario::new(carrier, [steps], json!({}))
                .answers(79, words::unacknowledged(2, WAITING))
                .times_out()
        };
        wrongs.into_iter().map(scenario).collect()
    })
}

pub(super) fn stray_acknowledgements_do_not_lose_this_message(on: &Setting) -> Vec<Scenario> {
    on.each(|carrier| {
        let strays = |id: u16| {
            [encode::puback(id + 8), encode::pubcomp(id + 8), encode::puback(id), encode::pubcomp(id)]
                .concat()
        };
        let exchange = vec![
            Step::expect(on.publish(2)),
            answer(strays),
            answer(|id| encode::pubrec(id).repeat(2)),
            Step::expect(on.pubrel()),
            Step::expect(on.pubrel()),
            Step::respond(PacketType::PubComp),
        ];
        let steps = script([connected(false), exchange, goodbye()]);
        vec![Scenario::new(carrier, [steps], json!({}))]
    })
}

/// As RabbitMQ 3 does under 3.1.1; it is not waited for without end.
pub(super) fn a_broker_that_answers_qos_2_with_puback_leaves_it_uncertain(on: &Setting) -> Vec<Scenario> {
    on.each(|carrier| {
        let steps = script([
            connected(false),
            vec![Step::expect(on.publish(2)), Step::respond(PacketType::PubAck)],
            goodbye(),
        ]);
        let reason =
            "it answered a message of QoS 2 with PUBACK, as brokers do that have no QoS 2: set qos to 1";
        let message = words::uncertain(2, "the broker broke the protocol", reason);
        vec![Scenario::new(carrier, [steps], json!({ "qos": 2, "timeout": 60_000 })).answers(79, message)]
    })
}
