//! One call of a component, inside the tenant's limits; and the way of a call that is not made in steps: a fresh instance that waits for the host.

use std::future::{Future, poll_fn};
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use wasmtime::{Engine, Store, UpdateDeadline};

use mqtt_connector_contract::exit_code;
use mqtt_connector_contract::shown::Shown;

use super::budget::{MemoryBudget, Meter};
use super::clock::Clock;
use super::fault::Fault;
use super::turn::in_turns;
use super::{Connector, Response};
use crate::bindings::Exports;
use crate::publisher::{Hooks, Permit, PublisherCtx, PublisherView, Shortage, Tally, Tenant};

/// What a call may take longer than its timeout before it is given up as a fault: the host answers timeouts itself,
/// so that this is only ever reached by a component that does not return.
pub(super) const GRACE: Duration = Duration::from_millis(250);

/// Handles to resources that a call may have open at one time. The contract has no resources, WASI does.
pub(super) const HANDLES: usize = 1000;

/// Bytes of memory that are to be left when there is an instance. They are not used. So many are more than the C library of
/// GNU keeps in its heap when they are given back (32 MiB): a thread for a look-up has no part in that heap, and whom the
/// system refuses a page then has no words left.
pub(super) const KEPT_FREE: usize = 33 * 1024 * 1024;

/// The most characters of a fault's details that go to the log.
const DETAILS: usize = 2000;

/// What the store of one call holds.
pub(super) struct State {
    publisher: PublisherCtx,
    memory: MemoryBudget,
    meter: Arc<Meter>,
    /// Made when the component first asks for it.
    #[cfg(feature = "wasi")]
    wasi: Option<Box<super::wasi::Wasi>>,
}

impl State {
    /// The component calls the host: up to here it has computed. Whether that was too long is looked at when it goes on.
    fn leave_component(&self) {
        self.meter.count().ok();
    }
}

impl PublisherView for State {
    fn publisher(&mut self) -> &mut PublisherCtx {
        self.leave_component();
        &mut self.publisher
    }
}

#[cfg(feature = "wasi")]
impl wasmtime_wasi::WasiView for State {
    fn ctx(&mut self) -> wasmtime_wasi::WasiCtxView<'_> {
        self.leave_component();
        self.wasi.get_or_insert_default().view()
    }
}

/// A call of a tenant, which has its permit.
pub(super) struct UnderWay<'a> {
    pub(super) connector: &'a Connector,
    /// Whose limits hold, and whose grants.
    pub(super) tenant: &'a Tenant,
    /// When its time is over.
    pub(super) latest: Instant,
    /// How long the component has computed for it.
    pub(super) meter: Arc<Meter>,
    /// Dropped when nothing is left of the call, its instance included: what waits for it takes no memory to speak of.
    _permit: Permit<'a>,
}

/// What a component is called with that waits for the host.
pub(super) struct Waiting<'a> {
    /// Nothing may leave the component: to publish is a fault.
    pub(super) dry_run: bool,
    /// What the component is given, and must not say in the log.
    #[cfg_attr(not(feature = "wasi"), expect(dead_code, reason = "only WASI lets a component print"))]
    pub(super) documents: &'a [&'a str],
    /// Dropped as soon as the messages stand in line at their connection, or will not.
    pub(super) queued: Option<oneshot::Sender<()>>,
    /// What the host wants besides.
    pub(super) hooks: Hooks,
}

impl<'a> UnderWay<'a> {
    /// Waits until `tenant` may have one more call under way, in which the component reads so many bytes: a configuration once
    /// for each request. The time of the call counts from here.
    ///
    /// # Errors
    ///
    /// The response: exit code 77, the tenant has too many calls under way, or the documents are too long for a connector for
    /// one call.
    pub(super) async fn begin(
        connector: &'a Connector,
        tenant: &'a Tenant,
        length: usize,
    ) -> Result<Self, Response> {
        let (limits, longest) = (tenant.limits(), connector.longest);
        if length > longest {
            return Err(denied(&format!(
                "configuration and request have {length} bytes, of {longest} that a connector for one call takes"
            )));
        }
        let latest = Instant::now() + limits.timeout;
        let permit = tenant.quotas().send(tenant.name(), limits, latest).await;
        let permit = permit.map_err(|error| denied(&error.to_string()))?;
        let meter = Arc::new(Meter::new(limits.cpu));
        Ok(Self { connector, tenant, latest, meter, _permit: permit })
    }

    /// The response to a call in which the component has failed: exit code 70, with what is known of its messages.
    pub(super) fn failed(&self, error: &wasmtime::Error, tally: Tally) -> Response {
        let (tenant, fault) = (self.tenant.name(), Fault::of(error));
        // The details may hold the host's paths and whatever names the component has given its functions.
        let details = Shown::plain(&format!("{error:#}"), DETAILS).to_string();
        tracing::error!(tenant, %fault, details, "the component failed");
        fault.into_response(tally)
    }

    /// Calls the component in a fresh instance, on a stack of its own, and judges its answer. Ends, whatever the component
    /// does, when the tenant's timeout and [`GRACE`] are over.
    ///
    /// The instance is gone afterwards: after a fault nothing in it can be relied on.
    ///
    /// # Errors
    ///
    /// The response: exit code 70, the component failed or its answer is not believed.
    pub(super) fn run<T, U>(
        self,
        waiting: Waiting<'_>,
        call: impl AsyncFnOnce(&Exports, &mut Store<State>) -> wasmtime::Result<T>,
        judge: impl FnOnce(T, Tally) -> Result<U, Fault>,
    ) -> impl Future<Output = Result<U, Response>> {
        // Boxed, because the futures around it would move it several times.
        Box::pin(self.run_in_place(waiting, call, judge))
    }

    async fn run_in_place<T, U>(
        self,
        mut waiting: Waiting<'_>,
        call: impl AsyncFnOnce(&Exports, &mut Store<State>) -> wasmtime::Result<T>,
        judge: impl FnOnce(T, Tally) -> Result<U, Fault>,
    ) -> Result<U, Response> {
        let Self { connector, tenant, latest, ref meter, .. } = self;
        let (component, _place) = connector.engines.take(connector.kept.as_deref());
        let mut store = self.store(component.engine(), &mut waiting);
        let answer = {
            let mut running = pin!(async {
                // What comes after is to have memory, too: of all that needs it, only the engine can say that there is none.
                let kept_free = Shortage::reserve(KEPT_FREE).ok_or(Shortage::Memory)?;
                let instance = component.instantiate_async(&mut store).await?;
                drop(kept_free);
                call(&instance, &mut store).await
            });
            let ticking = poll_fn(|context| {
                let _running = connector.clock.as_ref().map(Clock::running);
                running.as_mut().poll(context)
            });
            let quotas = tenant.quotas();
            let in_turns = pin!(in_turns(quotas, meter, ticking));
            match timeout_at(latest + GRACE, quotas.run(in_turns)).await {
                Ok(answer) => answer,
                Err(_) => Err(Fault::Time.into()),
            }
        };
        #[cfg(feature = "wasi")]
        if let Some(wasi) = &store.data().wasi {
            wasi.log(tenant.name(), waiting.documents);
        }
        let tally = store.data().publisher.tally();
        let judged = answer.and_then(|answer| Ok(judge(answer, tally)?));
        judged.map_err(|error| self.failed(&error, tally))
    }

    /// A store with the tenant's limits.
    fn store(&self, engine: &Engine, waiting: &mut Waiting<'_>) -> Store<State> {
        let limits = self.tenant.limits();
        let publisher = PublisherCtx::builder(self.tenant.clone()).latest(self.latest);
        let publisher = publisher.queued(waiting.queued.take()).hooks(mem::take(&mut waiting.hooks));
        let publisher = publisher.refuse(waiting.dry_run.then_some(|| Fault::DryRun.into()));
        let state = State {
            publisher: publisher.publisher(self.connector.publisher.clone()).build(),
            memory: MemoryBudget::new(limits.memory),
            meter: Arc::clone(&self.meter),
            #[cfg(feature = "wasi")]
            wasi: None,
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.memory);
        // What the component hands over in one call of the host, and what it answers, is copied: no more than it may
        // have itself, however often its lists point at the same bytes.
        store.set_hostcall_fuel(limits.memory);
        store.set_max_component_handles(HANDLES);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store| {
            store.data().meter.count()?;
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
        });
        store
    }
}

/// The answer where the component may not begin.
pub(super) fn denied(reason: &str) -> Response {
    Response::new(exit_code::DENIED, format!("Not sent, it is not allowed: {reason}."))
}
