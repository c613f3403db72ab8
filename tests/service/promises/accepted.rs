//! What is accepted, and what is not.

use std::sync::Arc;

use mqtt_connector::publisher::TraceContext;
use mqtt_connector_service::store::{Accepted, New};
use mqtt_connector_service::{Options, Request, Status, Store, StoreError, Timestamp};
use tokio::task::JoinSet;

use super::{Kind, accept, accept_with, answer, begin, claim, execution, seconds, with_key};

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
