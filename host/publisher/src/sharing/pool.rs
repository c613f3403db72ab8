//! Who is connected: one [`Link`] at a time for each client identifier.
//!
//! A broker that sees a second connection with a client identifier ends the first (MQTT 3.1.1, section 3.1.4). So sends
//! with equal connect options share a connection, and one with other options waits until that is idle, closes it and opens
//! its own. Who comes later waits behind it: none of them is passed over for ever. A connection that follows another is
//! dialled while the broker reads the end of that one, and is silent until the broker has closed it.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::sync::Mutex as AsyncMutex;

use super::link::{Link, Surroundings, Ticket, Work};
use crate::dial::egress::Resolver;
use crate::options::Options;
use crate::tenant::Tenant;

/// Client identifiers of which it is remembered what their last connection has left behind.
const REMEMBERED: usize = 10_000;

/// The links of one process.
pub(crate) struct Pool {
    lines: Mutex<HashMap<Client, Arc<Line>>>,
    /// Packet identifiers that the next link with a client identifier is not to use.
    leftovers: Mutex<HashMap<Name, HashSet<u16>>>,
    surroundings: Arc<Surroundings>,
}

/// A client identifier, at a broker; of a list, at the first. The tenant is part of it: tenants never wait for each other,
/// nor does one runtime for another, which may not be running.
#[derive(Clone)]
struct Client {
    runtime: Id,
    tenant: Tenant,
    /// What of them is not the broker or the client identifier is of no account, unless the broker chooses the identifier:
    /// then only those with equal options have to do with each other.
    options: Arc<Options>,
}

/// The same, without the secrets in the options, for as long as the process lives. The broker chooses no identifier where
/// there is something to remember.
#[derive(PartialEq, Eq, Hash)]
struct Name {
    runtime: Id,
    tenant: String,
    host: String,
    port: u16,
    client_id: String,
}

/// Those who want to send with one client identifier.
#[derive(Default)]
struct Line {
    /// Held by the one whose turn it is.
    turn: AsyncMutex<()>,
    /// The last one.
    link: Mutex<Option<Arc<Link>>>,
    /// How many stand in it; changed only while the pool's lines are locked.
    places: AtomicUsize,
}

/// Keeps a line in the pool for as long as somebody stands in it.
struct Place {
    pool: Arc<Pool>,
    client: Client,
    line: Arc<Line>,
}

impl Pool {
    /// `idle` is how long a connection stays open that nobody needs.
    pub(crate) fn new(resolver: Arc<dyn Resolver>, idle: Duration) -> Arc<Self> {
        let surroundings = Arc::new(Surroundings { resolver, idle });
        Arc::new(Self { lines: Mutex::default(), leftovers: Mutex::default(), surroundings })
    }

    pub(crate) fn resolver(&self) -> &Arc<dyn Resolver> {
        &self.surroundings.resolver
    }

    /// Hands `work` to the connection of `options`, which is opened if it is not there. Waits while the client identifier
    /// is in use with other options, and while the connection has all it can take.
    ///
    /// The work is taken out of `work` only when it is handed over.
    pub(crate) async fn join(
        self: &Arc<Self>,
        tenant: &Tenant,
        options: &Arc<Options>,
        work: &mut Option<Work>,
    ) -> Ticket {
        let place = self.place(tenant, options);
        let _turn = place.line.turn.lock().await;
        loop {
            let last = place.line.link().clone();
            if let Some(link) = &last {
                if let Some(ticket) = link.join(tenant, options, work).await {
                    return ticket;
                }
                link.retire();
                link.left().await;
            }
            let last = last.map(|link| link.gone());
            let link = Link::new(tenant.clone(), Arc::clone(options), place.leftovers(), last);
            let link = Arc::new(link);
            *place.line.link() = Some(Arc::clone(&link));
            let (surroundings, stays) = (Arc::clone(&self.surroundings), place.clone());
            // However it ends, it is not connected any more.
            let gone = link.gone().drop_guard();
            tokio::spawn(async move {
                let _gone = gone;
                Arc::clone(&link).serve(surroundings).await;
                link.alone().await;
                stays.leave_behind(link.leftovers());
            });
        }
    }

    /// Lets every connection close as soon as no message needs it.
    pub(crate) fn retire(&self) {
        let lines: Vec<_> = self.lock().values().cloned().collect();
        for line in lines {
            line.retire();
        }
    }

    /// Closes the connections, each as soon as no message needs it, and waits until the brokers have been told; also those
    /// that are opened for who stands in line now. For who comes later it does not wait.
    ///
    /// That a broker has closed its side, too, is waited for by who uses the client identifier again.
    pub(crate) async fn close(&self) {
        let lines: Vec<_> = self.lock().values().cloned().collect();
        for line in &lines {
            line.retire();
        }
        for line in lines {
            let _turn = line.turn.lock().await;
            if let Some(link) = line.retire() {
                link.parted().await;
            }
        }
    }

    fn place(self: &Arc<Self>, tenant: &Tenant, options: &Arc<Options>) -> Place {
        let (tenant, options) = (tenant.clone(), Arc::clone(options));
        let client = Client { runtime: Handle::current().id(), tenant, options };
        let mut lines = self.lock();
        let line = Arc::clone(lines.entry(client.clone()).or_default());
        line.places.fetch_add(1, Ordering::Relaxed);
        Place { pool: Arc::clone(self), client, line }
    }

    fn leftovers(&self) -> MutexGuard<'_, HashMap<Name, HashSet<u16>>> {
        self.leftovers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Client, Arc<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// Lets the connection close as soon as no message needs it, and gives it.
    fn retire(&self) -> Option<Arc<Link>> {
        let link = self.link().clone();
        link.inspect(|link| link.retire())
    }

    fn link(&self) -> MutexGuard<'_, Option<Arc<Link>>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    fn parts(&self) -> (Id, &str, &str, u16, &str) {
        let broker = self.options.broker();
        (self.runtime, self.tenant.name(), &broker.host, broker.port, &self.options.client_id)
    }

    fn name(&self) -> Name {
        let (runtime, tenant, host, port, client_id) = self.parts();
        let (tenant, host, client_id) = (tenant.to_owned(), host.to_owned(), client_id.to_owned());
        Name { runtime, tenant, host, port, client_id }
    }
}

impl PartialEq for Client {
    fn eq(&self, other: &Self) -> bool {
        let identifier = &self.options.client_id;
        self.parts() == other.parts() && (!identifier.is_empty() || *self.options == *other.options)
    }
}

impl Eq for Client {}

impl Hash for Client {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl Place {
    /// Leaves, with what the next link has to know.
    fn leave_behind(self, leftovers: HashSet<u16>) {
        let mut all = self.pool.leftovers();
        if !leftovers.is_empty() && all.len() < REMEMBERED {
            all.insert(self.client.name(), leftovers);
        }
    }

    /// What the last link has left behind.
    fn leftovers(&self) -> HashSet<u16> {
        let mut all = self.pool.leftovers();
        if all.is_empty() { HashSet::new() } else { all.remove(&self.client.name()).unwrap_or_default() }
    }
}

impl Clone for Place {
    fn clone(&self) -> Self {
        let _lines = self.pool.lock();
        self.line.places.fetch_add(1, Ordering::Relaxed);
        Self { pool: Arc::clone(&self.pool), client: self.client.clone(), line: Arc::clone(&self.line) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lines = self.pool.lock();
        if self.line.places.fetch_sub(1, Ordering::Relaxed) == 1 {
            lines.remove(&self.client);
        }
    }
}
