//! The command line `mqtt-connector` (see `mqtt-connector --help`): parse the arguments, call the library, print, exit.
//!
//! | module | what it does |
//! |---|---|
//! | [`arguments`] | the commands, and what their arguments say, resolved once; the flags of a message are those of `host/arguments` |
//! | [`inputs`] | which files a command reads |
//! | [`tenants`] | who a send is for, and what the tenants of a file may do |
//! | [`component`] | which component is run and who compiles it, and how names are resolved |
//! | [`prepare`] | all of these, before a send begins |
//! | [`send`] | `send` and `check`: one message |
//! | [`lines`] | `send --lines`: a message a line |
//! | [`serve`] | `serve`: a service behind HTTP |
//! | [`executions`] | looks at a store of executions, and changes it |
//! | [`session`] | how a command runs and answers |
//! | [`mod@response`] | responses of the command line itself, and what it adds to the component's |
//! | [`refusal`] | what is answered where a command line cannot be followed |
//! | [`signals`] | SIGINT, SIGTERM and SIGHUP end a send, with the truth |
//! | [`shortage`] | what is answered where the machine has too little of something, or the program panics |
//! | [`output`] | what is written, so that who does not read it stops nothing |
//! | [`logging`] | what `RUST_LOG` asks for |
//! | [`poll`] | whether something can be read or written at once |
//! | `demo` | a broker, a subscriber and three sends in one process (feature `demo`) |

#![deny(unsafe_code)]

mod arguments;
mod component;
#[cfg(feature = "demo")]
mod demo;
mod executions;
mod inputs;
mod lines;
mod logging;
mod output;
mod poll;
mod prepare;
mod refusal;
mod response;
mod send;
mod serve;
mod session;
mod shortage;
mod signals;
mod tenants;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(feature = "demo")]
use anyhow::Context as _;
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

fn main() -> std::process::ExitCode {
    run(std::env::args_os()).into()
}

/// Runs the program with `arguments`, the first of which is its name. What it answers is the exit status: the
/// response's exit code.
fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
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
        Ok(()) => run_command(&arguments, has_response.then(Session::start)),
        Err(failed) => fail(&failed),
    };
    let status = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| fail(&shortage::panicked()));
    output::drain();
    status
}

fn run_command(arguments: &[OsString], session: Option<Session>) -> u8 {
    if let Some(wrong) = usage::swallowed(arguments::command, arguments) {
        return session.unwrap_or_else(Session::start).respond(async |_| Err(refused(wrong)));
    }
    let matches = match arguments::command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return misused(arguments, error, session),
    };
    logging::start(arguments::logs_json(&matches), arguments::logs_by_default(&matches));
    let resolved = match (Arguments::resolve(&matches), &session) {
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
        Arguments::Serve(arguments) => report(|| serve::serve(&arguments)),
        Arguments::Executions(arguments) => executions::run(&arguments),
        Arguments::Schema(arguments) => report(|| schema(&arguments)),
        Arguments::Wit => report(|| Ok(CONTRACT.to_owned())),
        Arguments::Precompile { component, output } => report(|| component::precompile(&component, &output)),
        Arguments::Completions(shell) => report(|| Ok(arguments::completions(shell))),
        #[cfg(feature = "demo")]
        Arguments::Demo { is_service } => demo(is_service),
    }
}

#[inline(never)]
fn schema(arguments: &ConnectorArguments) -> Result<String, Response> {
    let connector = component::connector(arguments, component::Calls::One)?;
    Ok(block_on(connector.schema())?? + "\n")
}

#[cfg(feature = "demo")]
#[inline(never)]
fn demo(is_service: bool) -> u8 {
    let demo = || {
        let connector = Connector::new().context("the connector cannot be started")?;
        let mut out = std::io::stdout().lock();
        let demo = async {
            if is_service {
                demo::service::run(connector, &mut out).await
            } else {
                demo::run(&connector, &mut out).await
            }
        };
        block_on(demo).map_err(|failed| anyhow::anyhow!(failed.meta.message))?
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
fn misused(arguments: &[OsString], error: clap::Error, session: Option<Session>) -> u8 {
    let (said, refusal) = match usage::judged(arguments::command, arguments, error) {
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
