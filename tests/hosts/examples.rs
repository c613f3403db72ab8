//! The hosts in JavaScript and Python of `examples/`, as a user has them: `make hosts-examples` makes and unpacks their packages.

use std::path::PathBuf;

use mqtt_connector_tests::conformance::Suite;
use mqtt_connector_tests::port::ClosedPort;
use mqtt_connector_tests::program::Program;
use mqtt_connector_tests::scenario::Candidate as _;
use mqtt_connector_tests::{Mosquitto, Observer, ScriptedBroker, Step};
use serde_json::{Value, json};

use crate::support::{PATIENCE, built};
use crate::transports::Brokers;

/// What is made by `make hosts-examples`, below the target directory.
#[track_caller]
fn made(name: &str) -> PathBuf {
    built(name, "hosts-examples")
}

/// Node of that version with a program of an npm package.
fn node(version: u32, package: &str) -> [PathBuf; 2] {
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => panic!("examples/package.json names no Node for {other}"),
    };
    let node = made(&format!("hosts/node/node_modules/node-{version}-{machine}/bin/node"));
    [node, made(&format!("hosts/node/{package}/main.js"))]
}

/// The composed component by jco, which may reach everybody.
fn composed(version: u32) -> Program {
    Program::new(node(version, "mqtt-connector-composed")).short_timeout(3000)
}

/// The publisher on mqtt.js, and the one on paho-mqtt, which may reach whom they are granted.
fn publishers(grants: &[&str]) -> [Program; 2] {
    let javascript = node(24, "mqtt-connector").map(PathBuf::into_os_string);
    let python = [made("hosts/python/bin/mqtt-connector-send").into_os_string()];
    let program = |command: &[_]| {
        let grants = grants.iter().map(Into::into);
        Program::new(command.iter().cloned().chain(grants)).short_timeout(3000)
    };
    [program(&javascript), program(&python)]
}

/// Everybody whom a scenario names.
const ALL: [&str; 6] = [
    "tcp://127.0.0.1",
    "tcp://localhost",
    "ssl://localhost",
    "ws://localhost",
    "wss://localhost",
    "tcp://no-such-host.invalid",
];

/// One scenario of each family, over TCP. `docs/hosts.md` has the scores of longer runs, and what is missed there.
#[track_caller]
fn passes_the_conformance_suite(program: &Program) {
    passes_but_for_chance(program, &[]);
}

/// The same of a host with which chance decides what comes of some families: 79, which is never wrong, has to be the answer then.
#[track_caller]
fn passes_but_for_chance(program: &Program, chance: &[&str]) {
    let mut said = Vec::new();
    let score = Suite { of_a_family: 1, ..Suite::default() }.run(program, &mut said).unwrap();
    let said = String::from_utf8(said).unwrap();
    assert!(score.of > 30, "{said}");
    let mut lines = said.lines();
    while let Some(line) = lines.next() {
        if let Some(missed) = line.strip_prefix("FAIL  ") {
            let is_chance = chance.iter().any(|family| missed.starts_with(family));
            let answer = lines.next().unwrap_or_default();
            assert!(is_chance && answer.contains(": exit code 79: "), "{said}");
        }
    }
}

/// preview2-shim tells of a reset before it gives what came before that: an acknowledgement may be lost.
const RESETS: [&str; 3] = [
    "a cut after the last acknowledgement changes nothing: ",
    "a message that needs no acknowledgement was sent however the connection ends: ",
    "quality of service 0 is never repeated: ",
];

#[test]
fn the_component_in_node_20_passes_the_conformance_suite() {
    passes_but_for_chance(&composed(20), &RESETS);
}

#[test]
fn the_component_in_node_24_passes_the_conformance_suite() {
    passes_but_for_chance(&composed(24), &RESETS);
}

#[test]
fn the_publisher_on_mqtt_js_passes_the_conformance_suite() {
    let [javascript, _] = publishers(&ALL);
    passes_the_conformance_suite(&javascript);
}

#[test]
fn the_publisher_on_paho_mqtt_passes_the_conformance_suite() {
    let [_, python] = publishers(&ALL);
    passes_the_conformance_suite(&python);
}

#[test]
fn each_transport_carries_messages_to_a_real_broker() {
    let brokers = Brokers::start();
    let [javascript, python] = publishers(&ALL);
    let programs = [composed(20), composed(24), javascript, python];
    for program in &programs {
        for (scheme, port) in brokers.transports() {
            for more in [json!({ "qos": 1 }), json!({ "qos": 2, "protocol-version": "5" })] {
                let answer = program.send(&json!({}), &brokers.request(scheme, port, more)).unwrap();
                assert_eq!(answer.exit_code, 0, "{program:?}: {answer}");
            }
        }
    }
    brokers.arrived(2 * programs.len());
}

#[test]
fn what_is_not_granted_is_77() {
    let broker = Mosquitto::start();
    let other = Mosquitto::start();
    let granted = format!("tcp://127.0.0.1:{}", broker.port());
    let request = |broker: &str, more| {
        let request =
            json!({ "broker": broker, "client-id": "sender", "topic": "t", "content": "x", "retries": 0 });
        mqtt_connector_tests::scenario::with(&request, more)
    };
    for program in publishers(&[&granted]) {
        for (broker, more, exit_code) in [
            (granted.clone(), json!({}), 0),
            (format!("tcp://127.0.0.1:{}", other.port()), json!({}), 77),
            (format!("ws://127.0.0.1:{}", broker.port()), json!({}), 77),
            (format!("tcp://localhost:{}", broker.port()), json!({}), 77),
            (granted.clone(), json!({ "proxy": "socks5://127.0.0.1:1" }), 77),
        ] {
            let answer = program.send(&json!({}), &request(&broker, more)).unwrap();
            assert_eq!(answer.exit_code, exit_code, "{program:?}: {broker}: {answer}");
        }
    }
    assert!(!other.log().contains("sender"), "{}", other.log());
}

/// What the MQTT clients say nothing of, or something else.
#[test]
fn exit_codes_are_those_of_the_program() {
    let (real, closed) = (Mosquitto::start(), ClosedPort::open());
    let (broker, nobody) = (real.port(), closed.port());
    let page = |status: &str| {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        let steps = [Step::expect_upgrade(), Step::send(answer), Step::close()];
        ScriptedBroker::builder().raw_connection(steps).start()
    };
    let request = |broker: Value, more| {
        let request =
            json!({ "broker": broker, "client-id": "sender", "topic": "t", "content": "x", "retries": 0 });
        mqtt_connector_tests::scenario::with(&request, more)
    };
    for (position, program) in publishers(&ALL).iter().enumerate() {
        let no_page = ScriptedBroker::builder()
            .raw_connection([Step::receive(1), Step::send("HTTP/1.1 400 Bad Request\r\n\r\n"), Step::close()])
            .start();
        let (missing, busy) = (page("404 Not Found"), page("503 Service Unavailable"));
        let v5 = json!({ "protocol-version": "5", "password": "s3cret" });
        for (broker, more, exit_code) in [
            (
                json!([format!("tcp://127.0.0.1:{nobody}"), format!("tcp://127.0.0.1:{broker}")]),
                json!({}),
                [0, 0],
            ),
            (json!(format!("ssl://localhost:{broker}")), json!({}), [78, 78]),
            (json!(format!("tcp://{}", no_page.address())), json!({}), [76, 76]),
            (json!(format!("ws://localhost:{}", missing.port())), json!({}), [76, 76]),
            // paho-mqtt does not say what a WebSocket handshake was answered with.
            (json!(format!("ws://localhost:{}", busy.port())), json!({}), [69, 76]),
            // mqtt.js sends no password without a user name.
            (json!(format!("tcp://127.0.0.1:{broker}")), v5, [77, 0]),
        ] {
            let answer = program.send(&json!({}), &request(broker.clone(), more)).unwrap();
            assert_eq!(answer.exit_code, exit_code[position], "{program:?}: {broker}: {answer}");
        }
        for page in [no_page, missing, busy] {
            page.finish();
        }
    }
}

#[test]
fn a_message_arrives_as_it_was_given() {
    const DIGITS: &str = "[1.0,12345678901234567890.10]";
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "t");
    let config = json!({ "broker": format!("tcp://127.0.0.1:{}", broker.port()), "client-id": "sender", "topic": "t" });
    // A document as text keeps the digits of its numbers.
    let text = json!(format!(r#"{{"content": {DIGITS}}}"#));
    let letters = json!({ "content": { "\u{e9}": "\u{1f4a1}" } });
    let [javascript, python] = publishers(&ALL);
    let programs = [composed(20), composed(24), javascript, python];
    for program in &programs {
        for request in [&text, &letters] {
            let answer = program.send(&config, request).unwrap();
            assert_eq!(answer.exit_code, 0, "{program:?}: {answer}");
        }
    }
    let payloads = observer.messages(2 * programs.len(), PATIENCE).into_iter().map(|message| message.payload);
    let letters = letters["content"].to_string();
    assert!(payloads.eq([DIGITS, &letters].repeat(programs.len()).into_iter().map(Vec::from)));
}
