//! The programs that lie beside this one. What they need is not in it, so that it starts quickly.

use std::env::consts::EXE_SUFFIX;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use mqtt_connector::{Response, Shortage};
use mqtt_connector_contract::exit_code::FAULT;

use crate::response::response;
use crate::shortage::short;

/// The program that has the service and its store.
const SERVE: &str = "mqtt-connector-serve";

/// Where the program with this name should be.
pub(crate) fn path(name: &str) -> PathBuf {
    // Where the system does not tell where this program is, the other is looked up like any program.
    let here = std::env::current_exe().unwrap_or_default();
    here.with_file_name(format!("{name}{EXE_SUFFIX}"))
}

/// Whether the program that serves lies beside this one.
pub(crate) fn can_serve() -> bool {
    path(SERVE).exists()
}

/// Goes on as the program that serves, in this process, with the same arguments. Returns only if it cannot: the response.
pub(crate) fn serve(arguments: &[OsString]) -> Response {
    let program = path(SERVE);
    let error = Command::new(&program).args(arguments.iter().skip(1)).exec();
    let shown = program.display();
    match (error.kind(), Shortage::of(&error)) {
        (ErrorKind::NotFound, _) => response(
            FAULT,
            format!(
                "The service and its store are in the program {SERVE}, and there is no {shown}: put it there (make build leaves \
                 all programs in target/release)."
            ),
        ),
        (_, Some(shortage)) => short(shortage, &format!("starting {shown}")),
        (_, None) => response(FAULT, format!("{shown} cannot be started: {error}.")),
    }
}
