//! What is accepted is carried out at a real broker.

use std::sync::Arc;
use std::time::Duration;

use mqtt_connector::publisher::Stage;
use mqtt_connector::{Limits, Tenant};
use mqtt_connector_service::{ChangeError, Options, Status, Submission, SubmitError, Timestamp};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::port::ClosedPort;
use mqtt_connector_tests::{Expect, Mosquitto, Observer, ScriptedBroker, Step, encode};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{PATIENCE, Service, exit_code, request, tenant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_is_carried_out_with_each_quality_of_service() {
    let (broker, service) = (Mosquitto::start(), Service::start());
    let observer = Observer::start(broker.port(), "acme/#");
    let acme = service.tenant("acme", broker.port());
    for qos in 0..3 {
        let sent = json!({"topic": "acme/door", "content": format!("qos {qos}"), "qos": qos});
        let accepted = service.submit(&acme, &sent, Options::default()).await;
        let ended = service.ended(&accepted).await;
        assert_eq!((exit_code(&ended), ended.attempts.len()), (0, 1), "{ended:?}");
        assert_eq!((ended.topic.as_deref(), ended.request.is_none()), (Some("acme/door"), true));
        assert!(ended.accepted <= ended.attempts[0].began && ended.attempts[0].ended == ended.ended);
        assert_eq!(ended.attempts[0].meta, ended.meta);
    }
    for (qos, message) in (0..).zip(observer.messages(3, PATIENCE)) {
        assert_eq!((message.qos, &*message.payload), (qos, format!("qos {qos}").as_bytes()));
    }
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_topic_is_the_one_that_was_published_to() {
    let (broker, service) = (Mosquitto::start(), Service::start());
    let more = json!({"topic": "acme/configured"});
    let acme = tenant(&service.connector, "acme", broker.port(), &more, Limits::default());
    let accepted = service.submit(&acme, &json!({"content": "x"}), Options::default()).await;
    assert_eq!(accepted.topic, None);
    assert_eq!(service.ended(&accepted).await.topic.as_deref(), Some("acme/configured"));
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_or_not_granted_is_a_dead_letter_after_one_attempt() {
    let (broker, service) = (Mosquitto::start(), Service::start());
    let acme = service.tenant("acme", broker.port());
    let wrong = service.submit(&acme, &json!({"topic": "a", "qos": 3}), Options::default()).await;
    let wrong = service.ended(&wrong).await;
    assert_eq!((exit_code(&wrong), wrong.attempts.len(), wrong.is_dead_letter()), (64, 1, true));
    assert_eq!(wrong.attempts[0].stages, []);
    assert!(wrong.request.is_some());

    // A tenant that was taken out meanwhile, as `send_as` answers it.
    let gone = Tenant::builder("gone").build();
    let gone = service.submit(&gone, &json!({"topic": "a", "content": "x"}), Options::default()).await;
    let gone = service.ended(&gone).await;
    assert_eq!(exit_code(&gone), 77);
    assert_eq!(gone.meta.unwrap().message, "Not sent, it is not allowed: there is no tenant \"gone\".");
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_attempt_says_how_long_it_was_at_what() {
    const SLOW: Duration = Duration::from_millis(300);
    let connack =
        |code| [Step::expect(Expect::connect()), Step::pause(SLOW), Step::send(encode::connack(false, code))];
    let accepted = connack(0).into_iter().chain([
        Step::expect(Expect::publish().qos(1)),
        Step::respond(PacketType::PubAck),
        Step::expect(Expect::disconnect()),
        Step::expect_end(),
    ]);
    // Return code 3: the server is unavailable, which may pass.
    let refused = connack(3).into_iter().chain([Step::expect_end()]);
    let broker = ScriptedBroker::builder().connection(refused).connection(accepted).start();
    let service = Service::start();
    let acme = service.tenant("acme", broker.port());
    let accepted =
        service.submit(&acme, &json!({"topic": "a", "qos": 1, "content": "x"}), Options::default()).await;
    let ended = service.ended(&accepted).await;
    assert_eq!((exit_code(&ended), ended.attempts.len()), (0, 2), "{ended:?}");
    let way = [Stage::LookUp, Stage::Dial, Stage::Connect, Stage::Acknowledgement];
    for (attempt, way) in ended.attempts.iter().zip([&way[..3], &way[..]]) {
        let stages = attempt.stages.iter().filter(|time| !time.stage.is_wait());
        assert_eq!(stages.clone().map(|time| time.stage).collect::<Vec<_>>(), way);
        let connect = stages.clone().find(|time| time.stage == Stage::Connect).unwrap();
        assert!(Duration::from_micros(connect.microseconds) >= SLOW, "{attempt:?}");
    }
    service.end().await;
    broker.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_pass_is_tried_again_and_then_a_dead_letter_that_a_person_sends() {
    let (closed, service) = (ClosedPort::open(), Service::start());
    let acme = service.tenant("acme", closed.port());
    let options = Options { attempts: 2, ..Options::default() };
    let accepted = service.submit(&acme, &json!({"topic": "a", "content": "x"}), options).await;
    let dead = service.ended(&accepted).await;
    assert_eq!((exit_code(&dead), dead.attempts.len()), (69, 2));
    assert!(
        dead.attempts.iter().all(|attempt| attempt.meta.as_ref().is_some_and(|meta| meta.exit_code == 69))
    );
    let pause = dead.attempts[1].began.milliseconds() - dead.attempts[0].ended.unwrap().milliseconds();
    // Half a second to one, as it is the first time.
    assert!(pause >= 500, "{pause} ms");

    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    service.tenant("acme", broker.port());
    let again = service.executions.retry("acme", dead.id).await.unwrap();
    assert_eq!(exit_code(&service.ended(&again).await), 0);
    assert_eq!(&*observer.messages(1, PATIENCE)[0].payload, b"x");
    let error = service.executions.retry("acme", dead.id).await.unwrap_err();
    assert!(matches!(error, ChangeError::AlreadyRetried { as_id, .. } if as_id == again.id), "{error}");
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_before_and_expires_hold() {
    let (broker, service) = (Mosquitto::start(), Service::start());
    let acme = service.tenant("acme", broker.port());
    let sent = json!({"topic": "a", "content": "x"});
    let not_before = Some(Timestamp::now().after(Duration::from_millis(700)));
    let delayed = service.submit(&acme, &sent, Options { not_before, ..Options::default() }).await;
    let expires = Some(Timestamp::now());
    let never = service.submit(&acme, &sent, Options { expires, ..Options::default() }).await;
    let delayed = service.ended(&delayed).await;
    assert_eq!(exit_code(&delayed), 0);
    assert!(Some(delayed.attempts[0].began) >= not_before);
    let never = service.ended(&never).await;
    assert_eq!((never.status, never.attempts.len(), never.meta.is_none()), (Status::Expired, 0, true));
    assert!(never.request.is_some());

    // An attempt that fails, and a time that is over before the next one.
    let closed = ClosedPort::open();
    let other = service.tenant("other", closed.port());
    let expires = Some(Timestamp::now().after(Duration::from_millis(400)));
    let over = service.submit(&other, &sent, Options { expires, ..Options::default() }).await;
    let over = service.ended(&over).await;
    assert_eq!(over.status, Status::Expired);
    assert!(over.attempts.len() <= 1 && over.is_dead_letter() && over.ended >= expires, "{over:?}");
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_idempotency_key_is_sent_once_however_many_ask() {
    let (broker, service) = (Mosquitto::start(), Arc::new(Service::start()));
    let observer = Observer::start(broker.port(), "#");
    let acme = service.tenant("acme", broker.port());
    let sent = json!({"topic": "a", "content": "x"});
    let mut asking = JoinSet::new();
    for _ in 0..16 {
        let (service, acme, sent) = (Arc::clone(&service), acme.clone(), sent.clone());
        asking.spawn(async move {
            let submission = Submission::new(request(&sent)).idempotency_key("k");
            let submitted = service.executions.submit(&acme, submission).await.unwrap();
            (submitted.is_new, service.ended(&submitted.execution).await)
        });
    }
    let answers = asking.join_all().await;
    assert_eq!(answers.iter().filter(|(is_new, _)| *is_new).count(), 1);
    assert!(answers.iter().all(|(_, ended)| ended.id == answers[0].1.id && exit_code(ended) == 0));
    let other = Submission::new(request(&json!({"topic": "a", "content": "y"}))).idempotency_key("k");
    let error = service.executions.submit(&acme, other).await.unwrap_err();
    assert!(matches!(error, SubmitError::OtherRequest(id) if id == answers[0].1.id), "{error}");
    assert_eq!(&*observer.messages(1, PATIENCE)[0].payload, b"x");
    Arc::into_inner(service).unwrap().end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_not_stored_unless_that_is_granted() {
    let (broker, service) = (Mosquitto::start(), Service::start());
    let acme = service.tenant("acme", broker.port());
    let secret = json!({"topic": "a", "content": "x", "username": "u", "password": "planted"});
    let error = service.executions.submit(&acme, Submission::new(request(&secret))).await.unwrap_err();
    assert!(matches!(&error, SubmitError::Secrets { parameters } if *parameters == ["password"]), "{error}");
    let page = service.executions.list(mqtt_connector_service::Query::default()).await.unwrap();
    assert!(page.executions.is_empty());

    let granted = Tenant::builder("granted").stored_secrets(true).topics("#".parse().unwrap());
    let granted = granted.broker(format!("tcp://127.0.0.1:{}", broker.port()).parse().unwrap());
    let granted = service.connector.tenants().replace(granted.config(acme.config()).build());
    let accepted = service.submit(&granted, &secret, Options::default()).await;
    assert_eq!(exit_code(&service.ended(&accepted).await), 0);
    assert!(!format!("{accepted:?}").contains("planted"));
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_ends_when_its_time_is_over() {
    let service = Service::start();
    let acme = service.tenant("acme", 1);
    let not_before = Some(Timestamp::now().after(Duration::from_secs(600)));
    let sent = json!({"topic": "a", "content": "x"});
    let accepted = service.submit(&acme, &sent, Options { not_before, ..Options::default() }).await;
    let waited = service.executions.wait("acme", accepted.id, Duration::from_millis(50)).await.unwrap();
    assert_eq!(waited.unwrap().status, Status::Accepted);
    assert!(service.executions.wait("other", accepted.id, PATIENCE).await.unwrap().is_none());
    let error = service.executions.cancel("other", accepted.id).await.unwrap_err();
    assert!(matches!(error, ChangeError::Unknown(_)), "{error}");
    let waiting = {
        let (executions, id) = (service.executions.clone(), accepted.id);
        tokio::spawn(async move { executions.wait("acme", id, PATIENCE).await.unwrap().unwrap() })
    };
    service.executions.cancel("acme", accepted.id).await.unwrap();
    assert_eq!(waiting.await.unwrap().status, Status::Cancelled);
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_ends_finishes_what_runs_and_keeps_the_rest() {
    let (broker, service) = (Mosquitto::start(), Service::start());
    let observer = Observer::start(broker.port(), "#");
    broker.pause();
    let limits = Limits::builder().concurrent_sends(1).build();
    let acme = tenant(&service.connector, "acme", broker.port(), &json!({}), limits);
    let sent = |number: u32| json!({"topic": "a", "content": number.to_string()});
    let running = service.submit(&acme, &sent(1), Options::default()).await;
    let waiting = service.submit(&acme, &sent(2), Options::default()).await;
    while service.executions.get("acme", running.id).await.unwrap().unwrap().status != Status::Running {
        tokio::task::yield_now().await;
    }
    let executions = service.executions.clone();
    let draining = tokio::spawn(async move { executions.drain(PATIENCE).await });
    while !service.executions.is_draining() {
        tokio::task::yield_now().await;
    }
    let refused = Submission::new(request(&sent(3)));
    let error = service.executions.submit(&acme, refused).await.unwrap_err();
    assert!(matches!(error, SubmitError::Draining), "{error}");
    broker.resume();
    assert!(draining.await.unwrap());
    assert_eq!(exit_code(&service.executions.get("acme", running.id).await.unwrap().unwrap()), 0);
    let kept = service.executions.get("acme", waiting.id).await.unwrap().unwrap();
    assert_eq!((kept.status, kept.attempts.len()), (Status::Accepted, 0));

    let service = Service::start_in(service.end().await, |connector| {
        tenant(connector, "acme", broker.port(), &json!({}), Limits::default());
    });
    assert_eq!(exit_code(&service.ended(&waiting).await), 0);
    let contents: Vec<_> =
        observer.messages(2, PATIENCE).into_iter().map(|message| message.payload).collect();
    assert_eq!(contents, [b"1".to_vec(), b"2".to_vec()]);
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_end_in_time_is_broken_off_with_what_is_known() {
    let (broker, service) = (Mosquitto::start(), Service::start());
    let acme = service.tenant("acme", broker.port());
    broker.pause();
    let accepted = service.submit(&acme, &json!({"topic": "a", "content": "x"}), Options::default()).await;
    while service.executions.get("acme", accepted.id).await.unwrap().unwrap().status != Status::Running {
        tokio::task::yield_now().await;
    }
    assert!(!service.executions.drain(Duration::ZERO).await);
    // The broker's system has taken the connection, and nobody reads: CONNACK has not come, so that nothing was sent.
    let kept = service.executions.get("acme", accepted.id).await.unwrap().unwrap();
    assert_eq!((kept.status, kept.attempts.len()), (Status::Accepted, 1), "{kept:?}");
    assert_eq!(kept.attempts[0].meta.as_ref().unwrap().exit_code, 75);
    broker.resume();
}
