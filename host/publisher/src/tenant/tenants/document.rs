//! Tenants as a platform stores them, in JSON.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde::de::value::MapDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{CONFIG_MEMBER, LIMITS_MEMBER, TOKENS_MEMBER, Tenants, is_name};
use crate::tenant::{Grants, Limits, Tenant, TenantBuilder, Token, TokenDigest, TokenError};

/// The members of an object, in their order and as they stand.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

impl<'de> Deserialize<'de> for Tenants {
    /// Reads JSON. Values of `config` are in no error: they may be secret.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut by_name = BTreeMap::new();
        let mut digests: HashSet<TokenDigest> = HashSet::new();
        for (name, stored) in Members::deserialize(deserializer)?.0 {
            if !is_name(&name) {
                let wants = "a tenant's name, which has 1 to 64 letters, digits, -, _ and .";
                return Err(D::Error::invalid_value(serde::de::Unexpected::Other("another text"), &wants));
            }
            let tenant = tenant(&name, &stored).map_err(|error| {
                D::Error::custom(format_args!("tenant {name}: {}", without_place(&error)))
            })?;
            if !tenant.tokens().iter().all(|token| digests.insert(*token.digest())) {
                return Err(D::Error::custom(format_args!(
                    "tenant {name}: tokens: {}",
                    TokenError::Repeated
                )));
            }
            if by_name.insert(name, tenant).is_some() {
                return Err(D::Error::custom("two tenants have one name"));
            }
        }
        Ok(by_name.into_values().collect())
    }
}

fn tenant(name: &str, stored: &RawValue) -> Result<Tenant, serde_json::Error> {
    let Members(members) = serde_json::from_str(stored.get())?;
    let mut builder = Tenant::builder(name);
    let mut read = [false; 3];
    for (key, value) in &members {
        let seen = match key.as_str() {
            LIMITS_MEMBER => {
                builder = builder.limits(serde_json::from_str::<Limits>(value.get())?);
                std::mem::replace(&mut read[0], true)
            }
            CONFIG_MEMBER => {
                if !value.get().starts_with('{') {
                    return Err(serde_json::Error::custom("config: it is not an object"));
                }
                builder = builder.config(value.get());
                std::mem::replace(&mut read[1], true)
            }
            TOKENS_MEMBER => {
                let tokens: Vec<Token> = serde_json::from_str(value.get())?;
                builder = tokens.into_iter().fold(builder, TenantBuilder::token);
                std::mem::replace(&mut read[2], true)
            }
            _ => false,
        };
        if seen {
            return Err(serde_json::Error::custom(format_args!("duplicate field `{key}`")));
        }
    }
    let others = [LIMITS_MEMBER, CONFIG_MEMBER, TOKENS_MEMBER];
    let grants = members.iter().filter(|(key, _)| !others.contains(&key.as_str()));
    let grants = MapDeserializer::new(grants.map(|(key, value)| (key.as_str(), &**value)));
    Ok(builder.grants(Grants::deserialize(grants)?).build())
}

/// The words of an error about a part of the document, which does not know where the part stands.
fn without_place(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    words.strip_suffix(&place).unwrap_or(&words).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_kept_as_it_stands() {
        let config = r#"{"content": {"z": 1.50, "a": 10000000000000000000000000001}, "broker": "tcp://a"}"#;
        let stored = format!(r#"{{"acme": {{"config": {config}, "private-networks": true}}, "b": {{}}}}"#);
        let tenants: Tenants = serde_json::from_str(&stored).unwrap();
        let acme = tenants.get("acme").unwrap();
        assert_eq!(acme.config(), config);
        assert!(acme.grants().allows_private_networks());
        assert_eq!(tenants.get("b").unwrap().config(), "{}");
        assert_eq!(tenants.iter().len(), 2);
    }

    #[test]
    fn a_token_is_one_tenants() {
        let token = format!(r#"{{"name": "a", "sha256": "{}"}}"#, TokenDigest::of("secret"));
        let tenants: Tenants =
            serde_json::from_str(&format!(r#"{{"acme": {{"tokens": [{token}]}}}}"#)).unwrap();
        assert_eq!(tenants.holder("secret").unwrap().name(), "acme");
        let twice = format!(r#"{{"acme": {{"tokens": [{token}]}}, "b": {{"tokens": [{token}]}}}}"#);
        let error = serde_json::from_str::<Tenants>(&twice).unwrap_err();
        let said = "tenant b: tokens: the same sha256 stands there before: each token is one tenant's, and stands there once";
        assert_eq!(without_place(&error), said);
    }

    #[test]
    fn what_is_wrong_is_named_and_secrets_are_not() {
        let names = "expected one of `brokers`, `topics`, `directories`, `private-networks`, `unverified-servers`, `proxy-names`, `stored-secrets`, `trace-context`";
        for (stored, error) in [
            (r#"{"acme": {"broker": []}}"#, format!("tenant acme: unknown field `broker`, {names}")),
            (r#"{"acme": {"topics": ["a#"]}}"#, "tenant acme: topic grant \"a#\": # and + stand for whole levels, as in acme/+/state".to_owned()),
            (
                r#"{"acme": {"limits": {"connections": 0}}}"#,
                "tenant acme: 0 is not between 1 and 10000".to_owned(),
            ),
            (r#"{"acme": {"config": "planted"}}"#, "tenant acme: config: it is not an object".to_owned()),
            (r#"{"acme": {"config": {}, "config": {}}}"#, "tenant acme: duplicate field `config`".to_owned()),
            (r#"{"acme": {"topics": [], "topics": []}}"#, "tenant acme: duplicate field `topics`".to_owned()),
            (r#"{"acme": {}, "acme": {}}"#, "two tenants have one name".to_owned()),
            (r#"{"acme": 1}"#, "tenant acme: invalid type: integer `1`, expected an object".to_owned()),
            (
                r#"{"a b": {}}"#,
                "invalid value: another text, expected a tenant's name, which has 1 to 64 letters, digits, -, _ and ."
                    .to_owned(),
            ),
        ] {
            let said = serde_json::from_str::<Tenants>(stored).unwrap_err();
            assert_eq!(without_place(&said), error, "{stored}");
        }
    }
}
