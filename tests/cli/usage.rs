//! Arguments that cannot be used: exit status 64, a response line for `send` and `check`, and nothing sent.

mod help;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use mqtt_connector_tests::pattern::fits;
use mqtt_connector_tests::{Expect, ScriptedBroker};

use crate::support::{Program, exchange, uninfluenced};

/// What the arguments parser says, for people on standard error and in the response for scripts.
#[test]
fn arguments_that_are_not_understood() {
    const STRAY: &str = "an argument stands where a flag was expected (it is not shown: it may be a secret); \
                         a boolean takes its value with =, as in --retain=false";
    const HELP: &str = "\n\nFor more information, try '--help'.\n";
    for (flags, reason, said) in [
        (
            &["--frob"][..],
            "unexpected argument '--frob' found",
            "\n\nUsage: mqtt-connector COMMAND [OPTIONS]",
        ),
        (&["s3cret"], STRAY, ""),
        (&["--retain", "s3cret"], STRAY, ""),
        (&["--retain", "true"], STRAY, ""),
        (
            &["--qos", "--password", "s3cret"],
            "a value is required for '--qos <0|1|2>' but none was supplied",
            "",
        ),
        (&["--broker"], "a value is required for '--broker <URL>' but none was supplied", ""),
        (
            &["--retain=maybe"],
            "invalid value 'maybe' for '--retain[=<BOOLEAN>]'",
            "\n  [possible values: true, false]",
        ),
        (
            &["--qos", "1", "--qos", "2"],
            "the argument '--qos <0|1|2>' cannot be used multiple times",
            "\n\nUsage: mqtt-connector COMMAND [OPTIONS]",
        ),
        (
            &["--content", "a", "--content-base64", "YQ=="],
            "the argument '--content <TEXT>' cannot be used with '--content-base64 <TEXT>'",
            "\n\nUsage: mqtt-connector COMMAND --content <TEXT>",
        ),
        (
            &["--content-file", "a", "--content", "a"],
            "the argument '--content-file <FILE>' cannot be used with '--content <TEXT>'",
            "\n\nUsage: mqtt-connector COMMAND --content-file <FILE>",
        ),
        (
            &["--content-base64", "YQ==", "--content-file", "a"],
            "the argument '--content-base64 <TEXT>' cannot be used with '--content-file <FILE>'",
            "\n\nUsage: mqtt-connector COMMAND --content-base64 <TEXT>",
        ),
        (
            &["--resolve", "broker.test:8883"],
            "invalid value 'broker.test:8883' for '--resolve <HOST:PORT:ADDRESS>': wants HOST:PORT:ADDRESS, as in \
             broker.example:8883:127.0.0.1",
            "",
        ),
        (
            &["--resolve", "broker.test:8883:localhost"],
            "invalid value 'broker.test:8883:localhost' for '--resolve <HOST:PORT:ADDRESS>': \"localhost\" is not an \
             address; a name is not looked up here",
            "",
        ),
    ] {
        for command in ["send", "check"] {
            Program::new([command]).args(flags.iter().copied()).run().answers_and_says(
                64,
                &format!("The command line: {reason}."),
                &format!("error: {reason}{}{HELP}", said.replace("COMMAND", command)),
            );
        }
    }
}

/// What clap says on standard error besides is its own business.
#[track_caller]
fn refuses(arguments: &[&str], reason: &str, said: &str) {
    let output = Program::new(arguments.iter().copied()).run();
    output.answers_and_says(64, &format!("The command line: {reason}."), &output.stderr);
    assert!(fits(&output.stderr, said), "wanted: {said}\n   got: {output:#?}");
}

const HOST: &str = r#"-h: the host is part of broker, as in "tcp://broker.example.com:1883""#;

#[test]
fn a_tip_is_in_the_response_too() {
    for command in ["send", "check"] {
        Program::new([command, "--topics=t"]).run().answers_and_says(
            64,
            "The command line: unexpected argument '--topics' found; a similar argument exists: '--topic'.",
            &format!(
                "error: unexpected argument '--topics' found\n\n  tip: a similar argument exists: '--topic'\n\n\
                 Usage: mqtt-connector {command} --topic <TEXT>\n\nFor more information, try '--help'.\n"
            ),
        );
    }
}

/// Of all flags of another tool, and never what their values are.
#[test]
fn flags_of_other_tools_lead_to_ours() {
    refuses(
        &[
            "send",
            "-p",
            "1883",
            "-h",
            "127.0.0.1",
            "-t",
            "a",
            "-m",
            "s3cret",
            "-q",
            "1",
            "-u",
            "ann",
            "-Ps3cret",
        ],
        &format!(
            "unexpected argument '-p' found; -p: the port is part of broker, as in \"tcp://broker.example.com:1883\"; \
             {HOST}; -t is --topic here; -m is --content here; -q is --qos here; -u is --username here; -P is --password \
             here"
        ),
        "error: unexpected argument '-p' found\n\n  tip: -p: the port …\n  tip: -t is --topic here\n…",
    );
    for (flag, tip) in [
        ("--payload=s3cret", "--payload is --content here"),
        ("--message", "--message is --content here"),
        ("--host", "--host: the host is part of broker, as in \"tcp://broker.example.com:1883\""),
        ("--port=1883", "--port: the port is part of broker, as in \"tcp://broker.example.com:1883\""),
        ("--url", "--url: broker has the URL, as in \"tcp://broker.example.com:1883\""),
        ("--cafile", "--cafile is --root-ca-crt here"),
        ("--cert", "--cert is --certificate here"),
        ("--key", "--key is --private-key here"),
        ("--user", "--user is --username here"),
        ("--pw=s3cret", "--pw is --password here"),
        ("--clientId", "--clientId is --client-id here"),
        ("--client_id", "--client_id is --client-id here"),
        ("--retained", "--retained is --retain here"),
        ("--keepalive", "--keepalive is --keep-alive here"),
        (
            "--insecure",
            "--insecure: verify-server false leaves the broker's certificate unchecked, which is dangerous",
        ),
        ("--tls", "--tls: TLS is part of broker: the scheme ssl, as in \"ssl://broker.example.com:8883\""),
    ] {
        let name = flag.split('=').next().unwrap();
        let tip = format!("unexpected argument '{name}' found; {tip}");
        let output = Program::new(["send", "--topic", "t", flag, "s3cret"]).run();
        let message = output.message();
        // Where the spelling is near, the arguments parser says the same in its words.
        let similar = message.starts_with(&format!(
            "The command line: unexpected argument '{name}' found; a similar argument exists: '--"
        ));
        assert!(similar || message == format!("The command line: {tip}."), "{tip}: {output:#?}");
        assert_eq!(output.status, Some(64), "{output:#?}");
        assert!(!(output.stdout + &output.stderr).contains("s3cret"), "{flag}");
    }
}

/// `--client-id $id --topic t`, where the variable was empty.
#[test]
fn a_flag_is_not_the_value_of_another() {
    for (flags, flag, next) in [
        (&["--client-id", "--topic", "t", "--content", "c"][..], "--client-id", "--topic"),
        (&["--content-base64", "--retain"], "--content-base64", "--retain"),
        (&["--password", "--password-file=s3cret"], "--password", "--password-file"),
        (&["--username", "--help"], "--username", "--help"),
        (&["--content", "c", "--topic", "--config"], "--topic", "--config"),
    ] {
        for command in ["send", "check"] {
            Program::new([command]).args(flags.iter().copied()).run().answers(
                64,
                &format!(
                    "The command line: {flag} has no value: the flag {next} follows; a value that begins with a hyphen \
                     is given with =, as in {flag}=VALUE."
                ),
            );
        }
    }
    let broker = ScriptedBroker::builder()
        .connection(exchange(Expect::connect().client_id("--retain"), Expect::publish().payload("---")))
        .start();
    let url = format!("tcp://{}", broker.address());
    Program::new(["send", "--broker", &url, "--topic", "t", "--qos", "0", "--content", "---"])
        .args(["--client-id=--retain", "--retries", "0"])
        .run()
        .answers(0, "Sent with QoS 0 (never acknowledged) to topic \"t\" at …");
    broker.finish();
}

#[test]
fn flags_begin_with_two_hyphens() {
    let stray = "an argument stands where a flag was expected (it is not shown: it may be a secret); a boolean takes its \
                 value with =, as in --retain=false";
    for (flag, reason) in [
        ("-topic", "unexpected argument '-t' found"),
        ("\u{2013}topic", stray),
        ("\u{2014}topic=s3cret", stray),
    ] {
        let reason = format!("{reason}; --topic begins with two hyphens");
        refuses(&["send", flag, "t"], &reason, "error: …\n\n  tip: --topic begins with two hyphens\n…");
    }
}

#[test]
fn arguments_and_variables_that_are_not_text_are_named() {
    let run = |arguments: &[&[u8]], variable: Option<&str>| {
        let mut command = uninfluenced(env!("CARGO_BIN_EXE_mqtt-connector"));
        command.env_remove("MQTT_USERNAME").env_remove("MQTT_PASSWORD").env_remove("RUST_LOG");
        if let Some(variable) = variable {
            command.env(variable, OsStr::from_bytes(b"s3cret\xff"));
        }
        let output =
            command.args(arguments.iter().map(|argument| OsStr::from_bytes(argument))).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        let (stdout, stderr) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(!format!("{stdout}{stderr}").contains("s3cret"), "{stdout}{stderr}");
        let response: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        response["meta"]["message"].as_str().unwrap().to_owned()
    };
    for (arguments, variable, reason) in [
        (&[&b"send"[..], b"--topic", b"s3cret\xff"][..], None, "the value of --topic is not UTF-8 text"),
        (&[b"send", b"--topic=s3cret\xff"], None, "the value of --topic is not UTF-8 text"),
        (
            &[b"check", b"--content", b"s3cret\xff"],
            None,
            "the value of --content is not UTF-8 text; --content-file reads what is none",
        ),
        (&[b"send"], Some("MQTT_PASSWORD"), "the environment variable MQTT_PASSWORD is not UTF-8 text"),
        (&[b"send"], Some("MQTT_USERNAME"), "the environment variable MQTT_USERNAME is not UTF-8 text"),
        (
            &[b"s3cret\xff"],
            None,
            "an argument stands where the command was expected (it is not shown: it may be a secret); a message is \
             sent with mqtt-connector send",
        ),
    ] {
        assert_eq!(run(arguments, variable), format!("The command line: {reason}."), "{arguments:?}");
    }
}

#[test]
fn what_may_be_user_information_is_not_shown() {
    let resolve = "the value of '--resolve <HOST:PORT:ADDRESS>' is wrong, and is not shown: wants a host without scheme \
                   and user information, as in broker.example:8883:127.0.0.1";
    for value in
        ["ann:s3cret@h:1883:127.0.0.1", "ann:s3cret%40h:1883:127.0.0.1", "ssl://ann:s3cret@h:1883:127.0.0.1"]
    {
        let output = Program::new(["send", "--resolve", value]).run();
        output.answers_and_says(
            64,
            &format!("The command line: {resolve}."),
            &format!("error: {resolve}\n\nFor more information, try '--help'.\n"),
        );
    }
    for flag in ["--retain=ann:s3cret@h", "--retain=s3cret\n"] {
        refuses(
            &["send", flag],
            "the value of '--retain[=<BOOLEAN>]' is wrong, and is not shown",
            "error: the value of '--retain[=<BOOLEAN>]' is wrong, and is not shown\n…",
        );
    }
    for flag in ["--broker", "--proxy", "--server-name", "--qos"] {
        for url in ["ssl://ann:s3cret@h@", "ssl://ann:s3cret%40h", "ann:s3cret@h", "//ann:s3cret%40h"] {
            let output = Program::new(["check", "--topic", "t", "--content", "c", flag, url]).run();
            assert_eq!(output.status, Some(64), "{output:#?}");
            assert!(output.message().starts_with("Not sent, "), "{output:#?}");
            assert!(!output.stdout.contains("s3cret"), "{output:#?}");
        }
    }
}

/// Only a send and a dry run have a response.
#[test]
fn other_commands_that_are_not_understood_print_nothing() {
    for (arguments, said) in [
        (&["tenants"][..], "Works with a file of tenants\n…"),
        (&["tenants", "chekc"], "error: unrecognized subcommand 'chekc'\n…"),
        (&["wit", "--frob"], "error: unexpected argument '--frob' found\n…"),
        (&["completions", "tcsh"], "error: invalid value 'tcsh' for '<shell>'\n  [possible values: bash, …"),
        (&["precompile"], "error: the following required arguments were not provided:\n…"),
    ] {
        Program::new(arguments.iter().copied()).run().fails(64, said);
    }
}
