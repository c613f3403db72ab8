//! What a tenant may do: which brokers it may reach, over which addresses, and which files it may name.

mod document;
pub(super) mod fields;
mod files;
mod reach;

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mqtt_connector_contract::shown::Shown;

use super::broker_grant::{BrokerGrant, Scheme};
use super::excerpt::excerpt;
use super::topic_filter::TopicFilter;
use crate::contract::{Broker, Proxy};
use crate::error::Error;
use crate::platform;
pub(super) use reach::METADATA;
use reach::{Embedded, Reach, reach};

/// What a tenant may do. Nothing granted, nothing allowed.
///
/// In a document it is an object with `brokers`, `topics` and `directories` (lists of strings), `private-networks`,
/// `unverified-servers`, `proxy-names`, `stored-secrets` and `trace-context` (booleans), each of which may be left out. Reading it opens the
/// directories.
///
/// ```
/// use mqtt_connector_publisher::{Grants, Scheme, Tenant};
///
/// let stored = r#"{"brokers": ["ssl://*.acme.example"], "topics": ["acme/#"]}"#;
/// let grants: Grants = serde_json::from_str(stored)?;
/// assert!(grants.allows_broker(Scheme::Tls, "eu.acme.example", 8883));
/// let tenant = Tenant::builder("acme").grants(grants).build();
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Grants {
    brokers: Access<BrokerGrant>,
    topics: Access<TopicFilter>,
    directories: Access<Directory>,
    private_networks: bool,
    unverified_servers: bool,
    proxy_names: bool,
    stored_secrets: bool,
    trace_context: bool,
}

/// Whom a connection is made to: a broker, or the proxy before it.
#[derive(Clone, Copy)]
pub(crate) struct Peer<'a> {
    pub(crate) scheme: Scheme,
    pub(crate) host: &'a str,
    pub(crate) port: u16,
}

impl<'a> From<&'a Broker> for Peer<'a> {
    fn from(broker: &'a Broker) -> Self {
        Self { scheme: broker.transport.into(), host: &broker.host, port: broker.port }
    }
}

impl<'a> From<&'a Proxy> for Peer<'a> {
    fn from(proxy: &'a Proxy) -> Self {
        Self { scheme: proxy.protocol.into(), host: &proxy.host, port: proxy.port }
    }
}

impl Peer<'_> {
    /// The parameter that names it, and what a tenant may not do.
    fn denied(&self, tenant: &str) -> String {
        if self.scheme.is_proxy() {
            format!("proxy: tenant {tenant} may not send through {}", self.host)
        } else {
            format!("broker: tenant {tenant} may not send to {}", self.host)
        }
    }
}

impl Default for Grants {
    /// Nothing is granted.
    fn default() -> Self {
        Self {
            brokers: Access::Listed(Vec::new()),
            topics: Access::Listed(Vec::new()),
            directories: Access::Listed(Vec::new()),
            private_networks: false,
            unverified_servers: false,
            proxy_names: false,
            stored_secrets: false,
            trace_context: false,
        }
    }
}

/// Everything, or what is on a list.
#[derive(Debug, Clone, PartialEq)]
enum Access<T> {
    Everything,
    Listed(Vec<T>),
}

impl<T> Access<T> {
    fn listed(&self) -> Option<&[T]> {
        match self {
            Self::Everything => None,
            Self::Listed(listed) => Some(listed),
        }
    }
}

/// Equal to another when it was named the same.
#[derive(Debug, Clone)]
struct Directory {
    path: PathBuf,
    opened: Arc<platform::files::Directory>,
}

impl PartialEq for Directory {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

/// Why a directory cannot be granted.
#[derive(Debug, thiserror::Error)]
#[error("directory grant {}", excerpt(&path.to_string_lossy()))]
pub struct DirectoryGrantError {
    path: PathBuf,
    source: io::Error,
}

impl DirectoryGrantError {
    /// The error and its source in one, for an error type that has no source.
    pub(super) fn with_reason(&self) -> String {
        format!("{self}: {}", self.source)
    }
}

impl Grants {
    /// The brokers that are granted; `None` when all are.
    #[must_use]
    pub fn brokers(&self) -> Option<&[BrokerGrant]> {
        self.brokers.listed()
    }

    /// The topics that are granted; `None` when all are.
    #[must_use]
    pub fn topics(&self) -> Option<&[TopicFilter]> {
        self.topics.listed()
    }

    /// The directories that are granted, as they were named; `None` when all are.
    #[must_use]
    pub fn directories(&self) -> Option<Vec<&Path>> {
        let directories = self.directories.listed()?;
        Some(directories.iter().map(|directory| directory.path.as_path()).collect())
    }

    /// Whether the broker, or the proxy, at `host` (as it is written, an IPv6 address without brackets) and `port` is granted. Where
    /// its name leads is another question, which is asked when it has been looked up.
    #[must_use]
    pub fn allows_broker(&self, scheme: Scheme, host: &str, port: u16) -> bool {
        match &self.brokers {
            Access::Everything => true,
            Access::Listed(grants) => grants.iter().any(|grant| grant.allows(scheme, host, port)),
        }
    }

    /// Whether publishing to `topic` is granted, be it as a message or as a will.
    #[must_use]
    pub fn allows_topic(&self, topic: &str) -> bool {
        match &self.topics {
            Access::Everything => true,
            Access::Listed(filters) => filters.iter().any(|filter| filter.allows(topic)),
        }
    }

    /// Whether granted host names may lead to loopback and private addresses.
    #[must_use]
    pub fn allows_private_networks(&self) -> bool {
        self.private_networks
    }

    /// Whether brokers need not be verified where the tenant says so (`verify-server: false`).
    #[must_use]
    pub fn allows_unverified_servers(&self) -> bool {
        self.unverified_servers
    }

    /// Whether the tenant may name a proxy. A proxy looks the brokers' names up where nobody here sees what they lead to, so
    /// that nothing but the names themselves is checked. The proxy's own address needs a grant among
    /// [`brokers`](Self::brokers) besides.
    #[must_use]
    pub fn allows_proxy_names(&self) -> bool {
        self.proxy_names
    }

    /// Whether a request that holds a secret, a password for example, may be kept by a service until it is carried out. Otherwise secrets
    /// stand in the tenant's configuration, which no service stores.
    #[must_use]
    pub fn allows_stored_secrets(&self) -> bool {
        self.stored_secrets
    }

    /// Whether messages of MQTT 5 say to which trace the call belongs that they are sent for: see
    /// [`TraceContext`](crate::TraceContext).
    #[must_use]
    pub fn allows_trace_context(&self) -> bool {
        self.trace_context
    }

    /// Whether a connection that these grants allow is one that `other` allows. Topics are no part of it: each message is
    /// asked about its own. And neither is what a service stores, nor what it adds to messages.
    pub(super) fn allow_the_connections_of(&self, other: &Self) -> bool {
        let Self {
            brokers,
            topics: _,
            directories,
            private_networks,
            unverified_servers,
            proxy_names,
            stored_secrets: _,
            trace_context: _,
        } = self;
        *brokers == other.brokers
            && *directories == other.directories
            && *private_networks == other.private_networks
            && *unverified_servers == other.unverified_servers
            && *proxy_names == other.proxy_names
    }

    pub(super) fn everything() -> Self {
        Self {
            brokers: Access::Everything,
            topics: Access::Everything,
            directories: Access::Everything,
            private_networks: true,
            unverified_servers: true,
            proxy_names: true,
            stored_secrets: true,
            trace_context: true,
        }
    }

    pub(super) fn add_broker(&mut self, grant: BrokerGrant) {
        match &mut self.brokers {
            Access::Everything => {}
            Access::Listed(brokers) => brokers.push(grant),
        }
    }

    pub(super) fn add_topics(&mut self, filter: TopicFilter) {
        match &mut self.topics {
            Access::Everything => {}
            Access::Listed(topics) => topics.push(filter),
        }
    }

    pub(super) fn add_directory(&mut self, path: &Path) -> Result<(), DirectoryGrantError> {
        let Access::Listed(directories) = &mut self.directories else { return Ok(()) };
        let wrong = |source| DirectoryGrantError { path: path.to_owned(), source };
        if !path.is_absolute() {
            return Err(wrong(io::Error::new(io::ErrorKind::InvalidInput, "it is not an absolute path")));
        }
        if files::has_dots(path) {
            let reason = "it has . or .. in it; a grant is compared with paths as they are written, so name the \
                          directory itself";
            return Err(wrong(io::Error::new(io::ErrorKind::InvalidInput, reason)));
        }
        let opened = platform::files::Directory::open(path).map_err(wrong)?;
        directories.push(Directory { path: path.to_owned(), opened: Arc::new(opened) });
        Ok(())
    }

    pub(super) fn set_private_networks(&mut self, allowed: bool) {
        self.private_networks = allowed;
    }

    pub(super) fn set_unverified_servers(&mut self, allowed: bool) {
        self.unverified_servers = allowed;
    }

    pub(super) fn set_proxy_names(&mut self, allowed: bool) {
        self.proxy_names = allowed;
    }

    pub(super) fn set_stored_secrets(&mut self, allowed: bool) {
        self.stored_secrets = allowed;
    }

    pub(super) fn set_trace_context(&mut self, allowed: bool) {
        self.trace_context = allowed;
    }

    /// Whether the tenant may send to `broker`, as it wrote it.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`].
    pub(crate) fn check_broker(&self, tenant: &str, broker: &Broker) -> Result<(), Error> {
        if self.allows_broker(broker.transport.into(), &broker.host, broker.port) {
            return Ok(());
        }
        Err(Error::Denied(format!(
            "broker: tenant {tenant} may not send to {} port {}; no grant names it",
            broker.host, broker.port
        )))
    }

    /// Whether the tenant may name a proxy, whichever it is.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`].
    pub(crate) fn check_proxy_names(&self, tenant: &str) -> Result<(), Error> {
        if self.allows_proxy_names() {
            return Ok(());
        }
        Err(Error::Denied(format!(
            "proxy: tenant {tenant} may not name a proxy, which looks names up out of sight; that needs the grant \
             proxy-names"
        )))
    }

    /// Whether the tenant may send through `proxy`, as it wrote it.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`].
    pub(crate) fn check_proxy(&self, tenant: &str, proxy: &Proxy) -> Result<(), Error> {
        let peer = Peer::from(proxy);
        if self.allows_broker(peer.scheme, peer.host, peer.port) {
            return Ok(());
        }
        Err(Error::Denied(format!("{} port {}; no grant names it", peer.denied(tenant), proxy.port)))
    }

    /// Whether the tenant may leave its brokers unverified, if it does.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`].
    pub(crate) fn check_verification(&self, tenant: &str, verify_server: bool) -> Result<(), Error> {
        if verify_server || self.allows_unverified_servers() {
            return Ok(());
        }
        Err(Error::Denied(format!(
            "verify-server: tenant {tenant} may not send to a broker that is not verified"
        )))
    }

    /// Whether the tenant may publish to `topic`; `parameter` says what the topic is of.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`].
    pub(crate) fn check_topic(&self, tenant: &str, parameter: &str, topic: &str) -> Result<(), Error> {
        if self.allows_topic(topic) {
            return Ok(());
        }
        Err(Error::Denied(format!(
            "{parameter}: tenant {tenant} may not publish to {}; no grant names it",
            Shown::whole(topic)
        )))
    }

    /// Whether a broker or a proxy that the tenant may use may be at `address`. An address that the public internet does not
    /// route needs a grant of its own: otherwise a name that the tenant controls would lead into the host's network.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`].
    pub(crate) fn check_address(&self, tenant: &str, peer: Peer<'_>, address: IpAddr) -> Result<(), Error> {
        let Access::Listed(grants) = &self.brokers else { return Ok(()) };
        let embedded = Embedded::find(address);
        // An operator who grants [2000::]/3 does not mean the address 10.0.0.1 that is embedded in 2002:a00:1::. A range grants an
        // address with another one in it only when it is at least as narrow as the prefix that says so (here 2002::/16).
        let narrowest = embedded.map_or(0, |embedded| embedded.prefix_len);
        let Peer { scheme, port, .. } = peer;
        let written = |grant: &BrokerGrant| grant.allows_address(scheme, port, address, narrowest);
        let reached = embedded.map_or(address, |embedded| embedded.address);
        let granted =
            grants.iter().any(|grant| written(grant) || grant.allows_address(scheme, port, reached, 0));
        let reason = match reach(reached) {
            _ if granted => return Ok(()),
            Reach::Public => return Ok(()),
            Reach::Private if self.private_networks => return Ok(()),
            Reach::Private => "is in a private network, which needs a grant",
            Reach::Special => "is not a public address, and needs a grant of its own",
        };
        Err(Error::Denied(format!("{}: {reached} {reason}", peer.denied(tenant))))
    }
}
