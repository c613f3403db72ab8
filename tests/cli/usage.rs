//! Arguments and files that cannot be used: exit status 64 or 66, a response line for `send` and `check`, and nothing
//! sent.

use mqtt_connector_tests::ScriptedBroker;
use tempfile::TempDir;

use crate::support::{Program, write};

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
        (
            &["--topics=t"],
            "unexpected argument '--topics' found",
            "\n\n  tip: a similar argument exists: '--topic'\n\nUsage: mqtt-connector COMMAND --topic <TEXT>",
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

/// Only a send and a dry run have a response.
#[test]
fn other_commands_that_are_not_understood_print_nothing() {
    for (arguments, said) in [
        (&["frob"][..], "error: unrecognized subcommand 'frob'\n…"),
        (&["wit", "--frob"], "error: unexpected argument '--frob' found\n…"),
        (&["completions", "tcsh"], "error: invalid value 'tcsh' for '<shell>'\n  [possible values: bash, …"),
        (&["precompile"], "error: the following required arguments were not provided:\n…"),
        (
            &[],
            "Publishes one message to an MQTT broker, through a sandboxed WebAssembly component\n\nUsage: …",
        ),
    ] {
        Program::new(arguments.iter().copied()).run().fails(64, said);
    }
}

#[test]
fn standard_input_can_be_read_once() {
    for (first, second) in [
        ("--config", "--request"),
        ("--config", "--content-file"),
        ("--config", "--password-file"),
        ("--request", "--content-file"),
        ("--request", "--password-file"),
        ("--content-file", "--password-file"),
    ] {
        for flags in [[first, "-", second, "-"], [second, "-", first, "-"]] {
            Program::new(["check"]).args(flags).stdin("{}").run().answers(
                64,
                &format!("The command line: {first} and {second} cannot both read standard input."),
            );
        }
    }
}

#[test]
fn password_is_given_in_one_way() {
    Program::new(["check", "--password", "a", "--password-file", "b"])
        .run()
        .answers(64, "The command line: --password and --password-file cannot be used together.");
}

#[test]
fn files_that_cannot_be_read() {
    let directory = TempDir::new().unwrap();
    let here = directory.path().to_str().unwrap();
    let missing = format!("{here}/missing");
    let binary = write(&directory, "binary", b"\xff\xfe");
    let broker = ScriptedBroker::untouched();
    for (flag, path, reason) in [
        ("--config", &*missing, "No such file or directory (os error 2)"),
        ("--request", &missing, "No such file or directory (os error 2)"),
        ("--content-file", &missing, "No such file or directory (os error 2)"),
        ("--password-file", &missing, "No such file or directory (os error 2)"),
        ("--component", &missing, "No such file or directory (os error 2)"),
        ("--config", here, "Is a directory (os error 21)"),
        ("--content-file", here, "Is a directory (os error 21)"),
        ("--config", &binary, "the file is not UTF-8 text"),
        ("--request", &binary, "the file is not UTF-8 text"),
        ("--password-file", &binary, "the file is not UTF-8 text"),
    ] {
        for command in ["send", "check"] {
            Program::new([
                command,
                "--broker",
                &format!("tcp://{}", broker.address()),
                "--client-id",
                "sender",
            ])
            .args(["--username", "u", "--topic", "t"])
            .args([flag, path])
            .run()
            .answers(66, &format!("{flag} {path}: {reason}."));
        }
    }
    broker.finish();
}
