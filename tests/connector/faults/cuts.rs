//! A broker that ends the connection at each stage, and after each byte of what it answers.

use mqtt_connector_tests::packet::{Packet, PacketType};
use mqtt_connector_tests::{Expect, Step, encode};
use serde_json::json;

use super::carrier::{Carrier, TAKEN_OVER, lost, sent, side_by_side, uncertain};
use super::{connected, publish, script};

/// How a broker ends a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    /// FIN; with TLS `close_notify` before it, with WebSocket a Close frame before that.
    Closed,
    /// FIN; with TLS without `close_notify`, with WebSocket without a Close frame.
    Truncated,
    /// RST.
    Reset,
}

impl Cut {
    fn of(carrier: &Carrier) -> &'static [Self] {
        if carrier.is_tls() || carrier.is_websocket() {
            &[Self::Closed, Self::Truncated, Self::Reset]
        } else {
            &[Self::Closed, Self::Reset]
        }
    }

    fn step(self) -> Step {
        match self {
            Self::Closed => Step::close(),
            Self::Truncated => Step::close_without_notify(),
            Self::Reset => Step::reset(),
        }
    }

    fn words(self, carrier: &Carrier) -> &'static str {
        match self {
            Self::Closed => carrier.closed(),
            Self::Truncated if !carrier.is_tls() => "the broker closed the connection",
            Self::Truncated => "the broker closed the connection without ending TLS (no close_notify)",
            Self::Reset => "the broker reset the connection",
        }
    }
}

/// What goes before an answer of the broker's, and the answer.
#[derive(Clone)]
struct Stage {
    qos: u8,
    before: Vec<Step>,
    answer: Vec<u8>,
}

fn waiting_for_connack(carrier: &Carrier, qos: u8) -> Stage {
    let before = vec![Step::expect(Expect::connect())];
    Stage { qos, before, answer: carrier.connack(false) }
}

/// Stages at which the broker has the whole message.
fn after_the_message() -> [Stage; 3] {
    let asked = |qos| script([connected(false), vec![Step::expect(publish(qos).packet_id(1))]]);
    let released = vec![Step::respond(PacketType::PubRec), Step::expect(Expect::pubrel().packet_id(1))];
    [
        Stage { qos: 1, before: asked(1), answer: encode::puback(1) },
        Stage { qos: 2, before: asked(2), answer: encode::pubrec(1) },
        Stage { qos: 2, before: script([asked(2), released]), answer: encode::pubcomp(1) },
    ]
}

/// How much of an answer is sent.
#[derive(Clone, Copy)]
enum Much {
    /// Each number of bytes but all of them.
    Parts,
    Whole,
}

/// Plays each of `stages` up to so much of its answer, then a cut, for each cut there is; `judge` is told what came of it.
fn cut_at(
    stages: impl IntoIterator<Item = (Carrier, Stage)>,
    much: Much,
    judge: impl Fn(&Carrier, &Stage, Cut, super::carrier::Played) + Sync,
) {
    let (stages, judge): (Vec<_>, _) = (stages.into_iter().collect(), &judge);
    side_by_side(stages.iter().flat_map(|(carrier, stage)| {
        let whole = stage.answer.len();
        let lengths = match much {
            Much::Parts => 0..whole,
            Much::Whole => whole..whole + 1,
        };
        lengths.flat_map(move |length| {
            Cut::of(carrier).iter().map(move |&cut| {
                let mut steps = stage.before.clone();
                if length > 0 {
                    steps.push(Step::send(&stage.answer[..length]));
                }
                steps.push(cut.step());
                let request = json!({ "qos": stage.qos });
                move || judge(carrier, stage, cut, carrier.play([steps], request))
            })
        })
    }));
}

/// Each stage on each carrier.
fn everywhere(stages: impl Fn(&Carrier) -> [Stage; 3]) -> Vec<(Carrier, Stage)> {
    let on = |carrier: Carrier| stages(&carrier).map(|stage| (carrier.clone(), stage));
    Carrier::all().into_iter().flat_map(on).collect()
}

#[test]
fn each_byte_of_connack_but_the_last_leaves_the_message_unsent() {
    let stages = everywhere(|carrier| [0, 1, 2].map(|qos| waiting_for_connack(carrier, qos)));
    cut_at(stages, Much::Parts, |carrier, _, cut, played| {
        let reason = format!("{}, while waiting for CONNACK{}", cut.words(carrier), carrier.hint());
        played.assert(74, &lost(&reason));
    });
}

/// Whether the message or the end of the connection comes first is chance: the answer has to fit what came.
#[test]
fn a_cut_after_connack_is_answered_by_what_was_written() {
    let stages = everywhere(|carrier| [0, 1, 2].map(|qos| waiting_for_connack(carrier, qos)));
    cut_at(stages, Much::Whole, |carrier, stage, cut, played| {
        let arrived = played.record.packets().any(|packet| matches!(packet, Packet::Publish(_)));
        let allowed: &[i32] = match (stage.qos, arrived) {
            (0, true) => &[0],
            (0, false) => &[0, 74],
            (_, true) => &[79],
            (_, false) => &[74, 79],
        };
        let meta = &played.meta;
        assert!(allowed.contains(&meta.exit_code), "{carrier}, {cut:?}, {meta:?}, {}", played.record);
    });
}

#[test]
fn each_byte_of_an_acknowledgement_but_the_last_leaves_it_uncertain() {
    cut_at(everywhere(|_| after_the_message()), Much::Parts, |carrier, stage, cut, played| {
        let reason = format!("{}, while waiting for the acknowledgement{TAKEN_OVER}", cut.words(carrier));
        played.assert(79, &uncertain(stage.qos, "the connection was lost", &reason));
    });
}

#[test]
fn a_cut_after_the_last_acknowledgement_changes_nothing() {
    cut_at(everywhere(|_| after_the_message()), Much::Whole, |_, stage, _, played| {
        if stage.answer == encode::pubrec(1) {
            let reason = format!("…, while waiting for the acknowledgement{TAKEN_OVER}");
            played.assert(79, &uncertain(2, "the connection was lost", &reason));
        } else {
            played.assert(0, &sent(stage.qos));
        }
    });
}

#[test]
fn a_message_that_needs_no_acknowledgement_was_sent_however_the_connection_ends() {
    for carrier in Carrier::all() {
        for cut in Cut::of(&carrier) {
            let steps = script([connected(false), vec![Step::expect(publish(0)), cut.step()]]);
            carrier.play([steps], json!({ "qos": 0 })).assert(0, &sent(0));
        }
    }
}

#[test]
fn a_connection_that_ends_before_the_first_packet_was_lost() {
    for carrier in Carrier::all() {
        let quiet = !carrier.is_tls() && !carrier.is_websocket();
        for cut in Cut::of(&carrier).iter().filter(|cut| !quiet || **cut == Cut::Closed) {
            for qos in 0..=2 {
                // CONNECT may have been written to a connection that is not there any more.
                let played = carrier.play([vec![cut.step()]], json!({ "qos": qos }));
                played.assert(74, &lost("…, while waiting for CONNACK…"));
            }
        }
    }
    for carrier in Carrier::all().into_iter().filter(Carrier::is_tls) {
        let played = carrier.play_to(carrier.broker().raw_connection([Step::close()]), json!({}));
        let message = "Not sent, TLS with the broker BROKER failed: the … during the TLS handshake…; perhaps this is not …";
        played.assert(78, message);
    }
}

/// A connection that is reset as soon as it is accepted may be so before the client has seen it open: 69 instead.
#[test]
fn a_connection_that_is_reset_at_once_was_lost_or_never_there() {
    for carrier in Carrier::all() {
        let code = if carrier.is_tls() { 78 } else { 74 };
        for qos in 0..=2 {
            let builder = carrier.broker().raw_connection([Step::reset()]);
            let meta = carrier.play_to(builder, json!({ "qos": qos })).meta;
            assert!([code, 69].contains(&meta.exit_code), "{carrier}: {meta:?}");
            assert!(meta.message.starts_with("Not sent, "), "{carrier}: {meta:?}");
        }
    }
}
