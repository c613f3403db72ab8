//! The flags of `send` and `check`, resolved once: which files, which parameters, and where each is from.

use clap::ArgMatches;
use clap::parser::ValueSource;
use mqtt_connector_guest::catalogue::{PARAMETERS, Parameter};

use crate::files::NamedFile;
use crate::flags::{
    CONFIG, CONTENT_FILE, LINES, LINES_BASE64, PASSWORD, PASSWORD_FILE, REQUEST, REQUESTS, RESULTS,
};
use crate::refusal::Refusal;

/// What the flags of `send` and `check` say.
#[derive(Clone)]
pub struct MessageFlags {
    /// `--config`.
    pub config: Option<NamedFile>,
    /// `--request`.
    pub request: Option<NamedFile>,
    /// What flags and variables give, in the order of the connector's table.
    pub parameters: Vec<Given>,
    /// `--content-file`.
    pub content_file: Option<NamedFile>,
    /// `--password-file`.
    pub password_file: Option<NamedFile>,
    /// Whether there is a message for each line of a file. `check` has none.
    pub lines: Option<Lines>,
    /// `--results`: where the response to each line goes.
    pub results: Option<NamedFile>,
}

/// A parameter that flags or a variable give.
#[derive(Clone)]
pub struct Given {
    /// The parameter, from the connector's own table.
    pub parameter: &'static Parameter,
    /// The texts: more than one, where the flag may stand there more than once and does.
    pub texts: Vec<String>,
    /// Where they are from.
    pub from: From,
}

/// Where the value of a parameter is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// From its flag.
    Flag,
    /// From its environment variable, which is not empty: an empty one is how a script leaves it out.
    Variable,
}

/// A file of lines.
#[derive(Clone)]
pub struct Lines {
    /// Where the lines are.
    pub file: NamedFile,
    /// What each of them is.
    pub format: LineFormat,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFormat {
    /// The content of a message.
    Content,
    /// The same in base64.
    Base64,
    /// A request.
    Request,
}

impl MessageFlags {
    /// Resolves what clap has parsed by [`with_parameters`](crate::flags::with_parameters), and for `send`
    /// [`with_lines`](crate::flags::with_lines). `also_read` is a file that the program reads besides, if there is one.
    ///
    /// # Errors
    ///
    /// Flags do not fit together.
    pub fn resolve(matches: &ArgMatches, also_read: Option<&NamedFile>) -> Result<Self, Refusal> {
        let lines = |(flag, format)| Some(Lines { file: file(matches, flag)?, format });
        let formats = [
            (LINES, LineFormat::Content),
            (LINES_BASE64, LineFormat::Base64),
            (REQUESTS, LineFormat::Request),
        ];
        let flags = Self {
            config: file(matches, CONFIG),
            request: file(matches, REQUEST),
            parameters: PARAMETERS.iter().filter_map(|parameter| Given::of(parameter, matches)).collect(),
            content_file: file(matches, CONTENT_FILE),
            password_file: file(matches, PASSWORD_FILE),
            lines: formats.into_iter().find_map(lines),
            results: file(matches, RESULTS),
        };
        flags.check_standard_input(also_read)?;
        let password = flags.given(PASSWORD).is_some_and(|given| given.from == From::Flag);
        if password && flags.password_file.is_some() {
            return Err(Refusal::of_usage(&format!(
                "--{PASSWORD} and --{PASSWORD_FILE} cannot be used together"
            )));
        }
        Ok(flags)
    }

    /// The files that are read before anything is sent.
    pub fn files_read_before(&self) -> impl Iterator<Item = &NamedFile> {
        [&self.config, &self.request, &self.content_file, &self.password_file].into_iter().flatten()
    }

    /// Makes sure that standard input is read once.
    fn check_standard_input(&self, also_read: Option<&NamedFile>) -> Result<(), Refusal> {
        let lines = self.lines.as_ref().map(|lines| &lines.file);
        let files = also_read.into_iter().chain(self.files_read_before()).chain(lines);
        let mut from_input = files.filter(|file| file.is_standard_input()).map(NamedFile::flag_name);
        match (from_input.next(), from_input.next()) {
            (Some(first), Some(second)) => {
                Err(Refusal::of_usage(&format!("--{first} and --{second} cannot both read standard input")))
            }
            (_, _) => Ok(()),
        }
    }

    /// What flags or a variable give for the parameter of that name.
    #[must_use]
    pub fn given(&self, name: &str) -> Option<&Given> {
        self.parameters.iter().find(|given| given.parameter.name == name)
    }
}

impl Given {
    fn of(parameter: &'static Parameter, matches: &ArgMatches) -> Option<Self> {
        let texts: Vec<String> = matches.get_many(parameter.name)?.cloned().collect();
        let from = match matches.value_source(parameter.name) {
            // An empty variable is how a script leaves it out; an empty flag is somebody's wish.
            Some(ValueSource::EnvVariable) if texts.iter().all(String::is_empty) => return None,
            Some(ValueSource::EnvVariable) => From::Variable,
            Some(_) | None => From::Flag,
        };
        Some(Self { parameter, texts, from })
    }
}

/// The file behind `--{flag}`, which the command may not have.
fn file(matches: &ArgMatches, flag: &'static str) -> Option<NamedFile> {
    let path = matches.try_get_one::<String>(flag).ok().flatten()?;
    Some(NamedFile::flag(flag, path))
}
