//! The command line: parse the arguments, call the library, print, exit.
//!
//! | module | what it does |
//! |---|---|
//! | [`arguments`] | the commands and flags; a flag for every parameter, from the connector's own table |
//! | [`documents`] | files, flags and environment → configuration and request |
//! | [`lines`] | `send --lines`: a message a line |
//! | [`tenants`] | who a send is for, and what the tenants of a file may do |
//! | [`signals`] | SIGINT and SIGTERM end a send, with the truth |
//! | [`component`] | which component is run, and how names are resolved |
//! | `demo` | a broker, a subscriber and three sends in one process (feature `demo`) |

mod arguments;
mod component;
#[cfg(feature = "demo")]
mod demo;
mod documents;
mod lines;
mod signals;
mod tenants;

use std::ffi::OsString;
use std::future::Future;
use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::mem::ManuallyDrop;
use std::sync::Arc;

#[cfg(feature = "demo")]
use anyhow::Context as _;
use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue};
use documents::Documents;
use lines::Lines;
use mqtt_connector::{CONTRACT, Meta, Response, Tenant};
use tracing_subscriber::EnvFilter;

/// Exit status of a command that has no response, and went well.
const SUCCESS: u8 = 0;
#[cfg(feature = "demo")]
/// The same, when it did not.
const FAILURE: u8 = 1;
/// Exit code of arguments that cannot be used.
const USAGE: i32 = 64;
/// Exit code of a file that cannot be read.
const UNREADABLE: i32 = 66;
/// Exit code of a fault of this program.
const FAULT: i32 = 70;

/// Runs the program with `arguments`, the first of which is its name. What it answers is the exit status: the
/// response's exit code.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let matches = match arguments::command().try_get_matches_from(&arguments) {
        Ok(matches) => matches,
        Err(error) => return usage(&arguments, &error),
    };
    start_logging(&matches);
    let Some((name, matches)) = matches.subcommand() else {
        return report(|| Err(response(USAGE, "No command; see --help.".to_owned())));
    };
    match name {
        arguments::SEND => respond(|| send(matches)),
        arguments::CHECK => respond(|| check(matches)),
        arguments::TENANTS => match matches.subcommand() {
            Some((arguments::CHECK, matches)) => report(|| tenants::check(matches)),
            Some(_) | None => report(|| Err(response(USAGE, "No command; see tenants --help.".to_owned()))),
        },
        arguments::SCHEMA => report(|| schema(matches)),
        arguments::WIT => report(|| Ok(CONTRACT.to_owned())),
        arguments::PRECOMPILE => report(|| component::precompile(matches)),
        arguments::COMPLETIONS => report(|| Ok(arguments::completions(matches))),
        #[cfg(feature = "demo")]
        arguments::DEMO => demo(),
        other => report(|| Err(response(USAGE, format!("The command {other:?} is not known; see --help.")))),
    }
}

fn send(matches: &ArgMatches) -> Result<Response, Response> {
    let (tenant, documents) = call(matches)?;
    let lines = lines::named(matches)?;
    if let Some(lines) = lines {
        return send_lines(lines, matches, tenant, &documents);
    }
    // Here and below: what a process that ends does not take apart, the system does at once.
    let connector = ManuallyDrop::new(component::connector(matches, 0)?);
    block_on(async {
        let send = connector.send(&tenant, &documents.config, &documents.request);
        let response = signals::answered(send, || connector.interrupt()).await;
        connector.close().await;
        response
    })
}

// This and what follows is not made a part of its caller: all that a function has on the stack is touched when it is entered,
// and a process that sends one message is not to pay for what others do.
#[inline(never)]
fn send_lines(
    lines: Lines,
    matches: &ArgMatches,
    tenant: Arc<Tenant>,
    documents: &Documents,
) -> Result<Response, Response> {
    let connector = component::connector(matches, lines::UNDER_WAY)?;
    block_on(lines.send(connector, tenant, documents))?
}

#[inline(never)]
fn check(matches: &ArgMatches) -> Result<Response, Response> {
    let (tenant, documents) = call(matches)?;
    let connector = component::connector(matches, 0)?;
    block_on(async { connector.check(&tenant, &documents.config, &documents.request).await })
}

/// Who a send is for, and what is sent. Without a tenant, the person at the command line is their own operator.
fn call(matches: &ArgMatches) -> Result<(Arc<Tenant>, Documents), Response> {
    let tenant = tenants::named(matches)?;
    let documents = documents::read(matches)?;
    Ok(match tenant {
        Some(tenant) => {
            let config = tenant.config().to_owned();
            (tenant, Documents { config, ..documents })
        }
        None => (Arc::new(Tenant::unrestricted("operator")), documents),
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
        let connector = mqtt_connector::Connector::new().context("the connector cannot be started")?;
        let mut out = std::io::stdout().lock();
        block_on(demo::run(&connector, &mut out)).map_err(|failed| anyhow::anyhow!(failed.meta.message))?
    };
    match demo() {
        Ok(true) => SUCCESS,
        Ok(false) => FAILURE,
        Err(error) => {
            eprintln!("mqtt-connector: {error:#}");
            FAILURE
        }
    }
}

/// Runs a command that answers with a response: one line on standard output, and the exit status.
fn respond(command: impl FnOnce() -> Result<Response, Response>) -> u8 {
    let response = command().unwrap_or_else(|failed| failed);
    print_response(&response);
    exit_status(response.meta.exit_code)
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
            eprintln!("mqtt-connector: {}", failed.meta.message);
            exit_status(failed.meta.exit_code)
        }
    }
}

/// Arguments that clap does not accept, or that ask for help. A script that sends has its response line either way.
#[inline(never)]
fn usage(arguments: &[OsString], error: &clap::Error) -> u8 {
    let reason = if is_stray(error) {
        let reason = "an argument stands where a flag was expected (it is not shown: it may be a secret); a boolean takes \
                      its value with =, as in --retain=false";
        eprintln!("error: {reason}\n\nFor more information, try '--help'.");
        reason.to_owned()
    } else {
        // Nothing can be done about a terminal that is gone.
        let _ = error.print();
        let text = error.render().to_string();
        text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
    };
    if !error.use_stderr() {
        return SUCCESS;
    }
    let command = arguments.get(1).and_then(|argument| argument.to_str());
    if matches!(command, Some(arguments::SEND | arguments::CHECK)) {
        print_response(&response(USAGE, format!("The command line: {reason}.")));
    }
    exit_status(USAGE)
}

/// Whether the error is about an argument that is neither a flag nor the value of one: a password without its flag,
/// perhaps.
fn is_stray(error: &clap::Error) -> bool {
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument,
        _ => return false,
    };
    error.kind() == clap::error::ErrorKind::UnknownArgument && !argument.starts_with('-')
}

fn print_response(response: &Response) {
    let line = serde_json::to_string(response).unwrap_or_default();
    if let Err(error) = writeln!(std::io::stdout(), "{line}") {
        eprintln!("mqtt-connector: standard output: {error}; the response is {line}");
    }
}

fn response(exit_code: i32, message: String) -> Response {
    Response { meta: Meta { exit_code, message } }
}

fn exit_status(code: i32) -> u8 {
    u8::try_from(code).unwrap_or(u8::MAX)
}

fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Response> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime =
        runtime.map_err(|error| response(FAULT, format!("The runtime cannot be started: {error}.")))?;
    // A name look-up that still hangs at the end has no say any more.
    Ok(ManuallyDrop::new(runtime).block_on(future))
}

/// What is logged while a component is compiled, unless `RUST_LOG` names it: at level trace that is 800 MB.
const COMPILER_LOGS: &str =
    "cranelift_codegen=warn,cranelift_frontend=warn,regalloc2=warn,wasmtime_internal_cranelift=warn";

/// Logs to standard error what `RUST_LOG` asks for, as text or as JSON, and nothing without it.
fn start_logging(matches: &ArgMatches) {
    let Some(wanted) = std::env::var_os("RUST_LOG") else { return };
    let filter = EnvFilter::new(format!("{COMPILER_LOGS},{}", wanted.to_string_lossy()));
    let logging = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if arguments::logs_json(matches) {
        logging.json().with_current_span(false).init();
    } else {
        logging.with_ansi(std::io::stderr().is_terminal()).init();
    }
}
