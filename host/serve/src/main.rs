//! The program `mqtt-connector-serve`: the service behind HTTP, and its store of executions. `mqtt-connector` starts it for the
//! commands `serve`, `executions` and `cluster`, so that a process for one message has neither in it.
//!
//! | module | what it does |
//! |---|---|
//! | [`arguments`] | what the arguments of these commands say |
//! | [`serve`] | `serve`: a service behind HTTP |
//! | [`traces`] | the spans of calls and sends, for a collector of OpenTelemetry |
//! | [`executions`] | `executions`: looks at a store, and changes it |
//! | [`cluster`] | `cluster`: looks at a cluster of NATS |
//! | [`store`] | where executions are kept |

#![deny(unsafe_code)]

mod arguments;
mod cluster;
mod executions;
mod serve;
mod store;
mod traces;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::ArgMatches;
use mqtt_connector_arguments::refusal::Refusal;
use mqtt_connector_cli::arguments::{CLUSTER, COMPLETIONS, EXECUTIONS, SERVE, completions, shell};
use mqtt_connector_cli::refusal::refused;
use mqtt_connector_cli::session::{Session, report};
use mqtt_connector_cli::{Program, logging};

use arguments::executions::ExecutionsArguments;
use arguments::serve::ServeArguments;
use traces::Traces;

fn main() -> ExitCode {
    Program { command: arguments::command, run }.run(std::env::args_os()).into()
}

fn run(_: &[OsString], matches: &ArgMatches, _: Option<Session>) -> u8 {
    match matches.subcommand() {
        Some((SERVE, serve)) => {
            // A service runs for long, and what goes wrong in it is in no answer.
            const LOGGED: &str = "error";
            let traces = match arguments::serve::traces(serve).map(Traces::begin).transpose() {
                Ok(traces) => traces,
                Err(wrong) => return report(|| Err(wrong)),
            };
            match &traces {
                Some(traces) => logging::start_beside(matches, LOGGED, traces.layer()),
                None => logging::start(matches, Some(LOGGED)),
            }
            let status = report(|| serve::serve(&ServeArguments::resolve(serve).map_err(refused)?));
            if let Some(traces) = traces {
                traces.end();
            }
            status
        }
        Some((EXECUTIONS, executions)) => {
            logging::start(matches, None);
            match ExecutionsArguments::resolve(executions) {
                Ok(arguments) => executions::run(&arguments),
                Err(wrong) => report(|| Err(refused(wrong))),
            }
        }
        Some((CLUSTER, asked)) => {
            logging::start(matches, None);
            report(|| cluster::check(&arguments::cluster::resolve(asked).map_err(refused)?))
        }
        Some((COMPLETIONS, asked)) => match shell(asked) {
            Some(shell) => report(|| Ok(completions(shell, arguments::command()))),
            None => report(|| Err(refused(elsewhere()))),
        },
        Some(_) | None => report(|| Err(refused(elsewhere()))),
    }
}

/// The refusal of a command that the other program carries out.
fn elsewhere() -> Refusal {
    Refusal::of_usage(
        "mqtt-connector-serve has the commands serve, executions and cluster; the others are those of mqtt-connector",
    )
}
