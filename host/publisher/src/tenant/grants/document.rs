//! Grants as a platform stores them.

use std::fmt;
use std::path::PathBuf;

use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::ser::{Error as _, SerializeMap as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Grants;
use super::fields::{FIELDS, Field, Kind, NAMES};
use crate::tenant::broker_grant::BrokerGrant;
use crate::tenant::topic_filter::TopicFilter;

/// Reads the value of one grant into those that there are.
struct Value<'g> {
    field: &'static Field,
    grants: &'g mut Grants,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        let Self { field, grants } = self;
        match field.kind {
            Kind::Brokers => {
                Vec::<BrokerGrant>::deserialize(value)?
                    .into_iter()
                    .for_each(|grant| grants.add_broker(grant));
            }
            Kind::Topics => {
                Vec::<TopicFilter>::deserialize(value)?
                    .into_iter()
                    .for_each(|filter| grants.add_topics(filter));
            }
            Kind::Directories => {
                for directory in Vec::<PathBuf>::deserialize(value)? {
                    grants
                        .add_directory(&directory)
                        .map_err(|error| D::Error::custom(error.with_reason()))?;
                }
            }
            Kind::Switch { set, .. } => set(grants, bool::deserialize(value)?),
        }
        Ok(())
    }
}

struct GrantsVisitor;

impl<'de> Visitor<'de> for GrantsVisitor {
    type Value = Grants;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with grants")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Grants, A::Error> {
        let mut grants = Grants::default();
        let mut given = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let Some(field) = FIELDS.iter().find(|field| field.name == name) else {
                return Err(A::Error::unknown_field(&name, &NAMES));
            };
            if given.contains(&field.name) {
                return Err(A::Error::duplicate_field(field.name));
            }
            given.push(field.name);
            map.next_value_seed(Value { field, grants: &mut grants })?;
        }
        Ok(grants)
    }
}

impl<'de> Deserialize<'de> for Grants {
    /// Opens the directories that are granted.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("Grants", &NAMES, GrantsVisitor)
    }
}

impl Serialize for Grants {
    /// Fails for the grants of [`Tenant::unrestricted`](crate::Tenant::unrestricted), which no document can give.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (Some(brokers), Some(topics), Some(directories)) =
            (self.brokers(), self.topics(), self.directories())
        else {
            return Err(S::Error::custom("a document cannot grant everything"));
        };
        let mut map = serializer.serialize_map(Some(FIELDS.len()))?;
        for Field { name, kind } in &FIELDS {
            match kind {
                Kind::Brokers => map.serialize_entry(name, brokers)?,
                Kind::Topics => map.serialize_entry(name, topics)?,
                Kind::Directories => map.serialize_entry(name, &directories)?,
                Kind::Switch { is_on, .. } => map.serialize_entry(name, &is_on(self))?,
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_written_as_they_are_read() {
        let stored = r#"{"brokers":["ssl://*.acme.example"],"topics":["acme/#"],"directories":["/"],"private-networks":true,"unverified-servers":false,"proxy-names":true,"stored-secrets":true,"trace-context":true}"#;
        let grants: Grants = serde_json::from_str(stored).unwrap();
        assert_eq!(serde_json::to_string(&grants).unwrap(), stored);
    }

    #[test]
    fn what_is_left_out_is_not_granted() {
        let grants: Grants = serde_json::from_str("{}").unwrap();
        assert_eq!(
            serde_json::to_string(&grants).unwrap(),
            r#"{"brokers":[],"topics":[],"directories":[],"private-networks":false,"unverified-servers":false,"proxy-names":false,"stored-secrets":false,"trace-context":false}"#
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (stored, error) in [
            (
                r#"{"broker":[]}"#,
                "unknown field `broker`, expected one of `brokers`, `topics`, `directories`, `private-networks`, \
                 `unverified-servers`, `proxy-names`, `stored-secrets`, `trace-context` at line 1 column 9",
            ),
            (
                r#"{"private-networks":"no"}"#,
                "invalid type: string \"no\", expected a boolean at line 1 column 24",
            ),
            (
                r#"{"directories":["certificates"]}"#,
                "directory grant certificates: it is not an absolute path at line 1 column 32",
            ),
            (
                r#"{"directories":["/etc/../etc"]}"#,
                "directory grant /etc/../etc: it has . or .. in it; a grant is compared with paths as they are \
                 written, so name the directory itself at line 1 column 31",
            ),
            (
                r#"{"directories":["/not/there"]}"#,
                "directory grant /not/there: No such file or directory (os error 2) at line 1 column 30",
            ),
        ] {
            assert_eq!(serde_json::from_str::<Grants>(stored).unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn everything_cannot_be_written() {
        let error = serde_json::to_string(&Grants::everything()).unwrap_err();
        assert_eq!(error.to_string(), "a document cannot grant everything");
    }
}
