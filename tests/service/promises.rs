//! What a store promises, judged of each: `promises!` makes the tests of one.

mod accepted;
mod changes;
mod kept;
mod turns;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use accepted::*;
pub(crate) use changes::*;
pub(crate) use kept::*;
use mqtt_connector::Response;
use mqtt_connector_service::store::{Accepted, New};
use mqtt_connector_service::{Execution, Options, Request, Status, Store, Timestamp};
pub(crate) use turns::*;

/// A kind of store.
pub(crate) trait Kind: Sync {
    /// An empty one.
    fn new() -> Self;

    /// Opens it. Whoever had it open before is gone.
    fn open(&self) -> impl Future<Output = Arc<dyn Store>> + Send;
}

macro_rules! promises {
    ($kind:ty: $($promise:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                crate::promises::$promise(&<$kind as crate::promises::Kind>::new()).await;
            }
        )+
    };
}
pub(crate) use promises;

/// Every promise, for the store of one kind.
macro_rules! all_promises {
    ($kind:ty) => {
        crate::promises::promises! { $kind:
            what_is_accepted_is_kept,
            one_idempotency_key_is_one_execution,
            one_idempotency_key_is_one_execution_however_many_ask_at_a_time,
            executions_are_claimed_in_order_and_once,
            what_is_released_is_claimed_again,
            one_ordering_key_is_carried_out_one_after_another,
            an_attempt_that_is_to_be_repeated_holds_the_ordering_key,
            what_is_not_to_begin_yet_keeps_nobody_waiting,
            a_tenant_has_no_more_waiting_than_it_may,
            what_was_cancelled_is_not_begun,
            what_has_expired_is_not_begun,
            the_request_is_gone_when_nobody_needs_it,
            a_dead_letter_is_carried_out_again_once,
            nobody_changes_what_is_another_tenants,
            what_was_running_is_found_again,
            a_clock_that_is_put_back_keeps_no_attempt_waiting,
            lists_have_what_was_asked_for,
            long_executions_are_listed_a_few_at_a_time,
            who_waits_is_told,
            how_long_an_attempt_was_at_what_is_kept,
        }
    };
}
pub(crate) use all_promises;

/// An execution of `tenant`, accepted at this time.
fn execution(tenant: &str, options: Options) -> Execution {
    let request = Request::parse(r#"{"topic": "a/b", "content": "planted"}"#).unwrap();
    Execution::new(tenant.into(), request, options, Timestamp::now())
}

fn with_key(key: &str) -> Options {
    Options { ordering_key: Some(key.to_owned()), ..Options::default() }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn accept(store: &dyn Store, execution: &Execution) {
    let accepted = store.accept(New { execution: execution.clone(), idempotency_key: None }).await.unwrap();
    assert!(matches!(accepted, Accepted::New), "{accepted:?}");
}

async fn accept_with(store: &dyn Store, execution: &Execution, key: &str) -> Accepted {
    let new = New { execution: execution.clone(), idempotency_key: Some(key.to_owned()) };
    store.accept(new).await.unwrap()
}

async fn status(store: &dyn Store, execution: &Execution) -> Status {
    store.get(execution.id).await.unwrap().unwrap().status
}

/// Claims what `tenant` has, which is exactly `wanted`, in their order.
async fn claim(store: &dyn Store, tenant: &str, wanted: &[&Execution]) -> Vec<Execution> {
    let claimed = store.claim(tenant, wanted.len() + 1).await.unwrap();
    let ids: Vec<_> = claimed.iter().map(|execution| execution.id).collect();
    assert_eq!(ids, wanted.iter().map(|execution| execution.id).collect::<Vec<_>>());
    claimed
}

async fn begin(store: &dyn Store, execution: &mut Execution, may_be_repeated: bool) {
    execution.begin(Some("a/b"), Timestamp::now());
    assert!(store.begin(execution, may_be_repeated).await.unwrap());
}

/// The worker was answered with this exit code.
async fn answer(store: &dyn Store, execution: &mut Execution, exit_code: i32) {
    let now = Timestamp::now();
    let began = execution.attempts.last().map_or(now, |attempt| attempt.began);
    let is_again = execution.answer(&Response::new(exit_code, "Answered."), began, now);
    store.settle(execution, is_again.then(|| now.after(seconds(60)))).await.unwrap();
}
