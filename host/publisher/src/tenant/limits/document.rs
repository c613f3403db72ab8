//! Limits as a platform stores them.

use std::fmt;

use mqtt_connector_contract::shown::Shown;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{SerializeMap as _, Serializer};
use serde::{Deserialize, Serialize};

use super::{LIMITS, Limit, Limits};
use crate::tenant::excerpt::excerpt;
use crate::tenant::unit::{Amount, Unit};

/// The names of [`LIMITS`].
pub(in crate::tenant) const NAMES: [&str; LIMITS.len()] = {
    let mut names = [""; LIMITS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = LIMITS[index].name;
        index += 1;
    }
    names
};

impl Limit {
    fn checked<E: Error>(&self, amount: u64, given: &dyn fmt::Display) -> Result<u64, E> {
        let most = (self.get)(&Limits::MOST);
        if (self.least..=most).contains(&amount) {
            return Ok(amount);
        }
        let (least, most) = (Amount(self.least, self.unit), Amount(most, self.unit));
        Err(E::custom(format_args!("{given} is not between {least} and {most}")))
    }
}

/// Reads the value of one limit.
impl<'de> DeserializeSeed<'de> for &Limit {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        match self.unit {
            Unit::Size | Unit::Time => deserializer.deserialize_str(self),
            Unit::Number => deserializer.deserialize_u64(self),
        }
    }
}

impl Visitor<'_> for &Limit {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.unit.expected())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        match self.unit {
            Unit::Size | Unit::Time => {
                self.checked(self.unit.parse(text).map_err(E::custom)?, &Shown::whole(&excerpt(text)))
            }
            Unit::Number => Err(E::invalid_type(serde::de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        match self.unit {
            Unit::Size | Unit::Time => Err(E::invalid_type(serde::de::Unexpected::Unsigned(number), &self)),
            Unit::Number => self.checked(number, &number),
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(serde::de::Unexpected::Signed(number), &self)),
        }
    }
}

struct LimitsVisitor;

impl<'de> Visitor<'de> for LimitsVisitor {
    type Value = Limits;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with limits")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Limits, A::Error> {
        let mut limits = Limits::default();
        let mut given = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let Some(limit) = LIMITS.iter().find(|limit| limit.name == name) else {
                return Err(A::Error::unknown_field(&name, &NAMES));
            };
            if given.contains(&limit.name) {
                return Err(A::Error::duplicate_field(limit.name));
            }
            given.push(limit.name);
            let amount = map.next_value_seed(limit)?;
            (limit.set)(&mut limits, amount);
        }
        Ok(limits)
    }
}

impl<'de> Deserialize<'de> for Limits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("Limits", &NAMES, LimitsVisitor)
    }
}

impl Serialize for Limits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(LIMITS.len()))?;
        for limit in &LIMITS {
            match limit.unit {
                Unit::Size | Unit::Time => map.serialize_entry(limit.name, &limit.shown(self).to_string())?,
                Unit::Number => map.serialize_entry(limit.name, &(limit.get)(self))?,
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn limits_are_written_as_they_are_read() {
        let stored = r#"{"payload":"256 KiB","timeout":"30 s","cpu":"50 ms","memory":"64 MiB","concurrent-sends":8,"connections":4,"messages-per-second":100,"waiting-executions":5000}"#;
        let limits: Limits = serde_json::from_str(stored).unwrap();
        assert_eq!(serde_json::to_string(&limits).unwrap(), stored);
        assert_eq!(
            limits.to_string(),
            "payload 256 KiB, timeout 30 s, cpu 50 ms, memory 64 MiB, concurrent-sends 8, connections 4, \
             messages-per-second 100, waiting-executions 5000"
        );
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        assert_eq!(serde_json::from_str::<Limits>("{}").unwrap(), Limits::default());
    }

    #[test]
    fn the_ends_of_the_ranges_are_read_as_they_are_written() {
        let mut least = Limits::default();
        for limit in &LIMITS {
            (limit.set)(&mut least, limit.least);
        }
        for limits in [least, Limits::default(), Limits::MOST] {
            let written = serde_json::to_string(&limits).unwrap();
            assert_eq!(serde_json::from_str::<Limits>(&written).unwrap(), limits, "{written}");
        }
    }

    #[test]
    fn what_is_wrong_says_what_would_be_right() {
        for (stored, error) in [
            (r#"{"payload":"256 KB"}"#, "the unit \"KB\" is not known; B, KiB, MiB and GiB are"),
            (r#"{"payload":256}"#, "invalid type: integer `256`, expected a size, as in \"256 KiB\""),
            (r#"{"timeout":30}"#, "invalid type: integer `30`, expected a time, as in \"30 s\""),
            (r#"{"payload":"0 B"}"#, "\"0 B\" is not between 1 B and 256 MiB"),
            (r#"{"payload":"1 GiB"}"#, "\"1 GiB\" is not between 1 B and 256 MiB"),
            (r#"{"timeout":"25 h"}"#, "\"25 h\" is not between 1 ms and 24 h"),
            (r#"{"cpu":"1 ms"}"#, "\"1 ms\" is not between 10 ms and 1 min"),
            (r#"{"memory":"64 KiB"}"#, "\"64 KiB\" is not between 2 MiB and 1 GiB"),
            (
                r#"{"memory":"99999999999999999999 GiB"}"#,
                "\"99999999999999999999 GiB\" is not between 2 MiB and 1 GiB",
            ),
            (r#"{"connections":0}"#, "0 is not between 1 and 10000"),
            (r#"{"connections":-1}"#, "invalid value: integer `-1`, expected a whole number"),
            (r#"{"connections":1.5}"#, "invalid type: floating point `1.5`, expected a whole number"),
            (r#"{"connections":"5"}"#, "invalid type: string \"5\", expected a whole number"),
            (r#"{"messages-per-second":5000000000}"#, "5000000000 is not between 1 and 4294967295"),
            (r#"{"cpu":"1 s","cpu":"2 s"}"#, "duplicate field `cpu`"),
            (
                r#"{"time-out":"1 s"}"#,
                "unknown field `time-out`, expected one of `payload`, `timeout`, `cpu`, `memory`, \
                 `concurrent-sends`, `connections`, `messages-per-second`, `waiting-executions`",
            ),
        ] {
            let said = serde_json::from_str::<Limits>(stored).unwrap_err().to_string();
            assert_eq!(said.split(" at line").next(), Some(error), "{stored}");
        }
    }

    proptest! {
        #[test]
        fn whatever_can_be_read_is_written_as_itself(numbers: [u64; LIMITS.len()]) {
            let mut limits = Limits::default();
            for (limit, number) in LIMITS.iter().zip(numbers) {
                let most = (limit.get)(&Limits::MOST);
                (limit.set)(&mut limits, limit.least + number % (most - limit.least + 1));
            }
            let written = serde_json::to_string(&limits).unwrap();
            prop_assert_eq!(serde_json::from_str::<Limits>(&written).unwrap(), limits);
        }
    }
}
