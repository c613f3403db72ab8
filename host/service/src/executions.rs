//! [`Executions`]: what a platform calls.

use std::sync::Arc;
use std::time::Duration;

use mqtt_connector::publisher::TraceContext;
use mqtt_connector::{Connector, Tenant};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Timestamp;
use crate::carry_out::Worker;
use crate::counts::Counts;
use crate::dispatcher::Dispatcher;
use crate::error::{ChangeError, StoreError, SubmitError};
use crate::execution::{Execution, Id, Options, Request, check_key};
use crate::query::{Page, Query};
use crate::secrets::Secrets;
use crate::store::{Accepted, New, Store};

/// Executions over a [`Store`], and the workers that carry them out through a [`Connector`], for the tenants of its registry
/// ([`Connector::tenants`]) with the configuration that each has there. Cheap to clone; safe to call from many tasks at once.
///
/// The workers run until [`drain`](Self::drain) is called. A process that ends without it, or is killed, loses nothing either: see [`Store`].
#[derive(Clone)]
pub struct Executions {
    inner: Arc<Inner>,
}

struct Inner {
    connector: Arc<Connector>,
    store: Arc<dyn Store>,
    secrets: Secrets,
    /// Cancelled when no new work is to begin.
    draining: CancellationToken,
    /// The dispatcher, and what it has begun.
    tasks: TaskTracker,
    #[cfg(feature = "http")]
    counts: Arc<Counts>,
}

impl Executions {
    /// Starts with the parts that are needed.
    #[must_use]
    pub fn builder(connector: Arc<Connector>, store: Arc<dyn Store>) -> ExecutionsBuilder {
        ExecutionsBuilder { connector, store, concurrency: ExecutionsBuilder::CONCURRENCY }
    }

    /// Accepts an execution for `tenant`: when this answers, it is kept durably and will be carried out.
    ///
    /// With an idempotency key that the tenant has used before, the answer is the execution of then, as it is now, as long as
    /// that is kept.
    ///
    /// # Errors
    ///
    /// What stands against it; nothing is kept then. Whether the parameters are right, the execution says when it has ended.
    pub async fn submit(&self, tenant: &Tenant, submission: Submission) -> Result<Submitted, SubmitError> {
        let Submission { request, options, idempotency_key, trace_context } = submission;
        if self.is_draining() {
            return Err(SubmitError::Draining);
        }
        options.check()?;
        if let Some(key) = &idempotency_key {
            check_key("the idempotency key", key)?;
        }
        self.inner.secrets.refuse(&self.inner.connector, tenant, &request).await?;
        let mut execution = Execution::new(tenant.shared_name(), request, options, Timestamp::now());
        execution.trace_context = trace_context.filter(|_| tenant.grants().allows_trace_context());
        let new = New { execution: execution.clone(), idempotency_key };
        match self.inner.store.accept_within(new, tenant.limits().waiting_executions).await? {
            Accepted::New => Ok(Submitted { execution, is_new: true }),
            Accepted::Before(execution) => Ok(Submitted { execution: *execution, is_new: false }),
            Accepted::Other(id) => Err(SubmitError::OtherRequest(id)),
        }
    }

    /// The execution of `tenant` with this identifier, if there is one and it is still kept.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn get(&self, tenant: &str, id: Id) -> Result<Option<Execution>, StoreError> {
        self.inner.store.get_of(tenant, id).await
    }

    /// [`get`](Self::get), as soon as the execution has ended, but after `at_most` at the latest.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn wait(
        &self,
        tenant: &str,
        id: Id,
        at_most: Duration,
    ) -> Result<Option<Execution>, StoreError> {
        let latest = Instant::now().checked_add(at_most);
        loop {
            // Before it is read, so that an ending between the two is not missed.
            let ended = self.inner.store.ended(id);
            let execution = self.get(tenant, id).await?;
            if execution.as_ref().is_none_or(|execution| execution.status.is_final()) {
                return Ok(execution);
            }
            let ended = match latest {
                Some(latest) => match timeout_at(latest, ended).await {
                    Ok(ended) => ended,
                    // As it is now: it may have ended, and this not been heard.
                    Err(_) => return self.get(tenant, id).await,
                },
                None => ended.await,
            };
            if ended.is_some() {
                return Ok(ended);
            }
        }
    }

    /// The executions that `query` asks for, the newest first, without their requests.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn list(&self, query: Query) -> Result<Page, StoreError> {
        self.inner.store.list(query).await
    }

    /// Cancels an execution of `tenant` that has not begun, and answers what it is now. One that is cancelled already stays so.
    ///
    /// # Errors
    ///
    /// There is none, or it has begun, or ended otherwise.
    pub async fn cancel(&self, tenant: &str, id: Id) -> Result<Execution, ChangeError> {
        self.inner.store.cancel(Some(tenant), id, Timestamp::now()).await
    }

    /// Carries a dead letter of `tenant` out again, as a new execution, which it answers with: with the request and the options
    /// of the old one but for `not-before` and `expires`. The old one loses its request.
    ///
    /// # Errors
    ///
    /// There is none, or it is no dead letter, or is carried out again already.
    pub async fn retry(&self, tenant: &str, id: Id) -> Result<Execution, ChangeError> {
        if self.is_draining() {
            return Err(ChangeError::Draining);
        }
        self.inner.store.retry(Some(tenant), id, Timestamp::now()).await
    }

    /// How many executions are under way now.
    #[must_use]
    pub fn under_way(&self) -> usize {
        // The dispatcher is one of the tasks until it has ended.
        self.inner.tasks.len().saturating_sub(1)
    }

    /// Why the store can keep nothing at this time, as far as it has found that out.
    #[must_use]
    pub fn fault(&self) -> Option<StoreError> {
        self.inner.store.fault()
    }

    /// How sends ended: those of executions, and those that are counted by others.
    #[cfg(feature = "http")]
    pub(crate) fn counts(&self) -> &Counts {
        &self.inner.counts
    }

    /// Whether [`drain`](Self::drain) was called: nothing more is accepted.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.inner.draining.is_cancelled()
    }

    /// Ends gracefully: accepts nothing more, begins nothing more, and waits until what runs has ended and is kept; the rest stays accepted,
    /// for the next process. What still runs after `deadline` is broken off ([`Connector::interrupt`], which ends the process's other sends
    /// as well) and answers with what is known by then. Answers whether nothing had to be broken off.
    pub async fn drain(&self, deadline: Duration) -> bool {
        /// What is broken off answers at once; its answer has to be kept then.
        const TO_KEEP: Duration = Duration::from_secs(5);

        self.inner.draining.cancel();
        self.inner.tasks.close();
        if tokio::time::timeout(deadline, self.inner.tasks.wait()).await.is_ok() {
            self.inner.store.leave().await;
            return true;
        }
        self.inner.connector.interrupt();
        if tokio::time::timeout(TO_KEEP, self.inner.tasks.wait()).await.is_err() {
            tracing::error!(
                left = self.inner.tasks.len(),
                "executions have an answer that could not be kept: the next process ends them with 79, or sends them again"
            );
        }
        self.inner.store.leave().await;
        false
    }
}

impl std::fmt::Debug for Executions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executions").field("under_way", &self.under_way()).finish_non_exhaustive()
    }
}

/// Builds [`Executions`].
pub struct ExecutionsBuilder {
    connector: Arc<Connector>,
    store: Arc<dyn Store>,
    concurrency: usize,
}

impl ExecutionsBuilder {
    /// How many executions are under way at one time, unless [`concurrency`](Self::concurrency) says otherwise: 256.
    pub const CONCURRENCY: usize = 256;

    /// How many executions are under way at one time, at most. One tenant has no more of them than are free, so that another one
    /// need not wait for it; and no more than its limit `concurrent-sends`. Default: 256.
    #[must_use]
    pub fn concurrency(mut self, executions: usize) -> Self {
        self.concurrency = executions.max(2);
        self
    }

    /// Starts the workers, on the tokio runtime that this is called in.
    #[must_use]
    pub fn start(self) -> Executions {
        let Self { connector, store, concurrency } = self;
        let (draining, tasks) = (CancellationToken::new(), TaskTracker::new());
        let counts = Arc::<Counts>::default();
        let worker = Worker {
            connector: Arc::clone(&connector),
            store: Arc::clone(&store),
            draining: draining.clone(),
            counts: Arc::clone(&counts),
        };
        let dispatcher = Dispatcher::new(worker, concurrency, tasks.clone());
        tasks.spawn(dispatcher.run());
        let inner = Inner {
            connector,
            store,
            secrets: Secrets::default(),
            draining,
            tasks,
            #[cfg(feature = "http")]
            counts,
        };
        Executions { inner: Arc::new(inner) }
    }
}

/// What a platform asks for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Submission {
    /// What is to be sent: what a workflow gives besides the tenant's configuration.
    pub request: Request,
    /// When, how often, in which order.
    pub options: Options,
    /// The same key is the same execution: 1 to 256 bytes. Default: none.
    pub idempotency_key: Option<String>,
    /// The trace that it belongs to, which is kept for a tenant with the grant `trace-context`. Default: none.
    pub trace_context: Option<TraceContext>,
}

impl Submission {
    /// To be sent once, as soon as possible.
    #[must_use]
    pub fn new(request: Request) -> Self {
        Self { request, options: Options::default(), idempotency_key: None, trace_context: None }
    }

    /// When, how often, in which order.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// The same key is the same execution.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }
}

/// An execution that is kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Submitted {
    /// As it is now.
    pub execution: Execution,
    /// Whether it was accepted now, and not before, with the same idempotency key.
    pub is_new: bool,
}
