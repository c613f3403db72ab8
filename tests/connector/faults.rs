//! What a good broker never does, scripted: each answer is the truth about the message.

use std::time::Duration;

use mqtt_connector::Meta;
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::script::ScriptedBrokerBuilder;
use mqtt_connector_tests::{Expect, PacketId, ScriptedBroker, Step, encode};
use serde_json::{Value, json};

use crate::support::{assert_meta, config, send, with};

/// Sends to a broker with one script for each connection.
pub(crate) fn play<const N: usize>(scripts: [Vec<Step>; N], request: Value) -> Meta {
    let builder = scripts.into_iter().fold(ScriptedBroker::builder(), ScriptedBrokerBuilder::connection);
    let broker = builder.start();
    let request = with(&json!({ "topic": "t", "content": "x" }), request);
    let mut meta = send(&config(broker.port()), &request);
    broker.finish();
    meta.message = meta.message.replace(&format!("tcp://127.0.0.1:{}", config_port(&meta.message)), "BROKER");
    meta
}

/// The port in the first address of a message.
fn config_port(message: &str) -> &str {
    let after = message.split("tcp://127.0.0.1:").nth(1).unwrap_or_default();
    after.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default()
}

pub(crate) fn connected(session_present: bool) -> Vec<Step> {
    vec![Step::expect(Expect::connect()), Step::send(encode::connack(session_present, 0))]
}

pub(crate) fn goodbye() -> Vec<Step> {
    vec![Step::expect(Expect::disconnect()), Step::expect_end()]
}

pub(crate) fn script(parts: impl IntoIterator<Item = Vec<Step>>) -> Vec<Step> {
    parts.into_iter().flatten().collect()
}

pub(crate) fn publish(qos: u8) -> Expect {
    Expect::publish().topic("t").payload("x").qos(qos)
}

#[test]
fn a_refused_connection_has_the_brokers_return_code() {
    for (code, meaning) in [
        (1, "it does not speak this version of MQTT. Look at protocol-version"),
        (2, "it does not allow the client identifier. Look at client-id"),
        (3, "its MQTT service is unavailable. Try again later"),
        (4, "the user name or the password is wrong. Look at username and password"),
        (5, "the client is not authorised to connect. Look at username, password and client-id"),
    ] {
        let refuse =
            vec![Step::expect(Expect::connect()), Step::send(encode::connack(false, code)), Step::close()];
        let meta = play([refuse], json!({}));
        let message =
            format!("Not sent, the broker BROKER refused the connection with return code {code}: {meaning}.");
        assert_meta(&meta, code.into(), &message);
    }
}

#[test]
fn what_is_not_a_connack_breaks_the_protocol() {
    let lost = "its first packet is not CONNACK";
    for (answer, what) in [
        (encode::puback(1), lost),
        (vec![0xff, 0xff, 0xff, 0xff, 0xff], lost),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "it answers in HTTP; this is not an MQTT port"),
        (vec![0x15, 0x03, 0x03, 0x00, 0x02], "it answers in TLS; a broker behind TLS is named with ssl://"),
        (vec![0x20, 0x03, 0x00, 0x00, 0x00], "its CONNACK is not two bytes long"),
        (vec![0x20, 0x02, 0x02, 0x00], "a malformed packet (Incorrect packet format)"),
        (vec![0x20, 0x02, 0x00, 0x06], "a malformed packet (Invalid Connect return code: 6)"),
        (vec![0x21, 0x02, 0x00, 0x00], "its first packet is not CONNACK"),
        (encode::connack(true, 0), "CONNACK says that a session is present, for a clean session"),
    ] {
        let meta =
            play([vec![Step::expect(Expect::connect()), Step::send(answer), Step::expect_end()]], json!({}));
        assert_meta(&meta, 76, &format!("Not sent, the broker BROKER broke the protocol: {what}."));
    }
}

#[test]
fn a_connection_lost_before_the_message_is_said_to_be() {
    let stages = [
        (vec![Step::close()], "CONNACK"),
        (vec![Step::expect(Expect::connect()), Step::close()], "CONNACK"),
        (vec![Step::expect(Expect::connect()), Step::send([0x20, 0x02, 0x00]), Step::close()], "CONNACK"),
    ];
    for (steps, stage) in stages {
        let meta = play([steps], json!({}));
        assert_eq!(meta.exit_code, 74, "{}", meta.message);
        assert!(meta.message.contains(&format!("while waiting for {stage}")), "{}", meta.message);
    }
}

#[test]
fn a_connection_lost_after_the_message_leaves_it_uncertain() {
    for (qos, steps, again) in [
        (1, vec![Step::close()], " Sending it again is safe."),
        (1, vec![Step::send([0x40, 0x02, 0x00]), Step::close()], " Sending it again is safe."),
        (2, vec![Step::close()], " Sending it again may duplicate it."),
        (
            2,
            vec![Step::respond(PacketType::PubRec), Step::expect(Expect::pubrel()), Step::close()],
            " Sending it again may duplicate it.",
        ),
    ] {
        let meta = play(
            [script([connected(false), vec![Step::expect(publish(qos))], steps])],
            json!({ "qos": qos }),
        );
        assert_meta(
            &meta,
            79,
            &format!(
                "Sent to the broker BROKER, but not acknowledged: the connection was lost (the broker closed the \
                 connection, while waiting for the acknowledgement). It may have arrived.{again}"
            ),
        );
    }
}

#[test]
fn an_acknowledgement_of_another_kind_or_message_does_not_settle_this_one() {
    let wrong: [(u8, Vec<u8>); 8] = [
        (1, encode::puback(2)),
        (1, encode::pubcomp(1)),
        (1, encode::pubrec(1)),
        (1, encode::pingresp()),
        (2, encode::puback(1)),
        (2, encode::pubcomp(1)),
        (2, encode::puback(9)),
        (2, encode::publish("else", 0, false, 0, b"y")),
    ];
    for (qos, wrong) in wrong {
        let steps = script([
            connected(false),
            vec![Step::expect(publish(qos)), Step::send(wrong.clone()), Step::expect_end()],
        ]);
        let meta = play([steps], json!({ "qos": qos, "timeout": 300 }));
        assert_eq!(meta.exit_code, 79, "QoS {qos} {wrong:?}: {}", meta.message);
    }
}

#[test]
fn a_stray_acknowledgement_does_not_lose_this_message() {
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
    assert_eq!(play([steps], json!({})).exit_code, 0);
}

#[test]
fn a_release_that_nobody_waits_for_is_completed() {
    let steps = script([
        connected(false),
        vec![
            Step::expect(publish(1)),
            Step::send(encode::pubrel(77)),
            Step::expect(Expect::packet(PacketType::PubComp).packet_id(77)),
            Step::respond_with_id(PacketType::PubAck, PacketId::OfPublish(0)),
        ],
        goodbye(),
    ]);
    assert_eq!(play([steps], json!({ "qos": 1 })).exit_code, 0);
}

#[test]
fn a_packet_that_only_a_client_sends_breaks_the_protocol() {
    for bytes in [
        vec![0xc0, 0x00],
        vec![0xe0, 0x00],
        encode::connack(false, 0),
        encode::suback(1, &[0]),
        vec![0x41, 0x02, 0x00, 0x01],
        vec![0xf0, 0x00],
    ] {
        let steps = script([
            connected(false),
            vec![Step::expect(publish(1)), Step::send(bytes.clone()), Step::expect_end()],
        ]);
        let meta = play([steps], json!({ "qos": 1 }));
        assert_eq!(meta.exit_code, 79, "{bytes:?}: {}", meta.message);
        assert!(meta.message.contains("the broker broke the protocol ("), "{bytes:?}: {}", meta.message);
    }
}

#[test]
fn packets_may_be_split_at_every_byte_and_joined() {
    let slowly = |bytes: Vec<u8>| Step::send_slowly(bytes, 1, Duration::from_millis(1));
    let steps = vec![
        Step::expect(Expect::connect()),
        slowly(encode::connack(false, 0)),
        Step::expect(publish(2)),
        slowly(encode::pubrec(1)),
        Step::expect(Expect::pubrel()),
        slowly([encode::pingresp(), encode::pubcomp(1)].concat()),
        Step::expect(Expect::disconnect()),
        Step::expect_end(),
    ];
    assert_eq!(play([steps], json!({})).exit_code, 0);
}

#[test]
fn a_name_without_an_address_is_not_found() {
    let meta = send(
        &json!({ "broker": "tcp://no-such-host.invalid", "client-id": "c" }),
        &json!({ "topic": "t", "content": "x" }),
    );
    assert_eq!(meta.exit_code, 68, "{}", meta.message);
    let start = "Not sent, the host of the broker tcp://no-such-host.invalid:1883 was not found: ";
    assert!(meta.message.starts_with(start), "{}", meta.message);
}

#[test]
fn another_connection_is_tried_when_the_reason_may_pass() {
    let busy = vec![Step::expect(Expect::connect()), Step::send(encode::connack(false, 3)), Step::close()];
    let cut = vec![Step::expect(Expect::connect()), Step::close()];
    let fine = script([
        connected(false),
        vec![
            Step::expect(publish(2).dup(false)),
            Step::respond(PacketType::PubRec),
            Step::expect(Expect::pubrel()),
            Step::respond(PacketType::PubComp),
        ],
        goodbye(),
    ]);
    assert_eq!(play([busy, cut, fine], json!({ "retries": 2 })).exit_code, 0);
    for (code, exit_code) in [(1, 1), (2, 2), (4, 4), (5, 5)] {
        let refuse =
            vec![Step::expect(Expect::connect()), Step::send(encode::connack(false, code)), Step::close()];
        assert_eq!(play([refuse], json!({ "retries": 2 })).exit_code, exit_code, "no second connection");
    }
}

#[test]
fn quality_of_service_1_is_sent_again_as_a_duplicate() {
    let cut =
        script([connected(false), vec![Step::expect(publish(1).dup(false).packet_id(1)), Step::close()]]);
    let fine = script([
        connected(false),
        vec![Step::expect(publish(1).dup(true).packet_id(1)), Step::respond(PacketType::PubAck)],
        goodbye(),
    ]);
    assert_eq!(play([cut, fine], json!({ "qos": 1, "retries": 1 })).exit_code, 0);
}

#[test]
fn quality_of_service_2_goes_on_only_in_a_session_that_survived() {
    let persistent = json!({ "clean-session": false, "retries": 1 });
    let before_pubrec =
        script([connected(false), vec![Step::expect(publish(2).dup(false).packet_id(1)), Step::close()]]);
    let again = script([
        connected(true),
        vec![
            Step::expect(publish(2).dup(true).packet_id(1)),
            Step::respond(PacketType::PubRec),
            Step::expect(Expect::pubrel()),
            Step::respond(PacketType::PubComp),
        ],
        vec![Step::expect(Expect::disconnect())],
    ]);
    assert_eq!(play([before_pubrec.clone(), again], persistent.clone()).exit_code, 0);

    let after_pubrec = script([
        connected(false),
        vec![
            Step::expect(publish(2)),
            Step::respond(PacketType::PubRec),
            Step::expect(Expect::pubrel()),
            Step::close(),
        ],
    ]);
    let release = script([
        connected(true),
        vec![Step::expect(Expect::pubrel().packet_id(1)), Step::respond(PacketType::PubComp)],
        vec![Step::expect(Expect::disconnect())],
    ]);
    assert_eq!(play([after_pubrec.clone(), release], persistent.clone()).exit_code, 0);

    let forgotten = script([connected(false), goodbye()]);
    for lost in [before_pubrec, after_pubrec] {
        let meta = play([lost, forgotten.clone()], persistent.clone());
        assert_eq!(meta.exit_code, 79, "{}", meta.message);
        assert!(meta.message.contains("the broker did not keep the session"), "{}", meta.message);
    }
}

#[test]
fn quality_of_service_2_is_not_repeated_in_a_clean_session() {
    let cut = script([connected(false), vec![Step::expect(publish(2)), Step::close()]]);
    let meta = play([cut], json!({ "retries": 2 }));
    assert_eq!(meta.exit_code, 79, "{}", meta.message);
}

#[test]
fn a_reset_is_a_lost_connection() {
    let steps = script([connected(false), vec![Step::expect(publish(1)), Step::reset()]]);
    let meta = play([steps], json!({ "qos": 1 }));
    assert_eq!(meta.exit_code, 79, "{}", meta.message);
    assert!(meta.message.contains("Connection reset by peer"), "{}", meta.message);
}
