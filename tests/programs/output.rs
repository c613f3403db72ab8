//! How a run of a command line ended.

use std::process;

use mqtt_connector_tests::pattern::fits;
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<process::Output> for Output {
    fn from(output: process::Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Output {
    /// Asserts that standard output is the response, nothing was said besides, and the exit status is its exit code.
    /// In `message`, `#` may stand for a number and `…` for any text.
    #[track_caller]
    pub(crate) fn answers(&self, exit_code: i32, message: &str) {
        self.answers_and_says(exit_code, message, "");
    }

    /// The same, with `said` on standard error.
    #[track_caller]
    pub(crate) fn answers_and_says(&self, exit_code: i32, message: &str, said: &str) {
        assert!(fits(&self.message(), message), "wanted: {message}\n   got: {self:#?}");
        let line = json!({ "meta": { "exit-code": exit_code, "message": self.message() } });
        assert_eq!(self.stdout, format!("{line}\n"), "{self:#?}");
        assert_eq!(self.status, Some(exit_code), "{self:#?}");
        assert_eq!(self.stderr, said, "{self:#?}");
    }

    /// The message of the response.
    #[track_caller]
    pub(crate) fn message(&self) -> String {
        let response: Result<Value, _> = serde_json::from_str(&self.stdout);
        let message =
            response.ok().and_then(|response| response["meta"]["message"].as_str().map(str::to_owned));
        message.unwrap_or_else(|| panic!("standard output is no response: {self:#?}"))
    }

    /// Asserts that a command that prints a text has succeeded, and returns the text.
    #[track_caller]
    pub(crate) fn printed(self) -> String {
        assert_eq!((self.status, self.stderr.as_str()), (Some(0), ""), "{self:#?}");
        self.stdout
    }
}
