//! [`Options`]: what is asked for besides the request.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What is asked for besides the request: when, how often, and in which order.
///
/// In JSON an object with these names in kebab-case; what is left out has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Options {
    /// It is not begun before. Default: it may begin at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// It is not begun at this time or later, and ends as `expired`. An attempt that has begun is not broken off by it. Default: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// How often it is tried at most, 1 to 100. What is answered with an exit code that may pass is tried again. An attempt that was
    /// broken off does not count. Default: 5.
    pub attempts: u32,
    /// Executions of the tenant with the same key are carried out one after another: the next one begins when the one before has
    /// ended. 1 to 256 bytes. Default: none, they may be under way together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ordering_key: Option<String>,
}

impl Options {
    /// The most attempts.
    pub const MOST_ATTEMPTS: u32 = 100;

    /// The longest ordering key or idempotency key, in bytes.
    pub const LONGEST_KEY: usize = 256;

    /// Whether they make sense.
    ///
    /// # Errors
    ///
    /// The first that does not.
    pub fn check(&self) -> Result<(), OptionsError> {
        if !(1..=Self::MOST_ATTEMPTS).contains(&self.attempts) {
            return Err(OptionsError::Attempts(self.attempts));
        }
        if let Some(key) = &self.ordering_key {
            check_key("ordering-key", key)?;
        }
        match (self.not_before, self.expires) {
            (Some(not_before), Some(expires)) if expires <= not_before => {
                Err(OptionsError::Never { not_before, expires })
            }
            (None | Some(_), None | Some(_)) => Ok(()),
        }
    }
}

/// Whether a key may be kept.
pub(crate) fn check_key(name: &'static str, key: &str) -> Result<(), OptionsError> {
    if (1..=Options::LONGEST_KEY).contains(&key.len()) && !key.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(OptionsError::Key { name, bytes: key.len() })
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { not_before: None, expires: None, attempts: 5, ordering_key: None }
    }
}

/// Options that make no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// Too few attempts, or too many.
    #[error("attempts is {0}: it is 1 to {most}", most = Options::MOST_ATTEMPTS)]
    Attempts(u32),
    /// A key is empty, too long, or has control characters.
    #[error(
        "{name} has {bytes} bytes or control characters in it: it is a text of 1 to {} bytes",
        Options::LONGEST_KEY
    )]
    Key {
        /// Which key.
        name: &'static str,
        /// How long it is.
        bytes: usize,
    },
    /// It would expire before it may begin.
    #[error(
        "expires is {expires}, which is not after not-before, {not_before}: it could never be carried out"
    )]
    Never {
        /// When it may begin.
        not_before: Timestamp,
        /// When it expires.
        expires: Timestamp,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_the_names_of_the_documentation() {
        let stored = r#"{"not-before":"2026-11-29T06:30:00.000Z","expires":"2026-11-29T07:30:00.000Z","attempts":3,"ordering-key":"door"}"#;
        let options: Options = serde_json::from_str(stored).unwrap();
        assert_eq!(options.check(), Ok(()));
        assert_eq!(serde_json::to_string(&options).unwrap(), stored);
        assert_eq!(serde_json::from_str::<Options>("{}").unwrap(), Options::default());
        assert_eq!(serde_json::to_string(&Options::default()).unwrap(), r#"{"attempts":5}"#);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let long = "k".repeat(257);
        for (stored, error) in [
            (r#"{"attempts":0}"#.to_owned(), "attempts is 0: it is 1 to 100"),
            (r#"{"attempts":101}"#.to_owned(), "attempts is 101: it is 1 to 100"),
            (
                r#"{"ordering-key":""}"#.to_owned(),
                "ordering-key has 0 bytes or control characters in it: it is a text of 1 to 256 bytes",
            ),
            (
                format!(r#"{{"ordering-key":"{long}"}}"#),
                "ordering-key has 257 bytes or control characters in it: it is a text of 1 to 256 bytes",
            ),
            (
                r#"{"not-before":"2026-11-29T06:30:00Z","expires":"2026-11-29T06:30:00Z"}"#.to_owned(),
                "expires is 2026-11-29T06:30:00.000Z, which is not after not-before, 2026-11-29T06:30:00.000Z: it could never \
                 be carried out",
            ),
        ] {
            let options: Options = serde_json::from_str(&stored).unwrap();
            assert_eq!(options.check().unwrap_err().to_string(), error);
        }
    }
}
