//! A broker that ends the connection at each stage, and after each byte of what it answers.

use serde_json::json;

use super::{Setting, answer, connected, publish, script};
use crate::carrier::Carrier;
use crate::encode;
use crate::expect::Expect;
use crate::packet::{Packet, PacketType};
use crate::scenario::words::{TAKEN_OVER, lost, sent, uncertain};
use crate::scenario::{Played, Scenario};
use crate::step::Step;

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
    answer: Answer,
}

#[derive(Clone)]
enum Answer {
    Connack(Vec<u8>),
    /// With the identifier of the packet that it acknowledges.
    Acknowledgement(PacketType),
}

impl Answer {
    fn len(&self) -> usize {
        match self {
            Self::Connack(bytes) => bytes.len(),
            Self::Acknowledgement(kind) => encode::ack(*kind, 1).len(),
        }
    }

    /// Sends its first `length` bytes.
    fn begin(&self, length: usize) -> Step {
        match self {
            Self::Connack(bytes) => Step::send(&bytes[..length]),
            Self::Acknowledgement(kind) => {
                let kind = *kind;
                answer(move |id| encode::ack(kind, id)[..length].to_vec())
            }
        }
    }
}

fn waiting_for_connack(carrier: &Carrier, qos: u8) -> Stage {
    let before = vec![Step::expect(Expect::connect())];
    Stage { qos, before, answer: Answer::Connack(carrier.connack(false)) }
}

/// Stages at which the broker has the whole message.
fn after_the_message(on: &Setting) -> [Stage; 3] {
    let asked = |qos| script([connected(false), vec![Step::expect(on.publish(qos))]]);
    let released = vec![Step::respond(PacketType::PubRec), Step::expect(on.pubrel())];
    let stage = |qos, before, kind| Stage { qos, before, answer: Answer::Acknowledgement(kind) };
    [
        stage(1, asked(1), PacketType::PubAck),
        stage(2, asked(2), PacketType::PubRec),
        stage(2, script([asked(2), released]), PacketType::PubComp),
    ]
}

/// How much of an answer is sent.
#[derive(Clone, Copy)]
enum Much {
    /// Each number of bytes but all of them.
    Parts,
    Whole,
}

/// Sends so much of the answer of each of `stages`, then cuts, for each cut there is; `expect` says what has to come of it.
fn cut_at(
    carrier: &Carrier,
    stages: &[Stage],
    much: Much,
    expect: impl Fn(Scenario, &Stage, Cut) -> Scenario,
) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for stage in stages {
        let whole = stage.answer.len();
        let lengths = match much {
            Much::Parts => 0..whole,
            Much::Whole => whole..whole + 1,
        };
        for length in lengths {
            for cut in Cut::of(carrier) {
                let mut steps = stage.before.clone();
                if length > 0 {
                    steps.push(stage.answer.begin(length));
                }
                steps.push(cut.step());
                let scenario = Scenario::new(carrier, [steps], json!({ "qos": stage.qos }));
                scenarios.push(expect(scenario, stage, *cut));
            }
        }
    }
    scenarios
}

pub(super) fn each_byte_of_connack_but_the_last_leaves_the_message_unsent(on: &Setting) -> Vec<Scenario> {
    on.each(|carrier| {
        let stages = [0, 1, 2].map(|qos| waiting_for_connack(carrier, qos));
        cut_at(carrier, &stages, Much::Parts, |scenario, _, cut| {
            let reason = format!("{}, while waiting for CONNACK{}", cut.words(carrier), carrier.hint());
            scenario.answers(74, lost(&reason))
        })
    })
}

/// Whether the message or the end of the connection comes first is chance: the answer has to fit what came.
pub(super) fn a_cut_after_connack_is_answered_by_what_was_written(on: &Setting) -> Vec<Scenario> {
    let said = "exit code 0 for QoS 0 and 79 for others if the message has come, as well as 74 if it has not";
    on.each(|carrier| {
        let stages = [0, 1, 2].map(|qos| waiting_for_connack(carrier, qos));
        cut_at(carrier, &stages, Much::Whole, |scenario, stage, _| {
            let qos = stage.qos;
            scenario.answers_one_of("…", said, move |played| match (qos, arrived(played)) {
                (0, true) => vec![0],
                (0, false) => vec![0, 74],
                (_, true) => vec![79],
                (_, false) => vec![74, 79],
            })
        })
    })
}

fn arrived(played: &Played) -> bool {
    played.record.packets().any(|packet| matches!(packet, Packet::Publish(_)))
}

pub(super) fn each_byte_of_an_acknowledgement_but_the_last_leaves_it_uncertain(
    on: &Setting,
) -> Vec<Scenario> {
    on.each(|carrier| {
        cut_at(carrier, &after_the_message(on), Much::Parts, |scenario, stage, cut| {
            let reason = format!("{}, while waiting for the acknowledgement{TAKEN_OVER}", cut.words(carrier));
            scenario.answers(79, uncertain(stage.qos, "the connection was lost", &reason))
        })
    })
}

pub(super) fn a_cut_after_the_last_acknowledgement_changes_nothing(on: &Setting) -> Vec<Scenario> {
    on.each(|carrier| {
        cut_at(carrier, &after_the_message(on), Much::Whole, |scenario, stage, _| match stage.answer {
            Answer::Acknowledgement(PacketType::PubRec) => {
                let reason = format!("…, while waiting for the acknowledgement{TAKEN_OVER}");
                scenario.answers(79, uncertain(2, "the connection was lost", &reason))
            }
            _ => scenario.answers(0, sent(stage.qos)),
        })
    })
}

pub(super) fn a_message_that_needs_no_acknowledgement_was_sent_however_the_connection_ends(
    on: &Setting,
) -> Vec<Scenario> {
    on.each(|carrier| {
        let scenario = |cut: &Cut| {
            let steps = script([connected(false), vec![Step::expect(publish(0)), cut.step()]]);
            Scenario::new(carrier, [steps], json!({ "qos": 0 })).answers(0, sent(0))
        };
        Cut::of(carrier).iter().map(scenario).collect()
    })
}

pub(super) fn a_connection_that_ends_before_the_first_packet_was_lost(on: &Setting) -> Vec<Scenario> {
    on.each(|carrier| {
        let quiet = !carrier.is_tls() && !carrier.is_websocket();
        let cuts = Cut::of(carrier).iter().filter(|cut| !quiet || **cut == Cut::Closed);
        // CONNECT may have been written to a connection that is not there any more.
        let scenario = |cut: &Cut, qos: u8| {
            Scenario::new(carrier, [vec![cut.step()]], json!({ "qos": qos }))
                .answers(74, lost("…, while waiting for CONNACK…"))
        };
        cuts.flat_map(|cut| (0..=2).map(|qos| scenario(cut, qos))).collect()
    })
}

pub(super) fn tls_that_is_not_answered_has_failed(on: &Setting) -> Vec<Scenario> {
    let carriers = on.carriers.iter().filter(|carrier| carrier.is_tls());
    let scenario = |carrier: &Carrier| {
        let message = "Not sent, TLS with the broker BROKER failed: the … during the TLS handshake…; perhaps this is not …";
        let broker = carrier.broker().raw_connection([Step::close()]);
        Scenario::at(carrier, broker, json!({})).answers(78, message)
    };
    carriers.map(scenario).collect()
}

/// A connection that is reset as soon as it is accepted may be so before the client has seen it open: 69 instead.
pub(super) fn a_connection_that_is_reset_at_once_was_lost_or_never_there(on: &Setting) -> Vec<Scenario> {
    on.each(|carrier| {
        let code = if carrier.is_tls() { 78 } else { 74 };
        let scenario = |qos: u8| {
            let broker = carrier.broker().raw_connection([Step::reset()]);
            Scenario::at(carrier, broker, json!({ "qos": qos })).answers_one_of(
                "Not sent, …",
                "exit code 74, with TLS 78, or 69",
                move |_| vec![code, 69],
            )
        };
        (0..=2).map(scenario).collect()
    })
}
