//! The program `mqtt-connector-serve`: the service behind HTTP, and its store of executions. `mqtt-connector` starts it for the
//! commands `serve`, `executions` and `cluster`, so that a process for one message has neither in it.
//!
//! | module | what it does |
//! |---|---|
//! | [`arguments`] | what the arguments of these commands say |
//! | [`serve`] | `serve`: a service behind HTTP |
//! | [`otlp`] | a collector of OpenTelemetry |
//! | [`traces`] | the spans of calls and sends, for the collector |
//! | [`metrics`] | what is counted, for Prometheus and for the collector |
//! | [`executions`] | `executions`: looks at a store, and changes it |
//! | [`cluster`] | `cluster`: looks at a cluster of NATS |
//! | [`store`] | where executions are kept |

#![deny(unsafe_code)]

mod arguments;
mod cluster;
mod executions;
mod metrics;
mod otlp;
mod serve;
mod store;
mod traces;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::ArgMatches;
use mimalloc::MiMalloc;
use mqtt_connector::Response;
use mqtt_connector_arguments::refusal::Refusal;
use mqtt_connector_cli::arguments::{CLUSTER, COMPLETIONS, EXECUTIONS, SERVE, completions, shell};
use mqtt_connector_cli::refusal::refused;
use mqtt_connector_cli::session::{Session, report};
use mqtt_connector_cli::{Program, logging};

use arguments::executions::ExecutionsArguments;
use arguments::serve::{CollectorArguments, ServeArguments};
use otlp::Telemetry;

/// What one thread of the runtime takes, another one gives back. With the C library's allocator both need the same lock for that, and
/// threads that serve calls waited for it longer than for anything else of each other's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    Program { command: arguments::command, run }.run(std::env::args_os()).into()
}

fn run(_: &[OsString], matches: &ArgMatches, _: Option<Session>) -> u8 {
    match matches.subcommand() {
        Some((SERVE, serve)) => {
            // A service runs for long, and what goes wrong in it is in no answer. What NATS says against a node, the store says once, and its library with each try.
            const LOGGED: &str = "error,async_nats=off";
            let telemetry = match telemetry(serve) {
                Ok(telemetry) => telemetry,
                Err(wrong) => return report(|| Err(wrong)),
            };
            match telemetry.as_ref().and_then(|telemetry| telemetry.traces.as_ref()) {
                Some(traces) => logging::start_beside(matches, LOGGED, traces.layer()),
                None => logging::start(matches, Some(LOGGED)),
            }
            let status = report(|| {
                let arguments = ServeArguments::resolve(serve).map_err(refused)?;
                serve::serve(&arguments, telemetry.as_ref())
            });
            if let Some(telemetry) = telemetry {
                telemetry.end();
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

/// What is sent to a collector, if there is one.
fn telemetry(serve: &ArgMatches) -> Result<Option<Telemetry>, Response> {
    let collector = CollectorArguments::resolve(serve).map_err(refused)?;
    collector.as_ref().map(Telemetry::begin).transpose()
}

/// The refusal of a command that the other program carries out.
fn elsewhere() -> Refusal {
    Refusal::of_usage(
        "mqtt-connector-serve has the commands serve, executions and cluster; the others are those of mqtt-connector",
    )
}
