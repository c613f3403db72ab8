//! `executions`: what is asked of a store.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::str::FromStr;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use mqtt_connector_arguments::refusal::Refusal;
use mqtt_connector_cli::arguments::TENANT;
use mqtt_connector_service::{Id, Query, Status, Timestamp};

use crate::store::StorePlace;

const LIST: &str = "list";
const SHOW: &str = "show";
const RETRY: &str = "retry";
const CANCEL: &str = "cancel";
const EXPORT: &str = "export";

const STORE: &str = "store";
const STATUS: &str = "status";
const DEAD_LETTERS: &str = "dead-letters";
const SINCE: &str = "since";
const TOPIC: &str = "topic";
const LIMIT: &str = "limit";
const ID: &str = "id";

/// What is asked of a store.
pub(crate) struct ExecutionsArguments {
    pub(crate) store: StorePlace,
    pub(crate) action: Action,
}

/// What is asked.
pub(crate) enum Action {
    /// Those that the query asks for, without their requests.
    List(Query),
    /// One, with its request.
    Show(Id),
    Retry(Vec<Id>),
    Cancel(Vec<Id>),
    /// All that the query asks for, with their requests.
    Export(Query),
}

impl ExecutionsArguments {
    pub(crate) fn resolve(matches: &ArgMatches) -> Result<Self, Refusal> {
        let missing = || Refusal::of_usage("the command is missing; see executions --help");
        let (action, matches) = matches.subcommand().ok_or_else(missing)?;
        let ids = || matches.get_many::<Id>(ID).into_iter().flatten().copied();
        Ok(Self {
            store: StorePlace::resolve(matches, STORE)?,
            action: match action {
                LIST => Action::List(query(matches)),
                SHOW => Action::Show(ids().next().ok_or_else(missing)?),
                RETRY => Action::Retry(ids().collect()),
                CANCEL => Action::Cancel(ids().collect()),
                EXPORT => Action::Export(query(matches)),
                _ => return Err(missing()),
            },
        })
    }
}

fn query(matches: &ArgMatches) -> Query {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let status = text(STATUS);
    Query {
        tenant: text(TENANT),
        status: Status::ALL.into_iter().find(|known| status.as_deref() == Some(known.as_str())),
        dead_letters: matches.get_flag(DEAD_LETTERS),
        since: matches.get_one::<Timestamp>(SINCE).copied(),
        topic: text(TOPIC),
        cursor: None,
        limit: matches.get_one::<NonZeroU32>(LIMIT).copied(),
    }
}

/// The command with its commands.
pub(super) fn command(command: Command) -> Command {
    let id = || Arg::new(ID).value_name("ID").required(true).value_parser(Id::from_str);
    let ids = || id().action(ArgAction::Append).num_args(1..).help("Which");
    let limit = Arg::new(LIMIT)
        .long(LIMIT)
        .value_name("NUMBER")
        .value_parser(value_parser!(NonZeroU32))
        .help("How many at most [default: all]");
    command
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            with_query(with_store(Command::new(LIST).about(
                "Prints executions without their requests, a line of JSON for each, the newest first",
            )))
            .arg(limit.clone()),
        )
        .subcommand(
            with_store(Command::new(SHOW).about("Prints an execution, with its request if that is kept"))
                .arg(id().help("Which")),
        )
        .subcommand(
            with_store(
                Command::new(RETRY).about("Carries dead letters out again, and prints the new executions"),
            )
            .arg(ids()),
        )
        .subcommand(
            with_store(Command::new(CANCEL).about("Cancels executions that have not begun, and prints them"))
                .arg(ids()),
        )
        .subcommand(
            with_query(with_store(
                Command::new(EXPORT).about(
                    "Prints executions with their requests, a line of JSON for each, the newest first",
                ),
            ))
            .arg(limit),
        )
}

fn with_store(command: Command) -> Command {
    command.arg(
        Arg::new(STORE)
            .long(STORE)
            .value_name("FILE")
            .value_parser(value_parser!(OsString))
            .value_hint(ValueHint::FilePath)
            .default_value("mqtt-connector.db")
            .help("The store of executions; nats://HOST,… is a cluster of NATS"),
    )
}

fn with_query(command: Command) -> Command {
    let text = |name, value, help| Arg::new(name).long(name).value_name(value).help(help);
    command
        .arg(text(TENANT, "NAME", "Only those of this tenant"))
        .arg(
            text(STATUS, "STATUS", "Only those with this status")
                .value_parser(PossibleValuesParser::new(Status::ALL.map(Status::as_str))),
        )
        .arg(
            Arg::new(DEAD_LETTERS)
                .long(DEAD_LETTERS)
                .action(ArgAction::SetTrue)
                .help("Only those that were not sent well, and that nobody has carried out again"),
        )
        .arg(
            text(SINCE, "TIME", "Only those that were accepted then or later, as in 2026-11-29T06:30:00Z")
                .value_parser(Timestamp::from_str),
        )
        .arg(text(TOPIC, "TOPIC", "Only those with exactly this topic"))
}
