//! Who a send is for: a tenant, what it may do ([`Grants`]) and how much of it ([`Limits`]).

mod broker_grant;
mod excerpt;
#[cfg(feature = "tenants-file")]
mod file;
mod grants;
mod limits;
mod quotas;
mod tenants;
mod token;
mod topic_filter;
mod unit;
mod words;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use broker_grant::{BrokerGrant, BrokerGrantError, Scheme};
#[cfg(feature = "tenants-file")]
pub use file::{TenantsError, TenantsFault};
pub(crate) use grants::Peer;
pub use grants::{DirectoryGrantError, Grants};
pub use limits::{Limits, LimitsBuilder};
pub use quotas::{Inside, Permit, Quotas, Visit};
pub use tenants::Tenants;
pub use token::{Token, TokenDigest, TokenError};
pub use topic_filter::{TopicFilter, TopicFilterError};

use crate::telemetry::Series;

/// One of the parties that a platform runs the connector for. Nothing is allowed that is not granted.
///
/// It is a handle: a clone is the same tenant, with the same counters and connections. What is built anew has counters of
/// its own, also under the same name: a platform that reads a tenant for each request puts it into [`Tenants`], which hands the
/// counters and connections over from one to the next.
///
/// ```
/// use std::time::Duration;
/// use mqtt_connector_publisher::Tenant;
///
/// let tenant = Tenant::builder("acme")
///     .broker("ssl://*.iot.eu-west-1.amazonaws.com:8883".parse()?)
///     .topics("acme/#".parse()?)
///     .timeout(Duration::from_secs(30))
///     .build();
/// assert_eq!(tenant.name(), "acme");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Tenant {
    record: Arc<Record>,
}

/// What is known of a tenant, as it stands until it is replaced.
#[derive(Clone)]
struct Record {
    name: Arc<str>,
    grants: Grants,
    limits: Limits,
    config: String,
    tokens: Vec<Token>,
    quotas: Arc<Quotas>,
    series: Arc<Series>,
}

impl Tenant {
    /// Starts a tenant with no grants and the default limits. `name` appears in messages and logs.
    pub fn builder(name: impl Into<String>) -> TenantBuilder {
        TenantBuilder::new(name.into(), Grants::default(), Limits::default())
    }

    /// A tenant that may do everything: for a person at a command line, who is their own operator.
    /// **Not for a configuration that somebody else wrote.**
    pub fn unrestricted(name: impl Into<String>) -> Self {
        let tenant = TenantBuilder::new(name.into(), Grants::everything(), Limits::MOST);
        tenant.with_quotas(Quotas::alone(&Limits::MOST))
    }

    /// The name, for a label of which there are many.
    #[must_use]
    pub fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.record.name)
    }

    /// The name in messages and logs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// What the tenant may do.
    #[must_use]
    pub fn grants(&self) -> &Grants {
        &self.record.grants
    }

    /// How much the tenant may do.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.record.limits
    }

    /// The configuration of the tenant's sends, which the platform stores for it: JSON text for
    /// `Connector::send` of the crate `mqtt-connector`. It may hold passwords, so `Debug` does not show it.
    #[must_use]
    pub fn config(&self) -> &str {
        &self.record.config
    }

    /// By what callers are known that ask for it.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.record.tokens
    }

    /// What the tenant has under way.
    #[must_use]
    pub fn quotas(&self) -> &Quotas {
        &self.record.quotas
    }

    /// The metrics of the tenant's sends.
    pub(crate) fn series(&self) -> &Arc<Series> {
        &self.record.series
    }

    /// Whether a connection of this tenant may serve a call of `other`: it is the same tenant, and what it may reach and read
    /// has not changed since.
    pub(crate) fn shares_connections_with(&self, other: &Self) -> bool {
        let (here, there) = (&*self.record, &*other.record);
        std::ptr::eq(here, there)
            || Arc::ptr_eq(&here.quotas, &there.quotas) && here.grants.allow_the_connections_of(&there.grants)
    }

    /// This tenant, with the counters of `before`, which get this one's limits.
    fn succeeding(self, before: &Self) -> Self {
        if Arc::ptr_eq(&self.record, &before.record) {
            return self;
        }
        let quotas = Arc::clone(&before.record.quotas);
        quotas.set_limits(&self.record.limits);
        Self { record: Arc::new(Record { quotas, ..Arc::unwrap_or_clone(self.record) }) }
    }
}

/// Equal are handles of one tenant as it stands; what replaces a tenant is another.
impl PartialEq for Tenant {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.record, &other.record)
    }
}

impl Eq for Tenant {}

impl Hash for Tenant {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.record).hash(state);
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { name, grants, limits, config: _, tokens: _, quotas: _, series: _ } = &*self.record;
        let mut shown = f.debug_struct("Tenant");
        shown.field("name", name).field("grants", grants).field("limits", limits).finish_non_exhaustive()
    }
}

/// Builds a [`Tenant`].
pub struct TenantBuilder {
    name: String,
    grants: Grants,
    limits: Limits,
    config: String,
    tokens: Vec<Token>,
}

impl TenantBuilder {
    fn new(name: String, grants: Grants, limits: Limits) -> Self {
        Self { name, grants, limits, config: "{}".to_owned(), tokens: Vec::new() }
    }

    /// Allows brokers: `scheme://host[:port]`, see [`BrokerGrant`].
    #[must_use]
    pub fn broker(mut self, grant: BrokerGrant) -> Self {
        self.grants.add_broker(grant);
        self
    }

    /// Allows topics to publish to, wills included: see [`TopicFilter`].
    #[must_use]
    pub fn topics(mut self, filter: TopicFilter) -> Self {
        self.grants.add_topics(filter);
        self
    }

    /// Allows certificate, key and CA files in and below `directory`, which is opened now: what is renamed or linked
    /// later cannot widen it.
    ///
    /// # Errors
    ///
    /// The directory is not an absolute path or cannot be opened.
    pub fn directory(mut self, directory: impl AsRef<Path>) -> Result<Self, DirectoryGrantError> {
        self.grants.add_directory(directory.as_ref())?;
        Ok(self)
    }

    /// Allows host names that lead to loopback and private addresses. Default: false. (An address or a range that is
    /// granted as a broker is allowed without this.)
    #[must_use]
    pub fn private_networks(mut self, allowed: bool) -> Self {
        self.grants.set_private_networks(allowed);
        self
    }

    /// Allows `verify-server: false`: brokers whose certificate nobody checks. Default: false.
    #[must_use]
    pub fn unverified_servers(mut self, allowed: bool) -> Self {
        self.grants.set_unverified_servers(allowed);
        self
    }

    /// Allows the tenant to name a proxy (the parameter `proxy`), which looks the brokers' names up where nobody here sees what
    /// they lead to. The proxy's address is granted with [`broker`](Self::broker) besides. Default: false.
    #[must_use]
    pub fn proxy_names(mut self, allowed: bool) -> Self {
        self.grants.set_proxy_names(allowed);
        self
    }

    /// Allows a service to keep requests that hold secrets until they are carried out. Default: false.
    #[must_use]
    pub fn stored_secrets(mut self, allowed: bool) -> Self {
        self.grants.set_stored_secrets(allowed);
        self
    }

    /// Lets messages of MQTT 5 say to which trace they belong: see [`TraceContext`](crate::TraceContext). Default: false.
    #[must_use]
    pub fn trace_context(mut self, allowed: bool) -> Self {
        self.grants.set_trace_context(allowed);
        self
    }

    /// What the tenant may do, all at once, in place of what was granted before.
    #[must_use]
    pub fn grants(mut self, grants: Grants) -> Self {
        self.grants = grants;
        self
    }

    /// How much the tenant may do; no timeout is longer than that of [`Limits::MOST`]. Default: [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Limits { timeout: limits.timeout.min(Limits::MOST.timeout), ..limits };
        self
    }

    /// The longest time a call may take, whatever its `timeout` parameter says. Default: that of [`Limits::default`].
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        let limits = Limits { timeout, ..self.limits };
        self.limits(limits)
    }

    /// The configuration of the tenant's sends, as JSON text, such as the `to_string` of a [`serde_json::Value`].
    /// What is wrong with it, the connector says when it is used. Default: `{}`.
    #[must_use]
    pub fn config(mut self, config: impl Into<String>) -> Self {
        self.config = config.into();
        self
    }

    /// Lets callers that show this token ask for the tenant, beside those that were named before: see [`Tenants::holder`]. Default:
    /// nobody.
    #[must_use]
    pub fn token(mut self, token: Token) -> Self {
        self.tokens.push(token);
        self
    }

    /// The tenant.
    #[must_use]
    pub fn build(self) -> Tenant {
        let quotas = Quotas::new(&self.limits);
        self.with_quotas(quotas)
    }

    fn with_quotas(self, quotas: Quotas) -> Tenant {
        let Self { name, grants, limits, config, tokens } = self;
        let name = Arc::from(name);
        let series = Arc::new(Series::of(Arc::clone(&name)));
        let record = Record { name, grants, limits, config, tokens, quotas: Arc::new(quotas), series };
        Tenant { record: Arc::new(record) }
    }
}

impl fmt::Debug for TenantBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, grants, limits, config: _, tokens: _ } = self;
        let mut shown = f.debug_struct("TenantBuilder");
        shown.field("name", name).field("grants", grants).field("limits", limits).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_not_in_debug() {
        let builder = Tenant::builder("acme").config(r#"{"password": "planted"}"#);
        assert!(!format!("{builder:?}").contains("planted"), "{builder:?}");
        let tenant = builder.timeout(Duration::from_secs(1)).build();
        assert_eq!(tenant.config(), r#"{"password": "planted"}"#);
        assert!(!format!("{tenant:?}").contains("planted"), "{tenant:?}");
        assert!(format!("{tenant:?}").starts_with("Tenant { name: \"acme\", grants: "), "{tenant:?}");
    }

    #[test]
    fn a_tenant_without_a_configuration_has_an_empty_one() {
        assert_eq!(Tenant::builder("acme").build().config(), "{}");
    }
}
