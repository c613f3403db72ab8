//! What an operator may say, and no document: where a name is, and which component runs.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use mqtt_connector::component;
use mqtt_connector_tests::{Expect, Mosquitto, Observer, ScriptedBroker};
use tempfile::TempDir;

use crate::support::{PATIENCE, Program, answer, exchange, precompiled, shell, write};

#[test]
fn name_is_pointed_at_an_address() {
    let broker = ScriptedBroker::builder()
        .connection(exchange(Expect::connect(), Expect::publish().payload("c")))
        .connection(exchange(Expect::connect(), Expect::publish().payload("c")))
        .connection(exchange(Expect::connect(), Expect::publish().payload("c")))
        .start();
    let port = broker.port();
    let other_port = format!("broker.test:1883:127.0.0.1:{port}");
    let same_port = format!("broker.test:{port}:127.0.0.1");
    for (url, pins) in [
        ("tcp://broker.test".to_owned(), vec!["--resolve", &other_port]),
        (format!("tcp://broker.test:{port}"), vec!["--resolve", &same_port]),
        ("tcp://BROKER.Test:1883".to_owned(), vec!["--resolve", &same_port, "--resolve", &other_port]),
    ] {
        let shown =
            if url.ends_with(&port.to_string()) { url.clone() } else { "tcp://broker.test:1883".to_owned() };
        Program::new([
            "send",
            "--broker",
            &url,
            "--client-id",
            "sender",
            "--retries",
            "0",
            "--timeout",
            "5000",
        ])
        .args(["--topic", "t", "--content", "c", "--qos", "0"])
        .args(pins)
        .run()
        .answers(0, &format!("Sent with QoS 0 (never acknowledged) to topic \"t\" at {shown} in # ms."));
    }
    broker.finish();
}

#[test]
fn addresses_of_a_name_are_tried_in_order() {
    let broker = ScriptedBroker::builder()
        .connection(exchange(Expect::connect(), Expect::publish().payload("c")))
        .start();
    let closed = mqtt_connector_tests::port::ClosedPort::open();
    Program::new(["send", "--broker", "tcp://broker.test", "--client-id", "sender", "--retries", "0"])
        .args(["--topic", "t", "--content", "c", "--qos", "0", "--timeout", "5000"])
        .args(["--resolve", &format!("broker.test:1883:{}", closed.address())])
        .args(["--resolve", &format!("broker.test:1883:{}", broker.address())])
        .run()
        .answers(0, "Sent with QoS 0 (never acknowledged) to topic \"t\" at tcp://broker.test:1883 in # ms.");
    broker.finish();
}

#[test]
fn other_components_run_as_wasm_and_precompiled() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "t");
    let directory = TempDir::new().unwrap();
    let wasm = write(&directory, "connector.wasm", component());
    let compiled = directory.path().join("connector.cwasm").to_str().unwrap().to_owned();
    assert_eq!(Program::new(["precompile", &wasm, "--output", &compiled]).run().printed(), "");
    assert!(std::fs::read(&compiled).unwrap().starts_with(b"\x7fELF"));
    let short = directory.path().join("short.cwasm").to_str().unwrap().to_owned();
    assert_eq!(Program::new(["precompile", &wasm, "-o", &short]).run().printed(), "");

    let schema = Program::new(["schema"]).run().printed();
    for component in [&wasm, &compiled, &short] {
        let run = Program::send(broker.port()).args(["--topic", "t", "--content", component]);
        run.args(["--component", component])
            .run()
            .answers(0, &format!("Sent with QoS 2 to topic \"t\" at tcp://{} in # ms.", broker.address()));
        assert_eq!(Program::new(["schema", "--component", component]).run().printed(), schema);
    }
    let came: Vec<_> = observer.messages(3, PATIENCE).into_iter().map(|message| message.payload).collect();
    assert_eq!(came, [wasm.as_bytes(), compiled.as_bytes(), short.as_bytes()]);

    // WebAssembly is compiled so that it needs no file in memory; machine code is as it is.
    let limited = |component: &str| {
        let mut command = shell("ulimit -f 1;");
        command.args(["send", "--broker", &format!("tcp://{}", broker.address()), "--client-id", "sender"]);
        answer(&command.args(["--topic", "t", "--content", "c", "--component", component]).output().unwrap())
    };
    assert_eq!(limited(&wasm).0, 0);
    let said = "Not sent, this machine has too small a limit on the size of files (see ulimit -f), while running the \
                connector. Sending it again is safe.";
    assert_eq!(limited(&compiled), (71, said.to_owned()));
}

#[test]
fn what_is_no_component_is_70() {
    let directory = TempDir::new().unwrap();
    let broker = ScriptedBroker::untouched();
    let compiled = precompiled();
    let neither = "it is neither a WebAssembly component nor the output of precompile";
    for (name, content, reason) in [
        ("empty", &b""[..], neither),
        ("text", b"(component)", neither),
        ("cut off", &component()[..4000], "the component cannot be loaded: …"),
        (
            "module",
            b"\0asm\x01\0\0\0",
            "the component cannot be loaded: it is not a WebAssembly component, but a core module, which wasm-tools \
             can make into one",
        ),
        (
            "without exports",
            b"\0asm\x0d\0\x01\0",
            "the component cannot be loaded: no exported instance named `flint:mqtt/connector@0.2.0`",
        ),
        ("machine code cut off", &compiled[..4096], "the component cannot be loaded: …"),
    ] {
        let path = write(&directory, name, content);
        for command in ["send", "check"] {
            Program::new([
                command,
                "--broker",
                &format!("tcp://{}", broker.address()),
                "--client-id",
                "sender",
            ])
            .args(["--topic", "t", "--content", "c", "--component", &path])
            .run()
            .answers(70, &format!("--component {path}: {reason}."));
        }
        let schema = Program::new(["schema", "--component", &path]).run();
        schema.fails(70, &format!("mqtt-connector: --component {path}: {reason}.\n"));
    }
    broker.finish();
}

#[test]
fn precompile_says_what_it_cannot_read_compile_or_write() {
    let directory = TempDir::new().unwrap();
    let here = directory.path().to_str().unwrap();
    let missing = format!("{here}/missing.wasm");
    let (text, wasm) = (write(&directory, "text", "(component)"), write(&directory, "wasm", component()));
    for (from, to, exit_code, said) in [
        (&*missing, "x", 66, format!("{missing}: No such file or directory (os error 2).")),
        (here, "x", 66, format!("{here}: Is a directory (os error 21).")),
        (&text, "x", 70, format!("{text}: it is not a WebAssembly component.")),
        (&wasm, here, 70, format!("{here}: Is a directory (os error 21).")),
    ] {
        let run = Program::new(["precompile", from, "-o", to]).current_dir(directory.path()).run();
        run.fails(exit_code, &format!("mqtt-connector: {said}\n"));
    }
    let missing = Program::new(["schema", "--component", &missing]).run();
    missing.fails(
        66,
        &format!(
            "mqtt-connector: --component {here}/missing.wasm: No such file or directory (os error 2).\n"
        ),
    );
}

#[test]
fn webassembly_needs_the_program_that_compiles_it() {
    let directory = TempDir::new().unwrap();
    let here = directory.path().to_str().unwrap();
    let (wasm, program) =
        (write(&directory, "connector.wasm", component()), directory.path().join("mqtt-connector"));
    std::fs::copy(env!("CARGO_BIN_EXE_mqtt-connector"), &program).unwrap();
    let missing = format!(
        "WebAssembly is compiled by the program mqtt-connector-compile, and there is no {here}/mqtt-connector-compile: put it \
         there (make build leaves all programs in target/release), or use the output of mqtt-connector precompile from a \
         machine that has it."
    );
    let schema = Program::at(&program).args(["schema", "--component", &wasm]).run();
    schema.fails(70, &format!("mqtt-connector: --component {wasm}: {missing}\n"));
    let output = format!("{here}/connector.cwasm");
    let precompile = Program::at(&program).args(["precompile", &wasm, "--output", &output]).run();
    precompile.fails(70, &format!("mqtt-connector: {wasm}: {missing}\n"));

    // Whatever the compiler says before it breaks off, it is not shown.
    let compiler = directory.path().join("mqtt-connector-compile");
    for (script, how) in
        [("echo 5ecret >&2; exit 1", "exit status: 1"), ("kill -9 $$", "signal: 9 (SIGKILL)")]
    {
        std::fs::write(&compiler, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&compiler, std::fs::Permissions::from_mode(0o755)).unwrap();
        let failed = format!("the component cannot be compiled: {here}/mqtt-connector-compile: {how}.");
        let schema = Program::at(&program).args(["schema", "--component", &wasm]).run();
        schema.fails(70, &format!("mqtt-connector: --component {wasm}: {failed}\n"));
    }
}

/// A process for one message starts the sooner for it. Cargo unifies the features of what it builds at a time, so that the program
/// that is tested here may have a compiler.
#[test]
fn the_program_that_sends_has_neither_a_compiler_nor_a_service() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let has = |package| {
        let arguments =
            ["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none", "--package", package];
        let output =
            Command::new(env!("CARGO")).args(arguments).args(["--manifest-path", manifest]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let names = String::from_utf8(output.stdout).unwrap();
        ["cranelift-codegen ", "axum ", "rusqlite "]
            .map(|part| names.lines().any(|name| name.starts_with(part)))
    };
    assert_eq!(has("mqtt-connector-cli"), [false, false, false]);
    assert_eq!(has("mqtt-connector-compile"), [true, false, false]);
    assert_eq!(has("mqtt-connector-serve"), [false, true, true]);
}
