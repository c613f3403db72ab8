//! [`Timestamp`]: a time of the calendar.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A time of the calendar, to the millisecond, in UTC. As text it is that of RFC 3339, `2026-11-29T06:30:00.125Z`; read may be
/// one with another offset, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema), schema(value_type = String, format = DateTime))]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last moment of the year 9999, which RFC 3339 can still write.
    const LAST: i64 = 253_402_300_799_999;

    /// What the system's clock says.
    #[must_use]
    pub fn now() -> Self {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::from_milliseconds(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
    }

    /// So many milliseconds after 1970-01-01T00:00:00Z; what lies before that, or after the year 9999, is the nearest that does not.
    #[must_use]
    pub fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds.clamp(0, Self::LAST))
    }

    /// The milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn milliseconds(self) -> i64 {
        self.0
    }

    /// So much later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let milliseconds = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_milliseconds(self.0.saturating_add(milliseconds))
    }

    /// So much earlier.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        let milliseconds = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_milliseconds(self.0.saturating_sub(milliseconds))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = OffsetDateTime::from_unix_timestamp(self.0 / 1000).map_err(|_| fmt::Error)?;
        let (date, time) = (time.date(), time.time());
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
            self.0 % 1000
        )
    }
}

/// A text is not a time of RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not a time of RFC 3339, as in 2026-11-29T06:30:00Z, of the years 1970 to 9999")]
pub struct TimestampError;

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| TimestampError)?;
        let milliseconds = time.unix_timestamp() * 1000 + i64::from(time.millisecond());
        if (0..=Self::LAST).contains(&milliseconds) { Ok(Self(milliseconds)) } else { Err(TimestampError) }
    }
}

crate::text::serde_as_text!(Timestamp);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_that_of_rfc_3339() {
        for (text, milliseconds, written) in [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000Z"),
            ("2026-11-29T06:30:00.125Z", 1_795_933_800_125, "2026-11-29T06:30:00.125Z"),
            ("2026-11-29T07:30:00.125999+01:00", 1_795_933_800_125, "2026-11-29T06:30:00.125Z"),
            ("9999-12-31T23:59:59.999Z", Timestamp::LAST, "9999-12-31T23:59:59.999Z"),
        ] {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!((time.milliseconds(), &*time.to_string()), (milliseconds, written));
        }
        for text in
            ["", "2026-11-29", "2026-11-29T06:30:00", "tomorrow", "1969-12-31T23:59:59Z", "1795933800"]
        {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text}");
        }
    }

    #[test]
    fn what_lies_outside_is_the_nearest_that_does_not() {
        let last = Timestamp::from_milliseconds(i64::MAX);
        assert_eq!(last.after(Duration::MAX).to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(last.before(Duration::MAX).milliseconds(), 0);
    }
}
