//! The way out: from the broker's name to a connected socket, through the tenant's grants.
//!
//! A name is resolved once per call; every address it has is checked; the addresses that were checked are the ones
//! that are dialled, so that a name cannot lead elsewhere the second time.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::error::Error;
use crate::platform::{Shortage, System, names, socket};
use crate::stage::Stage;
use crate::tenant::{Peer, Tenant};

/// The longest that one address is waited for while there is another to try. The deadline of a connection is the latest of the
/// calls that wait for it; a call with less time is not to spend all of it on one address.
const SHARE: Duration = Duration::from_secs(3);

/// What [`Resolver::resolve`] returns: a future, boxed, so that a resolver can be chosen at run time.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Looks host names up. A platform brings its own for split-horizon DNS, caching or DNS over TLS.
///
/// The addresses that it gives are checked against the tenant's grants like any other. A look-up goes on when its send gives up;
/// a tenant has at most 8 under way, and further ones wait.
pub trait Resolver: Send + Sync {
    /// The addresses of `host`, in the order in which they are to be tried.
    ///
    /// # Errors
    ///
    /// The name was not found or could not be looked up; an empty list means the same.
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a>;

    /// The addresses of `host`, if they are known without a look-up. A send whose grants do not allow one of them is then refused
    /// before anything leaves the process, and a check says so too. Default: `None`.
    fn known(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let _ = (host, port);
        None
    }
}

/// The system's own resolver: `getaddrinfo`, or what a WASI host has for `wasi:sockets/ip-name-lookup`.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a> {
        Box::pin(names::look_up(host, port))
    }
}

/// Points some names at fixed addresses, and asks another resolver for the rest.
pub struct PinnedResolver {
    pins: HashMap<(String, u16), Vec<SocketAddr>>,
    rest: Arc<dyn Resolver>,
}

impl PinnedResolver {
    /// Pins nothing yet; names without a pin go to `rest`.
    pub fn new(rest: Arc<dyn Resolver>) -> Self {
        Self { pins: HashMap::new(), rest }
    }

    /// Points `host` at `port` to `address`, whose port is dialled. A name may have several addresses.
    #[must_use]
    pub fn pin(mut self, host: &str, port: u16, address: SocketAddr) -> Self {
        self.pins.entry((host.to_ascii_lowercase(), port)).or_default().push(address);
        self
    }
}

impl PinnedResolver {
    fn pinned(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        self.pins.get(&(host.to_ascii_lowercase(), port)).cloned()
    }
}

impl std::fmt::Debug for PinnedResolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PinnedResolver").field("pins", &self.pins).finish_non_exhaustive()
    }
}

impl Resolver for PinnedResolver {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a> {
        match self.pinned(host, port) {
            Some(addresses) => Box::pin(std::future::ready(Ok(addresses))),
            None => self.rest.resolve(host, port),
        }
    }

    fn known(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        self.pinned(host, port).or_else(|| self.rest.known(host, port))
    }
}

/// The addresses of `peer`, all of which the tenant may connect to.
///
/// # Errors
///
/// [`Error::HostNotFound`], [`Error::Shortage`], or [`Error::Denied`] when one of the addresses is not allowed: nothing has left by then.
pub(crate) async fn addresses(
    peer: Peer<'_>,
    tenant: &Tenant,
    resolver: &Arc<dyn Resolver>,
) -> Result<Vec<SocketAddr>, Error> {
    let found = match peer.host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, peer.port)],
        Err(_) => {
            // The C library says that a name was not found when it could not open the files it looks into.
            look_up(peer, tenant, resolver).await.map_err(|error| {
                match Shortage::of(&error).or_else(Shortage::found) {
                    Some(shortage) => Error::Shortage { shortage, stage: Stage::LookUp.words() },
                    None => Error::HostNotFound { host: peer.host.to_owned(), reason: words(&error) },
                }
            })?
        }
    };
    if found.is_empty() {
        return Err(Error::HostNotFound {
            host: peer.host.to_owned(),
            reason: "it has no address".to_owned(),
        });
    }
    for address in &found {
        tenant.grants().check_address(tenant.name(), peer, address.ip())?;
    }
    Ok(found)
}

/// Why a look-up failed: in the resolver's words, or in ours for an error of the system.
fn words(error: &io::Error) -> String {
    if error.get_ref().is_some() { error.to_string() } else { System(error).to_string() }
}

/// Looks the name up in a task of its own. A look-up of the system cannot be stopped: it goes on when the call has given up, and
/// until it ends it counts against the tenant's 8.
async fn look_up(
    peer: Peer<'_>,
    tenant: &Tenant,
    resolver: &Arc<dyn Resolver>,
) -> io::Result<Vec<SocketAddr>> {
    let permit = tenant.quotas().blocking().await;
    let (resolver, host, port) = (Arc::clone(resolver), peer.host.to_owned(), peer.port);
    let looking_up = tokio::spawn(async move {
        let _permit = permit;
        resolver.resolve(&host, port).await
    });
    looking_up.await.map_err(|_| io::Error::other("the resolver failed"))?
}

/// Why an address did not take the connection.
fn refused(address: &SocketAddr, error: &io::Error) -> String {
    match address.ip() {
        IpAddr::V6(ip) if ip.is_unicast_link_local() && error.kind() == io::ErrorKind::InvalidInput => {
            "a link-local address needs a zone identifier, which is not supported; give a host name or another address"
                .to_owned()
        }
        _ => System(error).to_string(),
    }
}

/// Connects to the first of `addresses` that answers. Each but the last has an equal share of the time until `deadline`, and no
/// more than [`SHARE`]. The last has no timeout here: whoever waits for the connection ends it.
///
/// # Errors
///
/// [`Error::Unreachable`], with what each address answered; [`Error::Shortage`].
pub(crate) async fn dial(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, Error> {
    let mut failures = Vec::new();
    for (position, address) in addresses.iter().enumerate() {
        let left = addresses.len() - position;
        let connecting = socket::connect(*address);
        let connected = if left == 1 {
            Ok(connecting.await)
        } else {
            let time = deadline.saturating_duration_since(Instant::now());
            timeout((time / u32::try_from(left).unwrap_or(u32::MAX)).min(SHARE), connecting).await
        };
        let error = match connected {
            Ok(Ok(stream)) => {
                // What belongs together is written together; nothing is to wait for an acknowledgement of TCP.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY");
                }
                return Ok(stream);
            }
            Ok(Err(error)) => match Shortage::of(&error) {
                // Another address would fail for the same reason.
                Some(shortage) => return Err(Error::Shortage { shortage, stage: Stage::Dial.words() }),
                None => refused(address, &error),
            },
            Err(_) => "no answer".to_owned(),
        };
        failures.push(format!("{address}: {error}"));
    }
    Err(Error::Unreachable(failures.join("; ")))
}
