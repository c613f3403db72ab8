//! Arguments that cannot be used, or that ask for help: what is said, and the exit status.
//!
//! Whoever sends from a script reads one line of JSON and the exit status. So help that was asked for by mistake, as by
//! `-h`, which is the host in other tools, is no success, and a command that is missing or misspelt is answered like a send.

use std::error::Error as _;
use std::ffi::OsString;
use std::iter;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};
use mqtt_connector_contract::shown::misleads;
use mqtt_connector_contract::url;
use mqtt_connector_guest::catalogue::{Kind, PARAMETERS, Tip, foreign};

use crate::flags::{CHECK, CREDENTIALS, LOG_FORMAT, SEND};
use crate::refusal::Refusal;

/// Makes the whole command line of a program, which has the command `send`.
pub type Program = fn() -> Command;

/// The commands that mean `send` elsewhere.
const SENDS: [&str; 6] = ["pub", "publish", "put", "post", "emit", "produce"];

const HELP: &str = "help";

const NO_COMMAND: &str = "the command is missing; a message is sent with mqtt-connector send --broker \
                          tcp://localhost:1883 --client-id ID --topic TOPIC --content TEXT";

/// What stands where the command should be.
enum Given<'a> {
    Nothing,
    Flag,
    /// A command, or what is none.
    Word(&'a str),
}

/// What is to be done about arguments that clap does not accept.
pub enum Verdict {
    /// What clap has to say is all that was asked for: help, or the version.
    Asked,
    /// They cannot be used.
    Refused {
        /// For people.
        said: StyledStr,
        /// For scripts; none from the commands that have no response.
        refusal: Option<Refusal>,
    },
}

/// What is wrong with arguments that clap does not accept, if they are not what asks for help.
#[inline(never)]
#[must_use]
pub fn judged(program: Program, arguments: &[OsString], mut error: clap::Error) -> (Verdict, clap::Error) {
    let given = given(arguments);
    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if is_help && is_all(program, arguments, error.kind()) {
        return (Verdict::Asked, error);
    }
    let is_ours = match given {
        Given::Nothing | Given::Flag => true,
        Given::Word(word) => [SEND, CHECK, HELP].contains(&word) || program().find_subcommand(word).is_none(),
    };
    if !is_ours && !is_help {
        return (Verdict::Refused { said: error.render(), refusal: None }, error);
    }
    let tips = tips(program, arguments, &mut error);
    let (reason, said) = match reason(program, &given, arguments, &error) {
        Reason::Clap(reason) => {
            if !tips.is_empty() {
                let styled = tips.iter().cloned().map(StyledStr::from).collect();
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(styled));
            }
            (reason, error.render())
        }
        Reason::Help => (NO_COMMAND.to_owned(), error.render()),
        Reason::Ours(reason) => {
            let said = said(&reason, &tips);
            (reason, said)
        }
    };
    let similar = similar(&error);
    let clauses = iter::once(&reason).chain(&tips).chain(&similar).map(String::as_str);
    let refusal = is_ours.then(|| Refusal::of_usage(&clauses.collect::<Vec<_>>().join("; ")));
    (Verdict::Refused { said, refusal }, error)
}

/// The refusal of arguments of which clap would take a flag for the value of the one before: `--client-id --topic t`, where a
/// variable was empty, has no client identifier.
#[must_use]
pub fn swallowed(program: Program, arguments: &[OsString]) -> Option<Refusal> {
    let texts = arguments.iter().map(|argument| argument.to_str().unwrap_or_default());
    let pairs = texts.clone().zip(texts.skip(1));
    let (flag, value) = pairs.into_iter().find(|(flag, value)| {
        takes_hyphens(flag)
            && value.starts_with("--")
            && is_flag(program, value.split('=').next().unwrap_or(value))
    })?;
    let value = value.split('=').next().unwrap_or(value);
    Some(Refusal::of_usage(&format!(
        "{flag} has no value: the flag {value} follows; a value that begins with a hyphen is given with =, as in \
         {flag}=VALUE"
    )))
}

/// Whether it is the flag of a parameter whose value may begin with a hyphen; content may be all that a flag may be.
fn takes_hyphens(flag: &str) -> bool {
    let parameter =
        flag.strip_prefix("--").and_then(|name| PARAMETERS.iter().find(|known| known.name == name));
    parameter.is_some_and(|parameter| matches!(parameter.kind, Kind::String(_)))
}

fn is_flag(program: Program, flag: &str) -> bool {
    flag == "--help" || sending(program).get_arguments().any(|known| is_long(known, flag))
}

fn is_long(known: &Arg, flag: &str) -> bool {
    known.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long))
}

/// The command `send`, with all its flags.
fn sending(program: Program) -> Command {
    let mut command = program();
    command.build();
    command.find_subcommand(SEND).cloned().unwrap_or_default()
}

/// What is said.
enum Reason {
    /// The first line of clap's words, which are printed whole.
    Clap(String),
    /// Clap prints the help.
    Help,
    /// All there is.
    Ours(String),
}

fn reason(program: Program, given: &Given<'_>, arguments: &[OsString], error: &clap::Error) -> Reason {
    let hidden = || {
        "an argument stands where a flag was expected (it is not shown: it may be a secret); a boolean takes its value \
         with =, as in --retain=false"
    };
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        Some(_) | None => None,
    };
    match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Reason::Help,
        ErrorKind::MissingSubcommand => Reason::Ours(NO_COMMAND.to_owned()),
        ErrorKind::DisplayHelp => {
            let known = program();
            let (command, done) = match given {
                Given::Word(word) if known.find_subcommand(word).is_some() => (
                    format!(" {word}"),
                    if [SEND, CHECK].contains(word) { "sent" } else { "done" },
                ),
                Given::Word(_) | Given::Flag | Given::Nothing => (String::new(), "sent"),
            };
            Reason::Ours(format!(
                "help is asked for beside other arguments, and nothing was {done}; help alone is \
                 mqtt-connector{command} --help"
            ))
        }
        ErrorKind::DisplayVersion => Reason::Ours(
            "the version is asked for beside other arguments, and nothing was sent; the version alone is mqtt-connector \
             --version"
                .to_owned(),
        ),
        ErrorKind::InvalidUtf8 => Reason::Ours(not_text(arguments)),
        ErrorKind::InvalidSubcommand => match text(ContextKind::InvalidSubcommand) {
            Some(word) if is_plain_word(word) => {
                let has_tip = !similar(error).is_empty() && !SENDS.contains(&word);
                let tip = if has_tip { "" } else { "; a message is sent with mqtt-connector send" };
                Reason::Clap(format!("unrecognized subcommand '{word}'{tip}"))
            }
            Some(_) | None => Reason::Ours(
                "an argument stands where the command was expected (it is not shown: it may be a secret); a message \
                 is sent with mqtt-connector send"
                    .to_owned(),
            ),
        },
        ErrorKind::UnknownArgument => match text(ContextKind::InvalidArg) {
            Some(_) if matches!(given, Given::Flag) => Reason::Ours(NO_COMMAND.to_owned()),
            Some(argument) if is_flag_name(argument) => Reason::Clap(first_lines(error)),
            Some(_) | None => Reason::Ours(hidden().to_owned()),
        },
        _ => match (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue)) {
            (Some(flag), Some(value)) if url::may_hold_user(value) || value.contains(misleads) => {
                let wanted = error.source().map(|wanted| format!(": {wanted}")).unwrap_or_default();
                Reason::Ours(format!("the value of '{flag}' is wrong, and is not shown{wanted}"))
            }
            (_, _) => Reason::Clap(first_lines(error)),
        },
    }
}

/// The first paragraph of clap's words, or the first line of it where the rest only lists values.
fn first_lines(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    let mut lines = paragraph.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    if !first.ends_with(':') {
        return first;
    }
    let listed: Vec<&str> = lines.map(str::trim).collect();
    format!("{first} {}", listed.join(", "))
}

/// Which argument, or which variable, is not UTF-8 text.
fn not_text(arguments: &[OsString]) -> String {
    let variables = CREDENTIALS.map(|credential| credential.variable);
    let Some(at) = arguments.iter().position(|argument| argument.to_str().is_none()) else {
        let is_wrong = |name: &&str| std::env::var_os(name).is_some_and(|value| value.to_str().is_none());
        let name = variables.into_iter().find(is_wrong).unwrap_or("of a parameter");
        return format!("the environment variable {name} is not UTF-8 text");
    };
    let argument = arguments[at].to_string_lossy();
    let flag = match argument.split_once('=') {
        Some((flag, _)) if is_flag_name(flag) => Some(flag),
        Some(_) | None => {
            let before = at.checked_sub(1).and_then(|before| arguments.get(before)?.to_str());
            before.filter(|before| is_flag_name(before))
        }
    };
    match flag {
        Some("--content") => {
            "the value of --content is not UTF-8 text; --content-file reads what is none".to_owned()
        }
        Some(flag) => format!("the value of {flag} is not UTF-8 text"),
        None => format!("argument {at} is not UTF-8 text"),
    }
}

/// What to use instead of the flags that other tools have, each once. Clap stops at the first; of what it thinks is meant,
/// only what is not known better is left.
fn tips(program: Program, arguments: &[OsString], error: &mut clap::Error) -> Vec<String> {
    let asks_for_version = error.kind() == ErrorKind::DisplayVersion;
    let first = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(first)) => first.clone(),
        Some(_) | None => String::new(),
    };
    let sending = sending(program);
    let known = |flag: &str| sending.get_arguments().find(|known| is_long(known, flag));
    let mut tips = Vec::new();
    let mut tell = |tip: String| {
        if !tips.contains(&tip) {
            tips.push(tip);
        }
    };
    let mut arguments =
        arguments.iter().skip(1).map(|argument| argument.to_str().unwrap_or_default()).peekable();
    while let Some(argument) = arguments.next() {
        let flag = argument.split('=').next().unwrap_or(argument);
        // One hyphen, as some tools have it, or the dash that a word processor makes of two.
        let bare = flag.trim_start_matches(['-', '\u{2013}', '\u{2014}', '\u{2212}']);
        let spelled = format!("--{bare}");
        if flag != bare && flag != spelled && bare.len() > 1 && known(&spelled).is_some() {
            tell(format!("{spelled} begins with two hyphens"));
            continue;
        }
        let flag = match (flag.strip_prefix('-'), flag.starts_with("--")) {
            (None, _) => continue,
            (Some(_), true) if flag == "--" => break,
            (Some(_), true) => flag,
            // A value may stand right behind a short flag.
            (Some(short), false) => match short.chars().next() {
                Some(letter) => &flag[..1 + letter.len_utf8()],
                None => continue,
            },
        };
        if let Some(known) = known(flag) {
            let has_value = known.get_action().takes_values() && !known.is_require_equals_set();
            if has_value && flag == argument {
                arguments.next();
            }
            continue;
        }
        // It is this program's own when no host follows.
        let is_alone = flag == argument && arguments.peek().is_none_or(|next| next.starts_with('-'));
        let is_own = (flag == "-h" && is_alone) || (asks_for_version && matches!(flag, "-V" | "--version"));
        let tip = match foreign(flag).filter(|_| !is_own && is_flag_name(flag)) {
            Some(Tip::Called(name)) if flag == first && suggests(error, name.as_str()) => continue,
            Some(Tip::Called(name)) => format!("{flag} is --{} here", name.as_str()),
            Some(Tip::Instead(clause)) => format!("{flag}: {clause}"),
            None => continue,
        };
        if flag == first {
            error.remove(ContextKind::SuggestedArg);
        }
        tell(tip);
    }
    tips
}

/// Whether clap thinks that this flag is meant.
fn suggests(error: &clap::Error, name: &str) -> bool {
    let suggested = match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(suggested)) => suggested.as_str(),
        Some(_) | None => "",
    };
    suggested.strip_prefix("--") == Some(name)
}

/// What clap thinks is meant.
fn similar(error: &clap::Error) -> Vec<String> {
    let named = |kind, what: &str| match error.get(kind) {
        Some(ContextValue::String(name)) => Some(format!("a similar {what} exists: '{name}'")),
        Some(ContextValue::Strings(names)) if !names.is_empty() => {
            Some(format!("a similar {what} exists: '{}'", names.join("', '")))
        }
        Some(_) | None => None,
    };
    // What is like an argument that is not shown would say what that is like.
    let is_shown = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) => is_plain_word(word),
        Some(_) | None => true,
    };
    let subcommand = named(ContextKind::SuggestedSubcommand, "subcommand").filter(|_| is_shown);
    named(ContextKind::SuggestedArg, "argument").into_iter().chain(subcommand).collect()
}

/// Whether help or the version is all that the arguments ask for: but for them there are only commands.
fn is_all(program: Program, arguments: &[OsString], kind: ErrorKind) -> bool {
    let words: Option<Vec<&str>> = arguments.iter().skip(1).map(|argument| argument.to_str()).collect();
    let Some(words) = words else { return false };
    let asks = ["-h", "--help", "-V", "--version", HELP];
    let mut words = words.into_iter().filter(|word| !asks.contains(word));
    if kind == ErrorKind::DisplayVersion {
        return words.next().is_none();
    }
    let command = program();
    words.try_fold(&command, |command, word| command.find_subcommand(word)).is_some()
}

fn given(arguments: &[OsString]) -> Given<'_> {
    let log_format = format!("--{LOG_FORMAT}");
    let mut arguments = arguments.iter().skip(1);
    while let Some(argument) = arguments.next() {
        let Some(text) = argument.to_str() else { return Given::Word("") };
        if text == log_format {
            arguments.next();
        } else if text.starts_with(&format!("{log_format}=")) || text == "--" {
        } else if text.starts_with('-') {
            return Given::Flag;
        } else {
            return Given::Word(text);
        }
    }
    Given::Nothing
}

/// Whether the text may be shown: it is a flag, and no password that begins with a hyphen.
fn is_flag_name(text: &str) -> bool {
    let is_character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.starts_with('-') && text.len() <= 40 && text.bytes().all(is_character)
}

/// Whether the text may be shown: a word as commands are, without digits and capitals.
fn is_plain_word(text: &str) -> bool {
    (1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

fn said(reason: &str, tips: &[String]) -> StyledStr {
    let tips: String = tips.iter().map(|tip| format!("\n  tip: {tip}")).collect();
    let tips = if tips.is_empty() { tips } else { format!("\n{tips}") };
    StyledStr::from(format!("error: {reason}{tips}\n\nFor more information, try '--help'.\n"))
}
