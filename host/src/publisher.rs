//! The host's side of the `publisher` interface: what a component may ask of the world outside.
//!
//! A platform with its own wasmtime engine uses just this: a [`PublisherCtx`] in its store's state, a
//! [`PublisherView`] to find it, and [`add_to_linker`]. The grants hold here, and the limits on what is sent: payload,
//! time-out, connections, messages in a second. Those on the component (memory, computing, calls under way) are
//! [`Connector`](crate::Connector)'s. [`telemetry`] says what an operator can see.
//!
//! ```
//! use std::sync::Arc;
//! use mqtt_connector::Tenant;
//! use mqtt_connector::publisher::{self, Publisher, PublisherCtx, PublisherView};
//! use wasmtime::component::Linker;
//!
//! struct State {
//!     publisher: PublisherCtx,
//! }
//!
//! impl PublisherView for State {
//!     fn publisher(&mut self) -> &mut PublisherCtx {
//!         &mut self.publisher
//!     }
//! }
//!
//! let engine = wasmtime::Engine::default();
//! let mut linker = Linker::<State>::new(&engine);
//! publisher::add_to_linker(&mut linker)?;
//!
//! // Once per process, once per tenant, and for each call.
//! let publisher = Publisher::default();
//! let tenant = Tenant::builder("acme").broker("ssl://broker.example".parse()?).topics("acme/#".parse()?);
//! let tenant = Arc::new(tenant.build());
//! let state = State { publisher: PublisherCtx::builder(tenant).publisher(publisher.clone()).build() };
//! # let _ = state;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod admission;
mod blocking;
mod call;
mod connect;
mod connection;
mod delivery;
mod egress;
mod http;
mod link;
mod options;
mod packet;
mod pool;
mod preparation;
mod proxy;
mod stage;
mod tally;
pub mod telemetry;
mod texts;
mod tls;
mod websocket;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use wasmtime::component::{HasData, Linker};

pub use egress::{PinnedResolver, Resolver, Resolving, SystemResolver};
pub use tally::Tally;

use crate::bindings::flint::mqtt::publisher as wit;
use crate::tenant::Tenant;
use call::Call;
use delivery::Unsettled;
use options::Options;
use pool::Pool;
use stage::Stages;
use telemetry::Observation;

/// What the calls of one process share: how names are looked up, and the connections.
/// Make one, and clone it for each call.
///
/// Sends of a tenant with equal connect options share a connection, which stays open for a while when nobody needs it.
/// [`close`](Self::close) closes it before. Dropping the last clone lets it close too, but does not wait for that; a runtime
/// that ends breaks it off, and the broker then publishes the will, if there is one.
#[derive(Clone)]
pub struct Publisher {
    shared: Arc<Shared>,
}

struct Shared {
    pool: Arc<Pool>,
    interrupted: CancellationToken,
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

/// What the `publisher` of one call may do, and for whom. Make one for each call: the time that the tenant's limits
/// give a call counts from when it was built.
pub struct PublisherCtx {
    tenant: Arc<Tenant>,
    publisher: Publisher,
    latest: Instant,
    queued: Option<oneshot::Sender<()>>,
    refuse: Option<fn() -> wasmtime::Error>,
    tally: Tally,
    /// How many connections the last call of `publish` has tried.
    connections: u32,
}

impl PublisherCtx {
    /// Starts a context for a call of `tenant`.
    #[must_use]
    pub fn builder(tenant: Arc<Tenant>) -> PublisherCtxBuilder {
        PublisherCtxBuilder { tenant, publisher: None, latest: None, queued: None, refuse: None }
    }

    /// What became of the messages of this call so far: what a component says of them need not be true.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }
}

impl PublisherCtx {
    fn call(&self, options: wit::ConnectOptions, policy: wit::RetryPolicy) -> Call {
        Call {
            tenant: Arc::clone(&self.tenant),
            publisher: self.publisher.clone(),
            latest: self.latest,
            options: Arc::new(Options::new(options)),
            policy,
            queued: None,
        }
    }
}

impl std::fmt::Debug for PublisherCtx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublisherCtx").field("tenant", &self.tenant.name()).finish_non_exhaustive()
    }
}

/// Builds a [`PublisherCtx`].
pub struct PublisherCtxBuilder {
    tenant: Arc<Tenant>,
    publisher: Option<Publisher>,
    latest: Option<Instant>,
    queued: Option<oneshot::Sender<()>>,
    refuse: Option<fn() -> wasmtime::Error>,
}

impl PublisherCtxBuilder {
    /// What this call shares with others. Default: nothing, a [`Publisher`] of its own.
    #[must_use]
    pub fn publisher(mut self, publisher: Publisher) -> Self {
        self.publisher = Some(publisher);
        self
    }

    /// When the time of the call is over, if its clock has started before.
    pub(crate) fn latest(mut self, latest: Instant) -> Self {
        self.latest = Some(latest);
        self
    }

    /// Dropped as soon as the first messages of this call stand in line at their connection, or will not.
    pub(crate) fn queued(mut self, queued: Option<oneshot::Sender<()>>) -> Self {
        self.queued = queued;
        self
    }

    /// Nothing is to be published: a component that tries to ends with this error.
    pub(crate) fn refuse(mut self, refuse: Option<fn() -> wasmtime::Error>) -> Self {
        self.refuse = refuse;
        self
    }

    /// The context; the clock of the call starts now.
    #[must_use]
    pub fn build(self) -> PublisherCtx {
        PublisherCtx {
            latest: self.latest.unwrap_or_else(|| Instant::now() + self.tenant.limits().time_out),
            tenant: self.tenant,
            publisher: self.publisher.unwrap_or_default(),
            queued: self.queued,
            refuse: self.refuse,
            tally: Tally::default(),
            connections: 0,
        }
    }
}

/// Where a store's state keeps its [`PublisherCtx`].
pub trait PublisherView: Send {
    /// The context of the call that the store is for.
    fn publisher(&mut self) -> &mut PublisherCtx;
}

/// Adds the `publisher` interface to `linker`. The host functions are asynchronous: call the component with wasmtime's
/// `*_async` functions, inside a tokio runtime with time and networking enabled.
///
/// # Errors
///
/// The linker already has an interface of that name.
pub fn add_to_linker<T: PublisherView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    wit::add_to_linker::<T, HasPublisher>(linker, T::publisher)
}

struct HasPublisher;

impl HasData for HasPublisher {
    type Data<'a> = &'a mut PublisherCtx;
}

impl wit::Host for PublisherCtx {
    async fn publish(
        &mut self,
        options: wit::ConnectOptions,
        messages: Vec<wit::Message>,
        policy: wit::RetryPolicy,
    ) -> wasmtime::Result<Result<Vec<Result<wit::Receipt, wit::Error>>, wit::Error>> {
        if let Some(refuse) = self.refuse {
            return Err(refuse());
        }
        let queued = self.queued.take();
        let call = Call { queued, ..self.call(options, policy) };
        let handed_over = messages.len();
        self.tally.begin(handed_over);
        let observation = Observation::begin(&self.tenant, &call.options, &messages);
        let mut stages = Stages::begin();
        let answer = {
            let running = pin!(call.run(messages, &mut stages));
            running.instrument(observation.span()).await
        };
        observation.end(&stages, &answer);
        self.tally.settle(handed_over, &answer);
        self.connections = stages.connections();
        Ok(answer)
    }

    /// Nothing leaves this process, so that it is allowed where nothing is to be published.
    async fn check(
        &mut self,
        options: wit::ConnectOptions,
        messages: Vec<wit::Message>,
        policy: wit::RetryPolicy,
    ) -> wasmtime::Result<Result<Vec<wit::Remark>, wit::Error>> {
        let checked = Box::pin(self.call(options, policy).check(&messages)).await;
        Ok(checked.map_err(|error| Unsettled::not_sent(error).into_wit()))
    }

    async fn connections_tried(&mut self) -> wasmtime::Result<u32> {
        Ok(self.connections)
    }
}
