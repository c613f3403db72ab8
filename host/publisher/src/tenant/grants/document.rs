//! Grants as a platform stores them.

use std::path::{Path, PathBuf};

use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Grants;
use crate::tenant::broker_grant::BrokerGrant;
use crate::tenant::topic_filter::TopicFilter;

#[derive(Default, Deserialize)]
#[serde(rename = "Grants", rename_all = "kebab-case", deny_unknown_fields, default)]
struct Read {
    brokers: Vec<BrokerGrant>,
    topics: Vec<TopicFilter>,
    directories: Vec<PathBuf>,
    private_networks: bool,
    unverified_servers: bool,
    proxy_names: bool,
}

#[derive(Serialize)]
#[serde(rename = "Grants", rename_all = "kebab-case")]
struct Written<'a> {
    brokers: &'a [BrokerGrant],
    topics: &'a [TopicFilter],
    directories: Vec<&'a Path>,
    private_networks: bool,
    unverified_servers: bool,
    proxy_names: bool,
}

impl<'de> Deserialize<'de> for Grants {
    /// Opens the directories that are granted.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(deserializer)?;
        let mut grants = Self::default();
        read.brokers.into_iter().for_each(|broker| grants.add_broker(broker));
        read.topics.into_iter().for_each(|topics| grants.add_topics(topics));
        for directory in &read.directories {
            grants.add_directory(directory).map_err(|error| de::Error::custom(error.with_reason()))?;
        }
        grants.set_private_networks(read.private_networks);
        grants.set_unverified_servers(read.unverified_servers);
        grants.set_proxy_names(read.proxy_names);
        Ok(grants)
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
        let written = Written {
            brokers,
            topics,
            directories,
            private_networks: self.private_networks,
            unverified_servers: self.unverified_servers,
            proxy_names: self.proxy_names,
        };
        written.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_written_as_they_are_read() {
        let stored = r#"{"brokers":["ssl://*.acme.example"],"topics":["acme/#"],"directories":["/"],"private-networks":true,"unverified-servers":false,"proxy-names":true}"#;
        let grants: Grants = serde_json::from_str(stored).unwrap();
        assert_eq!(serde_json::to_string(&grants).unwrap(), stored);
    }

    #[test]
    fn what_is_left_out_is_not_granted() {
        let grants: Grants = serde_json::from_str("{}").unwrap();
        assert_eq!(
            serde_json::to_string(&grants).unwrap(),
            r#"{"brokers":[],"topics":[],"directories":[],"private-networks":false,"unverified-servers":false,"proxy-names":false}"#
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (stored, error) in [
            (
                r#"{"broker":[]}"#,
                "unknown field `broker`, expected one of `brokers`, `topics`, `directories`, `private-networks`, \
                 `unverified-servers`, `proxy-names` at line 1 column 9",
            ),
            (
                r#"{"private-networks":"no"}"#,
                "invalid type: string \"no\", expected a boolean at line 1 column 24",
            ),
            (
                r#"{"directories":["certificates"]}"#,
                "directory grant certificates: it is not an absolute path",
            ),
            (
                r#"{"directories":["/etc/../etc"]}"#,
                "directory grant /etc/../etc: it has . or .. in it; a grant is compared with paths as they are \
                 written, so name the directory itself",
            ),
            (
                r#"{"directories":["/not/there"]}"#,
                "directory grant /not/there: No such file or directory (os error 2)",
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
