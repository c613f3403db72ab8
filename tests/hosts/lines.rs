//! `wasmtime run mqtt-connector.wasm send --lines` and `--requests`.

use std::fs;
use std::io::Write as _;
use std::time::Duration;

use mqtt_connector_tests::{Expect, Mosquitto, Observer, ScriptedBroker, Step, encode};

use crate::support::{NETWORK, Output, PATIENCE, Run, VERSIONS, Version};

/// How often the broker has accepted a connection of `sender`.
fn connections(broker: &Mosquitto) -> usize {
    broker.log().matches(" as sender ").count()
}

#[test]
fn lines_arrive_in_order_over_one_connection() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "t");
    let lines: Vec<String> = (1..=2500).map(|number| format!("line {number}")).collect();
    for version in VERSIONS {
        let run = Run::send(version, broker.port())
            .args(["--topic", "t", "--qos", "1", "--lines", "-"])
            .stdin(lines.join("\n"))
            .run();
        run.answers(0, "Sent 2500 of 2500 lines in # s (# a second).");
    }
    let came = observer
        .messages(5000, PATIENCE)
        .into_iter()
        .map(|message| String::from_utf8(message.payload).unwrap());
    assert_eq!(came.collect::<Vec<_>>(), [&lines[..], &lines].concat());
    broker.wait_for_log("Received DISCONNECT from sender", PATIENCE);
    assert_eq!(connections(&broker), 2, "{}", broker.log());
    assert!(!broker.log().contains("Broken pipe"), "PINGRESP came after the end: {}", broker.log());
}

#[test]
fn each_request_has_its_result() {
    let broker = Mosquitto::start();
    let directory = tempfile::tempdir().unwrap();
    let requests = "{\"topic\":\"t\",\"content\":1,\"id\":\"one\"}\n\n{\"topic\":\"#\",\"content\":2}\n{\"id\":3,\"id\":4}\n";
    fs::write(directory.path().join("requests.jsonl"), requests).unwrap();
    let flags = [&NETWORK[..], &["--dir", "."]].concat();
    let url = format!("tcp://{}", broker.address());
    let run = |files: &[&str]| {
        Run::new(Version::V48, &flags, &["send", "--broker", &url, "--client-id", "sender"])
            .args(files.iter().copied())
            .current_dir(directory.path())
            .run()
    };
    let output = run(&["--requests", "requests.jsonl", "--results", "results.jsonl"]);
    output.answers(
        64,
        "Sent 1 of 3 lines in # s (# a second). Not sent: 2 with exit code 64. The first, line 3: Not sent: topic in the request …",
    );
    let results = fs::read_to_string(directory.path().join("results.jsonl")).unwrap();
    let results: Vec<serde_json::Value> =
        results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let codes: Vec<_> = results.iter().map(|result| (&result["id"], &result["meta"]["exit-code"])).collect();
    let null = serde_json::Value::Null;
    assert_eq!(codes, [(&"one".into(), &0.into()), (&null, &64.into()), (&null, &64.into())]);
    run(&["--requests", "requests.jsonl", "--results", "./requests.jsonl"]).answers(
        64,
        "The command line: --results ./requests.jsonl is the file that --requests reads, which the results would destroy; \
         name another file.",
    );
    assert_eq!(fs::read_to_string(directory.path().join("requests.jsonl")).unwrap(), requests);
}

/// WASI cannot let TCP acknowledge at once. A broker with Nagle's algorithm keeps further answers back until then, some 40 ms for
/// each window of messages: PINGREQ carries the acknowledgement.
#[test]
fn answers_that_tcp_keeps_back_are_fetched() {
    let publish = || Step::expect(Expect::publish());
    let broker = ScriptedBroker::builder()
        .connection([
            Step::expect(Expect::connect()),
            Step::send(encode::connack(false, 0)),
            publish(),
            publish(),
            publish(),
            Step::send(encode::puback(1)),
            Step::expect(Expect::pingreq()),
            // No answer to a message: a broker that takes its time is not asked again and again.
            Step::send(encode::pingresp()),
            Step::pause(Duration::from_millis(100)),
            Step::send([encode::puback(2), encode::puback(3)].concat()),
            Step::expect(Expect::disconnect()),
            Step::expect_end(),
        ])
        .start();
    let run = Run::send(Version::V48, broker.port())
        .args(["--topic", "t", "--qos", "1", "--lines", "-"])
        .stdin("one\ntwo\nthree\n")
        .run();
    run.answers(0, "Sent 3 of 3 lines in # s (# a second).");
    broker.finish();
}

/// A line, and then one that comes when the connection is dead: the broker was restarted meanwhile.
#[test]
fn connection_that_has_died_is_not_used() {
    let broker = Mosquitto::start();
    let mut child =
        Run::send(Version::V49, broker.port()).args(["--topic", "t", "--qos", "1", "--lines", "-"]).spawn();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"first\n").unwrap();
    broker.wait_for_log("Sending PUBACK to sender", PATIENCE);
    broker.restart();
    let observer = Observer::start(broker.port(), "t");
    input.write_all(b"second\n").unwrap();
    drop(input);
    Output::from(child.wait_with_output().unwrap()).answers(0, "Sent 2 of 2 lines in # s (# a second).");
    assert_eq!(observer.messages(1, PATIENCE)[0].payload, b"second");
}

/// Nobody answers the broker while the program waits for a line.
#[test]
fn connection_is_closed_while_no_line_comes() {
    let broker = Mosquitto::start();
    let mut child =
        Run::send(Version::V48, broker.port()).args(["--topic", "t", "--qos", "1", "--lines", "-"]).spawn();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"first\n").unwrap();
    broker.wait_for_log("Received DISCONNECT from sender", PATIENCE);
    input.write_all(b"second\n").unwrap();
    drop(input);
    Output::from(child.wait_with_output().unwrap()).answers(0, "Sent 2 of 2 lines in # s (# a second).");
    assert_eq!(connections(&broker), 2, "{}", broker.log());
}
