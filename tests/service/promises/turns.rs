//! In which order executions may be claimed, and what they wait for.

use std::time::Duration;

use mqtt_connector_service::{Options, Status, Timestamp};

use super::{Kind, accept, answer, begin, claim, execution, seconds, status, with_key};

pub(crate) async fn executions_are_claimed_in_order_and_once(kind: &impl Kind) {
    let store = kind.open().await;
    let all: Vec<_> = (0..5).map(|_| execution("acme", Options::default())).collect();
    let theirs = execution("other", Options::default());
    for accepted in all.iter().chain([&theirs]) {
        accept(&*store, accepted).await;
    }
    assert_eq!(store.tenants(), ["acme".into(), "other".into()]);
    let first = store.claim("acme", 2).await.unwrap();
    assert_eq!(first.iter().map(|execution| execution.id).collect::<Vec<_>>(), [all[0].id, all[1].id]);
    assert_eq!(first[0].request.as_ref().unwrap().as_str(), all[0].request.as_ref().unwrap().as_str());
    assert_eq!(status(&*store, &all[0]).await, Status::Accepted);
    claim(&*store, "acme", &[&all[2], &all[3], &all[4]]).await;
    claim(&*store, "acme", &[]).await;
    assert_eq!(store.tenants(), ["other".into()]);
    claim(&*store, "other", &[&theirs]).await;
    claim(&*store, "nobody", &[]).await;
    assert!(store.tenants().is_empty());
}

pub(crate) async fn what_is_released_is_claimed_again(kind: &impl Kind) {
    let store = kind.open().await;
    let [first, second] = [execution("acme", Options::default()), execution("acme", Options::default())];
    accept(&*store, &first).await;
    accept(&*store, &second).await;
    claim(&*store, "acme", &[&first, &second]).await;
    store.release(first.id);
    store.changed().await;
    assert_eq!(store.tenants(), ["acme".into()]);
    claim(&*store, "acme", &[&first]).await;
}

pub(crate) async fn one_ordering_key_is_carried_out_one_after_another(kind: &impl Kind) {
    let store = kind.open().await;
    let [a1, b1, free, a2, a3] = [
        execution("acme", with_key("a")),
        execution("acme", with_key("b")),
        execution("acme", Options::default()),
        execution("acme", with_key("a")),
        execution("acme", with_key("a")),
    ];
    let theirs = execution("other", with_key("a"));
    for accepted in [&a1, &b1, &free, &a2, &a3, &theirs] {
        accept(&*store, accepted).await;
    }
    let mut claimed = claim(&*store, "acme", &[&a1, &b1, &free]).await;
    claim(&*store, "other", &[&theirs]).await;
    begin(&*store, &mut claimed[0], false).await;
    claim(&*store, "acme", &[]).await;
    answer(&*store, &mut claimed[0], 0).await;
    let mut second = claim(&*store, "acme", &[&a2]).await;
    // One that has not begun ends as well, when a parameter is wrong.
    answer(&*store, &mut second[0], 64).await;
    let mut third = claim(&*store, "acme", &[&a3]).await;
    let a4 = execution("acme", with_key("a"));
    accept(&*store, &a4).await;
    claim(&*store, "acme", &[]).await;
    begin(&*store, &mut third[0], true).await;
    drop(store);

    // Whoever holds the key when its worker is gone is the next one again.
    let store = kind.open().await;
    let mut again = claim(&*store, "acme", &[&b1, &free, &a3]).await;
    begin(&*store, &mut again[2], true).await;
    answer(&*store, &mut again[2], 0).await;
    claim(&*store, "acme", &[&a4]).await;
    store.cancel(Some("acme"), a4.id, Timestamp::now()).await.unwrap();
    let a5 = execution("acme", with_key("a"));
    accept(&*store, &a5).await;
    claim(&*store, "acme", &[&a5]).await;
}

pub(crate) async fn an_attempt_that_is_to_be_repeated_holds_the_ordering_key(kind: &impl Kind) {
    let store = kind.open().await;
    let [first, second, third] = [(); 3].map(|()| execution("acme", with_key("a")));
    for accepted in [&first, &second, &third] {
        accept(&*store, accepted).await;
    }
    let mut claimed = claim(&*store, "acme", &[&first]).await;
    begin(&*store, &mut claimed[0], false).await;
    answer(&*store, &mut claimed[0], 69).await;
    assert_eq!(status(&*store, &first).await, Status::Accepted);
    claim(&*store, "acme", &[]).await;
    let due = Timestamp::now().after(seconds(59));
    assert!(store.tidy(due).await.unwrap().is_some_and(|next| next > due));
    claim(&*store, "acme", &[]).await;
    store.tidy(Timestamp::now().after(seconds(61))).await.unwrap();
    claim(&*store, "acme", &[&first]).await;
    store.cancel(None, second.id, Timestamp::now()).await.unwrap();
    claim(&*store, "acme", &[]).await;
    store.cancel(None, first.id, Timestamp::now()).await.unwrap();
    claim(&*store, "acme", &[&third]).await;
}

pub(crate) async fn what_is_not_to_begin_yet_keeps_nobody_waiting(kind: &impl Kind) {
    let store = kind.open().await;
    let later = Timestamp::now().after(seconds(60));
    let delayed = |options| execution("acme", Options { not_before: Some(later), ..options });
    let [plain, keyed] = [delayed(Options::default()), delayed(with_key("a"))];
    let [next, behind] = [execution("acme", with_key("a")), execution("acme", with_key("a"))];
    for accepted in [&plain, &keyed, &next, &behind] {
        accept(&*store, accepted).await;
    }
    let mut claimed = claim(&*store, "acme", &[&next]).await;
    assert_eq!(store.tidy(later.before(Duration::from_millis(1))).await.unwrap(), Some(later));
    claim(&*store, "acme", &[]).await;
    store.tidy(later).await.unwrap();
    claim(&*store, "acme", &[&plain]).await;
    begin(&*store, &mut claimed[0], false).await;
    answer(&*store, &mut claimed[0], 0).await;
    // It was accepted before the other one.
    claim(&*store, "acme", &[&keyed]).await;
    drop(store);
    let store = kind.open().await;
    // It has no clock of its own.
    store.tidy(later).await.unwrap();
    claim(&*store, "acme", &[&plain, &keyed]).await;
}

pub(crate) async fn a_clock_that_is_put_back_keeps_no_attempt_waiting(kind: &impl Kind) {
    let store = kind.open().await;
    let accepted = execution("acme", Options::default());
    accept(&*store, &accepted).await;
    let mut claimed = claim(&*store, "acme", &[&accepted]).await.remove(0);
    begin(&*store, &mut claimed, false).await;
    answer(&*store, &mut claimed, 69).await;
    store.tidy(Timestamp::now()).await.unwrap();
    claim(&*store, "acme", &[]).await;
    store.tidy(Timestamp::now().before(seconds(24 * 60 * 60))).await.unwrap();
    claim(&*store, "acme", &[&accepted]).await;
}
