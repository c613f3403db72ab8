//! [`Publisher`]: what the calls of one process share.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::call::Call;
use crate::contract::{ConnectOptions, Message, Receipt, Remark, RetryPolicy};
use crate::dial::egress::{Resolver, SystemResolver};
use crate::error::{Error, Unsettled};
use crate::options::Options;
use crate::sharing::Shared;
use crate::sharing::pool::Pool;
use crate::tenant::Tenant;

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

    /// Publishes `messages` as `tenant`, and answers when each has reached its quality of service, or with the reason why it
    /// did not: one result for each message, in order. For a program that publishes by itself, without a component.
    ///
    /// The tenant's grants and limits hold, `concurrent_sends` among them; `memory` and `cpu` are a component's. Everything is
    /// over when the time of the `policy` is, or that of the tenant's limit, whichever is shorter. Calls with equal
    /// `options` share a connection. Must run inside a tokio runtime with time and networking enabled. Dropping the future gives the
    /// messages up.
    ///
    /// # Errors
    ///
    /// What stands against all of the messages: no grant allows the connection, for example. Nothing was sent then.
    pub async fn publish(
        &self,
        tenant: &Tenant,
        options: ConnectOptions,
        messages: Vec<Message>,
        policy: RetryPolicy,
    ) -> Result<Vec<Result<Receipt, Unsettled>>, Unsettled> {
        self.publish_counting(tenant, options, messages, policy).await.0
    }

    /// [`publish`](Self::publish), and how many connections it has tried: the contract's `connections-tried`.
    pub async fn publish_counting(
        &self,
        tenant: &Tenant,
        options: ConnectOptions,
        messages: Vec<Message>,
        policy: RetryPolicy,
    ) -> (Result<Vec<Result<Receipt, Unsettled>>, Unsettled>, u32) {
        let latest = Instant::now() + tenant.limits().timeout;
        let _permit = match tenant.quotas().send(tenant.name(), tenant.limits(), latest).await {
            Ok(permit) => permit,
            Err(denied) => return (Err(Unsettled::not_sent(denied)), 0),
        };
        let call = Call::new(tenant, &self.shared, latest, Arc::new(Options::new(options)), policy);
        // Boxed, because each of the futures around it would have room for it.
        let observed = Box::pin(call.observed(messages, |_| {}));
        tenant.quotas().run(observed).await
    }

    /// A dry run of [`publish`](Self::publish): what stands against `messages` that can be known without the network, or what
    /// is suspicious. Grants and limits are asked, certificates and keys are read, and nothing is sent. It uses up nothing of
    /// the tenant's limits.
    ///
    /// # Errors
    ///
    /// Everything that stands against the connection, and against the first message that may not be sent, in one error.
    pub async fn check(
        &self,
        tenant: &Tenant,
        options: ConnectOptions,
        messages: &[Message],
        policy: RetryPolicy,
    ) -> Result<Vec<Remark>, Error> {
        let latest = Instant::now() + tenant.limits().timeout;
        let options = Arc::new(Options::new(options));
        Box::pin(Call::new(tenant, &self.shared, latest, options, policy).check(messages)).await
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
        // A call that waits at a connection looks for the interruption when it is woken. To be told of it, each call would take a
        // lock that all calls of the process share.
        self.shared.pool.wake();
    }

    fn with(resolver: Arc<dyn Resolver>, idle: Duration) -> Self {
        let interrupted = CancellationToken::new();
        Self { shared: Arc::new(Shared { pool: Pool::new(resolver, idle), interrupted }) }
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
