//! The process itself: what it is started with, and what ends a component in it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mqtt_connector_tests::{Expect, ScriptedBroker};
use tempfile::TempDir;

use crate::support::{PATIENCE, Program, exchange, uninfluenced, write};

/// A component that computes without end when it is to send `{}`.
fn busy() -> Vec<u8> {
    let mut text = include_str!("../connector/guests/template.wat").to_owned();
    assert!(text.contains("{{send}}"));
    text = text.replace("{{send}}", "(loop $again (br $again))");
    text = text.replace("{{memory}}", "4").replace("{{port}}", "1");
    while let Some((start, end)) = text.find("{{").zip(text.find("}}")) {
        text.replace_range(start..end + 2, "");
    }
    wat::parse_str(&text).unwrap()
}

#[test]
fn a_component_that_computes_without_end_is_ended() {
    let directory = TempDir::new().unwrap();
    let tenants = write(&directory, "tenants.toml", "[tenants.acme]\nlimits.cpu = \"50 ms\"\n");
    let component = write(&directory, "busy.wasm", busy());
    let start = Instant::now();
    Program::new(["send", "--tenants", &tenants, "--tenant", "acme", "--component", &component])
        .run()
        .answers(70, "The connector itself failed: it computed for longer than the tenant's limit allows.");
    let took = start.elapsed();
    assert!((Duration::from_millis(50)..PATIENCE).contains(&took), "{took:?}");
}

/// `send` of one message to a broker that takes it.
fn sending(broker: &ScriptedBroker, through: Command) -> Command {
    let mut command = through;
    command.args(["send", "--broker", &format!("tcp://{}", broker.address()), "--client-id", "sender"]);
    command
        .args(["--topic", "t", "--content", "c", "--qos", "0"])
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

fn broker() -> ScriptedBroker {
    let message = exchange(Expect::connect(), Expect::publish().payload("c"));
    ScriptedBroker::builder().connection(message).start()
}

#[test]
fn with_standard_output_closed_nothing_else_takes_its_place() {
    let broker = broker();
    let mut shell = uninfluenced("sh");
    shell.args(["-c", "exec \"$0\" \"$@\" >&-", env!("CARGO_BIN_EXE_mqtt-connector")]);
    let output = sending(&broker, shell).output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    broker.finish();
}

#[test]
fn who_does_not_read_the_response_does_not_end_the_process() {
    let broker = broker();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = sending(&broker, uninfluenced(env!("CARGO_BIN_EXE_mqtt-connector")));
    let output = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.starts_with("mqtt-connector: standard output: Broken pipe (os error 32); the response is {"),
        "{said}"
    );
    broker.finish();
}
