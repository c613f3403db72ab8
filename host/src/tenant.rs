//! Who a send is for: a tenant, what it may do ([`Grants`]) and how much of it ([`Limits`]).

mod broker_grant;
mod grants;
mod load;
mod pace;
mod topic_filter;

use std::path::Path;
use std::time::Duration;

pub use broker_grant::{BrokerGrant, BrokerGrantError, Scheme};
pub use grants::{DirectoryGrantError, Grants};
pub(crate) use load::Load;
pub use topic_filter::{TopicFilter, TopicFilterError};

/// The longest time-out that the `timeout` parameter can ask for.
const LONGEST: Duration = Duration::from_millis(u32::MAX as u64);

/// One of the parties that a platform runs the connector for. Nothing is allowed that is not granted.
///
/// ```
/// use std::time::Duration;
/// use mqtt_connector::Tenant;
///
/// let tenant = Tenant::builder("acme")
///     .broker("ssl://*.iot.eu-west-1.amazonaws.com:8883".parse()?)
///     .topics("acme/#".parse()?)
///     .time_out(Duration::from_secs(30))
///     .build();
/// assert_eq!(tenant.name(), "acme");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Tenant {
    name: String,
    grants: Grants,
    limits: Limits,
    load: Load,
}

impl Tenant {
    /// Starts a tenant with no grants and the default limits. `name` appears in messages and logs.
    pub fn builder(name: impl Into<String>) -> TenantBuilder {
        TenantBuilder { tenant: Self::new(name.into(), Grants::none(), Limits::default()) }
    }

    /// A tenant that may do everything: for a person at a command line, who is their own operator.
    /// **Not for a configuration that somebody else wrote.**
    pub fn unrestricted(name: impl Into<String>) -> Self {
        Self::new(name.into(), Grants::everything(), Limits::most())
    }

    fn new(name: String, grants: Grants, limits: Limits) -> Self {
        Self { name, grants, limits, load: Load::new(&limits) }
    }

    /// The name in messages and logs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the tenant may do.
    #[must_use]
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// How much the tenant may do.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What the tenant has under way.
    pub(crate) fn load(&self) -> &Load {
        &self.load
    }
}

/// How much of the host's time and memory one call of a tenant may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest payload of a message or a will, in bytes. Default: 1 MiB.
    pub payload: usize,
    /// The longest time a call may take, whatever its `timeout` parameter says. Default: 60 seconds.
    pub time_out: Duration,
    /// Linear memory of the component, in bytes. Default: 64 MiB.
    pub memory: usize,
    /// Time that the component itself may compute, without the time it waits for the broker, to the resolution of the
    /// engine's clock (10 ms). Default: 1 second.
    pub cpu: Duration,
    /// Calls under way at one time; a further one waits for its turn, within its time-out. Default: 64.
    pub concurrent_sends: u32,
    /// Connections open at one time; a further one waits likewise. Default: 32.
    pub connections: u32,
    /// Messages in a second, on average; as many may come at once, and more wait likewise. Default: 1000.
    pub messages_per_second: u32,
}

impl Limits {
    /// As much as MQTT and the `timeout` parameter can ask for.
    fn most() -> Self {
        Self {
            payload: 268_435_455,
            time_out: LONGEST,
            memory: 1024 * 1024 * 1024,
            cpu: Duration::from_secs(60),
            concurrent_sends: 10_000,
            connections: 10_000,
            messages_per_second: u32::MAX,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload: 1024 * 1024,
            time_out: Duration::from_secs(60),
            memory: 64 * 1024 * 1024,
            cpu: Duration::from_secs(1),
            concurrent_sends: 64,
            connections: 32,
            messages_per_second: 1000,
        }
    }
}

/// Builds a [`Tenant`].
#[derive(Debug)]
pub struct TenantBuilder {
    tenant: Tenant,
}

impl TenantBuilder {
    /// Allows brokers: `scheme://host[:port]`, see [`BrokerGrant`].
    #[must_use]
    pub fn broker(mut self, grant: BrokerGrant) -> Self {
        self.tenant.grants.add_broker(grant);
        self
    }

    /// Allows topics to publish to, wills included: see [`TopicFilter`].
    #[must_use]
    pub fn topics(mut self, filter: TopicFilter) -> Self {
        self.tenant.grants.add_topics(filter);
        self
    }

    /// Allows certificate, key and CA files in and below `directory`, which is opened now: what is renamed or linked
    /// later cannot widen it.
    ///
    /// # Errors
    ///
    /// The directory is not an absolute path or cannot be opened.
    pub fn directory(mut self, directory: impl AsRef<Path>) -> Result<Self, DirectoryGrantError> {
        self.tenant.grants.add_directory(directory.as_ref())?;
        Ok(self)
    }

    /// Allows host names that lead to loopback and private addresses. Default: false. (An address or a range that is
    /// granted as a broker is allowed without this.)
    #[must_use]
    pub fn private_networks(mut self, allowed: bool) -> Self {
        self.tenant.grants.set_private_networks(allowed);
        self
    }

    /// Allows `verify-server: false`: brokers whose certificate nobody checks. Default: false.
    #[must_use]
    pub fn unverified_servers(mut self, allowed: bool) -> Self {
        self.tenant.grants.set_unverified_servers(allowed);
        self
    }

    /// What the tenant may do, all at once, in place of what was granted before.
    #[must_use]
    pub fn grants(mut self, grants: Grants) -> Self {
        self.tenant.grants = grants;
        self
    }

    /// How much the tenant may do. Default: [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        let Tenant { name, grants, .. } = self.tenant;
        let limits = Limits { time_out: limits.time_out.min(LONGEST), ..limits };
        self.tenant = Tenant::new(name, grants, limits);
        self
    }

    /// The longest time a call may take, whatever its `timeout` parameter says. Default: 60 seconds.
    #[must_use]
    pub fn time_out(self, time_out: Duration) -> Self {
        let limits = Limits { time_out, ..self.tenant.limits };
        self.limits(limits)
    }

    /// The tenant.
    #[must_use]
    pub fn build(self) -> Tenant {
        self.tenant
    }
}
