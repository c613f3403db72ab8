//! The flags of `send` and `check`. Those of the parameters come from the connector's own table, so that they are spelled as
//! the parameters are.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgGroup, Command, ValueHint};
use mqtt_connector_contract::exit_code::reason_code::{FIRST, LAST, MEANING};
use mqtt_connector_contract::exit_code::{ExitCode, TABLE};
use mqtt_connector_guest::catalogue::{Kind, PARAMETERS, Parameter};

/// The command that sends one message, or one for each line of a file.
pub const SEND: &str = "send";
/// The command that says what [`SEND`] would say, without the network.
pub const CHECK: &str = "check";
/// The command that prints the JSON Schema of both documents.
pub const SCHEMA: &str = "schema";
/// The command that prints the contract.
pub const WIT: &str = "wit";

/// The flag for the configuration.
pub const CONFIG: &str = "config";
/// The flag for the request.
pub const REQUEST: &str = "request";
/// The flag for a file with the content.
pub const CONTENT_FILE: &str = "content-file";
/// The flag for a file with the password.
pub const PASSWORD_FILE: &str = "password-file";
/// The flag for lines, each of which is a content.
pub const LINES: &str = "lines";
/// The flag for lines, each of which is a content in base64.
pub const LINES_BASE64: &str = "lines-base64";
/// The flag for lines, each of which is a request.
pub const REQUESTS: &str = "requests";
/// The flag for where the response to each line goes.
pub const RESULTS: &str = "results";
/// The flag for how to log, of the programs that log.
pub const LOG_FORMAT: &str = "log-format";

/// The parameter that has a flag for a file, too.
pub(crate) const PASSWORD: &str = "password";

/// A parameter that a variable may give, as arguments can be seen by others on the machine.
pub(crate) struct Credential {
    pub(crate) name: &'static str,
    /// What it is called in a sentence.
    pub(crate) called: &'static str,
    pub(crate) variable: &'static str,
}

/// The parameters that variables may give: of a refusal, people ask where these came from.
pub(crate) const CREDENTIALS: [Credential; 3] = [
    Credential { name: "username", called: "user name", variable: "MQTT_USERNAME" },
    Credential { name: PASSWORD, called: "password", variable: "MQTT_PASSWORD" },
    Credential { name: PROXY_PASSWORD, called: "proxy password", variable: "MQTT_PROXY_PASSWORD" },
];

pub(crate) const PROXY_PASSWORD: &str = "proxy-password";

/// The flags of which one send can have only one.
const ONE_CONTENT: &str = "one content";

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

/// What stands behind the flags in the help: examples, and the exit codes.
fn after_help() -> String {
    let mut text = format!("{EXAMPLES}\n\nExit status (the exit-code of the response):\n");
    for ExitCode { code, name, .. } in TABLE.iter().filter(|known| known.code < i32::from(FIRST)) {
        text += &format!("  {code:<9}{name}\n");
    }
    text + &format!("  {FIRST}-{LAST}  {MEANING}")
}

/// A program without a version and without commands.
#[must_use]
pub fn program() -> Command {
    Command::new("mqtt-connector")
        .about("Publishes one message to an MQTT broker, through a sandboxed WebAssembly component")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(after_help())
}

/// The command [`SEND`], without flags.
#[must_use]
pub fn send() -> Command {
    Command::new(SEND).about("Sends one message, and answers with one line of JSON on standard output")
}

/// The command [`CHECK`], without flags.
#[must_use]
pub fn check() -> Command {
    Command::new(CHECK).about("Says what send would say, as far as it can without the network: a dry run")
}

/// The command [`SCHEMA`], without flags.
#[must_use]
pub fn schema() -> Command {
    Command::new(SCHEMA).about("Prints the JSON Schema of a configuration and of a request")
}

/// The command [`WIT`].
#[must_use]
pub fn wit() -> Command {
    Command::new(WIT).about("Prints the contract between platform, component and host")
}

/// Gives `command`, which is `send` or `check`, the flags of the documents and one for every parameter.
#[must_use]
pub fn with_parameters(command: Command) -> Command {
    command
        .after_help(after_help())
        .arg(
            file(
                CONFIG,
                "The configuration, a JSON object. A parameter in the request wins over the same one here",
            )
            .help_heading("Documents"),
        )
        .arg(
            file(
                REQUEST,
                "The request, a JSON object; - is standard input. A flag wins over the same parameter here",
            )
            .help_heading("Documents"),
        )
        .args(PARAMETERS.iter().map(flag))
        .arg(
            file(CONTENT_FILE, "Reads the content, binary included; - is standard input")
                .help_heading("Parameters"),
        )
        .arg(
            file(PASSWORD_FILE, "Reads the password; a line end at its end is dropped")
                .help_heading("Parameters"),
        )
        .group(ArgGroup::new(ONE_CONTENT).args(["content", "content-base64", CONTENT_FILE]))
}

/// Gives `command`, which is `send`, the flags for many messages, a line each.
#[must_use]
pub fn with_lines(command: Command) -> Command {
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

/// The flag `--{name} FILE`.
#[must_use]
pub fn file(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("FILE").value_hint(ValueHint::FilePath).help(help)
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
    let credential = CREDENTIALS.iter().find(|credential| credential.name == parameter.name);
    let arg = match credential {
        Some(credential) => arg.env(credential.variable).hide_env_values(true),
        None => arg,
    };
    let arg = if parameter.name == PASSWORD {
        arg.help(
            "Password for the broker. Arguments can be seen by others on this machine: better give it in the \
             environment, or with --password-file",
        )
    } else {
        arg
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
        Kind::Choice { .. } | Kind::String(_) | Kind::Any => arg.value_name("TEXT"),
    }
}
