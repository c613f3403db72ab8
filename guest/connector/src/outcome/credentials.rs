//! Where a user name and a password came from: what somebody whom a broker refuses has to know.

use std::fmt;

use mqtt_connector_contract::publisher::ConnectOptions;
use mqtt_connector_contract::white_space::Stray;

use crate::document::Source;
use crate::publication::Remarks;

/// Which documents user name and password are from. Displayed as a sentence with a space before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialSources {
    /// Where the user name is from; `None` without one.
    pub username: Option<Source>,
    /// Where the password is from; `None` without one.
    pub password: Option<Source>,
}

impl CredentialSources {
    /// The sources that `message` tells, if it tells them. For the command line, which replaces them: it made the documents of
    /// flags, files and the environment, and knows which of these a credential came from.
    pub fn told(message: &str) -> Option<Self> {
        let sources = [None, Some(Source::Configuration), Some(Source::Request)];
        let all = sources
            .into_iter()
            .flat_map(|username| sources.map(|password| CredentialSources { username, password }));
        all.into_iter().find(|given| message.contains(&given.to_string()))
    }
}

impl fmt::Display for CredentialSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.username, self.password) {
            (None, None) => f.write_str(" No user name and no password were given."),
            (Some(name), None) => write!(f, " The user name is {name}'s; no password was given."),
            (None, Some(password)) => write!(f, " The password is {password}'s; no user name was given."),
            (Some(name), Some(password)) if name == password => {
                write!(f, " The user name and the password are {name}'s.")
            }
            (Some(name), Some(password)) => {
                write!(f, " The user name is {name}'s, the password {password}'s.")
            }
        }
    }
}

/// Which document the credentials are from, and what is odd about them. Displayed as sentences, each with a space before it.
pub(super) struct Origin<'a> {
    pub(super) options: &'a ConnectOptions,
    pub(super) remarks: &'a Remarks,
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        CredentialSources { username: self.remarks.username, password: self.remarks.password }.fmt(f)?;
        let Some(credentials) = &self.options.credentials else { return Ok(()) };
        for (what, text) in [("user name", &credentials.username), ("password", &credentials.password)] {
            let Some(text) = text else { continue };
            if text.is_empty() {
                write!(f, " The {what} is empty.")?;
            } else if let Some(stray) = Stray::find(text) {
                write!(f, " The {what} {stray}, which was sent with it.")?;
            }
        }
        Ok(())
    }
}
