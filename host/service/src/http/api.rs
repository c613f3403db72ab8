//! [`Api`]: what the handlers share.

use std::sync::Arc;
use std::time::Duration;

use mqtt_connector::{Connector, Response, Tenant};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::calls::Calls;
use super::problem::Problem;
use crate::Timestamp;
use crate::error::StoreError;
use crate::execution::{Execution, Id};
use crate::executions::Executions;

/// A service behind HTTP: synchronous sends of a [`Connector`] and [`Executions`], for the tenants of the connector's registry
/// ([`Connector::tenants`]), each with the configuration that it has there. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    inner: Arc<Inner>,
}

struct Inner {
    connector: Arc<Connector>,
    executions: Executions,
    largest_body: usize,
    calls: Calls,
    metrics: Option<Box<dyn Fn() -> String + Send + Sync>>,
    console: Option<ConsoleCookies>,
    /// The sends that somebody waits for.
    sends: TaskTracker,
    /// Cancelled when nothing more is to begin.
    draining: CancellationToken,
    /// Cancelled when nothing more ends.
    drained: CancellationToken,
}

impl Api {
    /// The largest body of a document, unless [`ApiBuilder::largest_body`] says otherwise: 8 MiB.
    pub const LARGEST_BODY: usize = 8 << 20;

    /// How many calls a tenant may have at one time, unless [`ApiBuilder::concurrent_calls`] says otherwise: 1,000.
    pub const CONCURRENT_CALLS: usize = 1000;

    /// How many bytes the bodies of a tenant's calls may have together at one time, unless [`ApiBuilder::concurrent_bytes`] says otherwise:
    /// 256 MiB.
    pub const CONCURRENT_BYTES: usize = 256 << 20;

    /// Starts with the parts that are needed. `executions` are carried out by `connector`.
    #[must_use]
    pub fn builder(connector: Arc<Connector>, executions: Executions) -> ApiBuilder {
        ApiBuilder {
            connector,
            executions,
            largest_body: Self::LARGEST_BODY,
            concurrent_calls: Self::CONCURRENT_CALLS,
            concurrent_bytes: Self::CONCURRENT_BYTES,
            metrics: None,
            console: None,
        }
    }

    /// Ends gracefully: begins nothing more and answers 503 instead, waits until what runs has ended, and breaks off after `deadline` what
    /// still runs, which answers with what is known by then. See [`Executions::drain`]. Who waits for an execution is answered then.
    /// Answers whether nothing had to be broken off.
    pub async fn drain(&self, deadline: Duration) -> bool {
        /// What is broken off answers at once.
        const TO_ANSWER: Duration = Duration::from_secs(5);

        let Inner { connector, executions, sends, draining, drained, .. } = &*self.inner;
        draining.cancel();
        sends.close();
        let synchronous = async {
            if timeout(deadline, sends.wait()).await.is_ok() {
                return true;
            }
            connector.interrupt();
            // What has not answered by now has nobody left who would hear it.
            let _ = timeout(TO_ANSWER, sends.wait()).await;
            false
        };
        let (asynchronous, synchronous) = tokio::join!(executions.drain(deadline), synchronous);
        drained.cancel();
        asynchronous && synchronous
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.inner.connector
    }

    pub(super) fn shared_connector(&self) -> Arc<Connector> {
        Arc::clone(&self.inner.connector)
    }

    pub(super) fn executions(&self) -> &Executions {
        &self.inner.executions
    }

    pub(super) fn largest_body(&self) -> usize {
        self.inner.largest_body
    }

    pub(super) fn calls(&self) -> &Calls {
        &self.inner.calls
    }

    pub(super) fn metrics(&self) -> Option<String> {
        self.inner.metrics.as_ref().map(|render| render())
    }

    pub(super) fn console(&self) -> Option<ConsoleCookies> {
        self.inner.console
    }

    /// Cancelled when nothing more is to begin.
    pub(super) fn draining(&self) -> &CancellationToken {
        &self.inner.draining
    }

    /// Counts a send that somebody has waited for; how long it took is not known of those in a batch.
    pub(super) fn count(&self, tenant: &Tenant, response: &Response, took: Option<Duration>) {
        let (tenant, now) = (tenant.shared_name(), Timestamp::now());
        self.inner.executions.counts().ended(&tenant, response.meta.exit_code, took, now);
    }

    /// A send that somebody waits for begins, unless nothing more is to begin.
    pub(super) fn begin(&self) -> Result<TaskTrackerToken, Problem> {
        // Before it is asked, so that whoever drains sees it, or it sees whoever drains.
        let counted = self.inner.sends.token();
        if self.inner.draining.is_cancelled() { Err(Problem::draining()) } else { Ok(counted) }
    }

    /// The execution when it has ended, but after `at_most` at the latest, or when nothing more ends.
    pub(super) async fn wait(
        &self,
        tenant: &str,
        id: Id,
        at_most: Duration,
    ) -> Result<Option<Execution>, StoreError> {
        let executions = &self.inner.executions;
        tokio::select! {
            biased;
            waited = executions.wait(tenant, id, at_most) => waited,
            () = self.inner.drained.cancelled() => executions.get(tenant, id).await,
        }
    }
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("executions", &self.inner.executions).finish_non_exhaustive()
    }
}

/// Builds an [`Api`].
pub struct ApiBuilder {
    connector: Arc<Connector>,
    executions: Executions,
    largest_body: usize,
    concurrent_calls: usize,
    concurrent_bytes: usize,
    metrics: Option<Box<dyn Fn() -> String + Send + Sync>>,
    console: Option<ConsoleCookies>,
}

/// How browsers keep the cookie of a session of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleCookies {
    /// It is sent over TLS alone (`Secure`): where callers reach the service by `https://`.
    Secure,
    /// It is sent without TLS, too: where callers reach the service by `http://`, which is to be this machine alone.
    Plain,
}

impl ApiBuilder {
    /// The largest body of a document, and the longest line of a batch, in bytes. Default: [`Api::LARGEST_BODY`].
    #[must_use]
    pub fn largest_body(mut self, bytes: usize) -> Self {
        self.largest_body = bytes;
        self
    }

    /// How many calls a tenant may have at one time; more are answered with 429. Default: [`Api::CONCURRENT_CALLS`].
    #[must_use]
    pub fn concurrent_calls(mut self, calls: usize) -> Self {
        self.concurrent_calls = calls;
        self
    }

    /// How many bytes the documents have together that a tenant's calls have sent and that are not answered yet; more are answered with 429, and
    /// lines of a batch are read when there is room again. Default: [`Api::CONCURRENT_BYTES`].
    #[must_use]
    pub fn concurrent_bytes(mut self, bytes: usize) -> Self {
        self.concurrent_bytes = bytes;
        self
    }

    /// What `/metrics` answers with: the text format of Prometheus. Default: there is no such path.
    #[must_use]
    pub fn metrics(mut self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.metrics = Some(Box::new(render));
        self
    }

    /// Pages for a person at `/`: to send, to look at executions, and to see how sends end. Sessions of whoever has signed in are held in
    /// the process; how sends end is counted from now on. Default: there are no such pages.
    #[must_use]
    pub fn console(mut self, cookies: ConsoleCookies) -> Self {
        self.console = Some(cookies);
        self
    }

    /// The service.
    #[must_use]
    pub fn build(self) -> Api {
        let Self {
            connector,
            executions,
            largest_body,
            concurrent_calls,
            concurrent_bytes,
            metrics,
            console,
        } = self;
        if console.is_some() {
            executions.counts().begin();
        }
        let calls = Calls::new(concurrent_calls, concurrent_bytes);
        let inner = Inner {
            connector,
            executions,
            largest_body,
            calls,
            metrics,
            console,
            sends: TaskTracker::new(),
            draining: CancellationToken::new(),
            drained: CancellationToken::new(),
        };
        Api { inner: Arc::new(inner) }
    }
}
