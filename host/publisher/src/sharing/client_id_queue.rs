//! Who may use a client identifier next: those who want to send wait in its [`ClientIdQueue`], one behind the other.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Handle, Id};
use tokio::sync::Mutex as AsyncMutex;

use super::shared_connection::SharedConnection;
use crate::options::Options;
use crate::tenant::Tenant;

/// How many client identifiers are remembered for what their last connection has left behind.
const REMEMBERED: usize = 10_000;

/// The queues of one process, one for each client identifier that is in use.
#[derive(Default)]
pub(super) struct ClientIdQueues {
    queues: Mutex<HashMap<ClientKey, Arc<ClientIdQueue>>>,
    /// Packet identifiers that the next connection with a client identifier must not use.
    leftovers: Mutex<HashMap<ClientName, HashSet<u16>>>,
}

/// Those who want to send with one client identifier.
#[derive(Default)]
pub(super) struct ClientIdQueue {
    /// Held by the call whose turn it is.
    pub(super) turn: AsyncMutex<()>,
    /// The connection that was opened last with the client identifier.
    connection: Mutex<Option<Arc<SharedConnection>>>,
    /// How many [`QueueGuard`]s there are. It changes only while [`ClientIdQueues::queues`] is locked.
    guards: AtomicUsize,
}

/// Keeps a queue while a call waits in it, or a connection with its client identifier stands. The queue is removed
/// together with its last guard.
pub(super) struct QueueGuard {
    queues: Arc<ClientIdQueues>,
    client: ClientKey,
    queue: Arc<ClientIdQueue>,
}

/// A client identifier at a broker; of several brokers, at the first.
///
/// It holds the tenant, so that no tenant ever waits for another, and the runtime, because the connections of another
/// runtime may not be running.
#[derive(Clone)]
struct ClientKey {
    runtime: Id,
    tenant: Tenant,
    /// Two keys are equal when broker and client identifier are. Where the client identifier is empty, the broker chooses
    /// one for each connection: then only equal options make equal keys.
    options: Arc<Options>,
}

/// A [`ClientKey`] without the options, which may hold secrets: it is remembered as long as the process lives. It needs
/// no rule for empty client identifiers, with which no session outlives its connection.
#[derive(PartialEq, Eq, Hash)]
struct ClientName {
    runtime: Id,
    tenant: String,
    host: String,
    port: u16,
    client_id: String,
}

impl ClientIdQueues {
    /// Enters the queue of the client identifier in `options`. Whose turn it is, the queue's lock `turn` says.
    pub(super) fn enter(self: &Arc<Self>, tenant: &Tenant, options: &Arc<Options>) -> QueueGuard {
        let (tenant, options) = (tenant.clone(), Arc::clone(options));
        let client = ClientKey { runtime: Handle::current().id(), tenant, options };
        let mut queues = self.lock();
        let queue = Arc::clone(queues.entry(client.clone()).or_default());
        queue.guards.fetch_add(1, Ordering::Relaxed);
        QueueGuard { queues: Arc::clone(self), client, queue }
    }

    /// Every queue that there is now.
    pub(super) fn all(&self) -> Vec<Arc<ClientIdQueue>> {
        self.lock().values().cloned().collect()
    }

    fn leftovers(&self) -> MutexGuard<'_, HashMap<ClientName, HashSet<u16>>> {
        self.leftovers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClientKey, Arc<ClientIdQueue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientIdQueue {
    /// The connection that was opened last with the client identifier.
    pub(super) fn connection(&self) -> Option<Arc<SharedConnection>> {
        self.lock().clone()
    }

    /// Puts `connection` in place of the last one.
    pub(super) fn set_connection(&self, connection: Arc<SharedConnection>) {
        *self.lock() = Some(connection);
    }

    /// Lets the connection close as soon as no message needs it, and returns it.
    pub(super) fn retire(&self) -> Option<Arc<SharedConnection>> {
        self.connection().inspect(|connection| connection.retire())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<SharedConnection>>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueGuard {
    pub(super) fn queue(&self) -> &ClientIdQueue {
        &self.queue
    }

    /// Leaves the queue. `leftovers` are the packet identifiers that the next connection must not use.
    pub(super) fn leave_behind(self, leftovers: HashSet<u16>) {
        let mut all = self.queues.leftovers();
        if !leftovers.is_empty() && all.len() < REMEMBERED {
            all.insert(self.client.name(), leftovers);
        }
    }

    /// Takes the packet identifiers that the last connection has left behind.
    pub(super) fn take_leftovers(&self) -> HashSet<u16> {
        let mut all = self.queues.leftovers();
        if all.is_empty() { HashSet::new() } else { all.remove(&self.client.name()).unwrap_or_default() }
    }
}

impl Clone for QueueGuard {
    fn clone(&self) -> Self {
        let _queues = self.queues.lock();
        self.queue.guards.fetch_add(1, Ordering::Relaxed);
        let (queues, queue) = (Arc::clone(&self.queues), Arc::clone(&self.queue));
        Self { queues, client: self.client.clone(), queue }
    }
}

impl Drop for QueueGuard {
    fn drop(&mut self) {
        let mut queues = self.queues.lock();
        if self.queue.guards.fetch_sub(1, Ordering::Relaxed) == 1 {
            queues.remove(&self.client);
        }
    }
}

impl ClientKey {
    fn parts(&self) -> (Id, &str, &str, u16, &str) {
        let broker = self.options.broker();
        (self.runtime, self.tenant.name(), &broker.host, broker.port, &self.options.client_id)
    }

    fn name(&self) -> ClientName {
        let (runtime, tenant, host, port, client_id) = self.parts();
        let (tenant, host, client_id) = (tenant.to_owned(), host.to_owned(), client_id.to_owned());
        ClientName { runtime, tenant, host, port, client_id }
    }
}

impl PartialEq for ClientKey {
    fn eq(&self, other: &Self) -> bool {
        let client_id = &self.options.client_id;
        self.parts() == other.parts() && (!client_id.is_empty() || *self.options == *other.options)
    }
}

impl Eq for ClientKey {}

impl Hash for ClientKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}
