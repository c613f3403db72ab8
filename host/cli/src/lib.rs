//! The command line `mqtt-connector` (see `mqtt-connector --help`): parse the arguments, call the library, print, exit. What the program
//! `mqtt-connector-serve` shares with it is public.
//!
//! | module | what it does |
//! |---|---|
//! | [`arguments`] | the commands, and what their arguments say, resolved once; the flags of a message are those of `host/arguments` |
//! | `beside` | the programs that lie beside this one: the one that serves, the one that compiles |
//! | `inputs` | which files a command reads |
//! | [`tenants`] | who a send is for, and what the tenants of a file may do |
//! | [`component`] | which component is run and who compiles it, and how names are resolved |
//! | `prepare` | all of these, before a send begins |
//! | `send` | `send` and `check`: one message |
//! | `lines` | `send --lines`: a message a line |
//! | [`session`] | how a command runs and answers |
//! | [`mod@response`] | responses of the command line itself, and what it adds to the component's |
//! | [`refusal`] | what is answered where a command line cannot be followed |
//! | `signals` | SIGINT, SIGTERM and SIGHUP end a send, with the truth |
//! | [`shortage`] | what is answered where the machine has too little of something, or the program panics |
//! | [`output`] | what is written, so that who does not read it stops nothing |
//! | [`logging`] | what `RUST_LOG` asks for |
//! | `poll` | whether something can be read or written at once |
//! | `demo` | a broker, a subscriber and three sends in one process (feature `demo`) |

#![deny(unsafe_code)]

pub mod arguments;
mod beside;
pub mod component;
#[cfg(feature = "demo")]
pub mod demo;
mod inputs;
mod lines;
pub mod logging;
pub mod output;
mod poll;
mod prepare;
pub mod refusal;
pub mod response;
mod send;
pub mod session;
pub mod shortage;
mod signals;
pub mod tenants;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(feature = "demo")]
use anyhow::Context as _;
use clap::{ArgMatches, Command};
#[cfg(feature = "demo")]
use mqtt_connector::Connector;
use mqtt_connector::{CONTRACT, Response};
use mqtt_connector_arguments::usage::{self, Verdict};
use mqtt_connector_contract::exit_code::PARAMETER;

use arguments::{Arguments, ConnectorArguments};
use output::{has_colours, note};
use refusal::refused;
#[cfg(feature = "demo")]
use response::FAILURE;
use response::{SUCCESS, exit_status};
use session::{Session, block_on, report, respond};

/// A program with the command line of the connector, or with a part of it.
pub struct Program {
    /// Its command line.
    pub command: fn() -> Command,
    /// Carries out what was parsed of the arguments, and answers with the exit status. `send` and `check` have a session.
    pub run: fn(&[OsString], &ArgMatches, Option<Session>) -> u8,
}

impl Program {
    /// `mqtt-connector`.
    pub const CONNECTOR: Self = Self { command: arguments::command, run: run_command };

    /// Runs the program with `arguments`, the first of which is its name. What it answers is the exit status: the response's exit
    /// code.
    pub fn run(&self, arguments: impl IntoIterator<Item = OsString>) -> u8 {
        signals::ignore_file_size_limit();
        // The standard library's own words go where they might have to wait.
        std::panic::set_hook(Box::new(|panic| note(&format!("mqtt-connector: {panic}"))));
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        // Before anything else, so that a signal is answered from then on.
        let has_response = arguments::have_a_response(&arguments);
        let fail = |failed: &Response| {
            if has_response {
                return respond(failed);
            }
            note(&format!("mqtt-connector: {}", failed.meta.message));
            exit_status(failed.meta.exit_code)
        };
        let run = || match shortage::check_memory() {
            Ok(()) => self.parse(&arguments, has_response.then(Session::start)),
            Err(failed) => fail(&failed),
        };
        let status = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| fail(&shortage::panicked()));
        output::drain();
        status
    }

    fn parse(&self, arguments: &[OsString], session: Option<Session>) -> u8 {
        if let Some(wrong) = usage::swallowed(self.command, arguments) {
            return session.unwrap_or_else(Session::start).respond(async |_| Err(refused(wrong)));
        }
        match (self.command)().try_get_matches_from(arguments) {
            Ok(matches) => (self.run)(arguments, &matches, session),
            Err(error) => misused(self.command, arguments, error, session),
        }
    }
}

fn run_command(given: &[OsString], matches: &ArgMatches, session: Option<Session>) -> u8 {
    logging::start(matches, None);
    let resolved = match (Arguments::resolve(matches), &session) {
        (Ok(resolved), _) => resolved,
        (Err(wrong), Some(_)) => {
            return session.unwrap_or_else(Session::start).respond(async |_| Err(refused(wrong)));
        }
        (Err(wrong), None) => return report(|| Err(refused(wrong))),
    };
    let session = || session.unwrap_or_else(Session::start);
    match resolved {
        Arguments::Send(arguments) => {
            session().respond(async |signals| send::send(&arguments, signals).await)
        }
        Arguments::Check(arguments) => {
            session().respond(async |signals| send::check(&arguments, signals).await)
        }
        Arguments::CheckTenants(file) => report(|| tenants::check(&file)),
        Arguments::Token(tenant) => report(|| tenants::token(&tenant)),
        Arguments::HandedOn => report(|| Err(beside::serve(given))),
        Arguments::Schema(arguments) => report(|| schema(&arguments)),
        Arguments::Wit => report(|| Ok(CONTRACT.to_owned())),
        Arguments::Precompile { component, output } => report(|| component::precompile(&component, &output)),
        // The program that serves knows the flags of all commands.
        Arguments::Completions(_) if beside::can_serve() => report(|| Err(beside::serve(given))),
        Arguments::Completions(shell) => report(|| Ok(arguments::completions(shell, arguments::command()))),
        #[cfg(feature = "demo")]
        Arguments::Demo => demo(),
    }
}

#[inline(never)]
fn schema(arguments: &ConnectorArguments) -> Result<String, Response> {
    let connector = component::connector(arguments, component::Calls::One)?;
    Ok(block_on(connector.schema())?? + "\n")
}

#[cfg(feature = "demo")]
#[inline(never)]
fn demo() -> u8 {
    let demo = || {
        let connector = Connector::new().context("the connector cannot be started")?;
        block_on(demo::run(&connector, &mut std::io::stdout().lock()))
            .map_err(|failed| anyhow::anyhow!(failed.meta.message))?
    };
    match demo() {
        Ok(true) => SUCCESS,
        Ok(false) => FAILURE,
        Err(error) => {
            note(&format!("mqtt-connector: {error:#}"));
            FAILURE
        }
    }
}

/// Arguments that clap does not accept, or that ask for help. A script that sends has its response line either way.
#[inline(never)]
fn misused(
    command: usage::Program,
    arguments: &[OsString],
    error: clap::Error,
    session: Option<Session>,
) -> u8 {
    let (said, refusal) = match usage::judged(command, arguments, error) {
        (Verdict::Asked, error) => {
            // Nothing can be done about a terminal that is gone.
            match session {
                Some(session) => session.print(&error),
                None => drop(error.print()),
            }
            return SUCCESS;
        }
        (Verdict::Refused { said, refusal }, _) => (said, refusal),
    };
    let said = if has_colours(&std::io::stderr()) { said.ansi().to_string() } else { said.to_string() };
    note(said.trim_end_matches('\n'));
    if let Some(wrong) = refusal {
        session.unwrap_or_else(Session::start).respond(async |_| Err(refused(wrong)));
    }
    exit_status(PARAMETER)
}
