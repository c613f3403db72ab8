//! The program that compiles components, `mqtt-connector-compile`: this one has no compiler, so that it starts quickly.

use std::fmt;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use mqtt_connector::Shortage;
use mqtt_connector_contract::exit_code::{FAULT, SHORTAGE};

use crate::beside;

/// Its name. It lies beside this program.
const NAME: &str = "mqtt-connector-compile";

/// Why a component was not compiled.
pub(super) enum CompileError {
    /// The compiler is not where it should be.
    Missing { compiler: PathBuf },
    /// This machine has too little of something; goes on after "this machine has".
    Shortage(String),
    /// The compiler refuses the component; a whole sentence without its full stop.
    Refused(String),
    /// The compiler cannot be started, or broke off.
    Failed { compiler: PathBuf, how: String },
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { compiler } => write!(
                f,
                "WebAssembly is compiled by the program {NAME}, and there is no {}: put it there (make build leaves all \
                 programs in target/release), or use the output of mqtt-connector precompile from a machine that has it",
                compiler.display()
            ),
            Self::Shortage(what) => write!(f, "the component cannot be loaded: this machine has {what}"),
            Self::Refused(why) => f.write_str(why),
            Self::Failed { compiler, how } => {
                write!(f, "the component cannot be compiled: {}: {how}", compiler.display())
            }
        }
    }
}

/// Compiles a component to machine code, in a process of its own. It ends with this one.
///
/// # Errors
///
/// There is no compiler, or it cannot compile the component.
pub(super) fn compile(wasm: &[u8]) -> Result<Vec<u8>, CompileError> {
    let compiler = beside::path(NAME);
    let child = start(&compiler).map_err(|error| match (error.kind(), Shortage::of(&error)) {
        (ErrorKind::NotFound, _) => CompileError::Missing { compiler: compiler.clone() },
        (_, Some(shortage)) => CompileError::Shortage(shortage.to_string()),
        // For the system, a process is a thread with memory of its own.
        (ErrorKind::WouldBlock, None) => CompileError::Shortage(Shortage::of_thread(&error).to_string()),
        (_, None) => CompileError::Failed { compiler: compiler.clone(), how: error.to_string() },
    })?;
    let (status, code, said) = run(child, wasm)
        .map_err(|error| CompileError::Failed { compiler: compiler.clone(), how: error.to_string() })?;
    match status.code() {
        Some(0) => Ok(code),
        Some(SHORTAGE) => Err(CompileError::Shortage(said)),
        Some(FAULT) => Err(CompileError::Refused(said)),
        Some(_) | None => Err(CompileError::Failed { compiler, how: status.to_string() }),
    }
}

fn start(compiler: &Path) -> io::Result<Child> {
    Command::new(compiler)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C is answered by this program, whose end ends the compiler.
        .process_group(0)
        .spawn()
}

/// What the compiler makes of `wasm`, and what it says on its first line. It reads to the end before it writes.
fn run(mut child: Child, wasm: &[u8]) -> io::Result<(ExitStatus, Vec<u8>, String)> {
    if let Some(mut input) = child.stdin.take() {
        match input.write_all(wasm) {
            // It has ended already, and says why.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            written => written?,
        }
    }
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default().to_owned();
    Ok((output.status, output.stdout, said))
}
