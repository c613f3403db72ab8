//! The program that compiles components, as a process: what it reads, writes and answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use mqtt_connector::{Connector, component};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mqtt-connector-compile"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// One run, with `wasm` on standard input.
fn compile(wasm: &[u8]) -> Output {
    let mut child = program().spawn().unwrap();
    child.stdin.take().unwrap().write_all(wasm).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_component_becomes_the_machine_code_that_the_library_makes_of_it() {
    let output = compile(component());
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
    assert!(output.stdout.starts_with(b"\x7fELF"));
    assert!(output.stdout == Connector::precompile(component()).unwrap());
}

#[test]
fn what_cannot_be_compiled_is_70_with_the_reason() {
    for (wasm, reason) in [
        (&b""[..], "it is not a WebAssembly component, but something else"),
        (
            b"\0asm\x01\0\0\0",
            "it is not a WebAssembly component, but a core module, which wasm-tools can make into one",
        ),
    ] {
        let output = compile(wasm);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), said),
            (Some(70), format!("the component cannot be loaded: {reason}\n"))
        );
        assert_eq!(output.stdout, b"");
    }
}

#[test]
fn arguments_are_64_with_the_usage() {
    let output = program().arg("component.wasm").output().unwrap();
    let usage = "usage: mqtt-connector-compile < COMPONENT.wasm > COMPONENT.cwasm\n";
    assert_eq!(
        (output.status.code(), String::from_utf8(output.stderr).unwrap()),
        (Some(64), usage.to_owned())
    );
}

#[test]
fn it_ends_when_nobody_reads_its_output() {
    let mut child = program().spawn().unwrap();
    let input = child.stdin.take();
    drop(child.stdout.take());
    // It would wait for input otherwise, which does not end.
    assert_eq!(child.wait().unwrap().code(), Some(70));
    drop(input);
}
