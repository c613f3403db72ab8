//! [`Store`]: where executions are kept, and what it promises.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use mqtt_connector::publisher::contract::Qos;

use crate::Timestamp;
use crate::error::{ChangeError, StoreError};
use crate::execution::{Execution, Id};
use crate::query::{Page, Query};

/// How long an execution is kept after it has ended, unless a store is told otherwise.
pub(crate) const RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How large a store may be, in bytes, before nothing more is accepted, unless it is told otherwise.
pub(crate) const SIZE: u64 = 4 << 30;

/// What a store answers with, some time later.
pub type Pending<'a, T, E = StoreError> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// Where executions are kept. Each store promises, and `tests/service/promises` judges of each:
///
/// - **Durable before answered.** What [`accept`](Self::accept), [`begin`](Self::begin), [`settle`](Self::settle),
///   [`cancel`](Self::cancel) and [`retry`](Self::retry) have answered well holds, whatever is killed afterwards. What they answer with an error
///   has changed nothing.
/// - **Begun once.** Of one execution, [`begin`](Self::begin) says `true` once for each attempt, to one worker. What was cancelled or
///   has expired is not begun.
/// - **Found again.** An execution that is `running`, and whose worker is gone, is accepted again when [`begin`](Self::begin) was told that its
///   messages may be sent again (QoS 1), and ends with exit code 79 otherwise. Its attempt stays, without an answer.
/// - **In order.** A tenant's executions that may begin are claimed in the order in which they were accepted. With an ordering key, one is
///   claimed when the one before it has ended; one that is not to begin yet, and was never tried, keeps nobody waiting.
/// - **Idempotent.** Of one tenant and one idempotency key there is one execution at a time.
/// - **Nobody's content longer than needed.** The request is gone when the execution has ended with exit code 0, was cancelled, or was carried out
///   again.
///
/// The time is an argument: a store has no clock but for what it measures itself by.
pub trait Store: Send + Sync + 'static {
    /// Keeps an execution that is new, however many the tenant has: see [`accept_within`](Self::accept_within).
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`].
    fn accept(&self, new: New) -> Pending<'_, Accepted> {
        self.accept_within(new, u32::MAX)
    }

    /// Keeps an execution that is new, if the tenant has fewer than `most_waiting` that have not ended. One that is kept already, by its idempotency
    /// key, is answered in any case.
    ///
    /// Where others accept as well what one store holds, a few more than `most_waiting` may be kept at one time.
    ///
    /// # Errors
    ///
    /// [`StoreError::Backlog`] when the tenant has as many as it may have, [`StoreError::Full`] when the store is as large as it may be; what is kept already is
    /// carried out all the same.
    fn accept_within(&self, new: New, most_waiting: u32) -> Pending<'_, Accepted>;

    /// The execution, with its request if that is still kept.
    fn get(&self, id: Id) -> Pending<'_, Option<Execution>>;

    /// [`get`](Self::get), if the execution is one of `tenant`.
    fn get_of<'a>(&'a self, tenant: &'a str, id: Id) -> Pending<'a, Option<Execution>> {
        Box::pin(async move {
            let execution = self.get(id).await?;
            Ok(execution.filter(|execution| &*execution.tenant == tenant))
        })
    }

    /// The executions that a query asks for, without their requests.
    fn list(&self, query: Query) -> Pending<'_, Page>;

    /// The tenants that have executions to claim, or may have, in the order of their names.
    fn tenants(&self) -> Vec<Arc<str>>;

    /// Gives up to `most` executions of `tenant` that may begin to this worker, and to no other until they are settled or
    /// [released](Self::release), or this worker is gone. Fewer than `most` are all that there are.
    fn claim<'a>(&'a self, tenant: &'a str, most: usize) -> Pending<'a, Vec<Execution>>;

    /// Gives claimed executions back that were not begun.
    fn release(&self, id: Id);

    /// Says that the message of a claimed execution is about to be sent: from now on it is `running`, with `execution`'s attempts and
    /// topic. `may_be_repeated`: when the worker is gone, it is sent again. Once more for an execution that is running, only that changes.
    ///
    /// Answers `false` when it may not be sent: somebody has cancelled it, or it has expired.
    fn begin<'a>(&'a self, execution: &'a Execution, may_be_repeated: bool) -> Pending<'a, bool>;

    /// Answers when a claimed execution is no longer this worker's, although it has not settled or released it: where others may carry out what
    /// one store holds, they take over from a worker that they have not heard of for a while. Nothing more may be sent for it then; what has become of
    /// it, whoever has it now decides. Default: never.
    fn lost(&self, id: Id) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let _ = id;
        Box::pin(std::future::pending())
    }

    /// Says what has become of a claimed execution: its status, its attempts, its `meta`. One that is `accepted` again may begin
    /// at `due`.
    fn settle<'a>(&'a self, execution: &'a Execution, due: Option<Timestamp>) -> Pending<'a, ()>;

    /// Cancels an execution of `tenant` that has not begun, and answers what it is now.
    fn cancel<'a>(
        &'a self,
        tenant: Option<&'a str>,
        id: Id,
        now: Timestamp,
    ) -> Pending<'a, Execution, ChangeError>;

    /// Carries a dead letter of `tenant` out again, as a new execution, which it answers with.
    fn retry<'a>(
        &'a self,
        tenant: Option<&'a str>,
        id: Id,
        now: Timestamp,
    ) -> Pending<'a, Execution, ChangeError>;

    /// Does what is due at `now`: lets executions begin whose time has come, lets others expire, and forgets those whose retention is over.
    /// Answers when there is something to do next, if that is known.
    fn tidy(&self, now: Timestamp) -> Pending<'_, Option<Timestamp>>;

    /// Answers when there may be more to [claim](Self::claim) than before it was called last.
    fn changed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Why nothing can be made durable at this time, where the store has found that out and has said so in the log. Default: it says nothing of it.
    fn fault(&self) -> Option<StoreError> {
        None
    }

    /// This worker begins nothing more, and has settled what it had: others may take its place at once. Default: there are none.
    fn leave(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }

    /// Answers when the execution has ended; soon after, where somebody else has changed it. With what it is then, as [`get`](Self::get) would
    /// answer, if that is at hand.
    fn ended(&self, id: Id) -> Pin<Box<dyn Future<Output = Option<Execution>> + Send + '_>>;
}

/// An execution to be kept.
#[derive(Clone, Debug)]
pub struct New {
    /// It is `accepted`, and has its request.
    pub execution: Execution,
    /// By which it is found again.
    pub idempotency_key: Option<String>,
}

/// What has become of an execution that was to be kept.
#[derive(Clone, Debug)]
pub enum Accepted {
    /// It is kept.
    New,
    /// There is one with this idempotency key and the same request and options.
    Before(Box<Execution>),
    /// There is one with this idempotency key, and another request or other options.
    Other(Id),
}

/// Whether messages may be sent a second time without breaking what was promised for them.
pub(crate) fn may_be_repeated(qos: Qos) -> bool {
    match qos {
        // MQTT 3.1.1, section 4.3: at most once, at least once, exactly once.
        Qos::AtMostOnce | Qos::ExactlyOnce => false,
        Qos::AtLeastOnce => true,
    }
}
