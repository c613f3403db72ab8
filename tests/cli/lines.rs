//! `send --lines`: every line arrives, in order, and each answer is the truth about its line.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Mosquitto, Observer, ScriptedBroker, Step, encode};
use serde_json::Value;

use crate::support::{PATIENCE, Program, signal, uninfluenced};

/// The exit codes in a file of results.
fn exit_codes(results: &str) -> Vec<i64> {
    let code = |line: &str| {
        let response: Value = serde_json::from_str(line).unwrap();
        response["meta"]["exit-code"].as_i64().unwrap()
    };
    results.lines().map(code).collect()
}

#[test]
fn every_line_arrives_in_order_at_every_quality_of_service() {
    let broker = Mosquitto::start();
    for qos in ["0", "1", "2"] {
        let observer = Observer::start(broker.port(), "t");
        let lines: Vec<String> = (0..3000).map(|n| format!("line {n} \"ü\\")).collect();
        let run = Program::send(broker.port())
            .args(["--topic", "t", "--qos", qos, "--lines", "-"])
            .stdin(lines.join("\n"))
            .run();
        run.answers(0, "Sent 3000 of 3000 lines in # s (# a second).");
        let came: Vec<_> =
            observer.messages(3000, PATIENCE).into_iter().map(|message| message.payload).collect();
        let expected: Vec<_> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        assert!(came == expected, "QoS {qos}: they differ");
    }
    assert_eq!(broker.log().matches(" as sender (").count(), 3, "a connection each");
}

#[test]
fn lines_may_be_anything() {
    let broker = Mosquitto::start();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("lines");
    let path = file.to_str().unwrap();
    for (flag, lines, payloads) in [
        ("--lines", &b""[..], &[][..]),
        ("--lines", b"\n", &[&b""[..]]),
        ("--lines", b"null\r\n\n\xff\x00\nend", &[b"null\r", b"", b"\xff\x00", b"end"]),
        ("--lines-base64", b"/wA=\r\n\nYQ==", &[b"\xff\x00", b"", b"a"]),
    ] {
        fs::write(&file, lines).unwrap();
        let observer = Observer::start(broker.port(), "t");
        let run = Program::send(broker.port()).args(["--topic", "t", flag, path]).run();
        let count = payloads.len();
        run.answers(0, &format!("Sent {count} of {count} lines in # s (# a second)."));
        let came: Vec<_> =
            observer.messages(count, PATIENCE).into_iter().map(|message| message.payload).collect();
        assert_eq!(came, payloads, "{lines:?}");
    }
}

#[test]
fn each_line_has_its_result_and_the_summary_says_what_failed() {
    let broker = Mosquitto::start();
    let directory = tempfile::tempdir().unwrap();
    let results = directory.path().join("results");
    let run = Program::send(broker.port())
        .args(["--topic", "t", "--qos", "1", "--lines-base64", "-", "--results", results.to_str().unwrap()])
        .stdin("YQ==\nno base64\nYg==\n*\n")
        .run();
    run.answers(
        64,
        "Sent 2 of 4 lines in # s (# a second). Not sent: 2 with exit code 64. The first, line 2: …content-base64…",
    );
    assert_eq!(exit_codes(&fs::read_to_string(results).unwrap()), [0, 64, 0, 64]);

    let run = Program::send(broker.port())
        .args(["--topic", "t", "--lines", "-", "--results", "-"])
        .stdin("a\nb\n")
        .run();
    assert_eq!(exit_codes(&run.stdout), [0, 0, 0], "the summary is the last");
}

#[test]
fn what_is_wrong_with_every_line_is_said_before_one_is_read() {
    let broker = ScriptedBroker::untouched();
    let run = Program::send(broker.port()).args(["--topic", "t/#", "--lines", "-"]).stdin("a\nb\n").run();
    run.answers(64, "…topic in the request…");
    let run = Program::send(broker.port()).args(["--topic", "t", "--lines", "/no/such/file"]).run();
    run.answers(66, "--lines /no/such/file: No such file or directory (os error 2).");
    for other in ["--content", "--content-base64", "--content-file", "--lines-base64"] {
        let run = Program::send(broker.port()).args(["--topic", "t", "--lines", "-", other, "x"]).run();
        assert_eq!(run.status, Some(64), "{other}: {run:?}");
    }
    let run = Program::send(broker.port()).args(["--topic", "t", "--content", "x", "--results", "-"]).run();
    assert_eq!(run.status, Some(64), "{run:?}");
    broker.finish();
}

#[test]
fn parameters_may_stand_in_both_documents() {
    let broker = Mosquitto::start();
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let config = write("config", r#"{"topic": "config", "qos": 1, "content": "not this", "retain": true}"#);
    let request = write("request", r#"{"topic": "request", "qos": null, "content-base64": "AAAA"}"#);
    let observer = Observer::start(broker.port(), "#");
    let run = Program::send(broker.port())
        .args(["--config", &config, "--request", &request, "--lines", "-"])
        .stdin("this\n")
        .run();
    run.answers(0, "Sent 1 of 1 lines in # s (# a second).");
    let message = observer.messages(1, PATIENCE).remove(0);
    assert_eq!((&*message.topic, message.qos, &*message.payload), ("request", 1, &b"this"[..]));
}

#[test]
fn a_line_is_sent_when_it_comes_and_not_when_the_input_ends() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "t");
    let url = format!("tcp://127.0.0.1:{}", broker.port());
    let mut program = uninfluenced(env!("CARGO_BIN_EXE_mqtt-connector"))
        .args([
            "send",
            "--broker",
            &url,
            "--client-id",
            "c",
            "--topic",
            "t",
            "--lines",
            "-",
            "--results",
            "-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = program.stdin.take().unwrap();
    for n in 1..=3 {
        writeln!(input, "line {n}").unwrap();
        assert_eq!(observer.messages(n, PATIENCE)[n - 1].payload, format!("line {n}").as_bytes());
    }
    // Whoever watches a file that grows ends it so; all that was read has been sent.
    signal(&program, "INT");
    let output = program.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(exit_codes(&text), [0, 0, 0, 0]);
    assert!(text.ends_with("Further lines were not read: somebody has ended the program.\"}}\n"), "{text}");
    assert_eq!(output.status.code(), Some(0));
    drop(input);
}

#[test]
fn a_connection_that_breaks_in_the_middle_follows_the_rules_of_delivery() {
    let connected = || [Step::expect(Expect::connect()), Step::send(encode::connack(false, 0))];
    let publish = |payload: &str, dup| Step::expect(Expect::publish().qos(1).dup(dup).payload(payload));
    let first = [
        &connected()[..],
        &[publish("a", false), publish("b", false), publish("c", false)],
        &[Step::send(encode::puback(1)), Step::close()],
    ];
    let second = [
        &connected()[..],
        &[publish("b", true), Step::respond(PacketType::PubAck)],
        &[publish("c", true), Step::respond(PacketType::PubAck)],
        &[Step::expect(Expect::disconnect()), Step::expect_end()],
    ];
    let broker = ScriptedBroker::builder().connection(first.concat()).connection(second.concat()).start();
    let url = format!("tcp://127.0.0.1:{}", broker.port());
    let run = Program::new(["send", "--broker", &url, "--client-id", "sender", "--retries", "1"])
        .args(["--topic", "t", "--qos", "1", "--lines", "-"])
        .stdin("a\nb\nc\n")
        .run();
    run.answers(0, "Sent 3 of 3 lines in # s (# a second).");
    broker.finish();

    let broker = ScriptedBroker::builder().connection(first.concat()).start();
    let run = Program::send(broker.port())
        .args(["--topic", "t", "--qos", "1", "--lines", "-", "--results", "-"])
        .stdin("a\nb\nc\n")
        .run();
    assert_eq!(exit_codes(&run.stdout), [0, 79, 79, 79]);
    broker.finish();
}
