//! Where user name and password came from, in the answer to a refusal.

use mqtt_connector_tests::pattern::fits;
use mqtt_connector_tests::{Expect, ScriptedBroker, Step, encode};
use tempfile::TempDir;

use crate::support::{Output, Program, write};

/// A broker that refuses each connection, with return codes of MQTT 3.1.1 in turn.
fn refusing(times: usize) -> ScriptedBroker {
    let refuse = |code| {
        [Step::expect(Expect::connect()), Step::send(encode::connack(false, code)), Step::expect_end()]
    };
    (0..times)
        .fold(ScriptedBroker::builder(), |broker, time| {
            broker.connection(refuse(if time % 2 == 0 { 5 } else { 4 }))
        })
        .start()
}

/// What the answer says after what the component does.
#[track_caller]
fn origins(output: &Output) -> String {
    let message = output.message();
    let at = message.find(" The user name is from ").or_else(|| message.find(" The password is from "));
    message[at.unwrap_or(message.len())..].to_owned()
}

#[test]
fn a_refusal_says_where_user_name_and_password_came_from() {
    let directory = TempDir::new().unwrap();
    let both = r#"{"username": "ann", "password": "s3cret"}"#;
    let config = write(&directory, "config.json", both);
    let request = write(&directory, "request.json", format!(" {both}"));
    let file = write(&directory, "password", "s3cret\n");
    let nulls = write(&directory, "nulls.json", r#"{"username": null, "password": null}"#);
    let environment = &[("MQTT_USERNAME", "ann"), ("MQTT_PASSWORD", "s3cret")][..];
    let empty = &[("MQTT_USERNAME", ""), ("MQTT_PASSWORD", "")][..];
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], String);
    let cases: [Case<'_>; 9] = [
        (&[], &[], String::new()),
        (
            environment,
            &[],
            " The user name is from the environment variable MQTT_USERNAME. The password is \
             from the environment variable MQTT_PASSWORD."
                .to_owned(),
        ),
        (
            &[],
            &["--username", "ann", "--password", "s3cret"],
            " The user name is from the flag --username. The password is from the flag \
             --password."
                .to_owned(),
        ),
        (
            environment,
            &["--config", &config],
            format!(
                " The user name is from the environment variable MQTT_USERNAME, which wins over the one in \
                 --config {config}. The password is from the environment variable MQTT_PASSWORD, which wins \
                 over the one in --config {config}."
            ),
        ),
        (
            empty,
            &["--config", &config, "--request", &nulls],
            format!(
                " The user name is from --config {config}. The password is from \
                 --config {config}."
            ),
        ),
        (
            &[],
            &["--config", &config, "--request", &request],
            format!(
                " The user name is from --request {request}, which wins over the one in --config {config}. \
                 The password is from --request {request}, which wins over the one in --config {config}."
            ),
        ),
        (
            &[("MQTT_PASSWORD", "other")],
            &["--request", &request, "--password-file", &file],
            format!(
                " The user name is from --request {request}. The password is from \
                 --password-file {file}, which wins over the one in --request {request}."
            ),
        ),
        (
            &[("MQTT_PASSWORD", "s3cret")],
            &["--request", "-"],
            " The user name is from standard input (--request -). The password is from the \
             environment variable MQTT_PASSWORD, which wins over the one in standard input (--request -)."
                .to_owned(),
        ),
        (
            &[],
            &["--username=ann"],
            " The user name is from the flag --username. No password was given.".to_owned(),
        ),
    ];
    let broker = refusing(cases.len());
    for (time, (environment, flags, told)) in cases.into_iter().enumerate() {
        let mut program = Program::send(broker.port()).args(["--topic", "t", "--content", "c"]);
        for (name, value) in environment {
            program = program.env(name, value);
        }
        let output = program.args(flags.iter().copied()).stdin(both).run();
        assert_eq!(output.status, Some(if time % 2 == 0 { 5 } else { 4 }), "{output:#?}");
        assert_eq!(origins(&output), told, "{output:#?}");
        assert!(!output.message().contains("s3cret"), "{output:#?}");
    }
    broker.finish();
}

#[test]
fn the_configuration_may_be_a_tenants() {
    let broker = refusing(1);
    let directory = TempDir::new().unwrap();
    let tenants = format!(
        "[tenants.acme]\nbrokers = [\"tcp://{0}\"]\ntopics = [\"t\"]\n[tenants.acme.config]\nbroker = \"tcp://{0}\"\n\
         client-id = \"c\"\nusername = \"ann\"\npassword = \"s3cret\"\nretries = 0\n",
        broker.address()
    );
    let tenants = write(&directory, "tenants.toml", tenants);
    let output =
        Program::new(["send", "--tenants", &tenants, "--tenant", "acme", "--topic", "t", "--content", "c"])
            .env("MQTT_PASSWORD", "other")
            .run();
    let place = format!("the configuration of tenant acme in --tenants {tenants}");
    assert_eq!(
        origins(&output),
        format!(
            " The user name is from {place}. The password is from the environment \
             variable MQTT_PASSWORD, which wins over the one in {place}."
        )
    );
    broker.finish();
}

#[test]
fn the_summary_of_lines_says_so_too() {
    let broker = refusing(1);
    let output = Program::send(broker.port())
        .args(["--topic", "t", "--lines", "-", "--username", "ann"])
        .env("MQTT_PASSWORD", "s3cret")
        .stdin("a\nb\n")
        .run();
    assert_eq!(output.status, Some(5), "{output:#?}");
    assert!(output.message().starts_with("Sent 0 of 2 lines in "), "{output:#?}");
    assert_eq!(
        origins(&output),
        " The user name is from the flag --username. The password is from the environment \
         variable MQTT_PASSWORD."
    );
    broker.finish();
}

/// Each request may have user name and password of its own: nobody is told that they are the configuration's.
#[test]
fn of_requests_only_flags_and_variables_are_told() {
    let directory = TempDir::new().unwrap();
    let config = write(&directory, "config.json", r#"{"username": "ann", "password": "s3cret"}"#);
    let broker = refusing(2);
    for (flags, told) in [
        (&["--config", &config][..], ""),
        (
            &["--config", &config, "--username", "eve"],
            " The user name is from the flag --username, which wins over …",
        ),
    ] {
        let output = Program::send(broker.port())
            .args(["--topic", "t", "--requests", "-"])
            .args(flags.iter().copied())
            .stdin(r#"{"content": "x", "username": "bob", "password": "s3cret"}"#)
            .run();
        assert!(fits(&origins(&output), told), "{output:#?}");
        assert!(!output.message().contains("s3cret"), "{output:#?}");
    }
    broker.finish();
}

/// A variable is not seen at the command line, so it is named, too, when it holds what is no user name.
#[test]
fn a_variable_that_is_wrong_is_named() {
    Program::new(["check", "--broker", "tcp://h", "--client-id", "c", "--topic", "t", "--content", "c"])
        .env("MQTT_USERNAME", &"a".repeat(65536))
        .run()
        .answers(
            64,
            "Not sent: username in the request … The user name is from the environment variable \
             MQTT_USERNAME.",
        );
}
