//! What the tests share: the program as a process, and what it answers.

#[path = "../programs/output.rs"]
mod output;

use std::ffi::OsStr;
use std::io::{PipeReader, PipeWriter, Write as _, pipe};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mqtt_connector::component;
use mqtt_connector_tests::pattern::fits;
use mqtt_connector_tests::{Expect, Step, encode};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) use output::Output;

/// Long enough for anything that is going to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A program for which no signal is ignored, whatever started the tests: under `nohup`, SIGHUP is.
pub(crate) fn uninfluenced(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("env");
    command.arg("--default-signal=HUP,INT,TERM").arg(program);
    command
}

/// The component as machine code, as `mqtt-connector precompile` makes it. The program that it starts is built with this one by
/// `cargo test --workspace`.
pub(crate) fn precompiled() -> Vec<u8> {
    let directory = TempDir::new().unwrap();
    let (wasm, code) =
        (write(&directory, "connector.wasm", component()), directory.path().join("connector.cwasm"));
    let output = code.to_str().unwrap();
    assert_eq!(Program::new(["precompile", &wasm, "--output", output]).run().printed(), "");
    std::fs::read(code).unwrap()
}

/// One run of `mqtt-connector`, in an environment without its variables.
pub(crate) struct Program {
    command: Command,
    input: Vec<u8>,
}

impl Program {
    pub(crate) fn new<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        Self::at(Path::new(env!("CARGO_BIN_EXE_mqtt-connector"))).args(arguments)
    }

    /// `send` to a broker on loopback; topic and content are the caller's.
    pub(crate) fn send(port: u16) -> Self {
        let broker = format!("tcp://127.0.0.1:{port}");
        Self::new([
            "send",
            "--broker",
            &broker,
            "--client-id",
            "sender",
            "--timeout",
            "5000",
            "--retries",
            "0",
        ])
    }

    /// Another program.
    pub(crate) fn at(path: &Path) -> Self {
        let mut command = uninfluenced(path);
        for variable in ["MQTT_USERNAME", "MQTT_PASSWORD", "MQTT_PROXY_PASSWORD", "RUST_LOG"] {
            command.env_remove(variable);
        }
        Self { command, input: Vec::new() }
    }

    pub(crate) fn args<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn current_dir(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// What it can read from standard input.
    pub(crate) fn stdin(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    #[track_caller]
    pub(crate) fn run(mut self) -> Output {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        // A program that does not read its standard input has closed it by the time that this fails.
        let _ = child.stdin.take().unwrap().write_all(&self.input);
        child.wait_with_output().unwrap().into()
    }
}

impl Output {
    /// Asserts that a command that prints a text has failed, and printed nothing.
    #[track_caller]
    pub(crate) fn fails(&self, exit_code: i32, said: &str) {
        assert_eq!((self.status, self.stdout.as_str()), (Some(exit_code), ""), "{self:#?}");
        assert!(fits(&self.stderr, said), "wanted: {said}\n   got: {self:#?}");
    }
}

/// A broker's part when one message with quality of service 0 is sent: what CONNECT and PUBLISH have to be.
pub(crate) fn exchange(connect: Expect, publish: Expect) -> [Step; 5] {
    [
        Step::expect(connect),
        Step::send(encode::connack(false, 0)),
        Step::expect(publish),
        Step::expect(Expect::disconnect()),
        Step::expect_end(),
    ]
}

/// Sends a signal, as in `INT`, to a program. The shell's own `kill`: the program of that name is not on every machine.
#[track_caller]
pub(crate) fn signal(program: &Child, name: &str) {
    let killed = Command::new("sh").args(["-c", &format!("kill -{name} {}", program.id())]).status().unwrap();
    assert!(killed.success());
}

/// A command that runs the program in an environment without its variables, as `sh` sets it up, for example with `ulimit`.
pub(crate) fn shell(setup: &str) -> Command {
    let mut shell = uninfluenced("sh");
    shell.args(["-c", &format!("{setup} exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_mqtt-connector")]);
    for variable in ["MQTT_USERNAME", "MQTT_PASSWORD", "MQTT_PROXY_PASSWORD", "RUST_LOG"] {
        shell.env_remove(variable);
    }
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell
}

/// The ends of a pipe that takes nothing more.
#[track_caller]
pub(crate) fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    // What a pipe holds (Linux), unless the user has a great many.
    writer.write_all(&[b'\n'; 65_536]).unwrap();
    (reader, writer)
}

/// A pipe with a name.
#[track_caller]
pub(crate) fn fifo(directory: &TempDir, name: &str) -> String {
    let path = directory.path().join(name).to_str().unwrap().to_owned();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// Waits until a program answers signals itself, which it does before anything else.
#[track_caller]
pub(crate) fn wait_until_signals_are_caught(program: &Child) {
    // SIGHUP, SIGINT and SIGTERM, as numbers counted from 1.
    let all = 1 << 0 | 1 << 1 | 1 << 14;
    let begin = Instant::now();
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
        if u64::from_str_radix(caught.trim(), 16).unwrap() & all == all {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "it does not catch signals: {status}");
        std::thread::yield_now();
    }
}

/// The response on the one line of standard output: its exit code, which is the exit status too, and its message.
#[track_caller]
pub(crate) fn answer(output: &std::process::Output) -> (i32, String) {
    let text = String::from_utf8_lossy(&output.stdout);
    let response: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{output:?}"));
    let exit_code = response["meta"]["exit-code"].as_i64().and_then(|code| i32::try_from(code).ok());
    assert_eq!(output.status.code(), exit_code, "{output:?}");
    assert_eq!(text.lines().count(), 1, "{output:?}");
    (exit_code.unwrap(), response["meta"]["message"].as_str().unwrap().to_owned())
}

/// A file of a test's own.
#[track_caller]
pub(crate) fn write(directory: &TempDir, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = directory.path().join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}
