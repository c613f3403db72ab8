//! What a broker sends, in pieces and joined: the edges of packets are not those of TCP segments, TLS records or WebSocket
//! frames.

use std::time::Duration;

use mqtt_connector_tests::packet::{Packet, PacketType};
use mqtt_connector_tests::{Expect, Step, encode};
use serde_json::json;

use super::carrier::{Carrier, Play as _, sent, side_by_side, too_late, uncertain};
use super::{connected, goodbye, publish, script};

/// Sends `bytes` in two writes, the second after `at` bytes: in one if there is no byte before or none after. The pause
/// makes the client see them apart, most of the time.
fn split(bytes: &[u8], at: usize) -> Vec<Step> {
    if at == 0 || at >= bytes.len() {
        return vec![Step::send(bytes)];
    }
    let (first, second) = bytes.split_at(at);
    vec![Step::send(first), Step::pause(Duration::from_millis(1)), Step::send(second)]
}

#[test]
fn packets_may_be_split_at_every_byte_and_joined() {
    let carriers = Carrier::all();
    side_by_side(carriers.iter().flat_map(|carrier| {
        // Whatever else a broker may send stands in the same write; nothing behind the last, when the client says goodbye.
        let publish_else = carrier.publish("else", 0, false, 0, b"y");
        let before = [encode::pingresp(), encode::puback(9), publish_else].concat();
        let pubrec = [before.clone(), encode::pubrec(1), encode::pingresp()].concat();
        let pubcomp = [before, encode::pubcomp(1)].concat();
        (0..=pubrec.len()).map(move |at| {
            let steps = script([
                vec![Step::expect(Expect::connect())],
                split(&carrier.connack(false), at),
                vec![Step::expect(publish(2).packet_id(1))],
                split(&pubrec, at),
                vec![Step::expect(Expect::pubrel().packet_id(1))],
                split(&pubcomp, at),
                goodbye(),
            ]);
            move || carrier.play([steps], json!({})).assert(0, &sent(2))
        })
    }));
}

#[test]
fn packets_may_come_a_byte_at_a_time() {
    let slowly = |bytes: Vec<u8>| Step::send_slowly(bytes, 1, Duration::from_millis(1));
    for carrier in Carrier::all() {
        let steps = vec![
            Step::expect(Expect::connect()),
            slowly(carrier.connack(false)),
            Step::expect(publish(2)),
            slowly(encode::pubrec(1)),
            Step::expect(Expect::pubrel()),
            slowly([encode::pingresp(), encode::pubcomp(1)].concat()),
            Step::expect(Expect::disconnect()),
            Step::expect_end(),
        ];
        carrier.play([steps], json!({})).assert(0, &sent(2));
    }
}

/// A broker that says all of an exchange before the client has begun it has acknowledged nothing, wherever its stream is
/// split: with its message unsent while a packet is not whole, uncertain afterwards.
#[test]
fn a_whole_exchange_ahead_of_the_message_settles_nothing() {
    let carriers = Carrier::all();
    side_by_side(carriers.iter().flat_map(|carrier| {
        let stream = [carrier.connack(false), encode::pubrec(1), encode::pubcomp(1)].concat();
        (0..=stream.len()).map(move |at| {
            let (first, second) = stream.split_at(at);
            let mut steps = vec![Step::expect(Expect::connect())];
            steps.extend((!first.is_empty()).then(|| Step::send(first)));
            steps.extend((!second.is_empty()).then(|| Step::send(second)));
            move || {
                let played = carrier.play([steps], json!({ "timeout": 500 }));
                let reason = "no answer within 500 ms, while waiting for the acknowledgement";
                played.assert(79, &uncertain(2, "the time was over", reason));
                let publishes = |packet: &&_| matches!(packet, Packet::Publish(_));
                assert_eq!(played.record.packets().filter(publishes).count(), 1, "{}", played.record);
            }
        })
    }));
}

#[test]
fn nothing_is_sent_before_a_packet_that_has_begun_is_whole() {
    let carriers = Carrier::all();
    side_by_side((1..4).flat_map(|length| {
        carriers.iter().map(move |carrier| {
            let begun = [carrier.connack(false), encode::puback(1)[..length].to_vec()].concat();
            let steps = vec![Step::expect(Expect::connect()), Step::send(begun), Step::expect_end()];
            move || {
                let played = carrier.play([steps], json!({ "qos": 1, "timeout": 500 }));
                played.assert(75, &too_late(500, "writing the message"));
            }
        })
    }));
}

/// What is settled stays settled, whatever comes in the same write. A broker that breaks the protocol gets no DISCONNECT.
#[test]
fn an_acknowledgement_joined_with_what_follows_it_counts() {
    for carrier in Carrier::all() {
        for (qos, last) in [(1, encode::puback(1)), (2, encode::pubcomp(1))] {
            for (behind, end) in [
                (encode::pingresp(), goodbye()),
                (last.clone(), goodbye()),
                (carrier.publish("t", 0, false, 0, b"x"), goodbye()),
                (vec![0x40], goodbye()),
                (vec![0xf0, 0x00], vec![Step::expect_end()]),
                (carrier.connack(false), vec![Step::expect_end()]),
                (b"HTTP".to_vec(), goodbye()),
            ] {
                let before = match qos {
                    1 => vec![],
                    _ => vec![Step::respond(PacketType::PubRec), Step::expect(Expect::pubrel())],
                };
                let steps = script([
                    connected(false),
                    vec![Step::expect(publish(qos))],
                    before,
                    vec![Step::send([last.clone(), behind].concat())],
                    end,
                ]);
                let played = carrier.play([steps], json!({ "qos": qos }));
                played.assert(0, &sent(qos));
            }
        }
    }
}
