//! The interface `publisher` for a host on wasmtime: a [`PublisherCtx`] in its store's state, a [`PublisherView`] to find it,
//! and [`add_to_linker`].
//!
//! The grants hold here, and the limits on what is sent: payload, timeout, connections, messages in a second. Those on the
//! component (memory, computing, calls under way) are the host's.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use crate::call::Call;
use crate::contract::{ConnectOptions, Error, Message, Receipt, Remark, RetryPolicy};
use crate::error::{Answer, Unsettled};
use crate::hooks::Hooks;
use crate::options::Options;
use crate::publisher::Publisher;
use crate::tally::Tally;
use crate::tenant::Tenant;

/// What the `publisher` of one call may do, and for whom. Make one for each call: the time that the tenant's limits
/// give a call counts from when it was built.
pub struct PublisherCtx {
    tenant: Tenant,
    publisher: Publisher,
    latest: Instant,
    queued: Option<oneshot::Sender<()>>,
    hooks: Hooks,
    refuse: Option<fn() -> wasmtime::Error>,
    tally: Tally,
    /// How many connections the last call of `publish` has tried.
    connections: u32,
}

impl PublisherCtx {
    /// Starts a context for a call of `tenant`.
    #[must_use]
    pub fn builder(tenant: Tenant) -> PublisherCtxBuilder {
        PublisherCtxBuilder {
            tenant,
            publisher: None,
            latest: None,
            queued: None,
            hooks: Hooks::default(),
            refuse: None,
        }
    }

    /// What became of the messages of this call so far: what a component says of them need not be true.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }
}

impl PublisherCtx {
    /// Publishes `message` for a component that prepares it and draws its conclusions by itself: what the interface's `publish` answers
    /// for it, and how many connections were tried. The `options` stay with the caller; what they hold is wiped when the last of
    /// those who have them drops them.
    ///
    /// # Errors
    ///
    /// Why it was not acknowledged.
    pub async fn publish_message(
        &mut self,
        options: &Arc<Options>,
        message: Message,
        policy: RetryPolicy,
    ) -> (Result<Receipt, Error>, u32) {
        let (answer, connections) = self.settle(self.call(Arc::clone(options), policy), vec![message]).await;
        let missing = || Unsettled::not_sent(crate::Error::Lost("the message was not settled".to_owned()));
        let result = answer.and_then(|mut results| results.pop().unwrap_or_else(|| Err(missing())));
        (result.map_err(Unsettled::into_wit), connections)
    }

    /// [`publish_message`](Self::publish_message) for several messages over one connection: one result for each, in order.
    ///
    /// # Errors
    ///
    /// Why none of them was sent.
    pub async fn publish_messages(
        &mut self,
        options: &Arc<Options>,
        messages: Vec<Message>,
        policy: RetryPolicy,
    ) -> (Result<Vec<Result<Receipt, Error>>, Error>, u32) {
        let queued = self.queued.take();
        let call = Call { queued, ..self.call(Arc::clone(options), policy) };
        let (answer, connections) = self.settle(call, messages).await;
        let settled = answer.map(|all| all.into_iter().map(|one| one.map_err(Unsettled::into_wit)).collect());
        (settled.map_err(Unsettled::into_wit), connections)
    }

    /// A dry run of [`publish_message`](Self::publish_message): what the interface's `check` answers.
    ///
    /// # Errors
    ///
    /// What stands against the message.
    pub async fn check_message(
        &self,
        options: &Arc<Options>,
        message: &Message,
        policy: RetryPolicy,
    ) -> Result<Vec<Remark>, Error> {
        self.judge(Arc::clone(options), std::slice::from_ref(message), policy).await
    }

    fn call(&self, options: Arc<Options>, policy: RetryPolicy) -> Call {
        Call::new(&self.tenant, &self.publisher.shared, self.latest, options, policy)
    }

    /// Makes the call when those who are asked before have answered, and counts what becomes of its messages.
    async fn settle(&mut self, call: Call, mut messages: Vec<Message>) -> (Answer, u32) {
        self.hooks.mark(&self.tenant, call.options.protocol_version, &mut messages);
        self.hooks.ask(&messages).await;
        let handed_over = messages.len();
        self.tally.begin(handed_over);
        let (answer, connections) = call.observed(messages, |stages| self.hooks.tell(stages)).await;
        self.tally.settle(handed_over, &answer);
        self.connections = connections;
        (answer, connections)
    }

    /// Nothing leaves this process, so that it is allowed where nothing is to be published.
    async fn judge(
        &self,
        options: Arc<Options>,
        messages: &[Message],
        policy: RetryPolicy,
    ) -> Result<Vec<Remark>, Error> {
        let checked = Box::pin(self.call(options, policy).check(messages)).await;
        checked.map_err(|error| Unsettled::not_sent(error).into_wit())
    }
}

impl std::fmt::Debug for PublisherCtx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublisherCtx").field("tenant", &self.tenant.name()).finish_non_exhaustive()
    }
}

/// Builds a [`PublisherCtx`].
pub struct PublisherCtxBuilder {
    tenant: Tenant,
    publisher: Option<Publisher>,
    latest: Option<Instant>,
    queued: Option<oneshot::Sender<()>>,
    hooks: Hooks,
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
    #[must_use]
    pub fn latest(mut self, latest: Instant) -> Self {
        self.latest = Some(latest);
        self
    }

    /// Dropped as soon as the first messages of this call stand in line at their connection, or will not.
    #[must_use]
    pub fn queued(mut self, queued: Option<oneshot::Sender<()>>) -> Self {
        self.queued = queued;
        self
    }

    /// What the host wants of the call besides its answer. Default: nothing.
    #[must_use]
    pub fn hooks(mut self, hooks: Hooks) -> Self {
        self.hooks = hooks;
        self
    }

    /// Nothing is to be published: a component that tries to ends with this error.
    #[must_use]
    pub fn refuse(mut self, refuse: Option<fn() -> wasmtime::Error>) -> Self {
        self.refuse = refuse;
        self
    }

    /// The context; the clock of the call starts now.
    #[must_use]
    pub fn build(self) -> PublisherCtx {
        PublisherCtx {
            latest: self.latest.unwrap_or_else(|| Instant::now() + self.tenant.limits().timeout),
            tenant: self.tenant,
            publisher: self.publisher.unwrap_or_default(),
            queued: self.queued,
            hooks: self.hooks,
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

/// The interface's name in the contract.
const INTERFACE: &str = "flint:mqtt/publisher@0.2.0";

/// Adds the `publisher` interface to `linker`. The host functions are asynchronous: call the component with wasmtime's
/// `*_async` functions, inside a tokio runtime with time and networking enabled.
///
/// # Errors
///
/// The linker already has an interface of that name.
pub fn add_to_linker<T: PublisherView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    type Publication = (ConnectOptions, Vec<Message>, RetryPolicy);

    let mut instance = linker.instance(INTERFACE)?;
    instance.func_wrap_async(
        "publish",
        |mut store: StoreContextMut<'_, T>, (options, messages, policy): Publication| {
            Box::new(async move {
                let context = store.data_mut().publisher();
                Ok((context.publish(options, messages, policy).await?,))
            })
        },
    )?;
    instance.func_wrap_async(
        "check",
        |mut store: StoreContextMut<'_, T>, (options, messages, policy): Publication| {
            Box::new(async move {
                let context = store.data_mut().publisher();
                Ok((context.judge(Arc::new(Options::new(options)), &messages, policy).await,))
            })
        },
    )?;
    instance.func_wrap("connections-tried", |mut store: StoreContextMut<'_, T>, ()| {
        Ok((store.data_mut().publisher().connections,))
    })
}

impl PublisherCtx {
    async fn publish(
        &mut self,
        options: ConnectOptions,
        messages: Vec<Message>,
        policy: RetryPolicy,
    ) -> wasmtime::Result<Result<Vec<Result<Receipt, Error>>, Error>> {
        if let Some(refuse) = self.refuse {
            return Err(refuse());
        }
        Ok(self.publish_messages(&Arc::new(Options::new(options)), messages, policy).await.0)
    }
}
