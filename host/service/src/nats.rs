//! [`NatsStore`]: executions in one stream of NATS JetStream, for many machines.
//!
//! - `address`: which cluster; `login`: as whom; `connect`: the connection; `provision`: the stream; `error`: what may stand against them.
//! - `said`: what NATS has said against this node, so that what fails has a reason.
//! - `record`: an execution as a message, and where it stands; `write`: compare-and-set of a subject.
//! - `queue`: which executions of a tenant may be claimed; `held`: what this node has accepted itself; `share`: how much of a
//!   tenant is on its way while others have something; `view`: what a node has heard of all; `watch`: how it hears.
//! - `nodes`: leases of nodes, and whose a tenant is.
//! - `removed`: what somebody has removed from the stream.
//! - `telemetry`: what a node counts; `check`: whether a cluster is as executions need it.
//! - `operations`: what [`Store`] promises; of that, `accept`, `change`, and `listing`: lists.

mod accept;
mod address;
mod change;
mod check;
mod connect;
mod error;
mod held;
mod listing;
mod login;
mod nodes;
mod operations;
mod provision;
mod queue;
mod record;
mod removed;
mod said;
mod share;
mod telemetry;
mod view;
mod watch;
mod write;

use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::jetstream::Context;
use async_nats::jetstream::stream::Stream;
use tokio::sync::watch as channel;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use address::{NatsAddress, NatsAddressError};
pub use check::{NatsFinding, NatsVerdict, check_nats};
pub use error::NatsError;
pub use login::NatsLogin;

use crate::Timestamp;
use crate::backlog::Backlog;
use crate::error::{ChangeError, StoreError};
use crate::execution::{Execution, Id};
use crate::health::Health;
use crate::query::{Page, Query};
use crate::store::{Accepted, New, Pending, RETENTION, SIZE, Store};
use nodes::Incarnation;
use operations::PATIENCE;
use record::Subjects;
use said::Said;
use view::{Idle, View};
use write::{PAUSE, patiently};

/// How long a node tries to read, when it starts, from where on it has to hear: a stream may be without a leader, which a single read
/// does not wait for as long as a cluster may take.
const TO_FIND_START: Duration = Duration::from_secs(30);

/// How long a node may take to hear of what is there, when it starts.
const TO_CATCH_UP: Duration = Duration::from_secs(120);

/// How long a node that starts gives a stream that was made a moment ago before it says what is not as it should be.
const TO_SETTLE: Duration = Duration::from_secs(2);

/// Executions in one stream of NATS JetStream: any node accepts them, and any carries them out, those of one tenant at one node at a time.
///
/// Accepted is what a majority of the servers that keep the stream has acknowledged. With `sync_interval: always` in the configuration of each server
/// they have it on disk by then.
///
/// A node has a lease, which it renews. When it is silent for longer, others take over what it had: an execution that was running then
/// ends with 79, or is accepted again, as [`Store`] says. What such a node still sends, it stops when it hears of it.
pub struct NatsStore {
    inner: Arc<Inner>,
    _stop: DropGuard,
}

struct Inner {
    address: NatsAddress,
    client: Client,
    said: Arc<Said>,
    jetstream: Context,
    stream: Stream,
    subjects: Subjects,
    lease: Duration,
    retention: Duration,
    size: u64,
    /// How many bytes the stream has, as it was asked last.
    used: AtomicU64,
    measured: Mutex<Option<Instant>>,
    view: View,
    backlog: Arc<Backlog>,
    /// Whether NATS can be written to: a node that carries executions out finds that out by its lease at least.
    health: Health,
    /// When the stream was made that this node hears, in nanoseconds since 1970.
    made: AtomicI64,
    /// From which message on a node that starts now hears of executions.
    started_at: AtomicU64,
    /// Whether all that was there has been heard.
    caught_up: channel::Sender<bool>,
}

impl NatsStore {
    /// Starts with the defaults.
    #[must_use]
    pub fn builder(address: NatsAddress) -> NatsStoreBuilder {
        NatsStoreBuilder { address, login: NatsLogin::Nobody, retention: RETENTION, size: SIZE }
    }
}

impl std::fmt::Debug for NatsStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsStore").field("subjects", &self.inner.subjects).finish_non_exhaustive()
    }
}

/// Builds a [`NatsStore`]. `Debug` shows no secret.
///
/// TLS is that of the process's `rustls::crypto::CryptoProvider`: a program that has several of them compiled in installs one before.
pub struct NatsStoreBuilder {
    address: NatsAddress,
    login: NatsLogin,
    retention: Duration,
    size: u64,
}

impl std::fmt::Debug for NatsStoreBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsStoreBuilder").field("address", &self.address).finish_non_exhaustive()
    }
}

impl NatsStoreBuilder {
    /// As whom, where the address names no file for that. Default: [`NatsLogin::Nobody`].
    #[must_use]
    pub fn login(mut self, login: NatsLogin) -> Self {
        self.login = login;
        self
    }

    /// How long an execution is kept after it has ended, in whole seconds, by the clocks of the servers. Default: 7 days.
    #[must_use]
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// How large the stream may be, in bytes, before nothing more is accepted ([`StoreError::Full`](crate::StoreError::Full)); each node asks for it every second, so that it may
    /// grow beyond that by what comes in a second. What is accepted already is carried out all the same. Default: 4 GiB.
    #[must_use]
    pub fn size(mut self, bytes: u64) -> Self {
        self.size = bytes;
        self
    }

    /// Opens it, as a node that carries executions out. The stream is made if it is not there.
    ///
    /// # Errors
    ///
    /// No server lets us in, the server is too old, or the stream cannot be used as it is.
    pub async fn open(self) -> Result<NatsStore, NatsError> {
        let name = self.address.node.clone().unwrap_or_else(|| Id::new().to_string());
        let address = self.address.to_string();
        let (store, stop) = self.start(Some(Incarnation::new(name))).await?;
        let inner = &store.inner;
        let deadline = Instant::now() + TO_CATCH_UP;
        let unusable = |reason: String| NatsError::Stream { address: address.clone(), reason };
        while !inner.view.has_lease() {
            let began = Instant::now();
            let renewed = inner.renew_lease(inner.lease.min(PATIENCE)).await;
            let denied = inner.said.denied(&inner.subjects.all(), began);
            if let Some(denied) = denied.or_else(|| inner.said.not_listening()) {
                return Err(unusable(denied));
            }
            if inner.view.is_deaf() {
                return Err(unusable(inner.deafness()));
            }
            match renewed {
                // A majority may be on its way, or somebody who makes room.
                Err(_) if Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(unusable(reason(error))),
                Ok(()) if inner.view.incarnation().is_none() => return Err(NatsError::NoLease { address }),
                Ok(()) => {}
            }
        }
        telemetry::begin(inner.used.load(Ordering::Relaxed), inner.view.counts());
        tokio::spawn(Arc::clone(inner).keep_lease(stop.clone()));
        tokio::spawn(Arc::clone(inner).watch_lease(stop));
        Ok(store)
    }

    /// Opens it to look at and to change beside the nodes that carry executions out. It is not for [`Executions`](crate::Executions).
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn open_beside(self) -> Result<NatsStore, NatsError> {
        Ok(self.start(None).await?.0)
    }

    async fn start(
        self,
        incarnation: Option<Incarnation>,
    ) -> Result<(NatsStore, CancellationToken), NatsError> {
        let Self { address, login, retention, size } = self;
        let (client, said) = connect::connect(&address, login).await?;
        let jetstream = provision::context(client.clone());
        let stream = provision::provision(&jetstream, &address, &said).await?;
        let inner = Arc::new(Inner {
            client,
            said,
            jetstream,
            used: AtomicU64::new(stream.cached_info().state.bytes),
            made: AtomicI64::new(removed::made(stream.cached_info())),
            stream,
            subjects: Subjects::new(&address.stream),
            lease: address.lease,
            address: address.clone(),
            retention,
            size,
            measured: Mutex::new(None),
            view: View::new(incarnation),
            backlog: Arc::default(),
            health: Health::default(),
            started_at: AtomicU64::new(0),
            caught_up: channel::Sender::new(false),
        });
        let unusable = |reason: String| NatsError::Stream { address: address.to_string(), reason };
        let began = Instant::now();
        let is_in_vain = || inner.said.denied("$JS.API.STREAM.", began).is_some();
        let found = patiently(TO_FIND_START, || inner.find_start(), is_in_vain).await;
        found.map_err(|error| unusable(reason(error)))?;
        let stop = CancellationToken::new();
        tokio::spawn(Arc::clone(&inner).watch(stop.clone()));
        let store = NatsStore { inner: Arc::clone(&inner), _stop: stop.clone().drop_guard() };
        let mut caught_up = inner.caught_up.subscribe();
        tokio::select! {
            Ok(_) = caught_up.wait_for(|caught_up| *caught_up) => Ok((store, stop)),
            denied = inner.said.denies_listening() => Err(unusable(denied)),
            () = tokio::time::sleep(TO_CATCH_UP) => Err(unusable(inner.deafness())),
        }
    }
}

/// Why a store cannot be used, without that it cannot.
fn reason(error: StoreError) -> String {
    match error {
        StoreError::Unusable(why) => why,
        error => error.to_string(),
    }
}

impl Inner {
    /// That this node does not hear what is in the stream, and why, as far as it is known.
    fn deafness(&self) -> String {
        let why = self.said.not_listening();
        let why =
            why.as_deref().unwrap_or("the stream or the account may have as many consumers as are allowed");
        format!("NATS does not deliver what is written to it: {why}")
    }

    /// Why this node carries nothing out, although NATS can be written to.
    fn idleness(&self) -> Option<StoreError> {
        Some(StoreError::Unusable(match self.view.idleness()? {
            Idle::Deaf => self.deafness(),
            Idle::NoLease => "this node has no lease, so that it carries nothing out".to_owned(),
        }))
    }
}

impl NatsStore {
    /// What an operator should know of the cluster: what is not as it should be, or is not known.
    pub async fn doubts(&self) -> Vec<NatsFinding> {
        let Inner { address, stream, .. } = &*self.inner;
        let mut info = stream.cached_info().clone();
        let deadline = Instant::now() + TO_SETTLE;
        while let Ok(now) = stream.get_info().await {
            info = now;
            if check::is_settled(&info) || Instant::now() >= deadline {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        let mut findings = check::of_stream(address, &info);
        findings.extend(check::of_servers(address).await);
        findings.retain(|finding| finding.verdict != NatsVerdict::Right);
        findings
    }
}

impl Store for NatsStore {
    fn accept_within(&self, new: New, most_waiting: u32) -> Pending<'_, Accepted> {
        Box::pin(self.inner.accept_new(new, most_waiting))
    }

    fn get(&self, id: Id) -> Pending<'_, Option<Execution>> {
        Box::pin(self.inner.get_of(None, id))
    }

    fn get_of<'a>(&'a self, tenant: &'a str, id: Id) -> Pending<'a, Option<Execution>> {
        Box::pin(self.inner.get_of(Some(tenant), id))
    }

    fn list(&self, query: Query) -> Pending<'_, Page> {
        Box::pin(async move { self.inner.list_of(&query).await })
    }

    fn tenants(&self) -> Vec<Arc<str>> {
        self.inner.view.ready()
    }

    fn claim<'a>(&'a self, tenant: &'a str, most: usize) -> Pending<'a, Vec<Execution>> {
        Box::pin(self.inner.claim_of(tenant, most))
    }

    fn release(&self, id: Id) {
        self.inner.view.release(id);
    }

    fn lost(&self, id: Id) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.inner.view.lost(id))
    }

    fn begin<'a>(&'a self, execution: &'a Execution, may_be_repeated: bool) -> Pending<'a, bool> {
        Box::pin(self.inner.begin_claimed(execution, may_be_repeated))
    }

    fn settle<'a>(&'a self, execution: &'a Execution, due: Option<Timestamp>) -> Pending<'a, ()> {
        Box::pin(self.inner.settle_claimed(execution, due))
    }

    fn cancel<'a>(
        &'a self,
        tenant: Option<&'a str>,
        id: Id,
        now: Timestamp,
    ) -> Pending<'a, Execution, ChangeError> {
        Box::pin(self.inner.cancel_of(tenant, id, now))
    }

    fn retry<'a>(
        &'a self,
        tenant: Option<&'a str>,
        id: Id,
        now: Timestamp,
    ) -> Pending<'a, Execution, ChangeError> {
        Box::pin(self.inner.retry_of(tenant, id, now))
    }

    fn tidy(&self, now: Timestamp) -> Pending<'_, Option<Timestamp>> {
        Box::pin(self.inner.tidy_at(now))
    }

    fn changed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.inner.view.changed())
    }

    fn fault(&self) -> Option<StoreError> {
        let Inner { health, said, .. } = &*self.inner;
        let unread = || said.not_reading().map(StoreError::Unusable);
        health.fault().or_else(|| self.inner.idleness()).or_else(unread)
    }

    fn leave(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.inner.leave_cluster())
    }

    fn ended(&self, id: Id) -> Pin<Box<dyn Future<Output = Option<Execution>> + Send + '_>> {
        let ended = self.inner.view.waiting.ended(id);
        Box::pin(async move {
            let end = ended.await?;
            self.inner.ended_as(id, &end).await
        })
    }
}
