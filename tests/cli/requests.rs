//! `send --requests`: each line a request of its own.

use mqtt_connector_tests::pattern::fits;
use mqtt_connector_tests::{Mosquitto, Observer, ScriptedBroker};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{PATIENCE, Program, write};

/// The `id` and the exit code of each line of results.
fn results(text: &str) -> Vec<(Value, i64)> {
    let result = |line: &str| {
        let result: Value = serde_json::from_str(line).unwrap();
        (result["id"].clone(), result["meta"]["exit-code"].as_i64().unwrap())
    };
    text.lines().map(result).collect()
}

/// The messages that arrived, as topic and payload.
fn came(observer: &Observer, count: usize) -> Vec<(String, Vec<u8>)> {
    let messages = observer.messages(count, PATIENCE).into_iter();
    messages.map(|message| (message.topic, message.payload)).collect()
}

#[test]
fn every_request_is_sent_with_its_own_parameters_over_one_connection() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let directory = TempDir::new().unwrap();
    let config = json!({"topic": "config", "qos": 1});
    let config = write(&directory, "config.json", config.to_string());
    let requests = "\u{feff}{\"content\":\"a\",\"id\":1}\r\n\n{\"topic\":\"b\",\"qos\":0,\"content\":{\"x\":1.50},\"id\":\"two\"}\n\
                    {\"topic\":\"c\",\"qos\":2,\"content-base64\":\"/wA=\",\"retain\":true, \"id\" : {\"n\":[3]}}\n \t\n\
                    {\"topic\":\"d\",\"content\":\"\"}";
    let requests = write(&directory, "requests.jsonl", requests);
    let answers = directory.path().join("results.jsonl");
    Program::send(broker.port())
        .args(["--config", &config, "--requests", &requests, "--results", answers.to_str().unwrap()])
        .run()
        .answers(0, "Sent 4 of 4 lines in # s (# a second).");
    // To a subscriber, a message of QoS 2 may come after one of QoS 1 that was sent later.
    let mut came: Vec<_> = observer
        .messages(4, PATIENCE)
        .into_iter()
        .map(|message| (message.topic, message.qos, message.payload))
        .collect();
    came.sort();
    let expected = [
        ("b", 0, br#"{"x":1.50}"#.to_vec()),
        ("c", 2, b"\xff\x00".to_vec()),
        ("config", 1, b"a".to_vec()),
        ("d", 1, b"".to_vec()),
    ];
    assert_eq!(came, expected.map(|(topic, qos, payload)| (topic.to_owned(), qos, payload)));
    let answers = std::fs::read_to_string(answers).unwrap();
    assert_eq!(
        results(&answers),
        [(json!(1), 0), (json!("two"), 0), (json!({"n": [3]}), 0), (json!(null), 0)]
    );
    let first = answers.lines().next().unwrap();
    assert!(
        first.starts_with(
            r#"{"id":1,"meta":{"exit-code":0,"message":"Sent with QoS 1 to topic \"config\" at "#
        ),
        "{first}"
    );
    assert_eq!(broker.log().matches(" as sender (").count(), 1, "{}", broker.log());
}

#[test]
fn requests_stay_in_order_over_as_few_connections_as_they_need() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let client = |n: u32| ["one", "two", "two", "three"][(n % 4) as usize];
    let requests: Vec<String> = (0..200)
        .map(|n| json!({"client-id": client(n), "topic": "t", "content": n, "qos": 1, "id": n}).to_string())
        .collect();
    let url = format!("tcp://127.0.0.1:{}", broker.port());
    let run = Program::new(["send", "--broker", &url, "--requests", "-", "--results", "-"])
        .stdin(requests.join("\n"))
        .run();
    let (answers, summary) = run.stdout.trim_end().rsplit_once('\n').unwrap();
    assert!(
        fits(
            summary,
            "{\"meta\":{\"exit-code\":0,\"message\":\"Sent 200 of 200 lines in # s (# a second).\"}}"
        ),
        "{summary}"
    );
    assert_eq!(results(answers), (0..200).map(|n| (json!(n), 0)).collect::<Vec<_>>());
    let came: Vec<_> =
        came(&observer, 200).into_iter().map(|(_, payload)| String::from_utf8(payload).unwrap()).collect();
    assert_eq!(came, (0..200).map(|n| n.to_string()).collect::<Vec<_>>());
    for name in ["one", "two", "three"] {
        assert_eq!(broker.log().matches(&format!(" as {name} (")).count(), 1, "{name}");
    }
}

#[test]
fn a_line_that_is_wrong_does_not_stop_the_others() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let lines: [&[u8]; 9] = [
        br#"{"topic":"a","content":1,"id":"a"}"#,
        b"this is no JSON",
        b"",
        br#"[{"topic":"b"}]"#,
        br#"{"topic":"b/#","content":1,"id":"b"}"#,
        br#"{"content":1,"id":"no topic"}"#,
        b"{\"topic\":\"\xff\",\"content\":1,\"id\":\"lost\"}",
        br#"{"topic":"c","content":1,"id":"c","id":"d"}"#,
        br#"{"topic":"e","content":1,"id":"e"}"#,
    ];
    let directory = TempDir::new().unwrap();
    let answers = directory.path().join("results");
    let run = Program::send(broker.port())
        .args(["--requests", "-", "--results", answers.to_str().unwrap(), "--qos", "1"])
        .stdin(lines.join(&b"\n"[..]))
        .run();
    run.answers(
        64,
        "Sent 2 of 8 lines in # s (# a second). Not sent: 6 with exit code 64. The first, line 2: …the request is not JSON…",
    );
    let answers = std::fs::read_to_string(answers).unwrap();
    let id = |id: &str| json!(id);
    assert_eq!(
        results(&answers),
        [
            (id("a"), 0),
            (json!(null), 64),
            (json!(null), 64),
            (id("b"), 64),
            (id("no topic"), 64),
            (json!(null), 64),
            (json!(null), 64),
            (id("e"), 0),
        ]
    );
    for (line, said) in [
        (5, "Not sent, the request is wrong: it is not UTF-8 text from byte 11 on."),
        (6, "Not sent, the request is wrong: it has more than one id."),
    ] {
        let result: Value = serde_json::from_str(answers.lines().nth(line).unwrap()).unwrap();
        assert_eq!(result["meta"]["message"], said);
    }
    let came: Vec<_> = came(&observer, 2).into_iter().map(|(topic, _)| topic).collect();
    assert_eq!(came, ["a", "e"]);
}

#[test]
fn flags_win_over_every_request() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    Program::send(broker.port())
        .args(["--requests", "-", "--content", "flag", "--qos", "0"])
        .stdin("{\"topic\":\"a\"}\n{\"topic\":\"b\",\"content\":\"b\",\"qos\":2,\"client-id\":\"other\"}\n{\"topic\":\"c\",\"content-base64\":\"*\"}\n")
        .run()
        .answers(0, "Sent 3 of 3 lines in # s (# a second).");
    let flag = |topic: &str| (topic.to_owned(), b"flag".to_vec());
    assert_eq!(came(&observer, 3), [flag("a"), flag("b"), flag("c")]);
    assert!(observer.received().iter().all(|message| message.qos == 0));
    assert!(!broker.log().contains(" as other ("), "{}", broker.log());
}

#[test]
fn what_is_wrong_whatever_the_requests_are_is_said_before() {
    let broker = ScriptedBroker::untouched();
    let directory = TempDir::new().unwrap();
    let kept = write(&directory, "results", "kept");
    let config = write(&directory, "config", "{\"topic\":");
    for (arguments, exit_code, said) in [
        (
            &["--request", "-"][..],
            64,
            "The command line: the argument '--requests <FILE>' cannot be used with '--request <FILE>'.",
        ),
        (
            &["--lines", "-"],
            64,
            "The command line: the argument '--requests <FILE>' cannot be used with '--lines <FILE>'.",
        ),
        (&["--config", &config], 64, "…the configuration is not JSON…"),
        (
            &["--config", "-"],
            64,
            "The command line: --config and --requests cannot both read standard input.",
        ),
    ] {
        let run = Program::send(broker.port())
            .args(["--requests", "-", "--results", &kept])
            .args(arguments.iter().copied())
            .stdin("{}\n")
            .run();
        assert!(fits(&run.message(), said), "{arguments:?}: {run:?}");
        assert_eq!(run.status, Some(exit_code), "{arguments:?}: {run:?}");
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "kept", "{arguments:?}");
    }
    let run = Program::send(broker.port()).args(["--requests", "/no/such/file", "--results", &kept]).run();
    run.answers(66, "--requests /no/such/file: No such file or directory (os error 2).");
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "kept");
    broker.finish();
}
