//! Delivery to a real broker: what arrives, byte for byte, and how the connection begins and ends.

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Bridge, Expect, Mosquitto, Observer, ScriptedBroker, Step, encode};
use serde_json::json;

use crate::faults::carrier::Carrier;
use crate::runtime::two_workers;
use crate::support::{PATIENCE, assert_meta, config, connector, operator, send, send_batch, with};

#[test]
fn each_quality_of_service_arrives_as_it_was_asked_for() {
    let broker = Mosquitto::start();
    for (qos, sent) in
        [(0, "Sent with QoS 0 (never acknowledged)"), (1, "Sent with QoS 1"), (2, "Sent with QoS 2")]
    {
        let observer = Observer::start(broker.port(), "plant/#");
        let request = json!({ "topic": "plant/7", "qos": qos, "content": "21.5 °C" });
        let meta = send(&config(broker.port()), &request);
        let at = format!("to topic \"plant/7\" at tcp://127.0.0.1:{} in … ms.", broker.port());
        assert_meta(&meta, 0, &format!("{sent} {at}"));
        let messages = observer.messages(1, PATIENCE);
        assert_eq!(messages[0].topic, "plant/7");
        assert_eq!(messages[0].qos, qos);
        assert!(!messages[0].retain);
        assert_eq!(messages[0].payload, "21.5 °C".as_bytes());
        broker.wait_for_log("Received DISCONNECT from sender", PATIENCE);
    }
}

/// Over TLS alone, mosquitto is in the tests of TLS.
#[test]
fn each_version_arrives_over_tcp_and_websocket() {
    let broker = Mosquitto::start();
    for carrier in Carrier::all().into_iter().filter(|carrier| carrier.is_websocket() || !carrier.is_tls()) {
        let bridge = carrier.is_websocket().then(|| carrier.bridge(broker.address()));
        let port = bridge.as_ref().map_or(broker.port(), Bridge::port);
        for qos in 0..=2 {
            let observer = Observer::start(broker.port(), "t");
            let meta =
                send(&carrier.config(port), &json!({ "topic": "t", "qos": qos, "content": "21.5 °C" }));
            assert_eq!(meta.exit_code, 0, "{carrier}: {}", meta.message);
            let message = &observer.messages(1, PATIENCE)[0];
            assert_eq!((message.qos, message.payload.as_slice()), (qos, "21.5 °C".as_bytes()), "{carrier}");
        }
    }
}

#[test]
fn quality_of_service_2_is_the_default() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "t");
    send(&config(broker.port()), &json!({ "topic": "t", "content": "x" }));
    assert_eq!(observer.messages(1, PATIENCE)[0].qos, 2);
}

#[test]
fn content_arrives_byte_for_byte() {
    let broker = Mosquitto::start();
    let large = "0123456789abcdef".repeat(64 * 1024);
    for (request, payload) in [
        (json!({ "content": "" }), Vec::new()),
        (json!({ "content": "naïve\u{0}\n" }), "naïve\u{0}\n".into()),
        (json!({ "content": { "b": [1, 2.50, null], "a": "ü" } }), r#"{"b":[1,2.5,null],"a":"ü"}"#.into()),
        (json!({ "content": 7 }), b"7".to_vec()),
        (json!({ "content": false }), b"false".to_vec()),
        (json!({ "content-base64": "AAEC/w==" }), vec![0, 1, 2, 255]),
        (json!({ "content": large.as_str() }), large.into_bytes()),
    ] {
        let observer = Observer::start(broker.port(), "t");
        let meta = send(&with(&config(broker.port()), json!({ "topic": "t" })), &request);
        assert_eq!(meta.exit_code, 0, "{}", meta.message);
        let messages = observer.messages(1, PATIENCE);
        assert!(messages[0].payload == payload, "{} bytes of {}", messages[0].payload.len(), payload.len());
    }
}

#[test]
fn a_retained_message_is_kept_and_empty_content_clears_it() {
    let broker = Mosquitto::start();
    let configuration = with(&config(broker.port()), json!({ "topic": "state", "retain": true }));
    send(&configuration, &json!({ "content": "on" }));
    let retained = Observer::start(broker.port(), "state").messages(1, PATIENCE);
    assert!(retained[0].retain);
    assert_eq!(retained[0].payload, b"on");
    assert_eq!(send(&configuration, &json!({ "content": "" })).exit_code, 0);
    Observer::start(broker.port(), "state").nothing();
}

#[test]
fn the_request_wins_over_the_configuration() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let configuration =
        with(&config(broker.port()), json!({ "topic": "old", "qos": 0, "content": "kept", "retain": true }));
    send(&configuration, &json!({ "topic": "new", "qos": 1, "content": null, "retain": false }));
    let message = &observer.messages(1, PATIENCE)[0];
    assert_eq!(
        (message.topic.as_str(), message.qos, message.payload.as_slice()),
        ("new", 1, b"kept".as_slice())
    );
}

#[test]
fn user_name_and_password_are_the_brokers() {
    let broker = Mosquitto::builder().password("ann", "correct horse").start();
    let observer = Observer::builder(broker.port()).filter("t").password("ann", "correct horse").start();
    let request = json!({ "topic": "t", "content": "x" });
    let right = with(&config(broker.port()), json!({ "username": "ann", "password": "correct horse" }));
    assert_eq!(send(&right, &request).exit_code, 0);
    assert_eq!(observer.messages(1, PATIENCE)[0].payload, b"x");
    let at = format!("tcp://127.0.0.1:{}", broker.port());
    for (wrong, given) in [
        (
            json!({ "username": "ann", "password": "wrong" }),
            "The user name and the password are the configuration's.",
        ),
        (json!({ "username": "ann" }), "The user name is the configuration's; no password was given."),
        (json!({}), "No user name and no password were given."),
    ] {
        assert_meta(
            &send(&with(&config(broker.port()), wrong), &request),
            5,
            &format!(
                "Not sent, the broker {at} refused the connection with return code 5: the client is not authorised to \
                 connect. Look at username, password and client-id. {given}"
            ),
        );
    }
    assert_eq!(observer.settled().len(), 1, "only the right one arrived");
}

#[test]
fn the_will_is_announced_and_not_published_when_all_went_well() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let will = json!({ "topic": "state/sender", "content": "lost", "qos": 1, "retain": true });
    let meta = send(&config(broker.port()), &json!({ "topic": "t", "content": "x", "qos": 0, "will": will }));
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    broker.wait_for_log("Will message specified (4 bytes) (r1, q1).", PATIENCE);
    broker.wait_for_log("Received DISCONNECT from sender", PATIENCE);
    let messages = observer.settled();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0].topic, "t");
}

#[test]
fn a_persistent_session_is_kept_by_the_broker_and_taken_up_again() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "t");
    let configuration = with(&config(broker.port()), json!({ "clean-session": false }));
    for content in ["first", "second"] {
        let meta = send(&configuration, &json!({ "topic": "t", "content": content }));
        assert_eq!(meta.exit_code, 0, "{}", meta.message);
    }
    let payloads: Vec<_> =
        observer.messages(2, PATIENCE).into_iter().map(|message| message.payload).collect();
    assert_eq!(payloads, [b"first".to_vec(), b"second".to_vec()]);
    broker.wait_for_log("Sending CONNACK to sender (1, 0)", PATIENCE);
}

#[test]
fn an_empty_client_id_lets_the_broker_choose() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "t");
    let meta = send(&config(broker.port()), &json!({ "client-id": "", "topic": "t", "content": "x" }));
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    assert_eq!(observer.messages(1, PATIENCE)[0].payload, b"x");
}

#[test]
fn connect_holds_what_the_parameters_say() {
    let broker = ScriptedBroker::builder()
        .connection([
            Step::expect(
                Expect::connect()
                    .level(4)
                    .client_id("sender")
                    .clean_session(false)
                    .keep_alive(7)
                    .username(Some("ann"))
                    .password(Some(b"secret"))
                    .will("w", &[0, 255], 2, true),
            ),
            Step::send(encode::connack(false, 0)),
            Step::expect(
                Expect::publish().topic("t").qos(1).dup(false).retain(true).packet_id(1).payload("x"),
            ),
            Step::respond(PacketType::PubAck),
            Step::expect_bytes([0xe0, 0x00]),
            Step::expect_end(),
        ])
        .start();
    let request = json!({
        "topic": "t", "content": "x", "qos": 1, "retain": true, "clean-session": false, "keep-alive": 7,
        "username": "ann", "password": "secret",
        "will": { "topic": "w", "content-base64": "AP8=", "qos": 2, "retain": true },
    });
    assert_eq!(send(&config(broker.port()), &request).exit_code, 0);
    broker.finish();
}

#[test]
fn many_sends_at_once_each_have_their_own_answer() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "t/#");
    let runtime = two_workers();
    let sends: Vec<_> = (0..100)
        .map(|n| {
            let configuration = config(broker.port()).to_string();
            let topic = if n == 42 { "t/+".to_owned() } else { format!("t/{n}") };
            let request = json!({ "client-id": format!("c{n}"), "topic": topic, "content": n }).to_string();
            runtime.spawn(async move { connector().send(&operator(), &configuration, &request).await.meta })
        })
        .collect();
    for (n, send) in sends.into_iter().enumerate() {
        let meta = runtime.block_on(send).unwrap();
        assert_eq!(meta.exit_code, if n == 42 { 64 } else { 0 }, "{n}: {}", meta.message);
    }
    assert_eq!(observer.messages(99, PATIENCE).len(), 99);
}

#[test]
fn sends_with_one_client_id_take_turns() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "t/#");
    let runtime = two_workers();
    let sends: Vec<_> = (0..50)
        .map(|n| {
            let configuration = config(broker.port()).to_string();
            let request = json!({ "topic": format!("t/{n}"), "content": n }).to_string();
            runtime.spawn(async move { connector().send(&operator(), &configuration, &request).await.meta })
        })
        .collect();
    for (n, send) in sends.into_iter().enumerate() {
        let meta = runtime.block_on(send).unwrap();
        assert_eq!(meta.exit_code, 0, "{n}: {}", meta.message);
    }
    assert_eq!(observer.messages(50, PATIENCE).len(), 50);
    assert!(!broker.log().contains("already connected"), "the broker threw one out");
}

#[test]
fn a_batch_shares_a_connection_and_answers_each_request() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "t/#");
    let requests: Vec<_> = (0..300)
        .map(|n| match n {
            7 => json!({ "topic": "t/+", "content": "wrong" }),
            _ => json!({ "topic": format!("t/{n}"), "content": n, "qos": n % 3 }),
        })
        .collect();
    let metas = send_batch(&config(broker.port()), &requests);
    for (n, meta) in metas.iter().enumerate() {
        assert_eq!(meta.exit_code, if n == 7 { 64 } else { 0 }, "{n}: {}", meta.message);
    }
    let mut arrived: Vec<_> =
        observer.messages(299, PATIENCE).into_iter().map(|message| message.topic).collect();
    let mut expected: Vec<_> = (0..300).filter(|n| *n != 7).map(|n| format!("t/{n}")).collect();
    arrived.sort();
    expected.sort();
    assert_eq!(arrived, expected);
    assert_eq!(broker.log().matches(" as sender (").count(), 1, "one connection");
}
