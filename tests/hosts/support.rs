//! What the tests share: `wasmtime` as a process, and what it answers.

#[path = "../programs/output.rs"]
mod output;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub(crate) use output::Output;

/// Long enough for anything that is going to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What lets a component look names up and open connections.
pub(crate) const NETWORK: [&str; 2] = ["-S", "inherit-network,allow-ip-name-lookup"];

/// A version of `wasmtime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V48,
    V49,
}

pub(crate) const VERSIONS: [Version; 2] = [Version::V48, Version::V49];

/// A file below the target directory.
#[track_caller]
pub(crate) fn built(name: &str, how: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target").join(name);
    assert!(path.exists(), "{} is not there; `make {how}` leaves it", path.display());
    path
}

/// The artifact of that name.
#[track_caller]
pub(crate) fn artifact(name: &str) -> PathBuf {
    built(name, "component")
}

/// `wasmtime` of that version.
#[track_caller]
pub(crate) fn wasmtime_program(version: Version) -> PathBuf {
    let path = match version {
        Version::V48 => "tools/wasmtime-48/wasmtime",
        Version::V49 => "tools/wasmtime-49/wasmtime",
    };
    built(path, "wasmtime")
}

/// `wasmtime` with a command of its own, in an environment without the variables of the program.
#[track_caller]
pub(crate) fn wasmtime(version: Version, command: &str) -> Command {
    let mut wasmtime = Command::new(wasmtime_program(version));
    wasmtime.arg(command);
    wasmtime
}

/// An artifact as machine code, compiled once for each version: it takes seconds.
#[track_caller]
pub(crate) fn compiled(version: Version, name: &str) -> PathBuf {
    static TURN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

    let mut done = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let code = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{version:?}.cwasm"));
    if !done.contains(&code) {
        let mut compile = wasmtime(version, "compile");
        let status = compile.arg(artifact(name)).arg("-o").arg(&code).status().unwrap();
        assert!(status.success());
        done.push(code.clone());
    }
    code
}

/// One run of `wasmtime run FLAGS mqtt-connector.wasm ARGUMENTS`.
pub(crate) struct Run {
    command: Command,
    input: Vec<u8>,
}

impl Run {
    /// With these flags of the host, and with these arguments of the program.
    #[track_caller]
    pub(crate) fn new(version: Version, flags: &[&str], arguments: &[&str]) -> Self {
        let mut command = wasmtime(version, "run");
        command.args(["--allow-precompiled"]).args(flags);
        command.arg(compiled(version, "mqtt-connector.wasm")).args(arguments);
        Self { command, input: Vec::new() }
    }

    /// `send` to a broker on loopback, with the network; topic and content are the caller's.
    #[track_caller]
    pub(crate) fn send(version: Version, port: u16) -> Self {
        let broker = format!("tcp://127.0.0.1:{port}");
        let arguments = ["send", "--broker", &broker, "--client-id", "sender", "--retries", "0"];
        Self::new(version, &NETWORK, &arguments)
    }

    pub(crate) fn args<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn current_dir(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// It may have so many descriptors. In which directory it runs is said after this.
    pub(crate) fn descriptors(mut self, limit: u32) -> Self {
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("ulimit -n {limit} && exec \"$0\" \"$@\"")]);
        limited.arg(self.command.get_program()).args(self.command.get_args());
        self.command = limited;
        self
    }

    /// What it can read from standard input.
    pub(crate) fn stdin(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Starts it, with its standard input open.
    #[track_caller]
    pub(crate) fn spawn(mut self) -> Child {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command.spawn().unwrap()
    }

    #[track_caller]
    pub(crate) fn run(mut self) -> Output {
        let input = std::mem::take(&mut self.input);
        let mut child = self.spawn();
        // A program that does not read its standard input has closed it by the time that this fails.
        let _ = child.stdin.take().unwrap().write_all(&input);
        child.wait_with_output().unwrap().into()
    }
}
