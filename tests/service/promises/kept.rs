//! What is kept of an execution, found again, listed and told.

use std::num::NonZeroU32;

use mqtt_connector::publisher::Stage;
use mqtt_connector::{Meta, Response};
use mqtt_connector_service::{Execution, Options, Query, StageTime, Status, StoreError, Timestamp};

use super::{Kind, accept, answer, begin, claim, execution, seconds, status};

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

pub(crate) async fn long_executions_are_listed_a_few_at_a_time(kind: &impl Kind) {
    let store = kind.open().await;
    let mut all = Vec::new();
    for _ in 0..70 {
        let mut long = execution("acme", Options::default());
        long.topic = Some("t".repeat(65_000));
        accept(&*store, &long).await;
        all.insert(0, long.id);
    }
    let mut query = Query { limit: NonZeroU32::new(1000), ..Query::default() };
    let mut pages = Vec::new();
    loop {
        let page = store.list(query.clone()).await.unwrap();
        pages.push(page.executions.iter().map(|execution| execution.id).collect::<Vec<_>>());
        query.cursor = page.cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    // 4 MiB, and the rest.
    assert_eq!((pages.iter().map(Vec::len).collect::<Vec<_>>(), pages.concat()), (vec![64, 6], all));
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
