//! The way out: from the broker's name to a connected socket, through the tenant's grants.
//!
//! A name is resolved once per call; every address it has is checked; the addresses that were checked are the ones
//! that are dialled, so that a name cannot lead elsewhere the second time.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::error::{Error, System};
use crate::platform::blocking;
use crate::shortage::Shortage;
use crate::stage::Stage;
use crate::tenant::{Peer, Tenant};

/// How long an address may take to answer when there is another: a call with little time may wait beside one with much.
const SHARE: Duration = Duration::from_secs(3);

/// What [`Resolver::resolve`] returns: a future, boxed, so that a resolver can be chosen at run time.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Looks host names up. A platform brings its own for split-horizon DNS, caching or DNS over TLS.
///
/// What it answers is checked against the tenant's grants like any other address. A look-up is not stopped when its send
/// gives up; a tenant has 8 under way at most, and further ones wait.
pub trait Resolver: Send + Sync {
    /// The addresses of `host`, in the order in which they are to be tried.
    ///
    /// # Errors
    ///
    /// The name was not found or could not be looked up; an empty list means the same.
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a>;

    /// The addresses of `host`, if they are known without asking anybody: a send that may not reach one of them is refused
    /// before anything is looked up, and a check says so, too. Default: `None`.
    fn known(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let _ = (host, port);
        None
    }
}

/// The system's own resolver (`getaddrinfo`).
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a> {
        let host = host.to_owned();
        let look_up = move || Ok((host.as_str(), port).to_socket_addrs().map_err(in_our_words)?.collect());
        Box::pin(async move { blocking::on_a_thread(look_up).await? })
    }
}

/// What `getaddrinfo` answered. An error of the system itself, such as too many open files, stays what it is.
fn in_our_words(error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() {
        return error;
    }
    tracing::debug!(%error, "the name look-up failed");
    // The standard library hands on the text that belongs to the code, and not the code.
    let text = error.to_string();
    let words = if text.ends_with("Name or service not known") {
        "no name server knows the name"
    } else if text.ends_with("Temporary failure in name resolution") {
        "no name server answered; it may later"
    } else if text.ends_with("No address associated with hostname") {
        "the name has no address"
    } else {
        "the name look-up failed"
    };
    io::Error::new(error.kind(), words)
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

    /// Adds an address for `host` at `port`. The address's port is the one to dial.
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
            // The C library calls a name not found when it cannot open what it looks into.
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

/// A resolver's words, or the system's.
fn words(error: &io::Error) -> String {
    if error.get_ref().is_some() { error.to_string() } else { System(error).to_string() }
}

/// Looks the name up in a task of its own: a look-up of the system's cannot be stopped, and while it goes on it counts
/// among what the tenant keeps busy, also when the call has given up.
async fn look_up(
    peer: Peer<'_>,
    tenant: &Tenant,
    resolver: &Arc<dyn Resolver>,
) -> io::Result<Vec<SocketAddr>> {
    let room = tenant.quotas().blocking().await;
    let (resolver, host, port) = (Arc::clone(resolver), peer.host.to_owned(), peer.port);
    let looking_up = tokio::spawn(async move {
        let _room = room;
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

/// Connects to the first of `addresses` that answers; each has an equal share of the time that is left, [`SHARE`] at most,
/// and the last has all of it.
///
/// # Errors
///
/// [`Error::Unreachable`], with what each address answered; [`Error::Shortage`].
pub(crate) async fn dial(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, Error> {
    let mut failures = Vec::new();
    for (position, address) in addresses.iter().enumerate() {
        let left = addresses.len() - position;
        let connecting = TcpStream::connect(address);
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
                // No other address is of use then.
                Some(shortage) => return Err(Error::Shortage { shortage, stage: Stage::Dial.words() }),
                None => refused(address, &error),
            },
            Err(_) => "no answer".to_owned(),
        };
        failures.push(format!("{address}: {error}"));
    }
    Err(Error::Unreachable(failures.join("; ")))
}
