//! [`Id`]: which execution.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The identifier of an execution: a UUID of version 7 (RFC 9562, section 5.7), as text in its usual form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema), schema(value_type = String, format = "uuid"))]
pub struct Id(Uuid);

impl Id {
    /// A new one. It begins with the time; 74 bits of it are random or count, so that it is another one than each before, whatever
    /// the clock says.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// Its 16 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The identifier with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.hyphenated(), f)
    }
}

/// A text is not the identifier of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not an identifier of an execution, as in 01936f3e-8a41-7c3e-9b1f-5d2c8e7a4b10")]
pub struct IdError;

impl FromStr for Id {
    type Err = IdError;

    /// Reads the usual form, of 36 characters.
    fn from_str(text: &str) -> Result<Self, IdError> {
        // The crate reads other forms, too: an execution has one name.
        if text.len() != uuid::fmt::Hyphenated::LENGTH {
            return Err(IdError);
        }
        Uuid::try_parse(text).map(Self).map_err(|_| IdError)
    }
}

crate::text::serde_as_text!(Id);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn text_is_the_usual_form_and_nothing_else() {
        let id = Id::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(&id.to_string()[14..15], "7");
        assert_eq!(Id::from_bytes(*id.as_bytes()), id);
        for text in ["", "7", "01936f3e8a417c3e9b1f5d2c8e7a4b10", "{01936f3e-8a41-7c3e-9b1f-5d2c8e7a4b10}"] {
            assert_eq!(text.parse::<Id>(), Err(IdError), "{text}");
        }
    }

    #[test]
    fn each_is_another_one() {
        let all: HashSet<Id> = (0..10_000).map(|_| Id::new()).collect();
        assert_eq!(all.len(), 10_000);
    }
}
