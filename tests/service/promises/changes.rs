//! What somebody changes before or after an execution is carried out, and what time does to it.

use mqtt_connector::Response;
use mqtt_connector_service::{ChangeError, Options, Status, Timestamp};

use super::{Kind, accept, answer, begin, claim, execution, seconds, status, with_key};

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
