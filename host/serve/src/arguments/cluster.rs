//! `cluster`: which cluster is looked at.

use std::str::FromStr as _;

use clap::{Arg, ArgMatches, Command};
use mqtt_connector_arguments::refusal::Refusal;
use mqtt_connector_service::NatsAddress;

const CHECK: &str = "check";
const ADDRESS: &str = "address";

/// The cluster that is to be checked.
pub(crate) fn resolve(matches: &ArgMatches) -> Result<NatsAddress, Refusal> {
    let missing = || Refusal::of_usage("the command is missing; see cluster --help");
    let (_, matches) = matches.subcommand().ok_or_else(missing)?;
    matches.get_one::<NatsAddress>(ADDRESS).cloned().ok_or_else(missing)
}

/// The command with its command.
pub(super) fn command(command: Command) -> Command {
    command.subcommand_required(true).arg_required_else_help(true).subcommand(
        Command::new(CHECK)
            .about("Says whether servers of NATS keep executions safely: versions, replicas, disks, clocks")
            .arg(
                Arg::new(ADDRESS)
                    .value_name("nats://HOST,…")
                    .required(true)
                    .value_parser(NatsAddress::from_str)
                    .help("The servers, and what else --store of serve has"),
            ),
    )
}
