//! One attempt: from the claim of an execution until what has become of it is kept.

use std::future::pending;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mqtt_connector::publisher::{AfterPublish, BeforePublish, Hooks};
use mqtt_connector::{Connector, Response};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::Timestamp;
use crate::backoff;
use crate::counts::Counts;
use crate::error::StoreError;
use crate::execution::{Execution, Id, StageTime, Status};
use crate::store::{Store, may_be_repeated};

/// How long it is waited before an execution is given back that the store could not begin.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest that is waited before an answer is kept that the store could not keep.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Carries executions out.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) connector: Arc<Connector>,
    pub(crate) store: Arc<dyn Store>,
    /// Nothing is begun any more when it is cancelled.
    pub(crate) draining: CancellationToken,
    pub(crate) counts: Arc<Counts>,
}

/// How an attempt ended.
enum Ending {
    Answered(Response),
    Stopped(Stop),
}

/// Why a message is not sent, although it is known what is to be sent.
enum Stop {
    /// Somebody has cancelled the execution, or it has expired.
    NotWanted,
    /// The service is ending.
    Draining,
    /// That it is running cannot be kept.
    Store(StoreError),
    /// It is another worker's now.
    Lost,
}

/// What the hooks of the send and the attempt both know.
struct Begun {
    /// Without its request, which need not be copied.
    execution: Execution,
    may_be_repeated: bool,
    stages: Vec<StageTime>,
}

impl Worker {
    /// Carries a claimed execution out once. Its turn `began` then.
    pub(crate) async fn carry_out(self, mut execution: Execution, began: Timestamp) {
        if execution.is_over(began) {
            execution.expire(began);
            return self.keep(&execution, None).await;
        }
        let Some(request) = execution.request.take() else {
            tracing::error!(id = %execution.id, "an execution without its request was claimed: the store breaks its promise");
            return self.store.release(execution.id);
        };
        let id = execution.id;
        let begun = Arc::new(Mutex::new(Begun { execution, may_be_repeated: true, stages: Vec::new() }));
        let ending = self.attempt(&begun, request.as_str(), began).await;
        let (mut execution, may_be_repeated, stages) = {
            let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
            (begun.execution.clone(), begun.may_be_repeated, mem::take(&mut begun.stages))
        };
        execution.request = Some(request);
        let now = Timestamp::now();
        match ending {
            Ending::Answered(response) => {
                let took = Duration::from_millis(now.milliseconds().abs_diff(began.milliseconds()));
                self.counts.ended(&execution.tenant, response.meta.exit_code, Some(took), now);
                let is_again = execution.answer(&response, began, now);
                execution.record_stages(stages);
                let due = is_again.then(|| now.after(backoff::delay(execution.answered_attempts())));
                self.keep(&execution, due).await;
            }
            Ending::Stopped(Stop::Lost) => {
                tracing::warn!(%id, "an execution was taken over by another node while it was carried out here");
                self.store.release(id);
            }
            // A component that publishes more than once was stopped between two messages.
            Ending::Stopped(_) if execution.status == Status::Running => {
                execution.break_off(may_be_repeated, now);
                let due = (!execution.status.is_final()).then(|| now.after(backoff::delay(1)));
                self.keep(&execution, due).await;
            }
            Ending::Stopped(Stop::NotWanted | Stop::Draining) => self.store.release(id),
            Ending::Stopped(Stop::Store(error)) => {
                self.complain(Some(id), &error, "an execution cannot begin");
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    () = self.draining.cancelled() => {}
                }
                self.store.release(id);
            }
        }
    }

    async fn attempt(&self, begun: &Arc<Mutex<Begun>>, request: &str, began: Timestamp) -> Ending {
        let (id, name, trace_context) = {
            let begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
            let Execution { id, tenant, trace_context, .. } = &begun.execution;
            (*id, Arc::clone(tenant), trace_context.clone())
        };
        let tenant = {
            match self.connector.tenants().get(&name) {
                Some(tenant) => tenant,
                None => return Ending::Answered(self.connector.send_as(&name, "{}", request).await),
            }
        };
        let (stop, mut stopped) = mpsc::channel(1);
        let hooks = Hooks::default().before(self.before(Arc::clone(begun), began, stop));
        let hooks = hooks.after(after(Arc::clone(begun))).trace_context(trace_context);
        let send = self.connector.send_with(&tenant, tenant.config(), request, hooks);
        tokio::select! {
            response = send => Ending::Answered(response),
            Some(stop) = stopped.recv() => Ending::Stopped(stop),
            () = self.store.lost(id) => Ending::Stopped(Stop::Lost),
        }
    }

    /// Makes it durable that a message is about to be sent, or stops the send.
    fn before(&self, begun: Arc<Mutex<Begun>>, began: Timestamp, stop: mpsc::Sender<Stop>) -> BeforePublish {
        let worker = self.clone();
        Box::new(move |messages| {
            let topic = messages.first().map(|message| message.topic.clone());
            let may_all_be_repeated = messages.iter().all(|message| may_be_repeated(message.qos));
            let (worker, begun, stop) = (worker.clone(), Arc::clone(&begun), stop.clone());
            Box::pin(async move {
                let begin = worker.begin(&begun, topic.as_deref(), may_all_be_repeated, began);
                if let Err(reason) = begin.await {
                    // The attempt is there to hear it, or gone with this.
                    let _ = stop.send(reason).await;
                    pending::<()>().await;
                }
            })
        })
    }

    async fn begin(
        &self,
        begun: &Mutex<Begun>,
        topic: Option<&str>,
        may_be_repeated: bool,
        began: Timestamp,
    ) -> Result<(), Stop> {
        let (execution, may_be_repeated) = {
            let begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
            if begun.execution.status != Status::Running && self.draining.is_cancelled() {
                return Err(Stop::Draining);
            }
            let mut execution = begun.execution.clone();
            execution.begin(topic, began);
            (execution, begun.may_be_repeated && may_be_repeated)
        };
        match self.store.begin(&execution, may_be_repeated).await {
            Ok(true) => {}
            Ok(false) => return Err(Stop::NotWanted),
            Err(error) => return Err(Stop::Store(error)),
        }
        let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
        (begun.execution, begun.may_be_repeated) = (execution, may_be_repeated);
        Ok(())
    }

    /// Keeps what has become of an execution, however long the store cannot.
    async fn keep(&self, execution: &Execution, due: Option<Timestamp>) {
        let id: Id = execution.id;
        let mut pause = Duration::from_millis(100);
        loop {
            match self.store.settle(execution, due).await {
                Ok(()) => return,
                Err(StoreError::Closed) => return,
                Err(error) => {
                    self.complain(Some(id), &error, "what has become of an execution cannot be kept yet");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Says what the store could not do, for an execution or for all, unless it has said itself that it can do nothing.
    pub(crate) fn complain(&self, id: Option<Id>, error: &StoreError, what: &str) {
        if self.store.fault().is_none() {
            tracing::error!(id = id.map(tracing::field::display), %error, "{what}");
        }
    }
}

/// Keeps what the messages of an attempt went through.
fn after(begun: Arc<Mutex<Begun>>) -> AfterPublish {
    Box::new(move |stages| {
        begun.lock().unwrap_or_else(PoisonError::into_inner).stages.extend(StageTime::of(stages));
    })
}
