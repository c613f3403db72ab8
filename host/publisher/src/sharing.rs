//! What the calls of one process share: the connections.
//!
//! Sends that want one client identifier wait in its queue ([`client_id_queue`]), which the [`pool`] has for each. Those with
//! equal connect options share a connection ([`shared_connection`]), whose task connects and serves them.

mod client_id_queue;
pub(crate) mod pool;
mod pool_config;
pub(crate) mod shared_connection;

use tokio_util::sync::CancellationToken;

use pool::Pool;

/// What the calls of one [`Publisher`](crate::Publisher) share. Dropping it lets the connections close.
pub(crate) struct Shared {
    pub(crate) pool: Pool,
    /// Cancelled when every call is to end at once.
    pub(crate) interrupted: CancellationToken,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.pool.retire();
    }
}
