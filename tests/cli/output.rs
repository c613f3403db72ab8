//! Output that cannot be written, or that nobody reads: what was delivered is answered all the same.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};

use mqtt_connector::component;
use mqtt_connector_tests::{Expect, ScriptedBroker};
use tempfile::TempDir;

use crate::support::{
    PATIENCE, answer, exchange, full_pipe, shell, signal, wait_until_signals_are_caught, write,
};

fn one_message() -> ScriptedBroker {
    let message = exchange(Expect::connect(), Expect::publish().payload("c"));
    ScriptedBroker::builder().connection(message).start()
}

/// `send` of one message to a broker that takes it.
fn sending(broker: &ScriptedBroker, mut command: Command) -> Command {
    command.args(["send", "--broker", &format!("tcp://{}", broker.address()), "--client-id", "sender"]);
    command.args(["--topic", "t", "--content", "c", "--qos", "0"]);
    command
}

fn full_disk() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[track_caller]
fn is_sent(program: Child, broker: ScriptedBroker) {
    let (exit_code, message) = answer(&program.wait_with_output().unwrap());
    assert_eq!(exit_code, 0, "{message}");
    assert!(
        message.starts_with("Sent with QoS 0 (never acknowledged) to topic \"t\" at tcp://"),
        "{message}"
    );
    broker.finish();
}

#[test]
fn a_log_that_cannot_be_written_fails_no_send() {
    for level in ["info", "trace"] {
        let broker = one_message();
        let mut command = sending(&broker, shell(""));
        is_sent(command.env("RUST_LOG", level).stderr(full_disk()).spawn().unwrap(), broker);

        let broker = one_message();
        let (_reader, writer) = full_pipe();
        let mut command = sending(&broker, shell(""));
        is_sent(command.env("RUST_LOG", level).stderr(writer).spawn().unwrap(), broker);

        let broker = one_message();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = sending(&broker, shell(""));
        is_sent(command.env("RUST_LOG", level).stderr(writer).spawn().unwrap(), broker);

        let broker = one_message();
        let mut command = sending(&broker, shell("exec 2>&-;"));
        is_sent(command.env("RUST_LOG", level).spawn().unwrap(), broker);

        let broker = one_message();
        let directory = TempDir::new().unwrap();
        let log = File::create(directory.path().join("log")).unwrap();
        let mut command = sending(&broker, shell("ulimit -f 0;"));
        is_sent(command.env("RUST_LOG", level).stderr(log).spawn().unwrap(), broker);
    }
}

#[test]
fn what_is_wrong_with_the_filter_of_the_log_fails_no_send() {
    const FILTER: &str = "warn,=no filter";
    let broker = one_message();
    let mut command = sending(&broker, shell(""));
    is_sent(command.env("RUST_LOG", FILTER).stderr(full_disk()).spawn().unwrap(), broker);

    let broker = one_message();
    let output = sending(&broker, shell("")).env("RUST_LOG", FILTER).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let wanted = "mqtt-connector: RUST_LOG: \"=no filter\" is ignored; it should be like info or mqtt_connector=debug\n";
    assert_eq!((output.status.code(), &*said), (Some(0), wanted));
    broker.finish();
}

#[test]
fn a_response_that_cannot_be_written_is_said_and_its_exit_code_stands() {
    let directory = TempDir::new().unwrap();
    let limited = directory.path().join("limited");
    let file = || File::create(&limited).unwrap();
    for (stdout, setup, error) in [
        (full_disk(), "", "No space left on device (os error 28)"),
        (file(), "ulimit -f 0;", "File too large (os error 27)"),
    ] {
        let broker = one_message();
        let mut command = sending(&broker, shell(setup));
        let output = command.stdout(stdout).spawn().unwrap().wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}");
        let wanted = format!(
            "mqtt-connector: standard output: {error}; the response is {{\"meta\":{{\"exit-code\":0,"
        );
        assert!(said.starts_with(&wanted), "{said}");
        broker.finish();
    }
    assert_eq!(std::fs::read(&limited).unwrap(), b"", "no half line");

    let output = shell("").args(["send", "--frob"]).stdout(full_disk()).output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    let output = shell("").args(["check"]).stdout(full_disk()).stderr(full_disk()).output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{output:?}");
}

#[test]
fn a_signal_ends_the_wait_for_who_reads_the_response() {
    for name in ["INT", "TERM", "HUP"] {
        let broker = one_message();
        let (_reader, writer) = full_pipe();
        let program = sending(&broker, shell("")).stdout(writer).spawn().unwrap();
        broker.wait_for_packets(3, PATIENCE);
        signal(&program, name);
        let output = program.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "SIG{name}: {said}");
        let wanted =
            "mqtt-connector: standard output: nobody reads it; the response is {\"meta\":{\"exit-code\":0,";
        assert!(said.starts_with(wanted), "SIG{name}: {said}");
        broker.finish();
    }
}

#[test]
fn what_is_said_to_people_stops_nothing() {
    let (_reader, writer) = full_pipe();
    let program = shell("").args(["send", "--frob"]).stderr(writer).spawn().unwrap();
    let (exit_code, message) = answer(&program.wait_with_output().unwrap());
    assert_eq!((exit_code, &*message), (64, "The command line: unexpected argument '--frob' found."));
    let program = shell("").args(["send", "--frob"]).stderr(full_disk()).spawn().unwrap();
    assert_eq!(answer(&program.wait_with_output().unwrap()).0, 64);
    for command in [&["schema", "--component", "/no/such/file"][..], &["tenants", "check", "/no/such/file"]] {
        let output = shell("").args(command).stderr(full_disk()).output().unwrap();
        assert_eq!(output.status.code(), Some(66), "{output:?}");
    }
}

#[test]
fn a_signal_ends_the_wait_for_who_reads_the_help() {
    let (_reader, writer) = full_pipe();
    let mut program = shell("").args(["send", "--help"]).stdout(writer).spawn().unwrap();
    wait_until_signals_are_caught(&program);
    signal(&program, "TERM");
    assert_eq!(program.wait().unwrap().code(), Some(0));
}

#[test]
fn machine_code_is_written_whole_or_not_at_all() {
    let directory = TempDir::new().unwrap();
    let wasm = write(&directory, "connector.wasm", component());
    let path = directory.path().join("connector.cwasm");
    let to = path.to_str().unwrap();
    let output = shell("ulimit -f 1;").args(["precompile", &wasm, "--output", to]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let wanted = format!("mqtt-connector: {to}: File too large (os error 27).\n");
    assert_eq!((output.status.code(), said), (Some(70), wanted));
    assert!(!path.exists());
}

#[test]
fn input_that_others_do_not_wait_for_is_waited_for() {
    for flags in
        [&["--request", "-"][..], &["--content-file", "-", "--topic", "t"], &["--lines", "-", "--topic", "t"]]
    {
        let broker = one_message();
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        // That is so for everybody who has it open.
        theirs.set_nonblocking(true).unwrap();
        let program = shell("")
            .args([
                "send",
                "--broker",
                &format!("tcp://{}", broker.address()),
                "--client-id",
                "sender",
                "--qos",
                "0",
            ])
            .args(flags)
            .stdin(OwnedFd::from(theirs))
            .spawn()
            .unwrap();
        wait_until_signals_are_caught(&program);
        let text = if flags[0] == "--request" { "{\"topic\":\"t\",\"content\":\"c\"}" } else { "c" };
        ours.write_all(text.as_bytes()).unwrap();
        drop(ours);
        assert_eq!(answer(&program.wait_with_output().unwrap()).0, 0, "{flags:?}");
        broker.finish();
    }
}
