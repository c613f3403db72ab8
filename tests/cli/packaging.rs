//! `packaging/`: what stands there starts the program in a way that it understands.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Stdio;

use mqtt_connector_tests::pattern::fits;
use mqtt_connector_tests::{Mosquitto, Observer};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{PATIENCE, fifo, signal, uninfluenced, write};

/// As systemd starts the unit: with a pipe that it keeps open for reading and writing, so that it never ends.
#[test]
fn systemd_unit_sends_the_lines_of_its_pipe() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/systemd/mqtt-connector@.service");
    let unit = fs::read_to_string(unit).unwrap();
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let (broker, directory) = (Mosquitto::start(), TempDir::new().unwrap());
    let observer = Observer::start(broker.port(), "t");
    let config =
        json!({ "broker": format!("tcp://{}", broker.address()), "client-id": "unit", "topic": "t" });
    write(&directory, "config", config.to_string());
    let path = fifo(&directory, "pipe");
    let pipe = File::options().read(true).write(true).open(path).unwrap();

    let start = start.replace("%d", directory.path().to_str().unwrap());
    let mut words = start.split(' ');
    assert_eq!(words.next(), Some("/usr/bin/mqtt-connector"));
    let mut program = uninfluenced(env!("CARGO_BIN_EXE_mqtt-connector"))
        .args(words)
        .stdin(pipe.try_clone().unwrap())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    (&pipe).write_all(b"first\nsecond\n").unwrap();
    let payloads: Vec<_> =
        observer.messages(2, PATIENCE).into_iter().map(|message| message.payload).collect();
    assert_eq!(payloads, [b"first".to_vec(), b"second".to_vec()]);
    let mut said = BufReader::new(program.stdout.take().unwrap()).lines().map(Result::unwrap);
    for line in said.by_ref().take(2) {
        let sent = r#"{"meta":{"exit-code":0,"message":"Sent with QoS 2 to topic \"t\" at …"}}"#;
        assert!(fits(&line, sent), "{line}");
    }

    signal(&program, "TERM");
    let ended = r#"{"meta":{"exit-code":0,"message":"Sent 2 of 2 lines in # s (# a second). Further lines were not read: …"}}"#;
    let last: Vec<_> = said.collect();
    assert!(last.len() == 1 && fits(&last[0], ended), "{last:?}");
    // What systemd takes for success.
    assert_eq!(program.wait().unwrap().code(), Some(0));
}
