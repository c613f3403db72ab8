//! The command line `mqtt-connector` (see `mqtt-connector --help`): parse the arguments, call the library, print, exit.
//!
//! | module | what it does |
//! |---|---|
//! | [`arguments`] | the commands and flags; a flag for every parameter, from the connector's own table |
//! | [`usage`] | arguments that cannot be used, and those that ask for help |
//! | [`documents`] | files, flags and environment → configuration and request |
//! | [`files`] | the files that flags name, each read within a limit |
//! | [`origins`] | where user name and password came from, when the broker refuses them |
//! | [`lines`] | `send --lines`: a message a line |
//! | [`tenants`] | who a send is for, and what the tenants of a file may do |
//! | [`inputs`] | which files a command reads |
//! | [`signals`] | SIGINT, SIGTERM and SIGHUP end a send, with the truth |
//! | [`output`] | what is written, so that who does not read it stops nothing |
//! | [`poll`] | whether something can be read or written at once |
//! | [`shortage`] | what is answered where the machine has too little of something, or the program panics |
//! | [`component`] | which component is run, and how names are resolved |
//! | `demo` | a broker, a subscriber and three sends in one process (feature `demo`) |

#![deny(unsafe_code)]

mod arguments;
mod component;
#[cfg(feature = "demo")]
mod demo;
mod documents;
mod files;
mod inputs;
mod lines;
mod origins;
mod output;
mod poll;
mod shortage;
mod signals;
mod tenants;
mod usage;

use std::ffi::OsString;
use std::future::Future;
use std::io::{ErrorKind, IsTerminal, Write as _};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(feature = "demo")]
use anyhow::Context as _;
use clap::ArgMatches;
use documents::Documents;
use mqtt_connector::{CONTRACT, Connector, Response, Shortage, Tenant};
use mqtt_connector_contract::exit_code::{FAULT, PARAMETER};
use mqtt_connector_contract::shown::{Shown, VALUE};
use output::note;
use signals::Signals;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;
use usage::Verdict;
use wasmtime::Engine;

/// Exit status of a command that has no response, and went well.
const SUCCESS: u8 = 0;
#[cfg(feature = "demo")]
/// The same, when it did not.
const FAILURE: u8 = 1;

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
    if let Some(wrong) = usage::swallowed(arguments) {
        return session.unwrap_or_else(Session::start).respond(async |_| Err(wrong));
    }
    let matches = match arguments::command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return refused(arguments, error, session),
    };
    start_logging(&matches);
    let Some((name, matches)) = matches.subcommand() else {
        return report(|| Err(response(PARAMETER, "No command; see --help.".to_owned())));
    };
    let session = || session.unwrap_or_else(Session::start);
    match name {
        arguments::SEND => session().respond(async |signals| send(matches, signals).await),
        arguments::CHECK => session().respond(async |signals| check(matches, signals).await),
        arguments::TENANTS => match matches.subcommand() {
            Some((arguments::CHECK, matches)) => report(|| tenants::check(matches)),
            Some(_) | None => {
                report(|| Err(response(PARAMETER, "No command; see tenants --help.".to_owned())))
            }
        },
        arguments::SCHEMA => report(|| schema(matches)),
        arguments::WIT => report(|| Ok(CONTRACT.to_owned())),
        arguments::PRECOMPILE => report(|| component::precompile(matches)),
        arguments::COMPLETIONS => report(|| Ok(arguments::completions(matches))),
        #[cfg(feature = "demo")]
        arguments::DEMO => demo(),
        other => report(|| {
            Err(response(PARAMETER, format!("The command {} is not known; see --help.", Shown::whole(other))))
        }),
    }
}

async fn send(matches: &ArgMatches, signals: &mut Signals) -> Result<Response, Response> {
    if lines::are_named(matches) {
        // On the heap: what a function has on the stack is touched when it is entered, and a process that sends one message
        // is not to pay for what others do.
        return Box::pin(lines::send(matches, signals)).await;
    }
    let (tenant, documents, connector) = prepared(matches, signals, 0).await?;
    // Here and below: what a process that ends does not take apart, the system does at once.
    let connector = ManuallyDrop::new(connector);
    shortage::sending_begins();
    let send = connector.send(&tenant, &documents.config, &documents.request);
    let response = signals.answered(send, || connector.interrupt()).await;
    signals.patiently(connector.close()).await;
    Ok(origins::told(response, matches, &documents))
}

async fn check(matches: &ArgMatches, signals: &mut Signals) -> Result<Response, Response> {
    let (tenant, documents, connector) = prepared(matches, signals, 0).await?;
    let check = connector.check(&tenant, &documents.config, &documents.request);
    let checked = signals.unless_ended("the parameters were checked", check).await?;
    Ok(origins::told(checked, matches, &documents))
}

/// Who a send is for, what is sent, and the connector, with so many places for instances that are kept ready.
///
/// What may take long is read on a thread of its own, so that a signal ends it.
async fn prepared(
    matches: &ArgMatches,
    signals: &mut Signals,
    places: u32,
) -> Result<(Tenant, Documents, Connector), Response> {
    const DOING: &str = "the files were read";
    // Now, as there is memory for it: where there is none the engine panics.
    Engine::tls_eager_initialize();
    let prepare = move |matches: &ArgMatches| {
        let (tenant, documents) = call(matches)?;
        Ok((tenant, documents, component::connector(matches, places)?))
    };
    if !inputs::may_take_long(matches) {
        return signals.unless_ended(DOING, async { prepare(matches) }).await?;
    }
    let (done, prepared) = oneshot::channel();
    let owned = matches.clone();
    let read = move || {
        // Nobody asks any more once a signal has ended the wait.
        let _ = done.send(prepare(&owned));
    };
    let thread = std::thread::Builder::new().name("files".to_owned()).spawn(read);
    thread.map_err(|error| shortage::no_thread(&error, DOING))?;
    let prepared = signals.unless_ended(DOING, prepared).await?;
    prepared.map_err(|_| shortage::panicked())?
}

/// Who a send is for, and what is sent. Without a tenant, the person at the command line is their own operator.
fn call(matches: &ArgMatches) -> Result<(Tenant, Documents), Response> {
    let tenant = tenants::named(matches)?;
    let documents = documents::read(matches)?;
    Ok(match tenant {
        Some(tenant) => {
            let config = tenant.config().to_owned();
            (tenant, Documents { config, ..documents })
        }
        None => (Tenant::unrestricted("operator"), documents),
    })
}

#[inline(never)]
fn schema(matches: &ArgMatches) -> Result<String, Response> {
    let connector = component::connector(matches, 0)?;
    Ok(block_on(connector.schema())?? + "\n")
}

#[cfg(feature = "demo")]
#[inline(never)]
fn demo() -> u8 {
    let demo = || {
        let connector = Connector::new().context("the connector cannot be started")?;
        let mut out = std::io::stdout().lock();
        block_on(demo::run(&connector, &mut out)).map_err(|failed| anyhow::anyhow!(failed.meta.message))?
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

/// A command that answers with a response: the runtime it runs in, and the signals that end it.
struct Session {
    runtime: Result<ManuallyDrop<Runtime>, Response>,
    signals: Option<Signals>,
}

impl Session {
    fn start() -> Self {
        let runtime = runtime();
        let signals = runtime.as_ref().ok().map(|runtime| {
            let _context = runtime.enter();
            Signals::listen()
        });
        Self { runtime, signals }
    }

    /// Runs the command, prints its response, one line on standard output, and answers with the exit status.
    fn respond(self, command: impl AsyncFnOnce(&mut Signals) -> Result<Response, Response>) -> u8 {
        let Self { runtime: Ok(runtime), signals: Some(mut signals) } = self else {
            let failed = self.runtime.err();
            let failed = failed.unwrap_or_else(|| response(FAULT, "No signals can be heard.".to_owned()));
            return respond(&failed);
        };
        runtime.block_on(async {
            let response = command(&mut signals).await.unwrap_or_else(|failed| failed);
            let line = line(&response);
            match output::print_unless_ended(&line, &mut signals).await {
                Some(printed) => said(printed, &line),
                None => note(&format!(
                    "mqtt-connector: standard output: nobody reads it; the response is {}",
                    line.trim_end()
                )),
            }
            exit_status(response.meta.exit_code)
        })
    }
}

impl Session {
    /// Prints help, unless a signal comes while nobody reads it.
    fn print(self, help: &clap::Error) {
        let Self { runtime: Ok(runtime), signals: Some(mut signals) } = self else {
            return drop(help.print());
        };
        let text = help.render();
        let text = if has_colours(&std::io::stdout()) { text.ansi().to_string() } else { text.to_string() };
        runtime.block_on(async { drop(output::print_unless_ended(&text, &mut signals).await) });
    }
}

/// Prints a response, one line on standard output, and answers with the exit status.
fn respond(response: &Response) -> u8 {
    let line = line(response);
    said(output::print(&line), &line);
    exit_status(response.meta.exit_code)
}

fn line(response: &Response) -> String {
    serde_json::to_string(response).unwrap_or_default() + "\n"
}

/// Says the response to people where standard output did not take it.
fn said(printed: std::io::Result<()>, line: &str) {
    if let Err(error) = printed {
        note(&format!("mqtt-connector: standard output: {error}; the response is {}", line.trim_end()));
    }
}

/// Runs a command that prints a text; what is wrong goes to standard error, and its exit code is the exit status.
fn report(command: impl FnOnce() -> Result<String, Response>) -> u8 {
    let printed = command().and_then(|text| {
        match std::io::stdout().write_all(text.as_bytes()) {
            // Whoever reads has read enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|error| response(FAULT, format!("standard output: {error}."))),
        }
    });
    match printed {
        Ok(()) => SUCCESS,
        Err(failed) => {
            note(&format!("mqtt-connector: {}", failed.meta.message));
            exit_status(failed.meta.exit_code)
        }
    }
}

/// Arguments that clap does not accept, or that ask for help. A script that sends has its response line either way.
#[inline(never)]
fn refused(arguments: &[OsString], error: clap::Error, session: Option<Session>) -> u8 {
    let (said, response) = match usage::judged(arguments, error) {
        (Verdict::Asked, error) => {
            // Nothing can be done about a terminal that is gone.
            match session {
                Some(session) => session.print(&error),
                None => drop(error.print()),
            }
            return SUCCESS;
        }
        (Verdict::Refused { said, response }, _) => (said, response),
    };
    let said = if has_colours(&std::io::stderr()) { said.ansi().to_string() } else { said.to_string() };
    note(said.trim_end_matches('\n'));
    if let Some(wrong) = response {
        session.unwrap_or_else(Session::start).respond(async |_| Err(wrong));
    }
    exit_status(PARAMETER)
}

fn response(exit_code: i32, message: String) -> Response {
    Response::new(exit_code, message)
}

fn exit_status(code: i32) -> u8 {
    u8::try_from(code).unwrap_or(u8::MAX)
}

fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Response> {
    Ok(runtime()?.block_on(future))
}

fn runtime() -> Result<ManuallyDrop<Runtime>, Response> {
    shortage::check_descriptors()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    // A name look-up that still hangs at the end has no say any more.
    runtime.map(ManuallyDrop::new).map_err(|error| match Shortage::of(&error) {
        Some(shortage) => shortage::short(shortage, "starting"),
        None => response(FAULT, format!("The runtime cannot be started: {error}.")),
    })
}

/// Whether `output` shows colours.
fn has_colours(output: &impl IsTerminal) -> bool {
    output.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|wish| wish.is_empty())
}

/// Logs to standard error what `RUST_LOG` asks for, as text or as JSON, and nothing without it.
fn start_logging(matches: &ArgMatches) {
    let Some(wanted) = std::env::var_os("RUST_LOG") else { return };
    let mut filter = EnvFilter::new("off");
    for directive in wanted.to_string_lossy().split(',').filter(|directive| !directive.is_empty()) {
        match directive.parse() {
            Ok(directive) => filter = filter.add_directive(directive),
            Err(_) => {
                let shown = Shown::quoted(directive, VALUE);
                note(&format!(
                    "mqtt-connector: RUST_LOG: {shown} is ignored; it should be like info or mqtt_connector=debug"
                ));
            }
        }
    }
    let logging = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| output::Log);
    if arguments::logs_json(matches) {
        output::log_as_json();
        logging.json().with_current_span(false).init();
    } else {
        logging.with_ansi(has_colours(&std::io::stderr())).init();
    }
}
