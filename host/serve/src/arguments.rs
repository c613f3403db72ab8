//! The command line of this program: that of `mqtt-connector`, with the arguments of the commands which it hands on.

pub(crate) mod cluster;
pub(crate) mod executions;
pub(crate) mod serve;

use clap::Command;
use mqtt_connector_cli::arguments::{self, CLUSTER, EXECUTIONS, SERVE};

/// The whole command line. For people, this program is `mqtt-connector`.
pub(crate) fn command() -> Command {
    // What is handed on has no arguments of its own.
    let as_it_is = |command: Command| {
        let about = command.get_about().cloned();
        Command::new(command.get_name().to_owned()).about(about.unwrap_or_default())
    };
    arguments::command()
        .bin_name("mqtt-connector")
        .mut_subcommand(SERVE, |command| serve::command(as_it_is(command)))
        .mut_subcommand(CLUSTER, |command| cluster::command(as_it_is(command)))
        .mut_subcommand(EXECUTIONS, |command| executions::command(as_it_is(command)))
}
