//! The commands of this program: those of the program for machines, without what only an operator of a machine may say.

use clap::{ArgMatches, Command};
use mqtt_connector_arguments::flags::{self, CHECK, SCHEMA, SEND, WIT, with_lines, with_parameters};
use mqtt_connector_arguments::message::MessageFlags;
use mqtt_connector_arguments::refusal::Refusal;

/// Of this program, and of the components that it is built with.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the program is to do.
pub(crate) enum Arguments {
    Send(MessageFlags),
    /// What [`Arguments::Send`] would say, without the network.
    Check(MessageFlags),
    Schema,
    Wit,
}

impl Arguments {
    /// What [`command`] has parsed.
    ///
    /// # Errors
    ///
    /// Flags do not fit together.
    pub(crate) fn resolve(matches: &ArgMatches) -> Result<Self, Refusal> {
        Ok(match matches.subcommand() {
            Some((SEND, matches)) => Self::Send(MessageFlags::resolve(matches, None)?),
            Some((CHECK, matches)) => Self::Check(MessageFlags::resolve(matches, None)?),
            Some((SCHEMA, _)) => Self::Schema,
            Some((WIT, _)) => Self::Wit,
            // Clap has made sure that there is a command.
            Some(_) | None => return Err(Refusal::of_usage("the command is missing; see --help")),
        })
    }
}

/// The whole command line.
pub(crate) fn command() -> Command {
    flags::program()
        .version(VERSION)
        .long_version(format!("{VERSION}\ncomponent {VERSION}\ncontract flint:mqtt@0.2.0\nWASI 0.2"))
        .subcommand(flags::send().defer(|send| with_lines(with_parameters(send))))
        .subcommand(flags::check().defer(with_parameters))
        .subcommand(flags::schema())
        .subcommand(flags::wit())
}
