//! One call of `publish`: which of its messages may be sent, and the wait until they are settled. And one call of `check`,
//! which ends where a connection would be opened.

use std::future::ready;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument as _;

use crate::admission::admit;
use crate::admission::admit::Admission;
use crate::admission::preparation;
use crate::contract::{Message, Remark, RetryPolicy};
use crate::error::{Answer, Error, Unsettled};
use crate::options::Options;
use crate::sharing::Shared;
use crate::sharing::shared_connection::Work;
use crate::stage::{Stage, Stages, WRITING};
use crate::telemetry::{self, Observation};
use crate::tenant::Tenant;

/// Who calls, and with what.
pub(crate) struct Call {
    pub(crate) tenant: Tenant,
    pub(crate) shared: Arc<Shared>,
    /// When the tenant's limit of time is over, whatever the policy allows.
    pub(crate) latest: Instant,
    pub(crate) options: Arc<Options>,
    pub(crate) policy: RetryPolicy,
    /// Dropped as soon as a connection has the messages, or it is certain that none will.
    pub(crate) queued: Option<oneshot::Sender<()>>,
}

/// What ends a call before its messages are settled.
enum Ending {
    Timeout,
    Interruption,
}

/// When a call began, and when it answers at the latest.
#[derive(Clone, Copy)]
struct Time {
    started: Instant,
    deadline: Instant,
}

impl Call {
    /// A call of `tenant`, whose time is over at `latest`.
    pub(crate) fn new(
        tenant: &Tenant,
        shared: &Arc<Shared>,
        latest: Instant,
        options: Arc<Options>,
        policy: RetryPolicy,
    ) -> Self {
        let (tenant, shared) = (tenant.clone(), Arc::clone(shared));
        Self { tenant, shared, latest, options, policy, queued: None }
    }

    /// [`run`](Self::run), which an operator can see; and how many connections were tried. `tell` hears of the call's stages when it
    /// has its answer.
    pub(crate) async fn observed(self, messages: Vec<Message>, tell: impl FnOnce(&Stages)) -> (Answer, u32) {
        // Read once: what happens before the messages are handed over takes no time to speak of.
        let started = Instant::now();
        let observation = Observation::begin(self.tenant.series(), &self.options, &messages, started);
        let (answer, stages) = {
            let running = pin!(self.run(messages, started));
            running.instrument(observation.span()).await
        };
        observation.end(&stages, &answer);
        tell(&stages);
        (answer, stages.connections())
    }

    /// Publishes `messages` and answers when each is settled or the time is over. The call began when it `started`.
    async fn run(self, messages: Vec<Message>, started: Instant) -> (Answer, Box<Stages>) {
        // In a box: the call hands them to its connection, and has them back in the end.
        let stages = Box::new(Stages::begin(started));
        if messages.is_empty() {
            return (Ok(Vec::new()), stages);
        }
        let Self { tenant, shared, latest, options, policy, queued } = self;
        let against = admit::against_connection(&tenant, &options, &**shared.pool.resolver());
        if let Some(denied) = admit::deny(&tenant, options.protocol_version, against, &messages) {
            return (Err(denied), stages);
        }
        if latest <= started {
            // With what was computed for it, or with those who are asked before it is published.
            let timeout = tenant.limits().timeout;
            let late = Error::TimedOut { timeout, stage: "preparing the message", failure: None };
            return (Err(Unsettled::not_sent(late)), stages);
        }
        let time = Time::begin(started, latest, policy);
        let deadline = time.deadline;
        let mut admission = Admission::new(&tenant, options.protocol_version, messages, started, deadline);
        let work = admission.take_admitted();
        let Some((_, first)) = work.first() else {
            if admission.is_over_the_rate() {
                // The answer comes at the deadline. A tenant that got it at once would send the next messages at once.
                over(&shared, deadline).await;
            }
            return (Ok(admission.answer(Vec::new())), stages);
        };
        let first = *first;
        let mut work = Some(Work { messages: work, started, deadline, retries: policy.retries, stages });
        let join = async {
            // Before the look-up, so that the tenant's rate bounds look-ups too.
            if first > started {
                let _waiting = telemetry::Waiting::begin(tenant.shared_name(), "messages-per-second");
                sleep_until(first).await;
            }
            if let Some(work) = &mut work {
                work.stages.enter(Stage::ClientIdQueue);
            }
            shared.pool.join(&tenant, &options, &mut work).await
        };
        let joined = tokio::select! {
            biased;
            // Polled before `join`, so that a call that begins after the interruption opens no connection.
            () = ready(()), if shared.interrupted.is_cancelled() => Err(Ending::Interruption),
            // Polled before `over`: mostly it is ready at once, and then no timer is set.
            ticket = join => Ok(ticket),
            ending = over(&shared, deadline) => Err(ending),
        };
        let ticket = match joined {
            Ok(ticket) => ticket,
            Err(ending) => {
                let Some(Work { messages, stages, .. }) = work else {
                    return (Ok(admission.answer(Vec::new())), Box::new(Stages::begin(started)));
                };
                let error = ended(&ending, &tenant, time, &stages, true);
                let given_up = messages.iter().map(|_| Err(Unsettled::not_sent(error.clone())));
                return (Ok(admission.answer(given_up.collect())), stages);
            }
        };
        drop(queued);
        tokio::select! {
            biased;
            () = ticket.settled(&shared.interrupted) => {}
            () = sleep_until(deadline) => {}
        }
        let left = ticket.end(|stages, untouched| {
            let is_interrupted = shared.interrupted.is_cancelled();
            let ending = if is_interrupted { Ending::Interruption } else { Ending::Timeout };
            ended(&ending, &tenant, time, stages, untouched)
        });
        let (settlements, stages) = left.unwrap_or_else(|| (Vec::new(), Box::new(Stages::begin(started))));
        (Ok(admission.answer(settlements)), stages)
    }

    /// What stands against `messages` without the network, as [`run`](Self::run) would answer it; or what is suspicious.
    pub(crate) async fn check(self, messages: &[Message]) -> Result<Vec<Remark>, Error> {
        let Self { tenant, shared, latest, options, policy, queued: _ } = self;
        let started = Instant::now();
        let time = Time::begin(started, latest, policy);
        let mut against = admit::against_connection(&tenant, &options, &**shared.pool.resolver());
        let version = options.protocol_version;
        let against_each = messages.iter().map(|message| admit::against_message(&tenant, version, message));
        against.extend(against_each.filter(|against| !against.is_empty()).take(1).flatten());
        if let Some(error) = Error::joined(against) {
            return Err(error);
        }
        let prepared = tokio::select! {
            biased;
            prepared = preparation::prepare(&options, &tenant) => prepared?,
            ending = over(&shared, time.deadline) => {
                let mut stages = Stages::begin(started);
                stages.enter(Stage::Certificates);
                return Err(ended(&ending, &tenant, time, &stages, true));
            }
        };
        let mut remarks = prepared.remarks();
        let limit = u32::try_from(tenant.limits().timeout.as_millis()).unwrap_or(u32::MAX);
        if limit < policy.timeout {
            remarks.push(Remark::TimeoutCapped(limit));
        }
        Ok(remarks)
    }
}

impl Time {
    fn begin(started: Instant, latest: Instant, policy: RetryPolicy) -> Self {
        Self { started, deadline: latest.min(started + Duration::from_millis(policy.timeout.into())) }
    }
}

/// Waits for the first thing that ends a call.
async fn over(shared: &Shared, deadline: Instant) -> Ending {
    tokio::select! {
        biased;
        () = shared.interrupted.cancelled() => Ending::Interruption,
        () = sleep_until(deadline) => Ending::Timeout,
    }
}

/// Why the call was over: an answer that did not come, or a limit that did not let the call go on.
fn ended(ending: &Ending, tenant: &Tenant, time: Time, stages: &Stages, untouched: bool) -> Error {
    let stage = match stages.stage() {
        Stage::Acknowledgement if untouched => WRITING,
        stage => stage.words(),
    };
    let timeout = time.deadline.saturating_duration_since(time.started);
    let is_between = stages.stage() == Stage::BackOff;
    let failure = stages.failure().filter(|_| is_between).map(str::to_owned);
    match (ending, stages.stage()) {
        (Ending::Interruption, _) => Error::Interrupted { after: time.started.elapsed(), stage, failure },
        (Ending::Timeout, Stage::ConnectionPermit) => admit::too_many_connections(tenant, stages.waited()),
        (Ending::Timeout, Stage::RateLimit) => admit::too_many_messages(tenant, timeout),
        (
            Ending::Timeout,
            Stage::LookUp
            | Stage::ProxyLookUp
            | Stage::Certificates
            | Stage::ClientIdQueue
            | Stage::Dial
            | Stage::Proxy
            | Stage::Tls
            | Stage::WebSocket
            | Stage::Connect
            | Stage::Acknowledgement
            | Stage::BackOff,
        ) => Error::TimedOut { timeout, stage, failure },
    }
}
