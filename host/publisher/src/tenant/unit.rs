//! Sizes and times as people write them: a whole number and a unit, as in "256 KiB" or "50 ms".

use std::fmt;

use mqtt_connector_contract::shown::Shown;

use super::excerpt::excerpt;

const SIZES: Scale = Scale {
    units: &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)],
    names: "B, KiB, MiB and GiB",
    example: "256 KiB",
};

const TIMES: Scale = Scale {
    units: &[("ms", 1), ("s", 1000), ("min", 60 * 1000), ("h", 60 * 60 * 1000)],
    names: "ms, s, min and h",
    example: "30 s",
};

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Bytes.
    Size,
    /// Milliseconds.
    Time,
    /// Things: a plain number.
    Number,
}

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum UnitError {
    #[error("{} is not a whole number and a unit, as in {example:?}", Shown::whole(.text))]
    Shape { text: String, example: &'static str },
    #[error("the unit {} is not known; {known} are", Shown::whole(.unit))]
    Unknown { unit: String, known: &'static str },
}

struct Scale {
    /// The smallest first.
    units: &'static [(&'static str, u64)],
    names: &'static str,
    example: &'static str,
}

/// An amount as people write it, with the largest unit that leaves a whole number.
pub(super) struct Amount(pub(super) u64, pub(super) Unit);

impl Unit {
    fn scale(self) -> Option<&'static Scale> {
        match self {
            Self::Size => Some(&SIZES),
            Self::Time => Some(&TIMES),
            Self::Number => None,
        }
    }

    /// What is expected of a value, after the words "expected" and "wants".
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Size => r#"a size, as in "256 KiB""#,
            Self::Time => r#"a time, as in "30 s""#,
            Self::Number => "a whole number",
        }
    }

    /// The amount that a text stands for; [`u64::MAX`] for all that are larger.
    pub(super) fn parse(self, text: &str) -> Result<u64, UnitError> {
        let Some(scale) = self.scale() else {
            return text.parse().map_err(|_| UnitError::Shape { text: excerpt(text), example: "100" });
        };
        let shape = || UnitError::Shape { text: excerpt(text), example: scale.example };
        let end = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(shape)?;
        let (digits, unit) = text.split_at(end);
        let unit = unit.trim_start_matches(' ');
        if digits.is_empty() || !unit.starts_with(|c: char| c.is_alphabetic()) {
            return Err(shape());
        }
        let Some((_, factor)) = scale.units.iter().find(|(name, _)| *name == unit) else {
            return Err(UnitError::Unknown { unit: excerpt(unit), known: scale.names });
        };
        // Digits that do not fit into 64 bits are an amount that every limit is below.
        Ok(digits.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(*factor))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(amount, unit) = *self;
        let units = unit.scale().map_or(&[][..], |scale| scale.units);
        match units.iter().rev().find(|(_, factor)| amount >= *factor && amount.is_multiple_of(*factor)) {
            Some((name, factor)) => write!(f, "{} {name}", amount / factor),
            // 0 is written with the smallest unit.
            None => match units.first() {
                Some((name, _)) => write!(f, "{amount} {name}"),
                None => write!(f, "{amount}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn an_amount_has_a_unit() {
        for (unit, text, amount, shown) in [
            (Unit::Size, "256 KiB", 262_144, "256 KiB"),
            (Unit::Size, "256KiB", 262_144, "256 KiB"),
            (Unit::Size, "1024 KiB", 1_048_576, "1 MiB"),
            (Unit::Size, "1000 B", 1000, "1000 B"),
            (Unit::Size, "2 GiB", 2_147_483_648, "2 GiB"),
            (Unit::Size, "0 MiB", 0, "0 B"),
            (Unit::Time, "50 ms", 50, "50 ms"),
            (Unit::Time, "30 s", 30_000, "30 s"),
            (Unit::Time, "60 s", 60_000, "1 min"),
            (Unit::Time, "1500 ms", 1500, "1500 ms"),
            (Unit::Time, "90 min", 5_400_000, "90 min"),
            (Unit::Time, "2 h", 7_200_000, "2 h"),
            (Unit::Time, "0 s", 0, "0 ms"),
        ] {
            assert_eq!(unit.parse(text), Ok(amount), "{text}");
            assert_eq!(Amount(amount, unit).to_string(), shown, "{text}");
        }
        assert_eq!(Unit::Size.parse("99999999999999999999 GiB"), Ok(u64::MAX));
        assert_eq!(Unit::Size.parse("99999999999999999 GiB"), Ok(u64::MAX));
        assert_eq!(Amount(1000, Unit::Number).to_string(), "1000");
        assert_eq!(Amount(0, Unit::Number).to_string(), "0");
    }

    #[test]
    fn what_is_not_an_amount_says_what_would_be_right() {
        let size = "is not a whole number and a unit, as in \"256 KiB\"";
        let time = "is not a whole number and a unit, as in \"30 s\"";
        for (unit, text, error) in [
            (Unit::Size, "", format!("\"\" {size}")),
            (Unit::Size, "256", format!("\"256\" {size}")),
            (Unit::Size, "KiB", format!("\"KiB\" {size}")),
            (Unit::Size, "1.5 MiB", format!("\"1.5 MiB\" {size}")),
            (Unit::Size, "-1 MiB", format!("\"-1 MiB\" {size}")),
            (Unit::Size, " 1 MiB", format!("\" 1 MiB\" {size}")),
            (Unit::Time, "1 000 ms", format!("\"1 000 ms\" {time}")),
            (Unit::Size, "1 KB", "the unit \"KB\" is not known; B, KiB, MiB and GiB are".to_owned()),
            (Unit::Size, "1 kib", "the unit \"kib\" is not known; B, KiB, MiB and GiB are".to_owned()),
            (Unit::Size, "1 KiB ", "the unit \"KiB \" is not known; B, KiB, MiB and GiB are".to_owned()),
            (Unit::Size, "1 s", "the unit \"s\" is not known; B, KiB, MiB and GiB are".to_owned()),
            (Unit::Time, "1 m", "the unit \"m\" is not known; ms, s, min and h are".to_owned()),
            (Unit::Time, "1 s 5 ms", "the unit \"s 5 ms\" is not known; ms, s, min and h are".to_owned()),
        ] {
            assert_eq!(unit.parse(text).unwrap_err().to_string(), error);
        }
    }

    proptest! {
        #[test]
        fn an_amount_is_read_as_it_is_shown(amount: u64) {
            for unit in [Unit::Size, Unit::Time, Unit::Number] {
                prop_assert_eq!(unit.parse(&Amount(amount, unit).to_string()), Ok(amount));
            }
        }

        #[test]
        fn any_text_is_an_amount_or_an_error(text in "(?s).{0,20}|[0-9]{0,25} ?[a-zA-Z]{0,4}") {
            for unit in [Unit::Size, Unit::Time] {
                let _ = unit.parse(&text);
            }
        }
    }
}
