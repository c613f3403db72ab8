//! [`Publisher`]: what the calls of one process share.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::dial::egress::{Resolver, SystemResolver};
use crate::sharing::pool::Pool;

/// What the calls of one process share: how names are looked up, and the connections.
/// Make one, and clone it for each call.
///
/// Sends of a tenant with equal connect options share a connection, which stays open for a while when nobody needs it.
/// [`close`](Self::close) closes it before. Dropping the last clone lets it close too, but does not wait for that; a runtime
/// that ends breaks it off, and the broker then publishes the will, if there is one.
#[derive(Clone)]
pub struct Publisher {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) pool: Arc<Pool>,
    pub(crate) interrupted: CancellationToken,
}

impl Publisher {
    /// How long a connection stays open that nobody needs, unless [`with_idle`](Self::with_idle) says otherwise: 5 s. Less
    /// than what routers on the way take to forget a connection, so that one that is used again is still there.
    pub const IDLE: Duration = Duration::from_secs(5);

    /// Looks broker names up with `resolver`.
    pub fn new(resolver: Arc<dyn Resolver>) -> Self {
        Self::with(resolver, Self::IDLE)
    }

    /// One that shares nothing with this but the resolver, and whose connections stay open for `idle` when nobody needs
    /// them. 0 closes a connection as soon as the last message that needs it is settled.
    #[must_use]
    pub fn with_idle(self, idle: Duration) -> Self {
        Self::with(Arc::clone(self.shared.pool.resolver()), idle)
    }

    /// Closes the connections, each with DISCONNECT as soon as no message needs it, and waits until the brokers have been
    /// told. Sends that come meanwhile, or later, open new ones.
    pub async fn close(&self) {
        self.shared.pool.close().await;
    }

    /// Ends every call that is under way, and those that come: each answers at once, with what is known of its messages
    /// by then. For a process that has to end.
    pub fn interrupt(&self) {
        self.shared.interrupted.cancel();
    }

    fn with(resolver: Arc<dyn Resolver>, idle: Duration) -> Self {
        let interrupted = CancellationToken::new();
        Self { shared: Arc::new(Shared { pool: Pool::new(resolver, idle), interrupted }) }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.pool.retire();
    }
}

impl Default for Publisher {
    /// Looks broker names up with [`SystemResolver`].
    fn default() -> Self {
        Self::new(Arc::new(SystemResolver))
    }
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").finish_non_exhaustive()
    }
}
