//! Compiles a component to machine code: `mqtt-connector-compile < COMPONENT.wasm > COMPONENT.cwasm`.
//!
//! `mqtt-connector` has no compiler, so that it starts quickly. For `precompile`, and for WebAssembly after `--component`, it
//! starts this program, which lies beside it.
//!
//! | exit status | standard output | standard error |
//! |---|---|---|
//! | 0 | the machine code | |
//! | 64 | | how to use this program |
//! | 70 | | why the component cannot be compiled |
//! | 71 | | what this machine has too little of ([`mqtt_connector::Shortage`]) |

#![deny(unsafe_code)]

use std::io::{Read as _, Result, Write as _, stdin, stdout};
use std::process::{ExitCode, exit};
use std::thread;

use mqtt_connector::{Connector, LoadError};
use mqtt_connector_contract::exit_code::{FAULT, PARAMETER, SHORTAGE};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

fn main() -> ExitCode {
    if std::env::args_os().len() > 1 {
        return failed(PARAMETER, "usage: mqtt-connector-compile < COMPONENT.wasm > COMPONENT.cwasm");
    }
    end_with_reader();
    let wasm = match read() {
        Ok(wasm) => wasm,
        Err(error) => return failed(FAULT, &format!("standard input: {error}")),
    };
    let code = match Connector::precompile(&wasm) {
        Ok(code) => code,
        Err(LoadError::Shortage(shortage)) => return failed(SHORTAGE, &shortage.to_string()),
        Err(error) => return failed(FAULT, &error.to_string()),
    };
    match stdout().write_all(&code) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(FAULT, &format!("standard output: {error}")),
    }
}

/// The component: as much of standard input as tells one that is too large.
fn read() -> Result<Vec<u8>> {
    let mut wasm = Vec::new();
    stdin().take(Connector::LARGEST as u64 + 1).read_to_end(&mut wasm)?;
    Ok(wasm)
}

/// Ends this program as soon as nobody reads its output any more: whoever started it was ended, and compiling may take long.
fn end_with_reader() {
    let wait = || {
        let stdout = stdout();
        let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
        while poll(&mut asked, None) == Err(Errno::INTR) {}
        if asked[0].revents().contains(PollFlags::ERR) {
            exit(FAULT);
        }
    };
    // Where there is no thread for it, this program ends when it writes.
    let _ = thread::Builder::new().name("reader".to_owned()).spawn(wait);
}

/// Says why, and answers with the exit status. Whether anybody reads it is not known.
fn failed(exit_code: i32, why: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{why}");
    u8::try_from(exit_code).unwrap_or(u8::MAX).into()
}
