//! One entry of a tenant's list of topics.

use std::fmt;
use std::str::FromStr;

use mqtt_connector_contract::characters::Finding;
use mqtt_connector_contract::shown::Shown;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::excerpt::excerpt;

/// Topics that a tenant may publish to: a topic filter (MQTT 3.1.1, section 4.7), as in `acme/#` or `+/status`.
///
/// A wildcard in front does not mean topics that begin with `$` (section 4.7.2): those are granted by their own first
/// level, as in `$aws/things/acme/#`. `$SYS` and `$share` cannot be granted: they are the broker's. In a document it is a
/// string.
///
/// ```
/// use mqtt_connector_publisher::TopicFilter;
///
/// let filter: TopicFilter = "acme/#".parse()?;
/// assert_eq!(filter.to_string(), "acme/#");
/// # Ok::<(), mqtt_connector_publisher::TopicFilterError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicFilter(String);

/// Why a text is not a [`TopicFilter`]. Of a long text, only start and end are in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("topic grant {}: {reason}", Shown::whole(.filter))]
pub struct TopicFilterError {
    filter: String,
    reason: &'static str,
}

/// First levels that are the broker's own.
const RESERVED: [&str; 2] = ["$SYS", "$share"];

impl TopicFilter {
    /// What an operator should consider before granting this, as a clause whose subject is the grant; `None` when there is nothing to consider.
    #[must_use]
    pub fn caution(&self) -> Option<&'static str> {
        let wildcards = self.0.split('/').all(|level| matches!(level, "#" | "+"));
        (wildcards && self.0.ends_with('#')).then_some("it means the topics of everybody on the broker")
    }

    /// Whether the filter matches `topic`.
    pub(crate) fn allows(&self, topic: &str) -> bool {
        let first = topic.split('/').next().unwrap_or_default();
        if first.starts_with('$') && (RESERVED.contains(&first) || self.0.split('/').next() != Some(first)) {
            return false;
        }
        let mut levels = topic.split('/');
        for wanted in self.0.split('/') {
            match (wanted, levels.next()) {
                // It also matches the level above (section 4.7.1.2).
                ("#", _) => return true,
                ("+", Some(_)) => {}
                (wanted, Some(level)) if wanted == level => {}
                (_, _) => return false,
            }
        }
        levels.next().is_none()
    }
}

impl fmt::Display for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TopicFilter {
    type Err = TopicFilterError;

    fn from_str(filter: &str) -> Result<Self, Self::Err> {
        let wrong = |reason| Err(TopicFilterError { filter: excerpt(filter), reason });
        if filter.is_empty() || filter.len() > usize::from(u16::MAX) || filter.contains('\0') {
            return wrong("a filter has 1 to 65535 bytes, none of them U+0000");
        }
        let finding = Finding::of(filter);
        if finding.is_some_and(|finding| finding.stray.is_some()) {
            return wrong("it begins or ends with a line break or a tab, which no topic has");
        }
        let mut levels = filter.split('/').peekable();
        if levels.peek().is_some_and(|first| RESERVED.contains(first)) {
            return wrong("topics below $SYS and $share are the broker's own");
        }
        while let Some(level) = levels.next() {
            if level == "#" && levels.peek().is_some() {
                return wrong("# stands only at the end, as in acme/#");
            }
            if level.len() > 1 && level.contains(['#', '+']) {
                return wrong("# and + stand for whole levels, as in acme/+/state");
            }
        }
        if finding.is_some() {
            return wrong("no topic has control characters or non-characters");
        }
        Ok(Self(filter.to_owned()))
    }
}

impl Serialize for TopicFilter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TopicFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_allows_what_the_standard_says() {
        for (filter, topic, allowed) in [
            ("acme/#", "acme/door", true),
            ("acme/#", "acme/door/state", true),
            ("acme/#", "acme", true),
            ("acme/#", "acmeevil/door", false),
            ("acme/#", "other/acme/door", false),
            ("+/status", "acme/status", true),
            ("+/status", "a/b/status", false),
            ("+/status", "/status", true),
            ("+/status", "status", false),
            ("a/b", "a/b", true),
            ("a/b", "a/b/", false),
            ("a/b", "a", false),
            ("a/+/c", "a//c", true),
            ("#", "anything/at/all", true),
            ("#", "$aws/things/x", false),
            ("+/x", "$aws/x", false),
            ("$aws/#", "$aws/things/x", true),
            ("$aws/+/x", "$aws/things/x", true),
            ("#", "$SYS/x", false),
            ("#", "$share/g/t", false),
        ] {
            let parsed: TopicFilter = filter.parse().unwrap();
            assert_eq!(parsed.allows(topic), allowed, "{filter} {topic}");
            assert_eq!(parsed.to_string(), filter);
        }
    }

    #[test]
    fn a_wrong_filter_says_what_would_be_right() {
        for (filter, reason) in [
            ("", "a filter has 1 to 65535 bytes, none of them U+0000"),
            ("a\0b", "a filter has 1 to 65535 bytes, none of them U+0000"),
            ("acme/#\n", "it begins or ends with a line break or a tab, which no topic has"),
            ("\tacme", "it begins or ends with a line break or a tab, which no topic has"),
            ("a/\u{7}", "no topic has control characters or non-characters"),
            ("a\nb/#", "no topic has control characters or non-characters"),
            ("a/\u{ffff}/+", "no topic has control characters or non-characters"),
            ("a/#/b", "# stands only at the end, as in acme/#"),
            ("acme#", "# and + stand for whole levels, as in acme/+/state"),
            ("a/b+", "# and + stand for whole levels, as in acme/+/state"),
            ("$SYS/#", "topics below $SYS and $share are the broker's own"),
            ("$share/g/t", "topics below $SYS and $share are the broker's own"),
        ] {
            let error = filter.parse::<TopicFilter>().unwrap_err();
            assert_eq!(error.to_string(), format!("topic grant {}: {reason}", Shown::whole(filter)));
        }
    }

    #[test]
    fn what_grants_a_lot_says_so() {
        let everything = Some("it means the topics of everybody on the broker");
        for (filter, caution) in
            [("#", everything), ("+/#", everything), ("acme/#", None), ("+/status", None), ("+", None)]
        {
            assert_eq!(filter.parse::<TopicFilter>().unwrap().caution(), caution, "{filter}");
        }
    }

    #[test]
    fn in_a_document_it_is_a_string() {
        let filters: Vec<TopicFilter> = serde_json::from_str(r#"["acme/#"]"#).unwrap();
        assert_eq!(serde_json::to_string(&filters).unwrap(), r#"["acme/#"]"#);
        let error = serde_json::from_str::<TopicFilter>(r#""a#""#).unwrap_err();
        assert_eq!(
            error.to_string(),
            r##"topic grant "a#": # and + stand for whole levels, as in acme/+/state"##
        );
    }
}
