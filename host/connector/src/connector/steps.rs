//! A call of the built-in component in two steps, `prepare` and `conclude`: what is between them, the host does without it.
//!
//! Both are short and call nobody, so that they need no stack of their own and no instance waits while a message is under way.
//! An instance that has done its step is [kept](super::kept) for the next one of the same tenant. The component wipes what a
//! call has left in it, before its answer is here (`guest/connector/src/memory.rs`).
//!
//! With `prepare`, the component says how its answer will read if all goes as it was asked for, but for the time. Most calls end so,
//! and need no `conclude`.
//!
//! Calls of a tenant that come at the same moment wait at its turnstile, where they stand in [line](super::line): the one that is let
//! in makes the step for those behind it too, in one call of the component. A step has no effect outside. So where it could not be
//! made for several together, it is made for each by itself, as if nothing had been. The requests of a [batch] have come together.

mod batch;
mod settled;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use mqtt_connector_contract::exit_code;
use zeroize::Zeroizing;

use super::call::UnderWay;
use super::clock::Clock;
use super::fault::Fault;
use super::instance::{Instance, TakesLong};
use super::line::{Line, Place, Turn, Waiting};
use super::{Action, Response, answer};
use crate::bindings::in_steps::exports::flint::mqtt::steps as wit;
use crate::publisher::contract::{Message, RetryPolicy};
use crate::publisher::{Hooks, Inside, Options, PublisherCtx, Tally, Tenant, Visit};
pub(super) use batch::answer_batch;
use settled::{Settled, act};

/// Bytes of configuration and request together up to which a call is made in two steps. What needs long to compute is
/// computed where others have their turn meanwhile.
const LARGEST: usize = 256 * 1024;

/// The calls that wait for a step.
pub(super) struct Lines {
    prepare: Line<Documents, Prepared>,
    conclude: Line<Arc<Settled>, wit::Response>,
}

/// What a call is to be prepared of. What is copied is wiped when the call does not need it any more.
struct Documents {
    action: Action,
    /// The same one for calls that follow each other with the same configuration.
    config: Arc<Zeroizing<String>>,
    request: Zeroizing<String>,
}

/// What a configuration and a request come to; the error is the final answer: something is wrong.
type Prepared = Result<Publication, wit::Response>;

/// A message that is to be published.
struct Publication {
    options: Arc<Options>,
    policy: RetryPolicy,
    message: Message,
    notes: wit::Notes,
    foreseen: Option<wit::Foreseen>,
}

/// A call that is made in two steps.
struct InSteps<'a> {
    call: &'a UnderWay<'a>,
    action: Action,
    /// Bytes of its documents.
    length: usize,
    /// The instance of the step before, where none is kept for others.
    own: Option<Box<Instance>>,
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
    let length = config.len() + request.len();
    if !call.connector.engines.offer_steps() || length > LARGEST {
        return None;
    }
    // Boxed, because the futures around it would move it several times.
    Box::pin(InSteps { call, action, length, own: None }.run(config, request, hooks)).await
}

impl InSteps<'_> {
    async fn run(
        mut self,
        config: &str,
        request: &str,
        hooks: &mut Hooks,
    ) -> Option<Result<Response, Response>> {
        let (action, UnderWay { connector, tenant, latest, .. }) = (self.action, self.call);
        let mut visit = tenant.quotas().visit();
        let mut place = None;
        let documents = |before: Option<&Documents>| Documents::copy(action, config, request, before);
        let waits = || place = connector.lines.prepare.join(tenant, self.length, documents);
        let inside = visit.enter(waits).await;
        let Publication { options, policy, message, notes, foreseen } =
            match self.prepare(place, config, request) {
                Ok(Ok(publication)) => publication,
                Ok(Err(response)) => {
                    return Some(
                        self.believe(Ok((response.meta.exit_code, response.meta.message)), Tally::default()),
                    );
                }
                Err(error) if error.is::<TakesLong>() => return None,
                Err(error) => return Some(Err(self.call.failed(&error, Tally::default()))),
            };
        let context = PublisherCtx::builder(Tenant::clone(tenant)).latest(*latest);
        let context = context.hooks(mem::take(hooks));
        let mut context = context.publisher(connector.publisher.clone()).build();
        let (message, outcome) = {
            let acting = pin!(act(&mut context, action, &options, message, policy));
            begun(inside, acting).await
        };
        let concluded = match foreseen.and_then(|foreseen| outcome.as_foreseen(foreseen, message.qos)) {
            Some(text) => {
                // As those that are concluded, calls of a tenant that come to their end at the same moment go on one by one.
                drop(visit.enter(|| {}).await);
                Ok((exit_code::SENT, text))
            }
            None => {
                let settled = Arc::new(Settled { options, message, notes, outcome });
                let concluded = self.conclude(&mut visit, &settled).await;
                concluded.map(|response| (response.meta.exit_code, response.meta.message))
            }
        };
        Some(self.believe(concluded, context.tally()))
    }

    /// What a call comes to that is let in, and had this place in line if it had to wait.
    fn prepare(
        &mut self,
        place: Option<Place<'_, Documents, Prepared>>,
        config: &str,
        request: &str,
    ) -> wasmtime::Result<Prepared> {
        let UnderWay { connector, tenant, .. } = self.call;
        match place.map(|mut place| place.turn()) {
            Some(Turn::Made(prepared)) => return Ok(prepared),
            Some(Turn::Own) => {
                let has_same = |documents: &Documents| {
                    documents.action == self.action && documents.config.as_str() == config
                };
                let others = connector.lines.prepare.take(tenant, self.length, has_same);
                if !others.is_empty() {
                    let requests = others.iter().map(|other| other.item.request.as_str());
                    let requests: Vec<_> = [request].into_iter().chain(requests).collect();
                    let prepared = self.prepare_all(config, &requests);
                    if let Some(own) = told(prepared, others) {
                        return Ok(own);
                    }
                }
            }
            // Who waits for another thread may be overtaken. It takes as long to make the step here.
            Some(Turn::BeingMade | Turn::Alone) | None => {}
        }
        self.prepare_all(config, &[request])?.pop().ok_or_else(|| Fault::Count.into())
    }

    /// What each of the requests comes to.
    fn prepare_all(&mut self, config: &str, requests: &[&str]) -> wasmtime::Result<Vec<Prepared>> {
        let meter = &self.call.meter;
        let action = match self.action {
            Action::Send => wit::Action::Send,
            Action::Check => wit::Action::Check,
        };
        meter.resume();
        let prepared = self.step(true, |instance| {
            let steps = instance.steps.flint_mqtt_steps();
            steps.call_prepare(&mut instance.store, action, config, requests)
        });
        // The call goes on, and this counts. No step takes as long as the least limit.
        let prepared = prepared.inspect_err(|_| {
            meter.count().ok();
        })?;
        let mut last = None;
        let prepared = prepared.into_iter().map(|prepared| match prepared {
            Ok(wit::Publication { connection, message, notes, foreseen }) => {
                let connection = connection
                    .map(|wit::Connection { options, policy }| (Arc::new(Options::new(options)), policy));
                last = connection.or(last.take());
                let (options, policy) = last.clone().ok_or(Fault::Contract)?;
                Ok(Ok(Publication { options, policy, message, notes, foreseen }))
            }
            Err(response) => Ok(Err(response)),
        });
        counted(prepared.collect::<Result<_, Fault>>()?, requests.len())
    }

    /// The answer to a request whose publication the host has done with.
    async fn conclude(
        &mut self,
        visit: &mut Visit<'_>,
        settled: &Arc<Settled>,
    ) -> wasmtime::Result<wit::Response> {
        let UnderWay { connector, tenant, .. } = self.call;
        let line = &connector.lines.conclude;
        let mut place = None;
        let waits = || place = line.join(tenant, self.length, |_| Arc::clone(settled));
        let mut inside = visit.enter(waits).await;
        match place.as_mut().map(Place::turn) {
            Some(Turn::Made(response)) => return Ok(response),
            Some(Turn::Own) => {
                let has_same = |other: &Arc<Settled>| *other.options == *settled.options;
                let others = line.take(tenant, self.length, has_same);
                if !others.is_empty() {
                    let settled = [settled].into_iter().chain(others.iter().map(|other| &other.item));
                    let concluded = self.conclude_all(&settled.collect::<Vec<_>>());
                    if let Some(own) = told(concluded, others) {
                        return Ok(own);
                    }
                }
            }
            Some(Turn::BeingMade) => {
                drop(inside);
                if let Some(place) = &mut place
                    && let Some(response) = place.made().await
                {
                    return Ok(response);
                }
                inside = visit.enter(|| {}).await;
            }
            Some(Turn::Alone) | None => {}
        }
        let concluded = self.conclude_all(&[settled]);
        drop(inside);
        concluded?.pop().ok_or_else(|| Fault::Count.into())
    }

    /// The answers to requests whose publications have the options of the first.
    fn conclude_all(&mut self, settled: &[&Arc<Settled>]) -> wasmtime::Result<Vec<wit::Response>> {
        let Some(first) = settled.first() else { return Ok(Vec::new()) };
        let lent: Vec<_> = settled.iter().map(|settled| settled.lend()).collect();
        let concluded = self.step(false, |instance| {
            let steps = instance.steps.flint_mqtt_steps();
            steps.call_conclude(&mut instance.store, &first.options, &lent)
        })?;
        counted(concluded, settled.len())
    }

    /// The answer with this exit code and message, if it is one that the contract knows, and says of what was sent no more than the
    /// host has seen.
    fn believe(
        &self,
        concluded: wasmtime::Result<(i32, String)>,
        tally: Tally,
    ) -> Result<Response, Response> {
        let believed = concluded.and_then(|(exit_code, message)| {
            let mut response = answer::response(exit_code, message)?;
            if self.action == Action::Send {
                answer::believe(std::slice::from_mut(&mut response), tally)?;
            }
            Ok(response)
        });
        believed.map_err(|error| self.call.failed(&error, tally))
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
        instance.begin(may_be_given_up);
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

impl Lines {
    /// Nobody waits.
    pub(super) fn new() -> Self {
        Self { prepare: Line::new(), conclude: Line::new() }
    }
}

impl Documents {
    /// A copy, for a call that comes after one that waits with `before`.
    fn copy(action: Action, config: &str, request: &str, before: Option<&Self>) -> Self {
        let same = before.filter(|before| before.config.as_str() == config);
        let config = match same {
            Some(before) => Arc::clone(&before.config),
            None => Arc::new(Zeroizing::new(config.to_owned())),
        };
        Self { action, config, request: Zeroizing::new(request.to_owned()) }
    }
}

/// What becomes of `acting`, which is polled once before `inside` is dropped: messages stand in line at their connection in the order of
/// their calls.
async fn begun<F: Future>(inside: Inside<'_, '_>, mut acting: Pin<&mut F>) -> F::Output {
    let acted = poll_fn(|task| Poll::Ready(acting.as_mut().poll(task))).await;
    drop(inside);
    match acted {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => acting.await,
    }
}

/// Tells the others what came of the step that was made for all; returns what is for the first. `None`: it could not be made
/// together, and each makes it by itself.
fn told<I, O>(made: wasmtime::Result<Vec<O>>, others: Vec<Waiting<I, O>>) -> Option<O> {
    let mut made = made.ok()?.into_iter();
    let own = made.next();
    for (other, made) in others.into_iter().zip(made) {
        // Who has gone does not want to know.
        other.tell.send(made).ok();
    }
    own
}

/// What came of a step for so many.
fn counted<T>(made: Vec<T>, wanted: usize) -> wasmtime::Result<Vec<T>> {
    if made.len() == wanted { Ok(made) } else { Err(Fault::Count.into()) }
}
