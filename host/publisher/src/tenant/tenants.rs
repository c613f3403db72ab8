//! The tenants of a platform, by name.

mod document;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{Tenant, TokenDigest};

/// The tenants of a platform, by name. One registry serves all tasks: it is changed through `&self`.
///
/// A tenant that is [replaced](Self::replace) keeps what it has used up of its limits, and its connections. So a platform may
/// put a tenant in whenever it has read it from its database, for every request if need be.
///
/// As JSON it is an object with one member for each tenant, the name (1 to 64 letters, digits, `-`, `_` and `.`). The
/// members of a tenant are those of [`Grants`](crate::Grants), `limits` ([`Limits`](crate::Limits)), `tokens` (a list of
/// [`Token`](crate::Token)s) and `config`, the connector's configuration, which is kept as it stands. What is left out is not granted, or has its default; a name that is
/// not known is an error, and so is a directory that cannot be opened: it is opened now. It is read by serde out of JSON, and
/// not out of other formats or buffered values (`#[serde(flatten)]`).
///
/// ```
/// use mqtt_connector_publisher::Tenants;
///
/// let stored = r##"{
///     "acme": {
///         "brokers": ["ssl://*.iot.eu-west-1.amazonaws.com:8883", "tcp://10.0.0.0/8:1883"],
///         "directories": ["/etc"],
///         "topics": ["acme/#"],
///         "private-networks": false,
///         "unverified-servers": false,
///         "proxy-names": false,
///         "stored-secrets": false,
///         "trace-context": false,
///         "limits": {"payload": "256 KiB", "messages-per-second": 100},
///         "config": {"broker": "ssl://abc.iot.eu-west-1.amazonaws.com:8883", "client-id": "acme-flow"}
///     }
/// }"##;
/// let tenants: Tenants = serde_json::from_str(stored)?;
/// let acme = tenants.get("acme").ok_or("acme is missing")?;
/// assert_eq!(acme.limits().payload, 262_144);
/// assert_eq!(
///     acme.config(),
///     r#"{"broker": "ssl://abc.iot.eu-west-1.amazonaws.com:8883", "client-id": "acme-flow"}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// With the cargo feature `tenants-file` it is parsed from the text of a TOML file, too: the same names, in a table
/// `[tenants.acme]` for each tenant.
#[derive(Default)]
pub struct Tenants {
    registry: RwLock<Registry>,
}

#[derive(Default)]
struct Registry {
    by_name: BTreeMap<String, Tenant>,
    /// The names of the tenants whose tokens these are.
    holders: HashMap<TokenDigest, String>,
}

impl Registry {
    fn insert(&mut self, tenant: Tenant) {
        let name = tenant.name().to_owned();
        self.remove(&name);
        for token in tenant.tokens() {
            self.holders.insert(*token.digest(), name.clone());
        }
        self.by_name.insert(name, tenant);
    }

    fn remove(&mut self, name: &str) -> Option<Tenant> {
        let tenant = self.by_name.remove(name)?;
        for token in tenant.tokens() {
            // It may be another's by now.
            if self.holders.get(token.digest()).is_some_and(|holder| holder == name) {
                self.holders.remove(token.digest());
            }
        }
        Some(tenant)
    }
}

impl Tenants {
    /// Nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tenant with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Tenant> {
        self.read().by_name.get(name).cloned()
    }

    /// The tenant that this token is one of, as a caller has shown it.
    #[must_use]
    pub fn holder(&self, token: &str) -> Option<Tenant> {
        // What is looked up is the SHA-256, of which nobody can choose a part: how long that takes says nothing of the tokens.
        let digest = TokenDigest::of(token);
        let registry = self.read();
        let tenant = registry.by_name.get(registry.holders.get(&digest)?)?;
        tenant.tokens().iter().any(|token| token.digest().is_of_same(&digest)).then(|| tenant.clone())
    }

    /// All of them as they are now, in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Tenant> + use<> {
        let all: Vec<_> = self.read().by_name.values().cloned().collect();
        all.into_iter()
    }

    /// Puts `tenant` in, in place of the one of its name, and gives it back as it counts from now on.
    ///
    /// What was sent, is under way, or waits, counts against the new limits; where these are lower, nothing is broken off, and
    /// nothing more begins until there is room. Connections stay open, unless what the tenant may reach or read has changed
    /// (its grants but for `topics`): then each is closed when the calls that have it have ended, or the next call needs its
    /// client identifier. Calls that have begun end with the grants that they began with.
    pub fn replace(&self, tenant: Tenant) -> Tenant {
        let mut registry = self.write();
        let tenant = match registry.by_name.get(tenant.name()) {
            Some(before) => tenant.succeeding(before),
            None => tenant,
        };
        registry.insert(tenant.clone());
        tenant
    }

    /// Puts all of `tenants` in, each as [`replace`](Self::replace) does, and takes those out that are not among them: for a
    /// file that was read again.
    pub fn replace_all(&self, tenants: Tenants) {
        let new = tenants.registry.into_inner().unwrap_or_else(PoisonError::into_inner).by_name;
        for tenant in self.iter().filter(|tenant| !new.contains_key(tenant.name())) {
            self.remove(tenant.name());
        }
        for tenant in new.into_values() {
            self.replace(tenant);
        }
    }

    /// Takes a tenant out. Its calls that are under way go on; put in again, it begins anew.
    pub fn remove(&self, name: &str) -> Option<Tenant> {
        self.write().remove(name)
    }

    fn read(&self) -> RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Registry> {
        self.registry.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FromIterator<Tenant> for Tenants {
    /// Of several with one name, the last replaces those before.
    fn from_iter<I: IntoIterator<Item = Tenant>>(tenants: I) -> Self {
        let all = Self::default();
        for tenant in tenants {
            all.replace(tenant);
        }
        all
    }
}

impl fmt::Debug for Tenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.read().by_name.iter()).finish()
    }
}

/// What a tenant in a document has besides its grants: its limits.
pub(super) const LIMITS_MEMBER: &str = "limits";
/// What a tenant in a document has besides its grants: its configuration.
pub(super) const CONFIG_MEMBER: &str = "config";
/// What a tenant in a document has besides its grants: the tokens of its callers.
pub(super) const TOKENS_MEMBER: &str = "tokens";

/// Whether a tenant in a document may have this name.
pub(super) fn is_name(name: &str) -> bool {
    let is_character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&name.len()) && name.bytes().all(is_character)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::tenant::{Grants, Limits, TenantBuilder, Token};

    fn limits(concurrent_sends: u32) -> Limits {
        Limits { concurrent_sends, messages_per_second: 2, ..Limits::default() }
    }

    #[tokio::test]
    async fn a_tenant_that_is_replaced_keeps_what_it_has_used_up() {
        let tenants = Tenants::new();
        let acme = tenants.replace(Tenant::builder("acme").limits(limits(2)).build());
        let now = Instant::now();
        assert_eq!(acme.quotas().schedule(9, now, now).granted(), 2);
        let [first, second] = [
            acme.quotas().send("acme", acme.limits(), now).await.unwrap(),
            acme.quotas().send("acme", acme.limits(), now).await.unwrap(),
        ];

        let fewer = tenants.replace(Tenant::builder("acme").limits(limits(1)).build());
        assert_eq!(fewer.quotas().schedule(9, now, now).granted(), 0);
        drop(first);
        let soon = || Instant::now() + Duration::from_millis(1);
        fewer.quotas().send("acme", fewer.limits(), soon()).await.unwrap_err();
        drop(second);
        let only = fewer.quotas().send("acme", fewer.limits(), soon()).await.unwrap();
        acme.quotas().send("acme", acme.limits(), soon()).await.unwrap_err();

        let more = tenants.replace(Tenant::builder("acme").limits(limits(2)).build());
        let _both = [only, more.quotas().send("acme", more.limits(), soon()).await.unwrap()];
        more.quotas().send("acme", more.limits(), soon()).await.unwrap_err();
    }

    #[test]
    fn connections_stay_as_long_as_the_tenant_may_reach_and_read_the_same() {
        let granted = |grants: &str| {
            Tenant::builder("acme").grants(serde_json::from_str::<Grants>(grants).unwrap()).build()
        };
        let tenants = Tenants::new();
        let stored = r#"{"brokers": ["tcp://a"], "directories": ["/"]}"#;
        let first = tenants.replace(granted(stored));
        assert!(first.shares_connections_with(&tenants.replace(granted(stored))));
        for unchanged in [
            r##"{"brokers": ["tcp://a"], "directories": ["/"], "topics": ["#"]}"##,
            r#"{"brokers": ["tcp://a"], "directories": ["/"], "stored-secrets": true}"#,
        ] {
            assert!(first.shares_connections_with(&tenants.replace(granted(unchanged))), "{unchanged}");
        }
        for changed in [
            r#"{"brokers": ["tcp://b"], "directories": ["/"]}"#,
            r#"{"brokers": ["tcp://a"], "directories": []}"#,
            r#"{"brokers": ["tcp://a"], "directories": ["/"], "private-networks": true}"#,
            r#"{"brokers": ["tcp://a"], "directories": ["/"], "unverified-servers": true}"#,
            r#"{"brokers": ["tcp://a"], "directories": ["/"], "proxy-names": true}"#,
        ] {
            assert!(!first.shares_connections_with(&tenants.replace(granted(changed))), "{changed}");
        }
        assert!(first.shares_connections_with(&tenants.replace(granted(stored))), "as it was again");
        assert!(!first.shares_connections_with(&granted(stored)), "one that is not in the registry");
    }

    #[test]
    fn a_token_is_held_by_the_tenant_that_has_it_now() {
        let with = |name: &str, tokens: &[&str]| {
            let token = |token: &&str| Token::new("t", TokenDigest::of(token)).unwrap();
            tokens.iter().map(token).fold(Tenant::builder(name), TenantBuilder::token).build()
        };
        let tenants: Tenants =
            [with("a", &["one", "two"]), with("b", &["three"]), with("c", &[])].into_iter().collect();
        let holder = |token| tenants.holder(token).map(|tenant| tenant.name().to_owned());
        let holders = || ["one", "two", "three", "four", ""].map(holder);
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(holders(), [named("a"), named("a"), named("b"), None, None]);
        // One is the next tenant's, one is gone, one is new.
        tenants.replace_all([with("a", &["three"]), with("b", &["one", "four"])].into_iter().collect());
        assert_eq!(holders(), [named("b"), None, named("a"), named("b"), None]);
        tenants.replace_all([with("a", &["one"]), with("b", &["three"])].into_iter().collect());
        assert_eq!(holders(), [named("a"), None, named("b"), None, None]);
        tenants.remove("a");
        assert_eq!(holders(), [None, None, named("b"), None, None]);
    }

    #[test]
    fn a_file_that_is_read_again_takes_the_place_of_all() {
        let named = |names: [&str; 2]| {
            names.into_iter().map(|name| Tenant::builder(name).build()).collect::<Tenants>()
        };
        let tenants = named(["a", "b"]);
        let (a, b) = (tenants.get("a").unwrap(), tenants.get("b").unwrap());
        tenants.replace_all(named(["b", "c"]));
        let names: Vec<_> = tenants.iter().map(|tenant| tenant.name().to_owned()).collect();
        assert_eq!(names, ["b", "c"]);
        assert!(b.shares_connections_with(&tenants.get("b").unwrap()));
        assert!(tenants.remove("a").is_none());
        assert!(!a.shares_connections_with(&tenants.replace(Tenant::builder("a").build())));
    }
}
