//! In which order executions begin, and whose turn it is.

use std::sync::mpsc;

use mqtt_connector::Limits;
use mqtt_connector_service::{Execution, Options, Status, Timestamp};
use mqtt_connector_tests::{Collector, Mosquitto};
use serde_json::json;

use crate::support::{PATIENCE, Service, exit_code, tenant};

/// More messages in a second than any machine sends.
fn unhurried() -> Limits {
    Limits::builder().messages_per_second(1_000_000).build()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn executions_of_one_ordering_key_arrive_in_order_beside_others() {
    let (broker, service) = (Mosquitto::builder().persistence_when_stopped().start(), Service::start());
    let (sender, received) = mpsc::channel();
    let _collector = Collector::start(broker.port(), "collector", "#", move |publish| {
        sender.send((publish.topic, String::from_utf8(publish.payload).unwrap())).unwrap();
    });
    let acme = tenant(&service.connector, "acme", broker.port(), &json!({}), unhurried());
    let mut all = Vec::new();
    for number in 0..40 {
        for key in ["a", "b", "c"] {
            let ordering_key = Some(key.to_owned());
            let sent = json!({"topic": key, "content": number.to_string(), "qos": 1});
            all.push(service.submit(&acme, &sent, Options { ordering_key, ..Options::default() }).await);
        }
    }
    let mut ended = Vec::new();
    for accepted in &all {
        ended.push(service.ended(accepted).await);
        assert_eq!(exit_code(ended.last().unwrap()), 0);
    }
    let mut arrived = vec![Vec::new(); 3];
    for _ in &all {
        let (topic, content) = received.recv_timeout(PATIENCE).unwrap();
        arrived[usize::from(topic.as_bytes()[0] - b'a')].push(content);
    }
    let wanted: Vec<_> = (0..40).map(|number| number.to_string()).collect();
    assert_eq!(arrived, [wanted.clone(), wanted.clone(), wanted]);
    for (first, next) in ended.iter().zip(&ended[3..]) {
        assert!(first.ended.unwrap() <= next.attempts[0].began, "{first:?} {next:?}");
    }
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn executions_begin_in_the_order_in_which_they_were_accepted() {
    let (broker, service) = (Mosquitto::start(), Service::start());
    let acme = tenant(&service.connector, "acme", broker.port(), &json!({}), unhurried());
    let mut all = Vec::new();
    for number in 0..200 {
        let sent = json!({"topic": "a", "content": number.to_string(), "qos": 1});
        all.push(service.submit(&acme, &sent, Options::default()).await);
    }
    let mut last = Timestamp::from_milliseconds(0);
    for accepted in &all {
        let ended = service.ended(accepted).await;
        assert_eq!(exit_code(&ended), 0);
        assert!(last <= ended.attempts[0].began, "{ended:?}");
        last = ended.attempts[0].began;
    }
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_tenants_backlog_and_its_broker_keep_no_other_one_waiting() {
    let (broker, service) = (Mosquitto::start(), Service::start());
    let stopped = Mosquitto::start();
    stopped.pause();
    let slow = service.tenant("slow", stopped.port());
    let mut backlog = Vec::new();
    for number in 0..400 {
        let sent = json!({"topic": "a", "content": number.to_string()});
        backlog.push(service.submit(&slow, &sent, Options::default()).await);
    }
    let quick = service.tenant("quick", broker.port());
    for number in 0..20 {
        let sent = json!({"topic": "a", "content": number.to_string()});
        let accepted = service.submit(&quick, &sent, Options::default()).await;
        assert_eq!(exit_code(&service.ended(&accepted).await), 0);
    }
    let statuses = async |executions: &[Execution], status: Status| {
        let mut count = 0;
        for execution in executions {
            let now = service.executions.get("slow", execution.id).await.unwrap().unwrap();
            count += usize::from(now.status == status);
        }
        count
    };
    // Its limit, and nothing has ended.
    let running = statuses(&backlog, Status::Running).await;
    assert!((1..=64).contains(&running), "{running}");
    assert_eq!(statuses(&backlog, Status::Accepted).await, 400 - running);
    stopped.resume();
    for accepted in &backlog {
        assert_eq!(exit_code(&service.ended(accepted).await), 0);
    }
    service.end().await;
}
