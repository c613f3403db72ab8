//! Programs that are measured from their start to their end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Instant;

use crate::settings::directory;

/// The command line of this crate, as optimised as the benchmark is, in target/bench: copied there, as an installation does.
/// The linker writes its file through a memory map; the system keeps such a file in single pages, and one that was written
/// in one go in larger pieces, with which a process starts a tenth sooner.
pub(crate) fn connector() -> &'static Path {
    static COPY: LazyLock<PathBuf> = LazyLock::new(|| {
        let copy = directory().join("mqtt-connector");
        fs::copy(env!("CARGO_BIN_EXE_mqtt-connector"), &copy).unwrap();
        copy
    });
    &COPY
}

/// The program that `mqtt-connector serve` goes on as. `make bench` builds it, of another package, before.
pub(crate) fn serve() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_mqtt-connector")).with_file_name("mqtt-connector-serve")
}

/// Whether the command line can send a message for each line of a file.
pub(crate) fn sends_lines() -> bool {
    let help = Command::new(connector()).args(["send", "--help"]).output().unwrap();
    String::from_utf8_lossy(&help.stdout).contains("--lines")
}

/// Runs `command` to its end, with `input` as its standard input, and returns the seconds that took.
pub(crate) fn time(command: &mut Command, input: Option<&Path>) -> f64 {
    command.stdin(input.map_or_else(Stdio::null, |path| File::open(path).unwrap().into()));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let status = command.status();
    let elapsed = started.elapsed();
    match status {
        Ok(status) => assert!(status.success(), "{command:?} failed: {status}"),
        Err(error) => panic!("{command:?} could not be started: {error}"),
    }
    elapsed.as_secs_f64()
}

/// A Python with paho-mqtt, in target/bench/paho; or why there is none.
pub(crate) fn paho() -> Result<PathBuf, String> {
    let environment = directory().join("paho");
    let python = environment.join("bin/python");
    let works = |python: &Path| Command::new(python).args(["-c", "import paho.mqtt.client"]).output();
    if works(&python).is_ok_and(|output| output.status.success()) {
        return Ok(python);
    }
    let run = |command: &mut Command| match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            Err(format!("{command:?}: {}", said.lines().last().unwrap_or_default()))
        }
        Err(error) => Err(format!("{command:?}: {error}")),
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "paho-mqtt==2.1.0"]))?;
    Ok(python)
}

/// `python` with the script that is beside this file.
pub(crate) fn paho_script(python: &Path, port: u16, topic: &str, qos: u8, window: u16) -> Command {
    let mut command = Command::new(python);
    command.args(["-c", include_str!("paho.py")]);
    command.args([&port.to_string(), topic, &qos.to_string(), &window.to_string()]);
    command
}
