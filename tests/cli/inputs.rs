//! What the program is to read and cannot: exit status 64 or 66, a response line, and nothing sent.

use mqtt_connector_tests::ScriptedBroker;
use tempfile::TempDir;

use crate::support::{Program, write};

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
    let binary = write(&directory, "binary", b"\xfc\xfe");
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
