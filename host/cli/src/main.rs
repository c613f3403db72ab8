//! The program `mqtt-connector`: see `mqtt-connector --help`.

use std::process::ExitCode;

use mqtt_connector_cli::Program;

fn main() -> ExitCode {
    Program::CONNECTOR.run(std::env::args_os()).into()
}
