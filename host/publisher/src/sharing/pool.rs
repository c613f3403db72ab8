//! [`Pool`]: one connection at a time for each client identifier.
//!
//! A broker that sees a second connection with a client identifier ends the first (MQTT 3.1.1, section 3.1.4). So sends
//! with equal connect options share a connection. A send with other options waits until that connection is idle, closes it
//! and opens its own. Sends that come later wait behind it in the [`ClientIdQueue`], so that each of them gets its turn.
//! The next connection is dialled while the broker still reads the end of the one before, and sends CONNECT when the broker
//! has closed that.
//!
//! [`ClientIdQueue`]: super::client_id_queue::ClientIdQueue

use std::sync::Arc;
use std::time::Duration;

use super::client_id_queue::{ClientIdQueues, QueueGuard};
use super::pool_config::PoolConfig;
use super::shared_connection::{SharedConnection, Ticket, Work};
use crate::dial::egress::Resolver;
use crate::options::Options;
use crate::tenant::Tenant;

/// The connections of one process.
pub(crate) struct Pool {
    queues: Arc<ClientIdQueues>,
    config: Arc<PoolConfig>,
}

impl Pool {
    /// `idle` is how long a connection stays open while no message needs it.
    pub(crate) fn new(resolver: Arc<dyn Resolver>, idle: Duration) -> Self {
        Self { queues: Arc::default(), config: Arc::new(PoolConfig { resolver, idle }) }
    }

    pub(crate) fn resolver(&self) -> &Arc<dyn Resolver> {
        &self.config.resolver
    }

    /// Hands `work` to the connection with `options`, which is opened if there is none. Waits while the client identifier
    /// is in use with other options, and while the connection has as many calls as it takes.
    ///
    /// `work` is taken only when it is handed over: who drops this future before still has it.
    pub(crate) async fn join(
        &self,
        tenant: &Tenant,
        options: &Arc<Options>,
        work: &mut Option<Work>,
    ) -> Ticket {
        let guard = self.queues.enter(tenant, options);
        let queue = guard.queue();
        let _turn = queue.turn.lock().await;
        loop {
            let last = queue.connection();
            if let Some(connection) = &last {
                if let Some(ticket) = connection.join(tenant, options, work).await {
                    return ticket;
                }
                connection.retire();
                connection.successor_may_begin().await;
            }
            let predecessor = last.map(|connection| connection.closed());
            let leftovers = guard.take_leftovers();
            let connection =
                SharedConnection::new(tenant.clone(), Arc::clone(options), leftovers, predecessor);
            let connection = Arc::new(connection);
            queue.set_connection(Arc::clone(&connection));
            self.start(connection, guard.clone());
        }
    }

    /// Lets every connection close as soon as no message needs it.
    pub(crate) fn retire(&self) {
        for queue in self.queues.all() {
            queue.retire();
        }
    }

    /// Wakes every call that has handed its messages over.
    pub(crate) fn wake(&self) {
        for connection in self.queues.all().iter().filter_map(|queue| queue.connection()) {
            connection.wake_calls();
        }
    }

    /// Closes the connections, each as soon as no message needs it, and waits until DISCONNECT is sent on all of them, those
    /// included that are opened for calls which wait in a queue now. It does not wait for calls that come later, nor until
    /// the brokers have closed the connections too: that is waited for where a client identifier is used again.
    pub(crate) async fn close(&self) {
        let queues = self.queues.all();
        for queue in &queues {
            queue.retire();
        }
        for queue in queues {
            let _turn = queue.turn.lock().await;
            if let Some(connection) = queue.retire() {
                connection.disconnected().await;
            }
        }
    }

    /// Starts the task of `connection`, which keeps its queue until its client identifier may be used again.
    fn start(&self, connection: Arc<SharedConnection>, guard: QueueGuard) {
        let config = Arc::clone(&self.config);
        // However the task ends, also when it is dropped before it began: the connection is closed then.
        let closed = connection.closed().drop_guard();
        tokio::spawn(async move {
            let _closed = closed;
            Arc::clone(&connection).serve(config).await;
            connection.predecessor_closed().await;
            guard.leave_behind(connection.leftovers());
        });
    }
}
