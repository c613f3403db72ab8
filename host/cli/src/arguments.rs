//! The commands of the programs, and what their arguments say, resolved once.

pub mod pin;

use std::ffi::OsString;
use std::str::FromStr;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use mqtt_connector_arguments::files::NamedFile;
use mqtt_connector_arguments::flags::{
    self, CHECK, CONFIG, LOG_FORMAT, SCHEMA, SEND, WIT, file, with_lines, with_parameters,
};
use mqtt_connector_arguments::message::MessageFlags;
use mqtt_connector_arguments::refusal::Refusal;

use pin::Pin;

/// The command that serves tenants over HTTP.
pub const SERVE: &str = "serve";
/// The command that works with a store of executions.
pub const EXECUTIONS: &str = "executions";
/// The command that looks at a cluster of NATS.
pub const CLUSTER: &str = "cluster";
/// The command that prints the completions for a shell.
pub const COMPLETIONS: &str = "completions";
/// A file of tenants.
pub const TENANTS: &str = "tenants";
/// A tenant of such a file.
pub const TENANT: &str = "tenant";

const TOKEN: &str = "token";
const NAME: &str = "name";
const PRECOMPILE: &str = "precompile";
#[cfg(feature = "demo")]
const DEMO: &str = "demo";

const RESOLVE: &str = "resolve";
const COMPONENT: &str = "component";
const OUTPUT: &str = "output";
const FILE: &str = "file";
const SHELL: &str = "shell";
/// What another program resolves.
const REST: &str = "arguments";

/// Of this program, and of the component that is built with it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

const TEXT: &str = "text";
const JSON: &str = "json";

/// What the program `mqtt-connector` is to do.
pub(crate) enum Arguments {
    Send(SendArguments),
    /// What [`Arguments::Send`] would say, without the network.
    Check(SendArguments),
    /// What each tenant of a file may do.
    CheckTenants(NamedFile),
    /// A token for the callers of this tenant.
    Token(String),
    /// What the program beside it does, with the same arguments.
    HandedOn,
    Schema(ConnectorArguments),
    Wit,
    Precompile {
        component: NamedFile,
        output: NamedFile,
    },
    Completions(clap_complete::Shell),
    #[cfg(feature = "demo")]
    Demo,
}

/// What `send` and `check` are to do.
#[derive(Clone)]
pub(crate) struct SendArguments {
    /// What is sent.
    pub(crate) message: MessageFlags,
    /// Who sends it; without, the person at the command line is the operator.
    pub(crate) tenant: Option<TenantArguments>,
    pub(crate) connector: ConnectorArguments,
}

/// A tenant of a file.
#[derive(Clone)]
pub(crate) struct TenantArguments {
    pub(crate) file: NamedFile,
    pub(crate) name: String,
}

/// Which component is run, and how it finds brokers.
#[derive(Clone)]
pub struct ConnectorArguments {
    /// Instead of the built-in one.
    pub component: Option<NamedFile>,
    /// Where names of brokers are, instead of looking them up.
    pub pins: Vec<Pin>,
}

impl Arguments {
    /// What [`command`] has parsed.
    ///
    /// # Errors
    ///
    /// Flags do not fit together.
    pub(crate) fn resolve(matches: &ArgMatches) -> Result<Self, Refusal> {
        // Clap has made sure that there is a command, and each argument that has to be.
        let missing = || Refusal::of_usage("the command is missing; see --help");
        Ok(match matches.subcommand().ok_or_else(missing)? {
            (SEND, matches) => Self::Send(SendArguments::resolve(matches)?),
            (CHECK, matches) => Self::Check(SendArguments::resolve(matches)?),
            (TENANTS, matches) => match matches.subcommand() {
                Some((CHECK, matches)) => Self::CheckTenants(argument(matches, FILE).ok_or_else(missing)?),
                Some((TOKEN, matches)) => Self::Token(matches.get_one(NAME).cloned().ok_or_else(missing)?),
                Some(_) | None => return Err(missing()),
            },
            (SERVE | EXECUTIONS | CLUSTER, _) => Self::HandedOn,
            (SCHEMA, matches) => Self::Schema(ConnectorArguments::resolve(matches)),
            (WIT, _) => Self::Wit,
            (PRECOMPILE, matches) => Self::Precompile {
                component: argument(matches, COMPONENT).ok_or_else(missing)?,
                output: flag(matches, OUTPUT).ok_or_else(missing)?,
            },
            (COMPLETIONS, matches) => Self::Completions(shell(matches).ok_or_else(missing)?),
            #[cfg(feature = "demo")]
            (DEMO, _) => Self::Demo,
            (_, _) => return Err(missing()),
        })
    }
}

impl SendArguments {
    fn resolve(matches: &ArgMatches) -> Result<Self, Refusal> {
        let tenant = TenantArguments::resolve(matches)?;
        if tenant.is_some() && flag(matches, CONFIG).is_some() {
            return Err(Refusal::of_usage(&format!(
                "--{CONFIG} and --{TENANT} cannot be used together: the configuration is the tenant's, from its table \
                 config"
            )));
        }
        let message = MessageFlags::resolve(matches, tenant.as_ref().map(|tenant| &tenant.file))?;
        Ok(Self { message, tenant, connector: ConnectorArguments::resolve(matches) })
    }

    /// The files that are read before anything is sent, without the component.
    pub(crate) fn files_read_before(&self) -> impl Iterator<Item = &NamedFile> {
        let tenants = self.tenant.iter().map(|tenant| &tenant.file);
        tenants.chain(self.message.files_read_before())
    }
}

impl TenantArguments {
    fn resolve(matches: &ArgMatches) -> Result<Option<Self>, Refusal> {
        match (flag(matches, TENANTS), matches.get_one::<String>(TENANT)) {
            (None, None) => Ok(None),
            (Some(file), Some(name)) => Ok(Some(Self { file, name: name.clone() })),
            (Some(_), None) => {
                Err(Refusal::of_usage(&format!("--{TENANTS} FILE also needs --{TENANT} NAME: who sends")))
            }
            (None, Some(_)) => Err(Refusal::of_usage(&format!(
                "--{TENANT} NAME also needs --{TENANTS} FILE: what a tenant may do"
            ))),
        }
    }
}

impl ConnectorArguments {
    /// What the flags say that [`component`] and [`resolve_flag`] are.
    #[must_use]
    pub fn resolve(matches: &ArgMatches) -> Self {
        // `schema` looks nothing up.
        let pins = matches.try_get_many::<Pin>(RESOLVE).ok().flatten();
        Self {
            component: flag(matches, COMPONENT),
            pins: pins.map_or_else(Vec::new, |pins| pins.cloned().collect()),
        }
    }
}

/// The file behind `--{name}`.
#[must_use]
pub fn flag(matches: &ArgMatches, name: &'static str) -> Option<NamedFile> {
    Some(NamedFile::flag(name, matches.get_one::<String>(name)?))
}

/// The file that an argument names which is no flag.
fn argument(matches: &ArgMatches, name: &str) -> Option<NamedFile> {
    Some(NamedFile::argument(matches.get_one::<String>(name)?))
}

/// The shell whose completions are asked for.
#[must_use]
pub fn shell(matches: &ArgMatches) -> Option<clap_complete::Shell> {
    matches.get_one(SHELL).copied()
}

/// Whether to log JSON, one object a line.
pub(crate) fn logs_json(matches: &ArgMatches) -> bool {
    matches.get_one::<String>(LOG_FORMAT).is_some_and(|format| format == JSON)
}

/// Whether the command that `arguments` name, of which the first is the program, answers with a response.
pub(crate) fn have_a_response(arguments: &[OsString]) -> bool {
    let mut rest = arguments.iter().skip(1).filter_map(|argument| argument.to_str());
    let log_format = ["--", LOG_FORMAT].concat();
    let command = loop {
        match rest.next() {
            Some(flag) if flag == log_format => drop(rest.next()),
            Some(flag) if flag.starts_with('-') => {}
            command => break command,
        }
    };
    matches!(command, Some(SEND | CHECK))
}

/// The completions for a shell.
#[must_use]
pub fn completions(shell: clap_complete::Shell, mut command: Command) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "mqtt-connector", &mut script);
    // For bash, clap_complete 4.6 spells the name of a program with a hyphen in two ways (clap-rs/clap#6421).
    String::from_utf8_lossy(&script).replace("mqtt__subcmd__connector", "mqtt__connector")
}

/// The whole command line of `mqtt-connector`. The flags of the parameters are made for the command that is used, and not for the
/// others; those of [`SERVE`], [`EXECUTIONS`] and [`CLUSTER`] only the program that carries them out knows.
#[must_use]
pub fn command() -> Command {
    let command = flags::program()
        .version(VERSION)
        .long_version(format!(
            "{VERSION}\ncomponent {VERSION}\ncontract flint:mqtt@0.2.0\nwasmtime {}",
            wasmtime_environ::VERSION
        ))
        .arg(
            Arg::new(LOG_FORMAT)
                .long(LOG_FORMAT)
                .global(true)
                .value_parser(PossibleValuesParser::new([TEXT, JSON]))
                .default_value(TEXT)
                .help_heading("Logging")
                .help("How to log what RUST_LOG asks for (as in RUST_LOG=info) to standard error"),
        )
        .subcommand(flags::send().defer(|send| with_lines(with_operator(with_parameters(send)))))
        .subcommand(flags::check().defer(|check| with_operator(with_parameters(check))))
        .subcommand(
            Command::new(TENANTS)
                .about("Works with a file of tenants")
                .subcommand_required(true)
                .arg_required_else_help(true)
                .subcommand(
                    Command::new(CHECK)
                        .about("Says what each tenant of a file may do, and what is wrong with the file")
                        .arg(
                            Arg::new(FILE)
                                .value_name("FILE")
                                .required(true)
                                .value_hint(ValueHint::FilePath)
                                .help("The file, TOML; - is standard input"),
                        ),
                )
                .subcommand(
                    Command::new(TOKEN)
                        .about("Makes a token for the callers of a tenant, and its SHA-256 for the file")
                        .arg(Arg::new(NAME).value_name("NAME").required(true).help("The tenant")),
                ),
        )
        .subcommand(handed_on(
            SERVE,
            "Serves tenants over HTTP: synchronous sends, and executions that are kept",
        ))
        .subcommand(handed_on(EXECUTIONS, "Works with a store of executions, also beside a running service"))
        .subcommand(handed_on(CLUSTER, "Looks at a cluster of NATS that is to hold executions"))
        .subcommand(flags::schema().arg(component()))
        .subcommand(flags::wit())
        .subcommand(
            Command::new(PRECOMPILE)
                .about("Compiles a component to machine code, for --component")
                .arg(Arg::new(COMPONENT).value_name("FILE").required(true).value_hint(ValueHint::FilePath))
                .arg(
                    Arg::new(OUTPUT)
                        .long(OUTPUT)
                        .short('o')
                        .value_name("FILE")
                        .required(true)
                        .value_hint(ValueHint::FilePath)
                        .help("Where the machine code goes"),
                ),
        )
        .subcommand(
            Command::new(COMPLETIONS)
                .about("Prints the completions for a shell")
                .arg(Arg::new(SHELL).required(true).value_parser(value_parser!(clap_complete::Shell))),
        );
    #[cfg(feature = "demo")]
    let command = command.subcommand(
        Command::new(DEMO)
            .about("Starts a broker and a subscriber, and sends at quality of service 0, 1 and 2"),
    );
    command
}

/// A command whose arguments another program resolves, `--help` too.
fn handed_on(name: &'static str, about: &'static str) -> Command {
    let rest = Arg::new(REST).num_args(0..).trailing_var_arg(true).allow_hyphen_values(true);
    Command::new(name)
        .about(about)
        .disable_help_flag(true)
        .arg(rest.value_parser(value_parser!(OsString)).hide(true))
}

/// `send` and `check`: what only an operator may say.
fn with_operator(command: Command) -> Command {
    command
        .arg(resolve_flag().help_heading("Operator"))
        .arg(component().help_heading("Operator"))
        .arg(
            file(TENANTS, "Tenants and what each may do, TOML; see tenants check. Without it, everything is allowed")
                .help_heading("Operator"),
        )
        .arg(Arg::new(TENANT).long(TENANT).value_name("NAME").help_heading("Operator").help(
            "Sends as this tenant: within its grants and limits, and with its configuration instead of --config",
        ))
}

/// `--resolve`: where names of brokers are.
#[must_use]
pub fn resolve_flag() -> Arg {
    Arg::new(RESOLVE)
        .long(RESOLVE)
        .value_name("HOST:PORT:ADDRESS")
        .action(ArgAction::Append)
        .value_parser(Pin::from_str)
        .help(
            "Points a broker's name at an address instead of looking it up. The address may be followed by a port of its \
             own, as in broker.example:8883:127.0.0.1:18883",
        )
}

/// `--component`: which component is run.
#[must_use]
pub fn component() -> Arg {
    file(
        COMPONENT,
        "Runs this component (.wasm, or the output of precompile) instead of the built-in one. Machine code is not \
         sandboxed: only name a file that you made yourself",
    )
}
