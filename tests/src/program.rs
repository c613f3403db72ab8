//! A program that sends one message each time it is run: [`Program`].

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::scenario::{Answer, Candidate};

/// The variables of the environment that `mqtt-connector` takes parameters and logging from.
const VARIABLES: [&str; 4] = ["MQTT_USERNAME", "MQTT_PASSWORD", "MQTT_PROXY_PASSWORD", "RUST_LOG"];

/// The most bytes that are read of what a program says: one that says more is cut off there.
const MOST: u64 = 1024 * 1024;
/// The most characters of it that are shown.
const SHOWN: usize = 2000;

/// A program that is given a configuration and a request, sends one message, and prints `meta` on one line of standard output:
///
/// ```json
/// {"meta":{"exit-code":0,"message":"Sent."}}
/// ```
///
/// What it says on standard error is shown when it fails, and not judged.
#[derive(Debug)]
pub struct Program {
    command: Vec<OsString>,
    documents: Documents,
    short_timeout: u32,
    deadline: Duration,
    worded: Vec<(&'static str, &'static str)>,
}

/// How a program is given the configuration and the request.
#[derive(Debug)]
enum Documents {
    /// On one line of standard input: `{"config": {…}, "request": {…}}`.
    Line,
    /// As `mqtt-connector send` takes them: `--config FILE --request -`. Its exit status is its exit code.
    Files { directory: PathBuf },
}

impl Program {
    /// A program that reads both documents from one line of standard input: `{"config": {…}, "request": {…}}`. Its exit status is
    /// not judged.
    ///
    /// # Panics
    ///
    /// If `command` is empty.
    #[must_use]
    pub fn new(command: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        let command: Vec<OsString> = command.into_iter().map(Into::into).collect();
        assert!(!command.is_empty(), "the command is missing");
        let deadline = Duration::from_secs(120);
        Self { command, documents: Documents::Line, short_timeout: 1500, deadline, worded: Vec::new() }
    }

    /// A program that takes the documents as `mqtt-connector send` does, whose arguments end with `--config FILE --request -`. The
    /// file is in `directory`, as long as the send lasts. Its exit status has to be its exit code, and it says nothing on standard
    /// error.
    ///
    /// # Panics
    ///
    /// If `command` is empty.
    #[must_use]
    pub fn with_files(
        command: impl IntoIterator<Item = impl Into<OsString>>,
        directory: impl AsRef<Path>,
    ) -> Self {
        let documents = Documents::Files { directory: directory.as_ref().to_owned() };
        Self { documents, ..Self::new(command) }
    }

    /// The timeout of sends whose broker says nothing, in milliseconds, instead of 1500: a program that takes longer to start
    /// needs more.
    #[must_use]
    pub fn short_timeout(self, milliseconds: u32) -> Self {
        Self { short_timeout: milliseconds, ..self }
    }

    /// That this program says `its` where others say `others`.
    #[must_use]
    pub fn says(mut self, its: &'static str, others: &'static str) -> Self {
        self.worded.push((others, its));
        self
    }

    /// A command of this program with these arguments behind its own, in an environment without its variables.
    #[must_use]
    pub fn command(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).args(arguments);
        for variable in VARIABLES {
            command.env_remove(variable);
        }
        command
    }

    fn run(&self, mut command: Command, input: Vec<u8>) -> Result<Ended, String> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("it could not be started: {error}"))?;
        let (sender, ended) = mpsc::channel();
        let mut stdin = child.stdin.take();
        thread::spawn(move || {
            // A program that does not read its standard input has closed it by the time that this fails.
            let _ = stdin.take().map(|mut stdin| stdin.write_all(&input));
        });
        let (stdout, stderr) = (read(child.stdout.take()), read(child.stderr.take()));
        thread::spawn(move || {
            let text = |reader: thread::JoinHandle<Vec<u8>>| {
                String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
            };
            let _ = sender.send((text(stdout), text(stderr)));
        });
        let Ok((stdout, stderr)) = ended.recv_timeout(self.deadline) else {
            end(&mut child);
            return Err(format!(
                "it did not end within {:?}, or left somebody behind who holds its output",
                self.deadline
            ));
        };
        let status = child.wait().map_err(|error| format!("how it ended is not known: {error}"))?;
        Ok(Ended { status, stdout, stderr })
    }
}

/// How a run ended.
struct Ended {
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

impl Ended {
    /// The answer on the one line of standard output.
    fn answer(&self) -> Result<Answer, String> {
        let Self { status, stdout, stderr } = self;
        let said = || {
            let (stdout, stderr) = (beginning(stdout), beginning(stderr));
            format!("it ended with {status}, standard output {stdout:?}, standard error {stderr:?}")
        };
        let line = stdout.trim_end();
        if line.lines().count() != 1 {
            return Err(format!("standard output is not one line: {}", said()));
        }
        let response: Value =
            serde_json::from_str(line).map_err(|_| format!("the line is not JSON: {}", said()))?;
        let meta = &response["meta"];
        let exit_code = meta["exit-code"].as_i64().and_then(|code| i32::try_from(code).ok());
        match (exit_code, meta["message"].as_str()) {
            (Some(exit_code), Some(message)) => Ok(Answer { exit_code, message: message.to_owned() }),
            _ => Err(format!("the line has no meta with exit-code and message: {}", said())),
        }
    }

    /// The same of a program of which the exit status is the exit code, and that says nothing besides.
    fn whole_answer(&self) -> Result<Answer, String> {
        let answer = self.answer()?;
        if self.status.code() != Some(answer.exit_code) {
            return Err(format!("it ended with {}, and its answer is {answer}", self.status));
        }
        if !self.stderr.is_empty() {
            return Err(format!("it said {:?} besides {answer}", self.stderr));
        }
        Ok(answer)
    }
}

fn read(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(stream) = stream {
            // What was read before it failed is what there is.
            let _ = stream.take(MOST).read_to_end(&mut bytes);
        }
        bytes
    })
}

/// As much of `text` as is shown.
fn beginning(text: &str) -> &str {
    text.char_indices().nth(SHOWN).map_or(text, |(end, _)| &text[..end])
}

fn write(directory: &Path, text: &str) -> io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

impl Candidate for Program {
    fn send(&self, config: &Value, request: &Value) -> Result<Answer, String> {
        match &self.documents {
            Documents::Line => {
                let line = format!("{}\n", json!({ "config": config, "request": request }));
                self.run(self.command([""; 0]), line.into_bytes())?.answer()
            }
            Documents::Files { directory } => {
                let file = write(directory, &config.to_string())
                    .map_err(|error| format!("no file can be written to {}: {error}", directory.display()))?;
                let command = self.command([
                    OsStr::new("--config"),
                    file.path().as_os_str(),
                    OsStr::new("--request"),
                    OsStr::new("-"),
                ]);
                self.run(command, request.to_string().into_bytes())?.whole_answer()
            }
        }
    }

    fn short_timeout(&self) -> u32 {
        self.short_timeout
    }

    fn worded(&self, message: String) -> String {
        self.worded.iter().fold(message, |message, (others, its)| message.replace(others, its))
    }
}
