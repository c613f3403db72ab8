//! Judges an implementation of `publisher` by the scenarios of the harness: the page `docs/testing.md` of the repository says how.

use std::env;
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use mqtt_connector_tests::carrier::Version;
use mqtt_connector_tests::conformance::Suite;
use mqtt_connector_tests::program::Program;

const USAGE: &str = "\
Judges a program that publishes messages over MQTT: whether it says the truth about each.

Usage: conformance [OPTIONS] COMMAND [ARGUMENT]...

COMMAND is started for each message. It reads one line from standard input,
    {\"config\": {...}, \"request\": {...}}
sends the message, and prints one line:
    {\"meta\": {\"exit-code\": 0, \"message\": \"...\"}}

  --over NAMES     tcp, ssl, ws and wss, with commas between them [default: tcp]
  --mqtt VERSION   3.1.1 or 5 [default: both]
  --all            every scenario, and not 8 of each family
  --only TEXT      the families whose sentence holds the text
  --timeout MS     the timeout of sends whose broker says nothing; a program that starts slowly needs more [default: 3000]
  --files DIR      COMMAND takes --config FILE and --request - instead, as mqtt-connector send does, FILE being in DIR; its exit
                   status is its exit code

The exit status is 0 when all scenarios have passed, 1 when one has not, 2 when nothing could be judged.
";

/// What the command line asks for.
struct Asked {
    suite: Suite,
    program: Program,
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "--help") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let Asked { suite, program } = match asked(arguments) {
        Ok(asked) => asked,
        Err(why) => {
            eprint!("conformance: {why}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match suite.run(&program, &mut io::stdout().lock()) {
        Ok(score) if score.of == 0 => {
            eprintln!("conformance: no scenario was asked for");
            ExitCode::from(2)
        }
        Ok(score) => ExitCode::from(u8::from(score.passed < score.of)),
        Err(error) => {
            eprintln!("conformance: the result cannot be written: {error}");
            ExitCode::from(2)
        }
    }
}

fn asked(arguments: Vec<OsString>) -> Result<Asked, String> {
    let mut suite = Suite::default();
    let (mut version, mut timeout, mut files) = (None, 3000, None);
    let mut arguments = arguments.into_iter().peekable();
    while let Some(option) = arguments.next_if(|next| next.to_string_lossy().starts_with("--")) {
        let option = option.to_string_lossy().into_owned();
        if option == "--" {
            break;
        }
        if option == "--all" {
            suite.of_a_family = usize::MAX;
            continue;
        }
        let mut value = || {
            let value = arguments.next().and_then(|value| value.into_string().ok());
            value.ok_or_else(|| format!("{option} has no value"))
        };
        match option.as_str() {
            "--over" => suite.carriers = Suite::over(&value()?)?,
            "--mqtt" => version = Some(value()?),
            "--only" => suite.only = value()?,
            "--timeout" => {
                timeout = value()?.parse().map_err(|_| "--timeout wants a number of milliseconds")?;
            }
            "--files" => files = Some(value()?),
            other => return Err(format!("{other} is not an option")),
        }
    }
    match version.as_deref() {
        None => {}
        Some("3.1.1") => suite.only_version(Version::V311),
        Some("5") => suite.only_version(Version::V5),
        Some(other) => return Err(format!("--mqtt wants 3.1.1 or 5, and got {other:?}")),
    }
    let command: Vec<OsString> = arguments.collect();
    if command.is_empty() {
        return Err("the command is missing".to_owned());
    }
    let program = match files {
        None => Program::new(command),
        Some(directory) => Program::with_files(command, directory),
    };
    Ok(Asked { suite, program: program.short_timeout(timeout) })
}
