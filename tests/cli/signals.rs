//! Ctrl-C, SIGTERM and SIGHUP: the program answers with the truth about its message, from its first moment to its last.

use std::fs::File;
use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::pattern::fits;
use mqtt_connector_tests::step::Gate;
use mqtt_connector_tests::{Expect, ScriptedBroker, Step, encode};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{self, PATIENCE, answer, exchange, fifo, shell, uninfluenced};

#[test]
fn a_signal_ends_a_send_with_the_truth() {
    let connect = || vec![Step::expect(Expect::connect())];
    let connected = || [connect(), vec![Step::send(encode::connack(false, 0))]].concat();
    let sent = [connected(), vec![Step::expect(Expect::publish().qos(2))]].concat();
    let released =
        [sent.clone(), vec![Step::respond(PacketType::PubRec), Step::expect(Expect::pubrel())]].concat();
    for signal in ["INT", "TERM", "HUP"] {
        for (steps, packets, exit_code) in
            [(connect(), 1, 75), (sent.clone(), 2, 79), (released.clone(), 3, 79)]
        {
            let broker = ScriptedBroker::builder().connection(steps).start();
            let url = format!("tcp://127.0.0.1:{}", broker.port());
            let program = uninfluenced(env!("CARGO_BIN_EXE_mqtt-connector"))
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

/// Their input goes on, and so would the wait for an acknowledgement.
#[test]
fn a_signal_ends_lines_that_are_not_acknowledged_with_the_truth() {
    for signal in ["INT", "TERM", "HUP"] {
        let connected = [Step::expect(Expect::connect()), Step::send(encode::connack(false, 0))];
        let sent = [Step::expect(Expect::publish().payload("a").qos(1)), Step::silence()];
        let broker = ScriptedBroker::builder().connection(connected.into_iter().chain(sent)).start();
        let url = format!("tcp://127.0.0.1:{}", broker.port());
        let mut program = shell("")
            .args([
                "send",
                "--broker",
                &url,
                "--client-id",
                "c",
                "--topic",
                "t",
                "--qos",
                "1",
                "--lines",
                "-",
            ])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = program.stdin.take().unwrap();
        input.write_all(b"a\n").unwrap();
        broker.wait_for_packets(2, PATIENCE);
        let begin = Instant::now();
        support::signal(&program, signal);
        let (exit_code, message) = answer(&program.wait_with_output().unwrap());
        assert!(begin.elapsed() < PATIENCE, "SIG{signal}: {:?}", begin.elapsed());
        assert_eq!(exit_code, 79, "SIG{signal}: {message}");
        let wanted = "Sent 0 of 1 lines in # s (0 a second). Not sent: 1 with exit code 79. The first, line 1: Sent to the \
                      broker …, but not acknowledged: the time was over (interrupted after # ms, while waiting for \
                      the acknowledgement). It may have arrived. Sending it again is safe. Further lines were not read: \
                      somebody has ended the program.";
        assert!(fits(&message, wanted), "SIG{signal}: {message}");
        drop(input);
        broker.finish();
    }
}

#[test]
fn a_signal_ends_the_reading_of_files() {
    let directory = TempDir::new().unwrap();
    let path = fifo(&directory, "fifo");
    let broker = ScriptedBroker::untouched();
    let url = format!("tcp://127.0.0.1:{}", broker.port());
    for (command, flag) in [
        ("send", "--config"),
        ("send", "--request"),
        ("send", "--password-file"),
        ("send", "--content-file"),
        ("send", "--component"),
        ("check", "--config"),
    ] {
        for signal in ["INT", "TERM", "HUP"] {
            let program = shell("")
                .args([command, "--broker", &url, "--client-id", "c", "--topic", "t", flag, &path])
                .spawn()
                .unwrap();
            // Opens when the program has opened it too, which then waits for what is written.
            let writer = File::options().write(true).open(&path).unwrap();
            support::signal(&program, signal);
            let (exit_code, message) = answer(&program.wait_with_output().unwrap());
            assert_eq!(exit_code, 75, "{command} {flag}, SIG{signal}: {message}");
            let wanted = "Nothing was sent: interrupted after # ms, while the files were read.";
            assert!(fits(&message, wanted), "{command} {flag}, SIG{signal}: {message}");
            drop(writer);
        }
    }
    // Nobody has opened the other end.
    let program = shell("").args(["send", "--request", &path]).spawn().unwrap();
    support::wait_until_signals_are_caught(&program);
    support::signal(&program, "TERM");
    assert_eq!(answer(&program.wait_with_output().unwrap()).0, 75);
    broker.finish();
}

#[test]
fn a_signal_is_answered_from_the_first_moment() {
    for signal in ["INT", "TERM", "HUP"] {
        for _ in 0..10 {
            let broker = ScriptedBroker::builder().further_connections([Step::silence()]).start();
            let url = format!("tcp://127.0.0.1:{}", broker.port());
            let program = shell("")
                .args(["send", "--broker", &url, "--client-id", "c", "--topic", "t", "--content", "x"])
                .spawn()
                .unwrap();
            support::wait_until_signals_are_caught(&program);
            support::signal(&program, signal);
            let (exit_code, message) = answer(&program.wait_with_output().unwrap());
            assert_eq!(exit_code, 75, "SIG{signal}: {message}");
            assert!(message.contains("interrupted after "), "SIG{signal}: {message}");
            broker.finish();
        }
    }
}

#[test]
fn who_ignores_hangups_still_does() {
    let gate = Gate::new();
    let mut steps = exchange(Expect::connect(), Expect::publish().payload("c")).to_vec();
    steps.insert(1, Step::wait_for(&gate));
    let broker = ScriptedBroker::builder().connection(steps).start();
    // What `nohup` does.
    let program = shell("trap '' HUP;")
        .args(["send", "--broker", &format!("tcp://127.0.0.1:{}", broker.port()), "--client-id", "c"])
        .args(["--topic", "t", "--content", "c", "--qos", "0"])
        .spawn()
        .unwrap();
    broker.wait_for_packets(1, PATIENCE);
    support::signal(&program, "HUP");
    gate.open();
    assert_eq!(answer(&program.wait_with_output().unwrap()).0, 0);
    broker.finish();
}

/// It has answered, and waits for somebody to read that: for a second, which may be over before the signal on a busy machine.
/// Then it is asked again.
#[test]
fn a_second_signal_ends_the_program_at_once() {
    let begin = Instant::now();
    loop {
        let broker = ScriptedBroker::builder().connection([Step::expect(Expect::connect())]).start();
        let (_reader, writer) = support::full_pipe();
        let program = shell("")
            .args(["send", "--broker", &format!("tcp://127.0.0.1:{}", broker.port()), "--client-id", "c"])
            .args(["--topic", "t", "--content", "c"])
            .stdout(writer)
            .spawn()
            .unwrap();
        broker.wait_for_packets(1, PATIENCE);
        let answered = Instant::now();
        support::signal(&program, "TERM");
        broker.finish();
        support::signal(&program, "INT");
        let status = program.wait_with_output().unwrap().status.code();
        if status == Some(130) {
            return;
        }
        assert_eq!(status, Some(75), "it was not ended by the signal");
        assert!(answered.elapsed() >= Duration::from_secs(1), "it did not wait: {:?}", answered.elapsed());
        assert!(begin.elapsed() < PATIENCE, "a second signal never ended it");
    }
}
