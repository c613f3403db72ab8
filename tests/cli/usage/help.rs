//! Help, and what is said where the command is missing.

use super::{HOST, refuses};
use crate::support::Program;

const NO_COMMAND: &str = "the command is missing; a message is sent with mqtt-connector send --broker \
                          tcp://localhost:1883 --client-id ID --topic TOPIC --content TEXT";

/// `-h` is the host in other tools: a script that was converted is not to take help for success.
#[test]
fn help_is_a_success_when_nothing_else_was_asked_for() {
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["help"],
        &["send", "--help"],
        &["send", "-h"],
        &["--help", "send"],
        &["help", "send"],
        &["check", "--help"],
        &["help", "check"],
        &["tenants", "check", "--help"],
        &["tenants", "token", "--help"],
        &["serve", "--help"],
        &["help", "tenants", "check"],
        &["schema", "-h"],
        &["--version"],
        &["-V"],
    ] {
        assert_ne!(Program::new(arguments.iter().copied()).run().printed(), "");
    }
    let help = |command: &str, tips: &str| {
        format!(
            "help is asked for beside other arguments, and nothing was sent; help alone is mqtt-connector{command} \
             --help{tips}"
        )
    };
    let said = "error: help is asked for beside other arguments, and nothing was sent; help alone is …";
    for (arguments, reason) in [
        (
            &["send", "-h", "127.0.0.1", "-t", "a", "-m", "hi"][..],
            help(" send", &format!("; {HOST}; -t is --topic here; -m is --content here")),
        ),
        (
            &["-h", "127.0.0.1", "-t", "a", "-m", "hi"],
            help("", &format!("; {HOST}; -t is --topic here; -m is --content here")),
        ),
        (&["send", "-hlocalhost"], help(" send", &format!("; {HOST}"))),
        (&["send", "--broker", "tcp://h", "-h"], help(" send", "")),
        (&["check", "--topic", "t", "--help"], help(" check", "")),
        (&["send", "--help", "--topic", "t"], help(" send", "")),
        (&["send", "-h", "s3cret"], help(" send", &format!("; {HOST}"))),
        (&["--help", "--broker", "tcp://h"], help("", "")),
    ] {
        refuses(arguments, &reason, said);
    }
    // Who has no response has none here, either.
    let help = "error: help is asked for beside other arguments, and nothing was done; help alone is mqtt-connector \
                schema --help\n\nFor more information, try '--help'.\n";
    Program::new(["schema", "-h", "--component", "x"]).run().fails(64, help);
    let version = "the version is asked for beside other arguments, and nothing was sent; the version alone is \
                   mqtt-connector --version";
    for arguments in [&["--version", "send"][..], &["-V", "5"], &["-V", "--topic", "t"]] {
        refuses(arguments, version, &format!("error: {version}\n\n…"));
    }
}

/// Nobody who calls a command that is not there wants to hear that it is help, or nothing.
#[test]
fn without_a_command_there_is_a_response() {
    let hidden = "an argument stands where the command was expected (it is not shown: it may be a secret); a message is \
                  sent with mqtt-connector send";
    for (arguments, reason, said) in [
        (
            &[][..],
            NO_COMMAND,
            "Publishes one message to an MQTT broker, through a sandboxed WebAssembly component\n\nUsage: …",
        ),
        (&["--broker", "tcp://h", "--topic", "t"], NO_COMMAND, "error: the command is missing; …"),
        (&["--log-format", "json"], NO_COMMAND, "error: the command is missing; …"),
        (&["--log-format=json", "--topic", "t"], NO_COMMAND, "error: the command is missing; …"),
        (
            &["frob"],
            "unrecognized subcommand 'frob'; a message is sent with mqtt-connector send",
            "error: unrecognized subcommand 'frob'\n…",
        ),
        (
            &["publish", "--topic", "t"],
            "unrecognized subcommand 'publish'; a message is sent with mqtt-connector send",
            "error: unrecognized subcommand 'publish'\n…",
        ),
        (
            &["sned", "--topic", "t"],
            "unrecognized subcommand 'sned'; a similar subcommand exists: 'send'",
            "error: unrecognized subcommand 'sned'\n\n  tip: a similar subcommand exists: 'send'\n…",
        ),
        (
            &["help", "chekc"],
            "unrecognized subcommand 'chekc'; a message is sent with mqtt-connector send",
            "error: unrecognized subcommand 'chekc'\n…",
        ),
        (&["Hunter2"], hidden, "error: an argument stands where the command was expected …"),
        (&["--", "hunter2"], hidden, "error: an argument stands where the command was expected …"),
        (
            &["--log-format", "xml", "send"],
            "invalid value 'xml' for '--log-format <log-format>'",
            "error: invalid value 'xml' for '--log-format <log-format>'\n…",
        ),
        (
            &["send", "--results", "r", "--content", "c"],
            "the following required arguments were not provided: …",
            "error: the following required arguments were not provided:\n…",
        ),
    ] {
        refuses(arguments, reason, said);
    }
}
