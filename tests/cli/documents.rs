//! Where parameters come from: configuration, request, environment and flags, and who wins.

use mqtt_connector_tests::{Expect, Mosquitto, Observer, ScriptedBroker};
use tempfile::TempDir;

use crate::support::{PATIENCE, Program, exchange, write};

#[test]
fn flags_win_over_the_request_and_the_request_over_the_configuration() {
    let directory = TempDir::new().unwrap();
    let config =
        r#"{"broker": "tcp://config:1", "client-id": "c", "topic": "config", "qos": 0, "content": "config"}"#;
    let config = write(&directory, "config.json", config);
    let request = write(&directory, "request.json", r#"{"broker": "tcp://request:2", "topic": "request"}"#);
    let request_and_flags = |flags: &'static [&'static str]| {
        let program = Program::new(["check", "--config", &config, "--request", &request]);
        program.args(flags.iter().copied()).run()
    };
    let says = |qos: u8, topic: &str, broker: &str| {
        format!("The message would be sent with QoS {qos} to topic \"{topic}\" at {broker}.")
    };
    Program::new(["check", "--config", &config]).run().answers(0, &says(0, "config", "tcp://config:1"));
    request_and_flags(&[]).answers(0, &says(0, "request", "tcp://request:2"));
    request_and_flags(&["--topic", "flag"]).answers(0, &says(0, "flag", "tcp://request:2"));
    request_and_flags(&["--qos", "1", "--broker", "mqtt://flag:3", "--topic", "flag"])
        .answers(0, &says(1, "flag", "mqtt://flag:3"));
}

#[test]
fn documents_and_flags_make_one_message() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let directory = TempDir::new().unwrap();
    let config = format!(r#"{{"broker": "tcp://{}", "client-id": "sender", "qos": 1}}"#, broker.address());
    let config = write(&directory, "config.json", config);
    // Digits, order and spelling are the author's, also when flags are laid over the request.
    let content = r#"{"b":1E400,"a":1.10,"\u00e4":[0.0,-0]}"#;
    let request = format!(" {{ \"topic\" : \"request\" , \"content\": {content}}}\n");
    let file = write(&directory, "request.json", &request);
    let answer =
        |topic: &str| format!("Sent with QoS 1 to topic \"{topic}\" at tcp://{} in # ms.", broker.address());

    Program::new(["send", "--config", &config, "--request", &file]).run().answers(0, &answer("request"));
    Program::new(["send", "--config", &config, "--request", "-"])
        .stdin(request)
        .run()
        .answers(0, &answer("request"));
    Program::new(["send", "--config", &config, "--request", &file, "--topic", "flag"])
        .run()
        .answers(0, &answer("flag"));
    Program::new(["send", "--config", "-", "--topic", "flag", "--content", "text"])
        .stdin(std::fs::read(&config).unwrap())
        .run()
        .answers(0, &answer("flag"));

    let came = observer.messages(4, PATIENCE);
    let came: Vec<_> =
        came.iter().map(|message| (&*message.topic, message.payload.escape_ascii().to_string())).collect();
    let content = content.as_bytes().escape_ascii().to_string();
    assert_eq!(
        came,
        [
            ("request", content.clone()),
            ("request", content.clone()),
            ("flag", content),
            ("flag", "text".to_owned())
        ]
    );
}

#[test]
fn content_of_one_kind_replaces_content_of_the_other() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "t");
    let directory = TempDir::new().unwrap();
    let file = write(&directory, "content", b"\xff\x00");
    for (document, flag, value) in [
        (r#"{"topic": "t", "content": "old"}"#, "--content-base64", "bmV3"),
        (r#"{"topic": "t", "content-base64": "b2xk"}"#, "--content", "new"),
        (r#"{"topic": "t", "content": "old"}"#, "--content-file", &file),
    ] {
        let path = write(&directory, "document.json", document);
        for name in ["--config", "--request"] {
            let run = Program::send(broker.port()).args([name, &path, flag, value]).run();
            run.answers(0, &format!("Sent with QoS 2 to topic \"t\" at tcp://{} in # ms.", broker.address()));
        }
    }
    let came: Vec<_> = observer.messages(6, PATIENCE).into_iter().map(|message| message.payload).collect();
    assert_eq!(came, [&b"new"[..], b"new", b"new", b"new", b"\xff\x00", b"\xff\x00"]);
}

/// Which user name and password reach the broker.
#[test]
fn credentials_come_from_flags_files_environment_and_documents() {
    let directory = TempDir::new().unwrap();
    let config = write(&directory, "config.json", r#"{"username": "config", "password": "of config"}"#);
    let file = write(&directory, "password", "of file\n");
    let environment = &[("MQTT_USERNAME", "environment"), ("MQTT_PASSWORD", "of environment")][..];
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], (&'a str, &'a [u8]));
    // A variable that is set to nothing says nothing, a flag does.
    let empty = &[("MQTT_USERNAME", ""), ("MQTT_PASSWORD", "")][..];
    let cases: [Case<'_>; 10] = [
        (empty, &["--config", &config], ("config", b"of config")),
        (empty, &["--config", &config, "--password-file", &file], ("config", b"of file")),
        (environment, &["--password="], ("environment", b"")),
        (&[], &["--config", &config], ("config", b"of config")),
        (environment, &[], ("environment", b"of environment")),
        (environment, &["--config", &config], ("environment", b"of environment")),
        (environment, &["--username", "flag"], ("flag", b"of environment")),
        (environment, &["--password", "of flag"], ("environment", b"of flag")),
        (environment, &["--password-file", &file], ("environment", b"of file")),
        (&[], &["--config", &config, "--password-file", &file], ("config", b"of file")),
    ];
    for (environment, flags, (username, password)) in cases {
        let connect = Expect::connect().username(Some(username)).password(Some(password));
        let broker = ScriptedBroker::builder().connection(exchange(connect, Expect::publish())).start();
        let mut program = Program::send(broker.port()).args(["--topic", "t", "--content", "c", "--qos", "0"]);
        for (name, value) in environment {
            program = program.env(name, value);
        }
        program.args(flags.iter().copied()).run().answers(
            0,
            &format!(
                "Sent with QoS 0 (never acknowledged) to topic \"t\" at tcp://{} in # ms.",
                broker.address()
            ),
        );
        broker.finish();
    }
}

#[test]
fn one_line_end_is_dropped_from_a_password_file() {
    let directory = TempDir::new().unwrap();
    for (text, password) in [
        ("secret", "secret"),
        ("secret\n", "secret"),
        ("secret\r\n", "secret"),
        ("secret\n\n", "secret\n"),
        (" se\ncret \r", " se\ncret \r"),
        ("\n", ""),
        ("", ""),
    ] {
        let file = write(&directory, "password", text);
        for (path, input) in [(&*file, ""), ("-", text)] {
            let connect = Expect::connect().username(Some("ann")).password(Some(password.as_bytes()));
            let broker = ScriptedBroker::builder().connection(exchange(connect, Expect::publish())).start();
            Program::send(broker.port())
                .args(["--topic", "t", "--content", "c", "--qos", "0"])
                .args(["--username", "ann", "--password-file", path])
                .stdin(input)
                .run()
                .answers(0, "Sent with QoS 0 (never acknowledged) to topic \"t\" at …");
            broker.finish();
        }
    }
}

#[test]
fn content_file_is_sent_byte_for_byte() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "t");
    let directory = TempDir::new().unwrap();
    let large: Vec<u8> = (0..300_000_u32).map(|number| (number % 251) as u8).collect();
    let contents = [
        &b"text, Gr\xc3\xbc\xc3\x9fe\n"[..],
        b"\x00\xff\xfe\r\n",
        b"",
        b"{\"a\": 1}\n",
        b"\xef\xbb\xbfx",
        &large,
    ];
    for content in contents {
        let file = write(&directory, "content", content);
        for (path, input) in [(&*file, &b""[..]), ("-", content)] {
            let run = Program::send(broker.port())
                .args(["--topic", "t", "--content-file", path])
                .stdin(input)
                .run();
            run.answers(0, &format!("Sent with QoS 2 to topic \"t\" at tcp://{} in # ms.", broker.address()));
        }
    }
    let came: Vec<_> = observer.messages(12, PATIENCE).into_iter().map(|message| message.payload).collect();
    let expected: Vec<_> = contents.iter().flat_map(|content| [content.to_vec(), content.to_vec()]).collect();
    assert!(came == expected, "{:?}", came.iter().map(Vec::len).collect::<Vec<_>>());
}

#[test]
fn what_is_wrong_with_a_document_is_said() {
    let directory = TempDir::new().unwrap();
    let right = write(&directory, "right.json", r#"{"broker": "tcp://h", "client-id": "c", "topic": "t"}"#);
    for (text, flags, message) in [
        ("", &["--content", "c"][..], "Not sent: the request is empty, wants a JSON object, at least {}."),
        ("[1]", &["--content", "c"], "Not sent: the request is a list, wants a JSON object: {…}."),
        (
            "{\"content\": \"c\"",
            &["--qos", "1"],
            "Not sent: the request is not JSON: it ends at line 1, column 15, before a quote, a bracket or a brace is closed.",
        ),
        (
            r#"{"qos": 0, "qos": 1, "content": "c"}"#,
            &["--retain"],
            "Not sent: \"qos\" stands in the request more than once.",
        ),
        (
            r#"{"contend": "c"}"#,
            &["--content", "c"],
            "Not sent: \"contend\" in the request is unknown (did you mean content?).",
        ),
    ] {
        Program::new(["check", "--config", &right, "--request", "-"])
            .args(flags.iter().copied())
            .stdin(text)
            .run()
            .answers(64, message);
    }
}
