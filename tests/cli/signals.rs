//! Ctrl-C and SIGTERM: the program answers with the truth about its message.

use std::process::{Command, Stdio};

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, ScriptedBroker, Step, encode};
use serde_json::Value;

use crate::support::{self, PATIENCE};

#[test]
fn a_signal_ends_a_send_with_the_truth() {
    let connect = || vec![Step::expect(Expect::connect())];
    let connected = || [connect(), vec![Step::send(encode::connack(false, 0))]].concat();
    let sent = [connected(), vec![Step::expect(Expect::publish().qos(2))]].concat();
    let released =
        [sent.clone(), vec![Step::respond(PacketType::PubRec), Step::expect(Expect::pubrel())]].concat();
    for signal in ["INT", "TERM"] {
        for (steps, packets, exit_code) in
            [(connect(), 1, 75), (sent.clone(), 2, 79), (released.clone(), 3, 79)]
        {
            let broker = ScriptedBroker::builder().connection(steps).start();
            let url = format!("tcp://127.0.0.1:{}", broker.port());
            let program = Command::new(env!("CARGO_BIN_EXE_mqtt-connector"))
                .args(["send", "--broker", &url, "--client-id", "c", "--topic", "t", "--content", "x"])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            broker.wait_for_packets(packets, PATIENCE);
            support::signal(&program, signal);
            let output = program.wait_with_output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let response: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{output:?}"));
            assert_eq!(response["meta"]["exit-code"], exit_code, "SIG{signal}: {text}");
            assert_eq!(output.status.code(), Some(exit_code), "SIG{signal}: {output:?}");
            assert!(text.contains("interrupted after "), "SIG{signal}: {text}");
            broker.finish();
        }
    }
}
