//! A call of the built-in component in two steps, `prepare` and `conclude`: what is between them, the host does without it.
//!
//! Both are short and call nobody, so that they need no stack of their own and no instance waits while a message is under way.
//! An instance that has done its step is [kept](super::kept) for the next one of the same tenant. The component wipes what a
//! call has left in it, before its answer is here (`guest/connector/src/memory.rs`).

use std::mem;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use wasmtime::{Store, UpdateDeadline};

use super::budget::MemoryBudget;
use super::call::{HANDLES, KEPT_FREE, UnderWay};
use super::clock::Clock;
use super::engines::Engines;
use super::fault::Fault;
use super::step_state::StepState;
use super::{Action, Response, answer};
use crate::bindings::in_steps::Steps;
use crate::bindings::in_steps::exports::flint::mqtt::steps::{Outcome, Publication};
use crate::publisher::contract::{Message, RetryPolicy};
use crate::publisher::{Hooks, Options, PublisherCtx, Shortage, Tally, Tenant};

/// Bytes of configuration and request together up to which a call is made in two steps. What needs long to compute is
/// computed where others have their turn meanwhile.
const LARGEST: usize = 256 * 1024;

/// Ticks of the clock after which a step is given up that has not ended: at least one whole tick.
const TICKS: u64 = 2;

/// A step took so long that others have to have their turn.
#[derive(Debug, thiserror::Error)]
#[error("the step takes long")]
struct TakesLong;

/// An instance of the built-in component.
pub(super) struct Instance {
    store: Store<StepState>,
    steps: Steps,
    calls: u32,
    /// Behind the store, which has it until it is dropped.
    _place: Option<OwnedSemaphorePermit>,
}

impl Instance {
    /// How often it was called.
    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    #[cfg(test)]
    pub(super) fn set_calls(&mut self, calls: u32) {
        self.calls = calls;
    }

    /// Bytes of its memory and tables.
    pub(super) fn memory(&self) -> usize {
        self.store.data().memory.taken()
    }

    /// A fresh one for `tenant`; `None` of a component that does not offer the steps.
    fn make(engines: &Engines, tenant: &Tenant) -> wasmtime::Result<Box<Self>> {
        // What comes after is to have memory, too: of all that needs it, only the engine can say that there is none.
        let kept_free = Shortage::reserve(KEPT_FREE).ok_or(Shortage::Memory)?;
        let limits = tenant.limits();
        let Some((steps, place)) = engines.take_steps() else { return Err(Fault::Contract.into()) };
        let memory = MemoryBudget::new(limits.memory);
        let state = StepState { memory, may_be_given_up: false };
        let mut store = Store::new(steps.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(limits.memory);
        store.set_max_component_handles(HANDLES);
        store.set_epoch_deadline(TICKS);
        store.epoch_deadline_callback(|store| {
            if store.data().may_be_given_up { Err(TakesLong.into()) } else { Ok(UpdateDeadline::Continue(1)) }
        });
        let steps = steps.instantiate(&mut store)?;
        drop(kept_free);
        Ok(Box::new(Self { store, steps, calls: 0, _place: place }))
    }
}

/// A call that is made in two steps.
struct InSteps<'a> {
    call: &'a UnderWay<'a>,
    /// What the host wants besides.
    hooks: &'a mut Hooks,
    /// The instance of the step before, where none is kept for others.
    own: Option<Box<Instance>>,
}

/// What a configuration and a request come to.
enum Prepared {
    Publication(Box<Publication>),
    /// The final answer: something is wrong.
    Answered(Response),
    /// It would take long to know.
    GivenUp,
}

/// Makes the call in two steps, if the component offers them and the documents are short; `None`: it is to be made in another way,
/// nothing has happened, and nobody was told through the `hooks`.
///
/// # Errors
///
/// The response: the component failed, or its answer is not believed.
pub(super) async fn answer(
    call: &UnderWay<'_>,
    action: Action,
    config: &str,
    request: &str,
    hooks: &mut Hooks,
) -> Option<Result<Response, Response>> {
    if !call.connector.engines.offer_steps() || config.len() + request.len() > LARGEST {
        return None;
    }
    // Boxed, because the futures around it would move it several times.
    let running = Box::pin(InSteps { call, hooks, own: None }.run(action, config, request));
    call.tenant.quotas().run(running).await
}

impl InSteps<'_> {
    async fn run(
        mut self,
        action: Action,
        config: &str,
        request: &str,
    ) -> Option<Result<Response, Response>> {
        let UnderWay { connector, tenant, latest, .. } = self.call;
        let prepared = match self.prepare(config, request) {
            Ok(Prepared::Publication(publication)) => publication,
            Ok(Prepared::Answered(response)) => return Some(Ok(response)),
            Ok(Prepared::GivenUp) => return None,
            Err(error) => return Some(Err(self.call.failed(&error, Tally::default()))),
        };
        let Publication { options, message, policy, notes } = *prepared;
        let options = Arc::new(Options::new(options));
        let context = PublisherCtx::builder(Tenant::clone(tenant)).latest(*latest);
        let context = context.hooks(mem::take(self.hooks));
        let mut context = context.publisher(connector.publisher.clone()).build();
        let (message, outcome) = match action {
            Action::Send => publish(&mut context, &options, message, policy).await,
            Action::Check => {
                let checked = context.check_message(&options, &message, policy).await;
                (message, Outcome::Checked(checked))
            }
        };
        let tally = context.tally();
        let conclude = |instance: &mut Instance| {
            let steps = instance.steps.flint_mqtt_steps();
            steps.call_conclude(&mut instance.store, &options, &message, notes, &outcome)
        };
        let concluded = self.step(false, conclude).and_then(|response| {
            let mut response = answer::response(response.meta.exit_code, response.meta.message)?;
            if action == Action::Send {
                answer::believe(std::slice::from_mut(&mut response), tally)?;
            }
            Ok(response)
        });
        Some(concluded.map_err(|error| self.call.failed(&error, tally)))
    }

    fn prepare(&mut self, config: &str, request: &str) -> wasmtime::Result<Prepared> {
        let prepare = |instance: &mut Instance| {
            let steps = instance.steps.flint_mqtt_steps();
            steps.call_prepare(&mut instance.store, config, request)
        };
        let meter = &self.call.meter;
        meter.resume();
        Ok(match self.step(true, prepare) {
            Ok(Ok(publication)) => Prepared::Publication(Box::new(publication)),
            Ok(Err(response)) => {
                let mut response = answer::response(response.meta.exit_code, response.meta.message)?;
                answer::believe(std::slice::from_mut(&mut response), Tally::default())?;
                Prepared::Answered(response)
            }
            Err(error) if error.is::<TakesLong>() => {
                // The call goes on, and this counts. No step takes as long as the least limit.
                meter.count().ok();
                Prepared::GivenUp
            }
            Err(error) => return Err(error),
        })
    }

    /// Makes one step: in the instance of the step before, or in one that was kept for the tenant, or in a fresh one.
    ///
    /// A step that may not be given up is made to its end: what has become of a message is to be told.
    fn step<T>(
        &mut self,
        may_be_given_up: bool,
        step: impl FnOnce(&mut Instance) -> wasmtime::Result<T>,
    ) -> wasmtime::Result<T> {
        let UnderWay { connector, tenant, .. } = self.call;
        let kept = connector.kept.as_deref();
        let instance = self.own.take().or_else(|| kept?.take(tenant));
        let mut instance = match instance {
            Some(instance) => instance,
            None => Instance::make(&connector.engines, tenant)?,
        };
        instance.calls += 1;
        instance.store.data_mut().may_be_given_up = may_be_given_up;
        instance.store.set_epoch_deadline(TICKS);
        let made = {
            let _running = connector.clock.as_ref().map(Clock::running);
            step(&mut instance)
        };
        // After an error nothing in the instance can be relied on.
        let made = made?;
        match kept {
            Some(kept) => kept.put(tenant, instance),
            None => self.own = Some(instance),
        }
        Ok(made)
    }
}

/// Publishes the message; what is left of it, and what became of it.
async fn publish(
    context: &mut PublisherCtx,
    options: &Arc<Options>,
    mut message: Message,
    policy: RetryPolicy,
) -> (Message, Outcome) {
    let sent = Message {
        topic: message.topic.clone(),
        payload: mem::take(&mut message.payload),
        properties: message.properties.take(),
        ..message
    };
    let published = context.publish_message(options, sent, policy).await;
    (message, Outcome::Published(published))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Connector;

    /// A connector in which time decides nothing.
    fn connector() -> Connector {
        let mut connector = Connector::builder().pool(1).build().unwrap();
        connector.clock = None;
        connector
    }

    #[tokio::test]
    async fn a_step_is_given_up_only_where_the_call_can_be_made_in_another_way() {
        let (connector, tenant) = (connector(), Tenant::unrestricted("a"));
        let call = UnderWay::begin(&connector, &tenant, 0).await.unwrap();
        let mut in_steps = InSteps { call: &call, hooks: &mut Hooks::default(), own: None };
        for (ticks, may_be_given_up, is_given_up) in
            [(TICKS - 1, true, false), (TICKS, true, true), (TICKS, false, false)]
        {
            let made = in_steps.step(may_be_given_up, |instance| {
                (0..ticks).for_each(|_| instance.store.engine().increment_epoch());
                instance.steps.flint_mqtt_steps().call_prepare(&mut instance.store, "{}", "{}")
            });
            assert_eq!(made.is_err(), is_given_up, "{ticks} ticks");
            assert_eq!(made.is_err_and(|error| error.is::<TakesLong>()), is_given_up);
        }
    }

    #[tokio::test]
    async fn long_documents_are_read_in_another_way() {
        let (connector, tenant) = (connector(), Tenant::unrestricted("a"));
        for (length, is_in_steps) in [(LARGEST, true), (LARGEST + 1, false)] {
            let request = format!("{{\"content\": \"{}\"}}", "x".repeat(length - 17));
            let call = UnderWay::begin(&connector, &tenant, 0).await.unwrap();
            let answered = answer(&call, Action::Check, "{}", &request, &mut Hooks::default()).await;
            assert_eq!(answered.is_some(), is_in_steps, "{length} bytes");
            drop(call);
            let response = connector.check(&tenant, "{}", &request).await;
            assert_eq!(response.meta.exit_code, 64, "{}", response.meta.message);
        }
    }
}
