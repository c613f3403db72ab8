//! What a store promises, judged of each: `promises!` makes the tests of one.

mod turns;

use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use mqtt_connector::publisher::{Stage, TraceContext};
use mqtt_connector::{Meta, Response};
use mqtt_connector_service::store::{Accepted, New};
use mqtt_connector_service::{
    ChangeError, Execution, Options, Query, Request, StageTime, Status, Store, StoreError, Timestamp,
};
use tokio::task::JoinSet;
pub(crate) use turns::{
    a_clock_that_is_put_back_keeps_no_attempt_waiting,
    an_attempt_that_is_to_be_repeated_holds_the_ordering_key, executions_are_claimed_in_order_and_once,
    one_ordering_key_is_carried_out_one_after_another, what_is_not_to_begin_yet_keeps_nobody_waiting,
    what_is_released_is_claimed_again,
};

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

pub(crate) async fn what_is_accepted_is_kept(kind: &impl Kind) {
    let options = Options {
        not_before: Some(Timestamp::from_milliseconds(1)),
        expires: Some("9999-01-01T00:00:00Z".parse().unwrap()),
        attempts: 7,
        ordering_key: Some("door".to_owned()),
    };
    let mut accepted = execution("acme", options);
    accepted.trace_context =
        TraceContext::new("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Some("a=b"));
    let store = kind.open().await;
    accept(&*store, &accepted).await;
    drop(store);
    let store = kind.open().await;
    let kept = store.get(accepted.id).await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(&kept).unwrap(), serde_json::to_value(&accepted).unwrap());
    assert_eq!(kept.request.unwrap().as_str(), r#"{"topic": "a/b", "content": "planted"}"#);
    assert_eq!(store.tenants(), ["acme".into()]);
    claim(&*store, "acme", &[&accepted]).await;
}

pub(crate) async fn one_idempotency_key_is_one_execution(kind: &impl Kind) {
    let store = kind.open().await;
    let first = execution("acme", Options::default());
    assert!(matches!(accept_with(&*store, &first, "k").await, Accepted::New));
    let is_first =
        |accepted: &Accepted| matches!(accepted, Accepted::Before(before) if before.id == first.id);
    let same = execution("acme", Options::default());
    assert!(is_first(&accept_with(&*store, &same, "k").await));
    assert!(store.get(same.id).await.unwrap().is_none());

    let other_options = execution("acme", Options { attempts: 2, ..Options::default() });
    let other_key = execution("acme", with_key("a"));
    let mut other_request = execution("acme", Options::default());
    other_request.request = Some(Request::parse(r#"{"topic": "a/b", "content": "planted "}"#).unwrap());
    for other in [&other_options, &other_key, &other_request] {
        let accepted = accept_with(&*store, other, "k").await;
        assert!(matches!(accepted, Accepted::Other(id) if id == first.id), "{accepted:?}");
        assert!(store.get(other.id).await.unwrap().is_none());
    }
    let theirs = execution("other", Options::default());
    assert!(matches!(accept_with(&*store, &theirs, "k").await, Accepted::New));
    assert!(matches!(accept_with(&*store, &same, "K").await, Accepted::New));

    // For as long as it is kept: also when it has ended and its request is gone.
    let mut claimed = claim(&*store, "acme", &[&first, &same]).await;
    begin(&*store, &mut claimed[0], false).await;
    answer(&*store, &mut claimed[0], 0).await;
    assert!(is_first(&accept_with(&*store, &execution("acme", Options::default()), "k").await));
    drop(store);
    let store = kind.open().await;
    let accepted = accept_with(&*store, &execution("acme", Options::default()), "k").await;
    assert!(matches!(accepted, Accepted::Before(before) if before.status == Status::Finished));
}

pub(crate) async fn one_idempotency_key_is_one_execution_however_many_ask_at_a_time(kind: &impl Kind) {
    let store = kind.open().await;
    let mut asking = JoinSet::new();
    for _ in 0..32 {
        let store = Arc::clone(&store);
        asking.spawn(async move {
            let new = execution("acme", Options::default());
            match accept_with(&*store, &new, "k").await {
                Accepted::New => (new.id, true),
                Accepted::Before(before) => (before.id, false),
                Accepted::Other(id) => panic!("{id} has another request"),
            }
        });
    }
    let answers = asking.join_all().await;
    let new: Vec<_> = answers.iter().filter(|(_, is_new)| *is_new).collect();
    assert_eq!(new.len(), 1);
    assert!(answers.iter().all(|(id, _)| *id == new[0].0));
}

pub(crate) async fn a_tenant_has_no_more_waiting_than_it_may(kind: &impl Kind) {
    const MOST: u32 = 3;
    let store = kind.open().await;
    let ask = |store: &Arc<dyn Store>, options: Options, key: Option<&str>| {
        let (store, idempotency_key) = (Arc::clone(store), key.map(str::to_owned));
        let execution = execution("acme", options);
        async move {
            let new = New { execution: execution.clone(), idempotency_key };
            store.accept_within(new, MOST).await.map(|accepted| (execution, accepted))
        }
    };
    let is_full = async |store: &Arc<dyn Store>| {
        let refused = ask(store, Options::default(), None).await.map(|(execution, _)| execution.id);
        assert_eq!(refused, Err(StoreError::Backlog { most: MOST }));
    };
    let (first, _) = ask(&store, with_key("a"), Some("k")).await.unwrap();
    // However many ask at a time.
    let mut asking = JoinSet::new();
    for _ in 0..16 {
        asking.spawn(ask(&store, with_key("a"), None));
    }
    let mut all = vec![first];
    all.extend(asking.join_all().await.into_iter().filter_map(Result::ok).map(|(execution, _)| execution));
    while let Ok((execution, _)) = ask(&store, with_key("a"), None).await {
        all.push(execution);
    }
    assert_eq!(all.len(), MOST as usize);
    is_full(&store).await;
    accept(&*store, &execution("other", Options::default())).await;
    let (_, before) = ask(&store, with_key("a"), Some("k")).await.unwrap();
    assert!(matches!(&before, Accepted::Before(before) if before.id == all[0].id), "{before:?}");
    let (_, other) = ask(&store, Options::default(), Some("k")).await.unwrap();
    assert!(matches!(other, Accepted::Other(id) if id == all[0].id), "{other:?}");

    // What runs has not ended; nor has what is to be sent again.
    let mut running = store.claim("acme", 1).await.unwrap().remove(0);
    begin(&*store, &mut running, true).await;
    is_full(&store).await;
    answer(&*store, &mut running, 69).await;
    is_full(&store).await;
    store.cancel(Some("acme"), running.id, Timestamp::now()).await.unwrap();
    // A second time, it changes nothing.
    store.cancel(Some("acme"), running.id, Timestamp::now()).await.unwrap();
    let soon = Timestamp::now().after(seconds(60));
    ask(&store, Options { expires: Some(soon), ..Options::default() }, None).await.unwrap();
    is_full(&store).await;
    store.tidy(soon).await.unwrap();
    ask(&store, Options { not_before: Some(soon.after(seconds(60))), ..Options::default() }, None)
        .await
        .unwrap();
    is_full(&store).await;
    drop(store);

    let store = kind.open().await;
    is_full(&store).await;
    let mut failed = store.claim("acme", 1).await.unwrap().remove(0);
    answer(&*store, &mut failed, 64).await;
    ask(&store, Options::default(), None).await.unwrap();
    is_full(&store).await;
    // A person sends again what was accepted before; it waits like the others.
    store.retry(Some("acme"), failed.id, Timestamp::now()).await.unwrap();
    let mut sent = store.claim("acme", 1).await.unwrap().remove(0);
    begin(&*store, &mut sent, false).await;
    answer(&*store, &mut sent, 0).await;
    is_full(&store).await;
    let mut sent = store.claim("acme", 1).await.unwrap().remove(0);
    begin(&*store, &mut sent, false).await;
    answer(&*store, &mut sent, 0).await;
    ask(&store, Options::default(), None).await.unwrap();
    is_full(&store).await;
}

pub(crate) async fn what_was_cancelled_is_not_begun(kind: &impl Kind) {
    let store = kind.open().await;
    let [waiting, claimed] = [execution("acme", Options::default()), execution("acme", Options::default())];
    accept(&*store, &waiting).await;
    accept(&*store, &claimed).await;
    let cancelled = store.cancel(Some("acme"), waiting.id, Timestamp::now()).await.unwrap();
    assert_eq!((cancelled.id, cancelled.status), (waiting.id, Status::Cancelled));
    let mut theirs = claim(&*store, "acme", &[&claimed]).await.remove(0);
    let cancelled = store.cancel(Some("acme"), claimed.id, Timestamp::now()).await.unwrap();
    let again = store.cancel(Some("acme"), claimed.id, Timestamp::now().after(seconds(9))).await.unwrap();
    assert_eq!((again.status, again.ended), (Status::Cancelled, cancelled.ended));
    theirs.begin(None, Timestamp::now());
    assert!(!store.begin(&theirs, true).await.unwrap());
    // Nor does the worker's own answer change it.
    theirs.answer(&Response::new(64, "Answered."), Timestamp::now(), Timestamp::now());
    store.settle(&theirs, None).await.unwrap();
    assert_eq!(status(&*store, &claimed).await, Status::Cancelled);

    let begun = execution("acme", Options::default());
    accept(&*store, &begun).await;
    let mut begun = claim(&*store, "acme", &[&begun]).await.remove(0);
    begin(&*store, &mut begun, true).await;
    let error = store.cancel(Some("acme"), begun.id, Timestamp::now()).await.unwrap_err();
    assert!(matches!(error, ChangeError::NotCancellable { status: Status::Running, .. }), "{error}");
    answer(&*store, &mut begun, 0).await;
    let error = store.cancel(Some("acme"), begun.id, Timestamp::now()).await.unwrap_err();
    assert!(matches!(error, ChangeError::NotCancellable { status: Status::Finished, .. }), "{error}");
}

pub(crate) async fn what_has_expired_is_not_begun(kind: &impl Kind) {
    let store = kind.open().await;
    let expires = Timestamp::now().after(seconds(60));
    let options = || Options { expires: Some(expires), ..with_key("a") };
    let [claimed, behind] = [execution("acme", options()), execution("acme", options())];
    let next = execution("acme", with_key("a"));
    for accepted in [&claimed, &behind, &next] {
        accept(&*store, accepted).await;
    }
    let mut theirs = claim(&*store, "acme", &[&claimed]).await.remove(0);
    assert_eq!(store.tidy(Timestamp::now()).await.unwrap(), Some(expires));
    assert_eq!(status(&*store, &behind).await, Status::Accepted);
    store.tidy(expires).await.unwrap();
    for expired in [&claimed, &behind] {
        let expired = store.get(expired.id).await.unwrap().unwrap();
        assert_eq!((expired.status, expired.ended), (Status::Expired, Some(expires)));
        assert!(expired.is_dead_letter() && expired.request.is_some());
    }
    theirs.begin(None, Timestamp::now());
    assert!(!store.begin(&theirs, true).await.unwrap());
    store.release(theirs.id);
    claim(&*store, "acme", &[&next]).await;
}

pub(crate) async fn the_request_is_gone_when_nobody_needs_it(kind: &impl Kind) {
    let store = kind.open().await;
    for (exit_code, is_kept) in [(0, false), (64, true), (79, true)] {
        let accepted = execution("acme", Options::default());
        accept(&*store, &accepted).await;
        let mut claimed = claim(&*store, "acme", &[&accepted]).await.remove(0);
        begin(&*store, &mut claimed, false).await;
        assert!(store.get(accepted.id).await.unwrap().unwrap().request.is_some());
        answer(&*store, &mut claimed, exit_code).await;
        let kept = store.get(accepted.id).await.unwrap().unwrap();
        let meta = Meta { exit_code, message: "Answered.".to_owned() };
        assert_eq!((kept.status, kept.meta, kept.request.is_some()), (Status::Finished, Some(meta), is_kept));
        assert_eq!(kept.attempts, claimed.attempts);
    }
    let cancelled = execution("acme", Options::default());
    accept(&*store, &cancelled).await;
    store.cancel(None, cancelled.id, Timestamp::now()).await.unwrap();
    assert!(store.get(cancelled.id).await.unwrap().unwrap().request.is_none());
}

pub(crate) async fn a_dead_letter_is_carried_out_again_once(kind: &impl Kind) {
    let store = kind.open().await;
    let accepted = execution("acme", with_key("a"));
    accept(&*store, &accepted).await;
    let error = store.retry(Some("acme"), accepted.id, Timestamp::now()).await.unwrap_err();
    assert!(matches!(error, ChangeError::NotRetryable { status: Status::Accepted, .. }), "{error}");
    let mut claimed = claim(&*store, "acme", &[&accepted]).await.remove(0);
    answer(&*store, &mut claimed, 64).await;
    let again = store.retry(Some("acme"), accepted.id, Timestamp::now()).await.unwrap();
    let old = store.get(accepted.id).await.unwrap().unwrap();
    assert_eq!((old.retried_as, again.retry_of), (Some(again.id), Some(old.id)));
    assert!(old.request.is_none());
    let error = store.retry(Some("acme"), accepted.id, Timestamp::now()).await.unwrap_err();
    assert!(matches!(error, ChangeError::AlreadyRetried { as_id, .. } if as_id == again.id), "{error}");
    drop(store);
    let store = kind.open().await;
    let claimed = claim(&*store, "acme", &[&again]).await.remove(0);
    assert_eq!(claimed.request.unwrap().as_str(), accepted.request.unwrap().as_str());
    assert_eq!((claimed.options, claimed.retry_of), (with_key("a"), Some(accepted.id)));
}

pub(crate) async fn nobody_changes_what_is_another_tenants(kind: &impl Kind) {
    let store = kind.open().await;
    let accepted = execution("acme", Options::default());
    accept(&*store, &accepted).await;
    for id in [accepted.id, execution("acme", Options::default()).id] {
        let error = store.cancel(Some("other"), id, Timestamp::now()).await.unwrap_err();
        assert!(matches!(error, ChangeError::Unknown(unknown) if unknown == id), "{error}");
        let error = store.retry(Some("other"), id, Timestamp::now()).await.unwrap_err();
        assert!(matches!(error, ChangeError::Unknown(unknown) if unknown == id), "{error}");
    }
    claim(&*store, "acme", &[&accepted]).await;
}

pub(crate) async fn what_was_running_is_found_again(kind: &impl Kind) {
    let store = kind.open().await;
    let all: Vec<_> = (0..3).map(|_| execution("acme", Options::default())).collect();
    for accepted in &all {
        accept(&*store, accepted).await;
    }
    let mut claimed = claim(&*store, "acme", &[&all[0], &all[1], &all[2]]).await;
    begin(&*store, &mut claimed[0], true).await;
    begin(&*store, &mut claimed[1], true).await;
    // A component may publish more than once: what it publishes then must not be repeated.
    assert!(store.begin(&claimed[1], false).await.unwrap());
    assert_eq!(status(&*store, &all[0]).await, Status::Running);
    drop(store);
    let store = kind.open().await;
    let again = claim(&*store, "acme", &[&all[0], &all[2]]).await;
    assert_eq!((again[0].attempts.len(), again[0].may_have_arrived()), (1, true));
    assert_eq!(again[1].attempts, []);
    let ended = store.get(all[1].id).await.unwrap().unwrap();
    assert_eq!((ended.status, ended.meta.unwrap().exit_code), (Status::Finished, 79));
    assert!(ended.request.is_some() && ended.attempts[0].meta.is_none() && ended.attempts[0].ended.is_some());
}

pub(crate) async fn lists_have_what_was_asked_for(kind: &impl Kind) {
    let store = kind.open().await;
    let mut all: Vec<_> = (0..6).map(|_| execution("acme", Options::default())).collect();
    all[1].topic = Some("a/c".to_owned());
    for (second, accepted) in (1_000_000..).zip(&mut all) {
        accepted.accepted = Timestamp::from_milliseconds(second * 1000);
        accept(&*store, accepted).await;
    }
    accept(&*store, &execution("other", Options::default())).await;
    let mut claimed = claim(&*store, "acme", &all.iter().collect::<Vec<_>>()).await;
    answer(&*store, &mut claimed[0], 64).await;
    answer(&*store, &mut claimed[2], 64).await;
    begin(&*store, &mut claimed[3], true).await;
    begin(&*store, &mut claimed[4], true).await;
    answer(&*store, &mut claimed[4], 0).await;
    store.retry(None, all[2].id, Timestamp::now()).await.unwrap();

    let acme = || Query { tenant: Some("acme".to_owned()), ..Query::default() };
    let listed = async |query: Query| {
        let page = store.list(query).await.unwrap();
        assert!(page.executions.iter().all(|execution| execution.request.is_none()));
        let place = |execution: &Execution| all.iter().position(|known| known.id == execution.id);
        (page.executions.iter().map(place).collect::<Vec<_>>(), page.cursor)
    };
    let places = |places: &[usize]| places.iter().copied().map(Some).collect::<Vec<_>>();
    let with = |status| Query { status: Some(status), topic: Some("a/b".to_owned()), ..acme() };
    assert_eq!(listed(with(Status::Finished)).await, (places(&[4, 2, 0]), None));
    assert_eq!(listed(with(Status::Running)).await, (places(&[3]), None));
    assert_eq!(listed(Query { dead_letters: true, ..acme() }).await, (places(&[0]), None));
    assert_eq!(listed(Query { topic: Some("a/c".to_owned()), ..acme() }).await, (places(&[1]), None));
    let since = Query { since: Some(all[4].accepted), status: Some(Status::Accepted), topic: None, ..acme() };
    // What carries another one out again was accepted last.
    assert_eq!(listed(since).await, (vec![None, Some(5)], None));
    assert_eq!(listed(Query::default()).await.0.len(), 8);

    let limit = NonZeroU32::new(3);
    let (first, cursor) = listed(Query { limit, ..acme() }).await;
    assert_eq!(first, [None, Some(5), Some(4)]);
    let (second, cursor) = listed(Query { limit, cursor, ..acme() }).await;
    assert_eq!(second, places(&[3, 2, 1]));
    let (third, cursor) = listed(Query { limit, cursor, ..acme() }).await;
    assert_eq!((third, cursor), (places(&[0]), None));
}

pub(crate) async fn who_waits_is_told(kind: &impl Kind) {
    let store = kind.open().await;
    let [sent, cancelled, expired] = [(); 3].map(|()| {
        let expires = Some(Timestamp::now().after(seconds(60)));
        execution("acme", Options { expires, ..Options::default() })
    });
    for accepted in [&sent, &cancelled, &expired] {
        let changed = store.changed();
        accept(&*store, accepted).await;
        changed.await;
    }
    let waiting = [&sent, &cancelled, &expired].map(|execution| store.ended(execution.id));
    let gone = store.ended(sent.id);
    drop(gone);
    let mut claimed = store.claim("acme", 1).await.unwrap().remove(0);
    begin(&*store, &mut claimed, false).await;
    answer(&*store, &mut claimed, 0).await;
    store.cancel(None, cancelled.id, Timestamp::now()).await.unwrap();
    store.tidy(Timestamp::now().after(seconds(60))).await.unwrap();
    for (told, accepted) in waiting.into_iter().zip([sent, cancelled, expired]) {
        let told = told.await;
        let kept = store.get(accepted.id).await.unwrap().unwrap();
        assert!(kept.status.is_final());
        if let Some(told) = told {
            assert_eq!(serde_json::to_value(told).unwrap(), serde_json::to_value(kept).unwrap());
        }
    }
    let nobody: Result<Option<Execution>, StoreError> =
        store.get(execution("acme", Options::default()).id).await;
    assert!(nobody.unwrap().is_none());
}

pub(crate) async fn how_long_an_attempt_was_at_what_is_kept(kind: &impl Kind) {
    let store = kind.open().await;
    let accepted = execution("acme", Options::default());
    accept(&*store, &accepted).await;
    let mut claimed = claim(&*store, "acme", &[&accepted]).await.remove(0);
    begin(&*store, &mut claimed, true).await;
    let now = Timestamp::now();
    claimed.answer(&Response::new(5, "Answered."), now, now);
    let stages = [(Stage::ProxyLookUp, 0), (Stage::WebSocket, 1), (Stage::Connect, u64::MAX)]
        .map(|(stage, microseconds)| StageTime { stage, microseconds });
    claimed.record_stages(stages.to_vec());
    store.settle(&claimed, None).await.unwrap();
    drop(store);
    let kept = kind.open().await.get(accepted.id).await.unwrap().unwrap();
    assert_eq!((&kept.attempts, &kept.attempts[0].stages[..]), (&claimed.attempts, &stages[..]));
}
