//! A broker that is away for a while: a send waits for it, says so, and can be ended meanwhile.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Stdio};

use mqtt_connector_tests::Mosquitto;
use mqtt_connector_tests::pattern::fits;
use mqtt_connector_tests::port::ClosedPort;
use serde_json::Value;

use crate::support::{self, uninfluenced};

/// A send with the retries that there are by default.
fn send(port: u16) -> (Child, BufReader<ChildStderr>) {
    let url = format!("tcp://127.0.0.1:{port}");
    let mut program = uninfluenced(env!("CARGO_BIN_EXE_mqtt-connector"))
        .args(["send", "--broker", &url, "--client-id", "c", "--topic", "t", "--content", "x"])
        .env("RUST_LOG", "mqtt_connector=debug")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = BufReader::new(program.stderr.take().unwrap());
    (program, log)
}

/// Reads on until so many connections have failed.
fn failed(log: &mut BufReader<ChildStderr>, connections: usize) {
    let failures =
        log.lines().map(Result::unwrap).filter(|line| line.contains("another connection will be tried"));
    assert_eq!(failures.take(connections).count(), connections);
}

/// The exit status, and the message of the response.
fn answer(program: Child, mut log: BufReader<ChildStderr>) -> (Option<i32>, String) {
    log.read_to_end(&mut Vec::new()).unwrap();
    let output = program.wait_with_output().unwrap();
    let response: Value = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code(), response["meta"]["message"].as_str().unwrap().to_owned())
}

#[test]
fn a_send_rides_out_the_restart_of_a_broker() {
    let broker = Mosquitto::start();
    broker.kill();
    let (program, mut log) = send(broker.port());
    failed(&mut log, 5);
    broker.restart();
    let (status, message) = answer(program, log);
    let wanted = format!(
        "Sent with QoS 2 to topic \"t\" at tcp://127.0.0.1:{} in # ms. # connections were tried.",
        broker.port()
    );
    assert!(status == Some(0) && fits(&message, &wanted), "{status:?}: {message}");
}

#[test]
fn a_signal_ends_the_wait_for_a_broker_with_what_is_known() {
    let closed = ClosedPort::open();
    let (program, mut log) = send(closed.port());
    failed(&mut log, 4);
    support::signal(&program, "INT");
    let (status, message) = answer(program, log);
    let address = closed.address();
    let wanted = format!(
        "Not sent, the timeout was over before the message was sent to the broker tcp://{address}: interrupted after # ms, while waiting to \
         connect again; the last connection failed: the broker could not be reached: {address}: the connection was \
         refused. Sending it again is safe. 4 connections were tried."
    );
    assert!(status == Some(75) && fits(&message, &wanted), "{status:?}: {message}");
}
