//! Frames: in pieces, with others between them, and those that must not be.

use std::time::Duration;

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::websocket::{Opcode, close, frame, frame_with};
use mqtt_connector_tests::{Expect, ScriptedBroker, Step, encode};
use serde_json::json;

use super::{plain, send_with};
use crate::support::{assert_meta, exchange};

#[test]
fn packets_may_be_spread_over_frames_and_pings_are_answered() {
    let puback_in_pieces = [
        frame_with(0x02, &encode::puback(1)[..1]),
        frame(Opcode::Ping, b"are you there?"),
        frame_with(0x00, &[]),
        frame(Opcode::Pong, b""),
        frame_with(0x00, &encode::puback(1)[1..3]),
        frame_with(0x80, &encode::puback(1)[3..]),
    ];
    let steps = [
        Step::expect(Expect::connect()),
        Step::send_slowly(encode::connack(false, 0), 1, Duration::ZERO),
        Step::expect(Expect::publish().packet_id(1)),
        Step::send_beneath_websocket(puback_in_pieces.concat()),
        Step::expect_control(Opcode::Pong, b"are you there?"),
        Step::expect(Expect::disconnect()),
        Step::expect_end(),
    ];
    let broker = ScriptedBroker::builder().websocket().connection(steps).start();
    let meta = send_with(&plain(broker.port()), json!({}));
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    let record = broker.finish();
    assert!(record.conversations[0].ended_in_order(), "{record}");
}

#[test]
fn a_large_message_goes_in_frames_that_fit_a_record() {
    let content = "x".repeat(40_000);
    let steps = [
        Step::expect(Expect::connect()),
        Step::send(encode::connack(false, 0)),
        Step::expect(Expect::publish().payload(content.as_str())),
        Step::respond(PacketType::PubAck),
    ];
    let broker = ScriptedBroker::builder().websocket().connection(steps).start();
    let meta = send_with(&plain(broker.port()), json!({ "content": content.as_str() }));
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    let record = broker.finish();
    let sizes = record.conversations[0].frames.iter().map(|frame| frame.payload.len());
    assert!(sizes.clone().max() <= Some(16 * 1024 - 8), "{:?}", sizes.collect::<Vec<_>>());
}

/// Of a message of which the end has not left, it is known that it did not arrive.
#[test]
fn a_broker_that_stops_reading_has_not_got_the_message() {
    let content = "x".repeat(16 * 1024 * 1024);
    let steps = [Step::expect(Expect::connect()), Step::send(encode::connack(false, 0)), Step::deaf()];
    let broker = ScriptedBroker::builder().websocket().receive_buffer(4096).connection(steps).start();
    let meta = send_with(&plain(broker.port()), json!({ "content": content.as_str(), "timeout": 1000 }));
    let message = format!(
        "Not sent, the timeout was over before the message was sent to the broker ws://127.0.0.1:{}: no answer within 1000 ms, while writing the \
         message. Sending it again is safe.",
        broker.port()
    );
    assert_meta(&meta, 75, &message);
    broker.finish();
}

/// What a broker must not send: instead of CONNACK, and instead of PUBACK.
#[test]
fn a_broken_frame_is_a_violation_of_the_protocol() {
    for (bytes, reason) in [
        (frame(Opcode::Text, b"hello"), "a WebSocket frame of text; MQTT is binary"),
        (frame_with(0x01, b"hello"), "a WebSocket frame of text; MQTT is binary"),
        (frame_with(0x80, b"x"), "a WebSocket frame that continues nothing"),
        (
            [frame_with(0x02, b""), frame(Opcode::Binary, b"")].concat(),
            "a WebSocket message that begins before the last one ends",
        ),
        (frame_with(0xc2, b"x"), "a WebSocket frame with an extension that was not agreed on"),
        (frame_with(0x83, b"x"), "a WebSocket frame of an unknown kind"),
        (frame_with(0x8b, b"x"), "a WebSocket frame of an unknown kind"),
        (frame_with(0x09, b"x"), "a WebSocket control frame in pieces, or of more than 125 bytes"),
        (frame(Opcode::Ping, &[0; 126]), "a WebSocket control frame in pieces, or of more than 125 bytes"),
        (frame(Opcode::Close, b"x"), "a WebSocket close frame with half a code"),
        (vec![0x82, 0x81, 0, 0, 0, 0, 0], "a masked WebSocket frame, which only a client sends"),
        (
            vec![0x82, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            "a WebSocket frame of an impossible length",
        ),
    ] {
        let at_once =
            [Step::expect(Expect::connect()), Step::send_beneath_websocket(bytes.clone()), Step::silence()];
        let broker = ScriptedBroker::builder().websocket().connection(at_once).start();
        let meta = send_with(&plain(broker.port()), json!({}));
        let start = format!("Not sent, the broker ws://127.0.0.1:{} broke the protocol", broker.port());
        assert_meta(&meta, 76, &format!("{start}: {reason}."));
        broker.finish();

        let after_publish = [
            Step::expect(Expect::connect()),
            Step::send(encode::connack(false, 0)),
            Step::expect(Expect::publish()),
            Step::send_beneath_websocket(bytes),
            Step::silence(),
        ];
        let broker = ScriptedBroker::builder().websocket().connection(after_publish).start();
        let meta = send_with(&plain(broker.port()), json!({}));
        assert_eq!(meta.exit_code, 79, "{}", meta.message);
        assert!(meta.message.contains(reason), "{}", meta.message);
        broker.finish();
    }
}

#[test]
fn a_close_frame_is_the_end_and_its_words_are_told() {
    let words = "the broker closed the WebSocket with code 1008 (policy violation): not you";
    let goodbye = || Step::send_beneath_websocket(close(1008, "not you"));
    let before = [Step::expect(Expect::connect()), goodbye(), Step::silence()];
    let broker = ScriptedBroker::builder().websocket().connection(before).start();
    let meta = send_with(&plain(broker.port()), json!({}));
    assert_meta(&meta, 74, &format!("…: {words}, while waiting for CONNACK. Sending it again is safe."));
    let record = broker.finish_unchecked();
    let answers = record.conversations[0].frames.iter().filter(|frame| frame.opcode == Opcode::Close);
    let answers: Vec<_> = answers.map(|frame| frame.payload.clone()).collect();
    assert_eq!(answers, [[&1008_u16.to_be_bytes()[..], b"not you"].concat()], "it is answered");

    let after = [
        Step::expect(Expect::connect()),
        Step::send(encode::connack(false, 0)),
        Step::expect(Expect::publish()),
        goodbye(),
        Step::silence(),
    ];
    let broker = ScriptedBroker::builder().websocket().connection(after).start();
    let meta = send_with(&plain(broker.port()), json!({}));
    assert_eq!(meta.exit_code, 79, "{}", meta.message);
    assert!(meta.message.contains(words), "{}", meta.message);
    broker.finish();
}

#[test]
fn a_close_frame_before_the_message_leaves_it_for_the_next_connection() {
    let closing = [Step::expect(Expect::connect()), Step::close()];
    let broker = ScriptedBroker::builder().websocket().connection(closing).connection(exchange()).start();
    let meta = send_with(&plain(broker.port()), json!({ "retries": 1 }));
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    broker.finish();
}
