//! [`Id`]: which execution.

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::{ContextV7, Uuid};

use crate::Timestamp;

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
        Self::at(SystemTime::now())
    }

    /// `Uuid::now_v7` panics when the clock stands before 1970.
    fn at(time: SystemTime) -> Self {
        static COUNTER: Mutex<ContextV7> = Mutex::new(ContextV7::new());

        // The counter has a seed from the first millisecond on.
        let time = time.duration_since(UNIX_EPOCH).unwrap_or_default().max(Duration::from_millis(1));
        let counter = COUNTER.lock().unwrap_or_else(PoisonError::into_inner);
        Self(Uuid::new_v7(uuid::Timestamp::from_unix(&*counter, time.as_secs(), time.subsec_nanos())))
    }

    /// The first one of this time: none that is made then or later is before it.
    #[must_use]
    pub(crate) fn earliest(time: Timestamp) -> Self {
        let milliseconds = u64::try_from(time.milliseconds()).unwrap_or_default();
        Self(uuid::Builder::from_unix_timestamp_millis(milliseconds, &[0; 10]).into_uuid())
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

    #[test]
    fn none_is_before_the_first_one_of_its_time() {
        let now = Timestamp::now();
        let id = Id::new();
        assert!(Id::earliest(now) <= id && id < Id::earliest(now.after(Duration::from_secs(3600))));
        assert_eq!(
            Id::earliest(Timestamp::from_milliseconds(-1)),
            Id::earliest(Timestamp::from_milliseconds(0))
        );
    }

    #[test]
    fn a_clock_before_1970_gives_identifiers_as_well() {
        let before = UNIX_EPOCH.checked_sub(Duration::from_secs(1)).unwrap();
        let all: HashSet<Id> = (0..1000).map(|_| Id::at(before)).collect();
        assert_eq!(all.len(), 1000);
        assert!(all.iter().all(|id| &id.to_string()[14..15] == "7"));
    }
}
