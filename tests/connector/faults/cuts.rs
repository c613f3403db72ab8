//! A broker that ends the connection at each stage, and after each byte of what it answers.

use mqtt_connector_tests::packet::{Packet, PacketType};
use mqtt_connector_tests::{Expect, Step, encode};
use serde_json::json;

use super::transport::{Transport, lost, sent, side_by_side, uncertain};
use super::{connected, publish, script};
use crate::support::assert_meta;

/// How a broker ends a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    /// FIN; with TLS `close_notify` before it.
    Closed,
    /// FIN; with TLS without `close_notify`.
    Truncated,
    /// RST.
    Reset,
}

impl Cut {
    fn of(transport: &Transport) -> &'static [Self] {
        if transport.is_tls() {
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

    fn words(self) -> &'static str {
        match self {
            Self::Closed => "the broker closed the connection",
            Self::Truncated => {
                "the connection was lost: peer closed connection without sending TLS close_notify: …"
            }
            Self::Reset => "the connection was lost: Connection reset by peer (os error 104)",
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

fn waiting_for_connack(qos: u8) -> Stage {
    let before = vec![Step::expect(Expect::connect())];
    Stage { qos, before, answer: encode::connack(false, 0) }
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

/// Plays `stage` to byte `length` of its answer, then `cut`, for each cut of each transport; `judge` is told what came
/// of it.
fn cut_at(
    transports: &[Transport],
    stage: &Stage,
    lengths: impl Iterator<Item = usize>,
    judge: impl Fn(&Transport, Cut, super::transport::Played) + Sync,
) {
    let judge = &judge;
    side_by_side(lengths.flat_map(|length| {
        transports.iter().flat_map(move |transport| {
            Cut::of(transport).iter().map(move |&cut| {
                let mut steps = stage.before.clone();
                if length > 0 {
                    steps.push(Step::send(&stage.answer[..length]));
                }
                steps.push(cut.step());
                let request = json!({ "qos": stage.qos });
                move || judge(transport, cut, transport.play([steps], request))
            })
        })
    }));
}

#[test]
fn each_byte_of_connack_but_the_last_leaves_the_message_unsent() {
    let transports = Transport::both();
    for qos in 0..=2 {
        let stage = waiting_for_connack(qos);
        cut_at(&transports, &stage, 0..stage.answer.len(), |transport, cut, played| {
            let hint = if transport.is_tls() { "" } else { " (a broker behind TLS is named with ssl://)" };
            let reason = format!("{}, while waiting for CONNACK{hint}", cut.words());
            assert_meta(&played.meta, 74, &lost(&reason));
        });
    }
}

/// Whether the message or the end of the connection comes first is chance: the answer has to fit what came.
#[test]
fn a_cut_after_connack_is_answered_by_what_was_written() {
    let transports = Transport::both();
    for qos in 0..=2 {
        let stage = waiting_for_connack(qos);
        let whole = stage.answer.len();
        cut_at(&transports, &stage, whole..=whole, |_, cut, played| {
            let arrived = played.record.packets().any(|packet| matches!(packet, Packet::Publish(_)));
            let allowed: &[i32] = match (qos, arrived) {
                (0, true) => &[0],
                (0, false) => &[0, 74],
                (_, true) => &[79],
                (_, false) => &[74, 79],
            };
            let meta = &played.meta;
            assert!(allowed.contains(&meta.exit_code), "{cut:?}, {meta:?}, {}", played.record);
        });
    }
}

#[test]
fn each_byte_of_an_acknowledgement_but_the_last_leaves_it_uncertain() {
    let transports = Transport::both();
    for stage in after_the_message() {
        cut_at(&transports, &stage, 0..stage.answer.len(), |_, cut, played| {
            let reason = format!("{}, while waiting for the acknowledgement", cut.words());
            assert_meta(&played.meta, 79, &uncertain(stage.qos, "the connection was lost", &reason));
        });
    }
}

#[test]
fn a_cut_after_the_last_acknowledgement_changes_nothing() {
    let transports = Transport::both();
    for stage in after_the_message() {
        let whole = stage.answer.len();
        let settles = stage.answer != encode::pubrec(1);
        cut_at(&transports, &stage, whole..=whole, |_, _, played| {
            if settles {
                assert_meta(&played.meta, 0, &sent(stage.qos));
            } else {
                let reason = "…, while waiting for the acknowledgement";
                assert_meta(&played.meta, 79, &uncertain(2, "the connection was lost", reason));
            }
        });
    }
}

#[test]
fn a_message_that_needs_no_acknowledgement_was_sent_however_the_connection_ends() {
    for transport in Transport::both() {
        for cut in Cut::of(&transport) {
            let steps = script([connected(false), vec![Step::expect(publish(0)), cut.step()]]);
            assert_meta(&transport.play([steps], json!({ "qos": 0 })).meta, 0, &sent(0));
        }
    }
}

#[test]
fn a_connection_that_ends_before_the_first_packet_was_lost() {
    let [tcp, tls] = Transport::both();
    for (transport, cut) in
        [(&tcp, Cut::Closed), (&tls, Cut::Closed), (&tls, Cut::Truncated), (&tls, Cut::Reset)]
    {
        for qos in 0..=2 {
            let meta = transport.play([vec![cut.step()]], json!({ "qos": qos })).meta;
            // CONNECT may have been written to a connection that is not there any more.
            assert_meta(&meta, 74, &lost("…, while waiting for CONNACK…"));
        }
    }
    let meta = tls.play_to(tls.broker().raw_connection([Step::close()]), json!({})).meta;
    let message =
        "Not sent, TLS with the broker BROKER failed: the … during the TLS handshake…; perhaps this is not …";
    assert_meta(&meta, 78, message);
}

/// A connection that is reset as soon as it is accepted may be so before the client has seen it open: 69 instead.
#[test]
fn a_connection_that_is_reset_at_once_was_lost_or_never_there() {
    for (transport, code) in Transport::both().iter().zip([74, 78]) {
        for qos in 0..=2 {
            let builder = transport.broker().raw_connection([Step::reset()]);
            let meta = transport.play_to(builder, json!({ "qos": qos })).meta;
            assert!([code, 69].contains(&meta.exit_code), "{meta:?}");
            assert!(meta.message.starts_with("Not sent, "), "{meta:?}");
        }
    }
}
