//! `cluster`: which cluster is looked at.

use clap::{Arg, ArgMatches, Command};
use mqtt_connector_arguments::refusal::Refusal;
use mqtt_connector_service::NatsAddress;

const CHECK: &str = "check";
const ADDRESS: &str = "address";

/// The cluster that is to be checked.
pub(crate) fn resolve(matches: &ArgMatches) -> Result<NatsAddress, Refusal> {
    let missing = || Refusal::of_usage("the command is missing; see cluster --help");
    let (_, matches) = matches.subcommand().ok_or_else(missing)?;
    let address = matches.get_one::<String>(ADDRESS).ok_or_else(missing)?;
    // Not by clap, which would show an address that has a password in it.
    address.parse().map_err(|error| Refusal::of_usage(&format!("the address: {error}")))
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
                    .help("The servers, and what else --store of serve has"),
            ),
    )
}
