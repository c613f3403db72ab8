//! `--results`: whole lines, nothing destroyed, and the lines are sent whether somebody takes the results or not.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use mqtt_connector_tests::pattern::fits;
use mqtt_connector_tests::{Mosquitto, Observer, ScriptedBroker};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{PATIENCE, answer, fifo, full_pipe, shell, signal, write};

/// `send` to a broker, with a topic.
fn sending(port: u16, mut command: Command) -> Command {
    command.args(["send", "--broker", &format!("tcp://127.0.0.1:{port}"), "--client-id", "sender"]);
    command.args(["--topic", "t", "--qos", "1"]);
    command
}

/// So many lines.
fn lines(count: usize) -> String {
    (1..=count).map(|n| format!("line {n}\n")).collect()
}

/// Asserts that a text is whole lines of results, and counts them.
#[track_caller]
fn count_results(text: &str) -> usize {
    assert!(text.is_empty() || text.ends_with('\n'), "half a line: {text:?}");
    for line in text.lines() {
        let result: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("half a line: {line:?}"));
        assert_eq!(result["meta"]["exit-code"], 0, "{line}");
    }
    text.lines().count()
}

#[test]
fn no_file_that_is_read_is_written_over() {
    let broker = ScriptedBroker::untouched();
    let directory = TempDir::new().unwrap();
    let text = "{\"topic\":\"t\",\"content\":\"c\"}\n";
    let file = write(&directory, "file", text);
    let link = directory.path().join("link").to_str().unwrap().to_owned();
    symlink(&file, &link).unwrap();
    let hard = directory.path().join("hard").to_str().unwrap().to_owned();
    fs::hard_link(&file, &hard).unwrap();
    let config = write(&directory, "config", format!("{{\"root-ca-crt\":{file:?}}}"));
    for results in [&file, &link, &hard] {
        for (flags, which) in [
            (&["--lines", &file][..], "--lines reads"),
            (&["--lines-base64", &file], "--lines-base64 reads"),
            (&["--requests", &file], "--requests reads"),
            (&["--lines", "-", "--request", &file], "--request reads"),
            (&["--lines", "-", "--config", &file], "--config reads"),
            (&["--lines", "-", "--password-file", &file], "--password-file reads"),
            (&["--requests", "-", "--content-file", &file], "--content-file reads"),
            (&["--lines", "-", "--tenants", &file, "--tenant", "x"], "--tenants reads"),
            (&["--lines", "-", "--component", &file], "--component reads"),
            (&["--lines", "-", "--private-key", &file], "--private-key reads"),
            (&["--lines", "-", "--config", &config], "root-ca-crt names"),
        ] {
            let output =
                sending(broker.port(), shell("")).args(flags).args(["--results", results]).output().unwrap();
            let (exit_code, message) = answer(&output);
            let said = format!(
                "The command line: --results {results} is the file that {which}, which the results would destroy; name another file."
            );
            assert_eq!((exit_code, message), (64, said), "{flags:?}");
            assert_eq!(fs::read_to_string(&file).unwrap(), text, "{flags:?}");
        }
        // Standard input may be that file too.
        for lines in ["-", "/dev/stdin"] {
            let output = sending(broker.port(), shell(""))
                .args(["--lines", lines, "--results", results])
                .stdin(File::open(&file).unwrap())
                .output()
                .unwrap();
            assert_eq!(answer(&output).0, 64, "{lines}");
            assert_eq!(fs::read_to_string(&file).unwrap(), text, "{lines}");
        }
        // And so may be standard output.
        let appended = File::options().append(true).open(&file).unwrap();
        let output = sending(broker.port(), shell(""))
            .args(["--lines", results, "--results", "-"])
            .stdout(appended)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        assert!(fs::read_to_string(&file).unwrap().starts_with(text));
        fs::write(&file, text).unwrap();
    }
    broker.finish();
}

#[test]
fn results_are_not_written_over_by_the_summary() {
    let broker = ScriptedBroker::untouched();
    let directory = TempDir::new().unwrap();
    let path = write(&directory, "out", "");
    let output = sending(broker.port(), shell(""))
        .args(["--lines", "-", "--results", &path])
        .stdout(File::create(&path).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert!(fs::read_to_string(&path).unwrap().contains("is the file that standard output goes to"));
    broker.finish();
}

#[test]
fn results_are_emptied_only_when_all_else_is_right() {
    let broker = ScriptedBroker::untouched();
    let directory = TempDir::new().unwrap();
    let kept = write(&directory, "kept", "kept");
    for (flags, exit_code) in [
        (&["--lines", "-", "--topic", "t/#"][..], 64),
        (&["--lines", "/no/such/file"], 66),
        (&["--lines", "/"], 66),
        (&["--requests", "/"], 66),
        (&["--lines", "-", "--config", "/no/such/file"], 66),
        (&["--lines", "-", "--component", "/no/such/file"], 66),
        (&["--lines", "-", "--root-ca-crt", "/no/such/file", "--broker", "ssl://localhost:1"], 66),
    ] {
        let mut command = shell("");
        command.args(["send", "--client-id", "c"]);
        if !flags.contains(&"--broker") {
            command.args(["--broker", &format!("tcp://127.0.0.1:{}", broker.port())]);
        }
        if !flags.contains(&"--topic") {
            command.args(["--topic", "t"]);
        }
        let output = command.args(flags).args(["--results", &kept]).output().unwrap();
        assert_eq!(answer(&output).0, exit_code, "{flags:?}: {output:?}");
        assert_eq!(fs::read_to_string(&kept).unwrap(), "kept", "{flags:?}");
    }
    let directory = directory.path().to_str().unwrap();
    let output =
        sending(broker.port(), shell("")).args(["--lines", "-", "--results", directory]).output().unwrap();
    let said = format!("--results {directory}: Is a directory (os error 21).");
    assert_eq!(answer(&output), (66, said));
    broker.finish();
}

#[test]
fn lines_are_sent_when_results_cannot_be_written() {
    let broker = Mosquitto::start();
    let directory = TempDir::new().unwrap();
    let input = write(&directory, "lines", lines(1000));
    let limited = directory.path().join("limited").to_str().unwrap().to_owned();
    for (setup, results, error) in [
        ("", "/dev/full", "No space left on device (os error 28)"),
        ("ulimit -f 20;", &*limited, "File too large (os error 27)"),
    ] {
        let observer = Observer::start(broker.port(), "t");
        let output = sending(broker.port(), shell(setup))
            .args(["--lines", &input, "--results", results])
            .output()
            .unwrap();
        let (exit_code, message) = answer(&output);
        let said = format!(
            "Sent 1000 of 1000 lines in # s (# a second). The results of # lines are missing: --results {results}: {error}."
        );
        assert!(exit_code == 0 && fits(&message, &said), "{output:?}");
        let noted = String::from_utf8(output.stderr).unwrap();
        let wanted = format!(
            "mqtt-connector: --results {results}: {error}; further results are missing, the lines are still sent\n"
        );
        assert_eq!(noted, wanted);
        assert_eq!(observer.messages(1000, PATIENCE).len(), 1000);
        if results == limited {
            let text = fs::read_to_string(&limited).unwrap();
            let count = count_results(&text);
            assert!(count > 10 && text.len() <= 20 * 1024, "{count} results, {} bytes", text.len());
            assert!(
                message.contains(&format!("The results of {} lines are missing", 1000 - count)),
                "{message}"
            );
        }
    }
    assert_eq!(broker.log().matches("Received DISCONNECT from sender").count(), 2, "{}", broker.log());
}

#[test]
fn lines_are_sent_when_who_reads_the_results_goes_away() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "t");
    let directory = TempDir::new().unwrap();
    let path = fifo(&directory, "results");
    let input = write(&directory, "lines", lines(3000));
    let program =
        sending(broker.port(), shell("")).args(["--lines", &input, "--results", &path]).spawn().unwrap();
    let mut reader = File::open(&path).unwrap();
    let mut some = [0; 100];
    reader.read_exact(&mut some).unwrap();
    drop(reader);
    let (exit_code, message) = answer(&program.wait_with_output().unwrap());
    let said = format!(
        "Sent 3000 of 3000 lines in # s (# a second). The results of # lines are missing: --results {path}: Broken pipe (os error 32)."
    );
    assert!(exit_code == 0 && fits(&message, &said), "{message}");
    assert_eq!(observer.messages(3000, PATIENCE).len(), 3000);
}

#[test]
fn who_does_not_read_the_results_stops_no_line() {
    let broker = Mosquitto::start();
    for name in ["INT", "TERM", "HUP"] {
        let observer = Observer::start(broker.port(), "t");
        let directory = TempDir::new().unwrap();
        let path = fifo(&directory, "results");
        let input = write(&directory, "lines", lines(3000));
        // Open on both sides, so that it can be filled, and is read by nobody.
        let mut held = File::options().read(true).write(true).open(&path).unwrap();
        held.write_all(&[b'\n'; 60_000]).unwrap();
        let program =
            sending(broker.port(), shell("")).args(["--lines", &input, "--results", &path]).spawn().unwrap();
        assert_eq!(observer.messages(3000, PATIENCE).len(), 3000);
        signal(&program, name);
        let (exit_code, message) = answer(&program.wait_with_output().unwrap());
        assert_eq!(exit_code, 0, "SIG{name}: {message}");
        let said = format!(
            "Sent 3000 of 3000 lines in # s (# a second). The results of # lines are missing: --results {path}: nobody reads them."
        );
        assert!(fits(&message, &said), "SIG{name}: {message}");
        // What it has left there is whole lines.
        held.write_all(b"the end").unwrap();
        let mut text = Vec::new();
        while !text.ends_with(b"the end") {
            let mut some = vec![0; 65_536];
            let count = held.read(&mut some).unwrap();
            text.extend_from_slice(&some[..count]);
        }
        let text = String::from_utf8(text).unwrap();
        let written = count_results(text.trim_start_matches('\n').trim_end_matches("the end"));
        assert!(
            message.contains(&format!("The results of {} lines", 3000 - written)),
            "{written}: {message}"
        );
    }
}

#[test]
fn who_reads_nothing_at_all_leaves_the_client_alive() {
    let broker = Mosquitto::start();
    let will = Observer::start(broker.port(), "will");
    let observer = Observer::start(broker.port(), "t");
    let (_reader, writer) = full_pipe();
    let errors = writer.try_clone().unwrap();
    let mut program = sending(broker.port(), shell(""))
        .args(["--keep-alive", "1", "--will", "{\"topic\":\"will\",\"content\":\"dead\"}"])
        .args(["--lines", "-", "--results", "-"])
        .env("RUST_LOG", "trace")
        .stdin(Stdio::piped())
        .stdout(writer)
        .stderr(errors)
        .spawn()
        .unwrap();
    let mut input = program.stdin.take().unwrap();
    for n in 1..=3 {
        input.write_all(b"x\n").unwrap();
        assert_eq!(observer.messages(n, PATIENCE).len(), n);
    }
    broker.wait_for_log("Received PINGREQ from sender", PATIENCE);
    signal(&program, "TERM");
    // Everything that was handed over has been sent.
    assert_eq!(program.wait().unwrap().code(), Some(0));
    broker.wait_for_log("Received DISCONNECT from sender", PATIENCE);
    will.nothing();
    drop(input);
}

#[test]
fn a_signal_ends_the_opening_of_lines_and_results() {
    let broker = ScriptedBroker::untouched();
    let directory = TempDir::new().unwrap();
    let path = fifo(&directory, "fifo");
    for (flags, doing) in [
        (&["--lines", &path][..], "the lines were opened"),
        (&["--requests", &path], "the lines were opened"),
        (&["--lines", "-", "--results", &path], "the file for the results was opened"),
    ] {
        for name in ["INT", "TERM", "HUP"] {
            let program = sending(broker.port(), shell("")).args(flags).spawn().unwrap();
            crate::support::wait_until_signals_are_caught(&program);
            signal(&program, name);
            let (exit_code, message) = answer(&program.wait_with_output().unwrap());
            assert_eq!(exit_code, 75, "{flags:?}, SIG{name}: {message}");
            // It may have been earlier.
            let wanted = |doing: &str| format!("Nothing was sent: interrupted after # ms, while {doing}.");
            let is_wanted =
                [doing, "the files were read", "the parameters were checked", "the lines were opened"]
                    .iter()
                    .any(|doing| fits(&message, &wanted(doing)));
            assert!(is_wanted, "{flags:?}, SIG{name}: {message}");
        }
    }
    broker.finish();
}

#[test]
fn only_what_was_sent_is_said_to_be_when_a_signal_comes() {
    let broker = Mosquitto::start();
    let mut codes = Vec::new();
    for round in 0..12_usize {
        let observer = Observer::start(broker.port(), "t");
        let mut program =
            sending(broker.port(), shell("")).args(["--lines", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = program.stdin.take().unwrap();
        let writer = std::thread::spawn(move || {
            let mut written = 0;
            while input.write_all(b"a line\n").is_ok() {
                written += 1;
                if round % 2 == 0 {
                    std::thread::yield_now();
                }
            }
            written
        });
        assert!(observer.wait_for(1 + round * 50, PATIENCE));
        signal(&program, "TERM");
        let output = program.wait_with_output().unwrap();
        let (exit_code, message) = answer(&output);
        let written: usize = writer.join().unwrap();
        let came = observer.settled().len();
        match exit_code {
            0 => assert_eq!(came, written, "{message}"),
            75 | 79 => assert!(came <= written, "{message}"),
            other => panic!("{other}: {message}"),
        }
        codes.push(exit_code);
    }
    assert!(codes.iter().any(|code| *code != 0), "{codes:?}");
}
