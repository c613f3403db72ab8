//! Where a user name and a password came from: what somebody whom a broker refuses has to know.

use std::fmt;

use mqtt_connector_contract::white_space::Stray;

use crate::bindings::publisher::ConnectOptions;
use crate::publication::Remarks;

/// Which document the credentials are from, and what is odd about them. Displayed as sentences, each with a space before it.
pub(super) struct Origin<'a> {
    pub(super) options: &'a ConnectOptions,
    pub(super) remarks: &'a Remarks,
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.remarks.username, self.remarks.password) {
            (None, None) => f.write_str(" No user name and no password were given."),
            (Some(name), None) => write!(f, " The user name is {name}'s; no password was given."),
            (None, Some(password)) => write!(f, " The password is {password}'s; no user name was given."),
            (Some(name), Some(password)) if name == password => {
                write!(f, " The user name and the password are {name}'s.")
            }
            (Some(name), Some(password)) => {
                write!(f, " The user name is {name}'s, the password {password}'s.")
            }
        }?;
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
