//! The commands and their flags. The flags of the parameters come from the connector's own table, so that they are
//! spelled as the parameters are.

pub(crate) mod pin;
pub(crate) mod usage;

use std::ffi::OsString;
use std::str::FromStr;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, ValueHint, value_parser};
use mqtt_connector_contract::exit_code::reason_code::{FIRST, LAST, MEANING};
use mqtt_connector_contract::exit_code::{ExitCode, TABLE};
use mqtt_connector_guest::catalogue::{Kind, PARAMETERS, Parameter};

use pin::Pin;

pub(super) const SEND: &str = "send";
pub(super) const CHECK: &str = "check";
pub(super) const TENANTS: &str = "tenants";
pub(super) const SCHEMA: &str = "schema";
pub(super) const WIT: &str = "wit";
pub(super) const PRECOMPILE: &str = "precompile";
pub(super) const COMPLETIONS: &str = "completions";
#[cfg(feature = "demo")]
pub(super) const DEMO: &str = "demo";

pub(super) const CONFIG: &str = "config";
pub(super) const REQUEST: &str = "request";
pub(super) const TENANT: &str = "tenant";
pub(super) const CONTENT_FILE: &str = "content-file";
pub(super) const PASSWORD_FILE: &str = "password-file";
pub(super) const LINES: &str = "lines";
pub(super) const LINES_BASE64: &str = "lines-base64";
pub(super) const REQUESTS: &str = "requests";
pub(super) const RESULTS: &str = "results";
pub(super) const RESOLVE: &str = "resolve";
pub(super) const COMPONENT: &str = "component";
pub(super) const OUTPUT: &str = "output";
pub(super) const FILE: &str = "file";
pub(super) const SHELL: &str = "shell";

/// Of this program, and of the component that is built with it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The flags of which one send can have only one.
const ONE_CONTENT: &str = "one content";

pub(super) const LOG_FORMAT: &str = "log-format";
const TEXT: &str = "text";
const JSON: &str = "json";

const EXAMPLES: &str = "\
Examples:
  A message with quality of service 2, to a broker on this machine:
    mqtt-connector send --broker tcp://localhost:1883 --client-id me --topic greetings --content hello

  From a stored configuration, with a request on standard input:
    echo '{\"content\": {\"open\": true}}' | mqtt-connector send --config door.json --request -

  A file as the content, the password out of sight:
    MQTT_PASSWORD=… mqtt-connector send --config door.json --username ann --content-file photo.jpg

  A message for each line of a file, with the answer to each:
    mqtt-connector send --config door.json --lines readings.txt --results answers.jsonl

  A request for each line, with topics, ids and all:
    mqtt-connector send --config door.json --requests requests.jsonl --results answers.jsonl

  MQTT 5 over a WebSocket, to the first of two brokers that can be reached:
    mqtt-connector send --broker wss://a.example.com --broker wss://b.example.com --protocol-version 5 --config door.json

  What would be sent, without sending it:
    mqtt-connector check --config door.json --content hello";

/// What stands behind the flags: examples, and the exit codes.
fn after_help() -> String {
    let mut text = format!("{EXAMPLES}\n\nExit status (the exit-code of the response):\n");
    for ExitCode { code, name, .. } in TABLE.iter().filter(|known| known.code < i32::from(FIRST)) {
        text += &format!("  {code:<9}{name}\n");
    }
    text + &format!("  {FIRST}-{LAST}  {MEANING}")
}

/// The whole command line. The flags of the parameters are made for the command that is used, and not for the others.
pub(super) fn command() -> Command {
    let command = Command::new("mqtt-connector")
        .about("Publishes one message to an MQTT broker, through a sandboxed WebAssembly component")
        .version(VERSION)
        .long_version(format!(
            "{VERSION}\ncomponent {VERSION}\ncontract flint:mqtt@0.2.0\nwasmtime {}",
            wasmtime_environ::VERSION
        ))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(after_help())
        .arg(
            Arg::new(LOG_FORMAT)
                .long(LOG_FORMAT)
                .global(true)
                .value_parser(PossibleValuesParser::new([TEXT, JSON]))
                .default_value(TEXT)
                .help_heading("Logging")
                .help("How to log what RUST_LOG asks for (as in RUST_LOG=info) to standard error"),
        )
        .subcommand(
            Command::new(SEND)
                .about("Sends one message, and answers with one line of JSON on standard output")
                .defer(|send| with_lines(with_parameters(send))),
        )
        .subcommand(
            Command::new(CHECK)
                .about("Says what send would say, as far as it can without the network: a dry run")
                .defer(with_parameters),
        )
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
                ),
        )
        .subcommand(
            Command::new(SCHEMA)
                .about("Prints the JSON Schema of a configuration and of a request")
                .arg(component()),
        )
        .subcommand(Command::new(WIT).about("Prints the contract between platform, component and host"))
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

/// Whether to log JSON, one object a line.
pub(super) fn logs_json(matches: &ArgMatches) -> bool {
    matches.get_one::<String>(LOG_FORMAT).is_some_and(|format| format == JSON)
}

/// Whether the command that `arguments` name, of which the first is the program, answers with a response.
pub(super) fn have_a_response(arguments: &[OsString]) -> bool {
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

/// The completions for the shell that was asked for.
pub(super) fn completions(matches: &ArgMatches) -> String {
    let mut script = Vec::new();
    if let Some(shell) = matches.get_one::<clap_complete::Shell>(SHELL) {
        clap_complete::generate(*shell, &mut command(), "mqtt-connector", &mut script);
    }
    // For bash, clap_complete 4.6 spells the name of a program with a hyphen in two ways (clap-rs/clap#6421).
    String::from_utf8_lossy(&script).replace("mqtt__subcmd__connector", "mqtt__connector")
}

/// `send` and `check`: the documents, a flag for every parameter, and what only an operator may say.
fn with_parameters(command: Command) -> Command {
    command
        .after_help(after_help())
        .arg(
            file(CONFIG, "The configuration, a JSON object. A parameter in the request wins over the same one here")
                .help_heading("Documents"),
        )
        .arg(
            file(REQUEST, "The request, a JSON object; - is standard input. A flag wins over the same parameter here")
                .help_heading("Documents"),
        )
        .args(PARAMETERS.iter().map(flag))
        .arg(file(CONTENT_FILE, "Reads the content, binary included; - is standard input").help_heading("Parameters"))
        .arg(
            file(PASSWORD_FILE, "Reads the password; a line end at its end is dropped")
                .help_heading("Parameters"),
        )
        .group(ArgGroup::new(ONE_CONTENT).args(["content", "content-base64", CONTENT_FILE]))
        .arg(
            Arg::new(RESOLVE)
                .long(RESOLVE)
                .value_name("HOST:PORT:ADDRESS")
                .action(ArgAction::Append)
                .value_parser(Pin::from_str)
                .help_heading("Operator")
                .help(
                    "Points a broker's name at an address instead of looking it up. The address may be followed by \
                     a port of its own, as in broker.example:8883:127.0.0.1:18883",
                ),
        )
        .arg(component().help_heading("Operator"))
        .arg(
            file(TENANTS, "Tenants and what each may do, TOML; see tenants check. Without it, everything is allowed")
                .help_heading("Operator"),
        )
        .arg(Arg::new(TENANT).long(TENANT).value_name("NAME").help_heading("Operator").help(
            "Sends as this tenant: within its grants and limits, and with its configuration instead of --config",
        ))
}

/// `send`: many messages, a line each.
fn with_lines(command: Command) -> Command {
    command
        .arg(
            file(
                LINES,
                "Sends a message for each line, with the line as its content; - is standard input. What is not UTF-8 \
                 is sent as it is. Answers with a summary, whose exit code is that of the first line that failed",
            )
            .group(ONE_CONTENT)
            .help_heading("Lines"),
        )
        .arg(
            file(LINES_BASE64, "The same, with lines that are base64 of what is sent")
                .group(ONE_CONTENT)
                .help_heading("Lines"),
        )
        .arg(
            file(
                REQUESTS,
                "Sends a message for each line, which is a request of its own, a JSON object; - is standard input. A flag \
                 wins over the same parameter there. Its line of --results has its member id, if there is one",
            )
            .conflicts_with(REQUEST)
            .conflicts_with(LINES)
            .conflicts_with(LINES_BASE64)
            .help_heading("Lines"),
        )
        .arg(
            file(RESULTS, "Writes the response for each line, a line each; - is standard output")
                .requires("a file of lines")
                .help_heading("Lines"),
        )
        .group(ArgGroup::new("a file of lines").args([LINES, LINES_BASE64, REQUESTS]))
}

fn file(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("FILE").value_hint(ValueHint::FilePath).help(help)
}

fn component() -> Arg {
    file(
        COMPONENT,
        "Runs this component (.wasm, or the output of precompile) instead of the built-in one. Machine code is not \
         sandboxed: only name a file that you made yourself",
    )
}

/// The flag of one parameter. Values are not checked here: the component has the rules, and all its words.
fn flag(parameter: &'static Parameter) -> Arg {
    let default = match parameter.default_note {
        "none" => String::new(),
        note => format!(" [{}{note}]", if parameter.default.is_some() { "default: " } else { "" }),
    };
    let arg = Arg::new(parameter.name)
        .long(parameter.name)
        // PEM text begins with hyphens, content may; but what cannot, does not swallow a flag whose value is a secret.
        .allow_hyphen_values(matches!(parameter.kind, Kind::String(_) | Kind::Any))
        .allow_negative_numbers(true)
        .help_heading("Parameters")
        .help(format!("{}{default}", parameter.description));
    let arg = match parameter.name {
        "username" => arg.env("MQTT_USERNAME").hide_env_values(true),
        "proxy-password" => arg.env("MQTT_PROXY_PASSWORD").hide_env_values(true),
        "password" => arg.env("MQTT_PASSWORD").hide_env_values(true).help(
            "Password for the broker. Arguments can be seen by others on this machine: better give it in the \
             environment, or with --password-file",
        ),
        _ => arg,
    };
    match parameter.kind {
        Kind::Boolean => arg
            .value_name("BOOLEAN")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_parser(PossibleValuesParser::new(["true", "false"]))
            .hide_possible_values(true),
        Kind::Qos => arg.value_name("0|1|2"),
        Kind::Integer { unit: "", .. } => arg.value_name("NUMBER"),
        Kind::Integer { unit, .. } => arg.value_name(unit.to_uppercase()),
        Kind::Strings | Kind::Texts | Kind::Properties | Kind::Will => arg.value_name("JSON"),
        Kind::Brokers => arg.value_name("URL").action(ArgAction::Append),
        Kind::Constant(_) => arg.value_name("TEXT").hide(true),
        Kind::Choice(_) | Kind::String(_) | Kind::Any => arg.value_name("TEXT"),
    }
}
