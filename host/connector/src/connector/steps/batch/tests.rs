//! Batches in steps: they are answered as in the other way, by few instances.

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Duration;

use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Mosquitto, Observer, ScriptedBroker, Step, encode, property};

use super::super::tests::{calls, connector};
use super::*;
use crate::{Connector, Limits};

/// A further request, with which one connection is not enough for a batch.
const ELSEWHERE: &str = r#"{"client-id": "d", "topic": "t", "content": 1}"#;

/// The answers in steps, or `None`.
async fn in_steps(
    connector: &Connector,
    tenant: &Tenant,
    config: &str,
    requests: &[String],
) -> Option<Vec<(i32, String)>> {
    let length = requests.iter().map(|request| config.len() + request.len()).sum();
    let call = UnderWay::begin(connector, tenant, length).await.unwrap();
    let answered = answer_batch(&call, length, config, requests, &mut None, &mut Hooks::default()).await;
    answered.map(|answered| said(&answered.unwrap()))
}

/// The answers without their times.
fn said(responses: &[Response]) -> Vec<(i32, String)> {
    let without_time = |message: &str| match message.split_once(" in ") {
        Some((before, time)) if message.starts_with("Sent") => {
            let behind =
                time.trim_start_matches(|character: char| character.is_ascii_digit() || character == '.');
            format!("{before} in{behind}")
        }
        _ => message.to_owned(),
    };
    let each =
        responses.iter().map(|response| (response.meta.exit_code, without_time(&response.meta.message)));
    each.collect()
}

#[tokio::test]
async fn a_batch_is_answered_as_in_the_other_way_by_one_instance() {
    let (broker, connector, tenant) = (Mosquitto::start(), connector(), Tenant::unrestricted("a"));
    let observer = Observer::start(broker.port(), "#");
    let config = format!(r#"{{"broker": "tcp://{}", "client-id": "c", "qos": 1}}"#, broker.address());
    let request = |n: usize| match n % 100 {
        3 => r#"{"topic": "+", "content": 1}"#.to_owned(),
        4 => r#"{"content": 1"#.to_owned(),
        5 => format!(r#"{{"topic": "t/\u00e4", "qos": 2, "content": {n}}}"#),
        _ => format!(r#"{{"topic": "t/{}", "content": {n}}}"#, n / 10),
    };
    let mut requests: Vec<_> = (0..2 * MOST + 1).map(request).collect();
    let answers = in_steps(&connector, &tenant, &config, &requests).await.unwrap();
    assert_eq!(calls(&connector, &tenant), 3, "with none to conclude");
    let sent = answers.iter().filter(|(exit_code, _)| *exit_code == 0).count();
    assert_eq!(sent, requests.len() - 6);
    let expected =
        (0..requests.len()).filter(|n| !matches!(n % 100, 3 | 4)).map(|n| n.to_string().into_bytes());
    let arrived = observer.messages(sent, Duration::from_secs(10));
    // One of QoS 2 waits longer for its turn at the observer than those behind it.
    let mut arrived: Vec<_> = arrived.into_iter().map(|message| message.payload).collect();
    let mut expected: Vec<_> = expected.collect();
    arrived.sort();
    expected.sort();
    assert_eq!(arrived, expected);

    requests.push(ELSEWHERE.to_owned());
    assert_eq!(in_steps(&connector, &tenant, &config, &requests).await, None);
    let mut other = said(&connector.send_batch(&tenant, &config, &requests).await);
    assert_eq!(other.pop().unwrap().0, 0);
    assert_eq!(answers, other);
    connector.close().await;
}

#[tokio::test]
async fn what_was_not_foreseen_is_answered_as_in_the_other_way() {
    let (connector, tenant) = (connector(), Tenant::unrestricted("a"));
    // Nobody listens there.
    let config = r#"{"broker": "tcp://127.0.0.1:1", "client-id": "c", "topic": "t", "retries": 1}"#;
    for content in ["1", r#"1, "topic": "other""#] {
        let mut requests = vec![r#"{"qos": 3}"#.to_owned(), format!(r#"{{"content": {content}}}"#)];
        for _ in 0..2 {
            let answers = in_steps(&connector, &tenant, config, &requests).await.unwrap();
            assert_eq!(answers.iter().map(|(exit_code, _)| *exit_code).collect::<Vec<_>>()[..2], [64, 69]);
            let mut with_other = requests.clone();
            with_other.push(ELSEWHERE.to_owned());
            let other = said(&connector.send_batch(&tenant, config, &with_other).await);
            assert_eq!(answers, other[..requests.len()], "{requests:?}");
            requests.push(r#"{"content": 2}"#.to_owned());
        }
    }
    let wrong = vec![r#"{"qos": 3}"#.to_owned(), "[]".to_owned()];
    let answers = in_steps(&connector, &tenant, config, &wrong).await.unwrap();
    assert_eq!(answers.iter().map(|(exit_code, _)| *exit_code).collect::<Vec<_>>(), [64, 64]);
    assert_eq!(in_steps(&connector, &tenant, config, &[]).await, Some(Vec::new()));
}

#[tokio::test]
async fn a_batch_that_does_not_have_its_turn_in_time_ends() {
    let connector = connector();
    let limits = Limits::builder().timeout(Duration::from_millis(1)).build();
    let tenant = Tenant::builder("a").limits(limits).build();
    // As many as may compute at the same time.
    let width = (available_parallelism().map_or(1, NonZero::get) / 2).max(1);
    let mut others: Vec<_> = (0..width).map(|_| tenant.quotas().visit()).collect();
    let mut inside = Vec::new();
    for other in &mut others {
        inside.push(other.enter(|| {}).await);
    }
    let answers = connector.send_batch(&tenant, "{}", &["{}".to_owned(), "{}".to_owned()]).await;
    assert_eq!(said(&answers), vec![(exit_code::TIMED_OUT, TOO_LATE.to_owned()); 2]);
}

#[tokio::test]
async fn long_batches_are_made_in_another_way() {
    let (connector, tenant) = (connector(), Tenant::unrestricted("a"));
    let request = |length: usize| format!("{{\"content\": \"{}\"}}", "x".repeat(length - 15));
    let quarter = LARGEST_BATCH / 4;
    for (config, requests, is_in_steps) in [
        ("{}", vec![request(LARGEST - 2); 16], true),
        ("{}", vec![request(LARGEST - 1)], false),
        ("{}  ", vec![request(LARGEST - 4); 16], true),
        ("{} ", [vec![request(LARGEST - 3); 16], vec!["{}".to_owned()]].concat(), false),
        (&format!("{{}}{}", " ".repeat(quarter / 64 - 4)), vec!["{}".to_owned(); 256], true),
        (&format!("{{}}{}", " ".repeat(quarter / 64 - 3)), vec!["{}".to_owned(); 256], false),
    ] {
        let answers = in_steps(&connector, &tenant, config, &requests).await;
        assert_eq!(answers.is_some(), is_in_steps, "{} requests", requests.len());
        let answers = answers.unwrap_or_default();
        assert!(answers.iter().all(|(exit_code, _)| *exit_code == 64), "{answers:?}");
    }
}

#[test]
fn a_step_is_made_for_so_many_requests_at_most_and_for_so_many_bytes() {
    let steps = |room: usize, mut left: &[usize]| {
        let mut steps = Vec::new();
        while !left.is_empty() {
            steps.push(split_off(&mut left, room, |length| *length).len());
        }
        steps
    };
    assert_eq!(steps(9, &[0; 2 * MOST + 1]), [MOST, MOST, 1]);
    assert_eq!(steps(9, &[4, 5, 4, 5, 1]), [2, 2, 1]);
    assert_eq!(steps(8, &[4, 5, 4, 5, 1]), [1, 1, 1, 2]);
    assert_eq!(steps(9, &[10, 1, 9, 10, 0]), [1, 1, 1, 1, 1]);
    assert_eq!(steps(0, &[1, 0, 0, 1]), [1, 2, 1]);
}

/// A tenant whose component may have little memory.
fn small() -> Tenant {
    let mut limits = Limits::default();
    (limits.memory, limits.cpu) = (2 * 1024 * 1024, Duration::from_secs(60));
    let tenant = Tenant::builder("a").broker("*://127.0.0.0/8:*".parse().unwrap()).limits(limits);
    tenant.topics("#".parse().unwrap()).build()
}

#[tokio::test]
async fn messages_with_long_topics_are_concluded_some_at_a_time() {
    let (broker, connector) = (Mosquitto::start(), connector());
    // Nobody listens at the first, so that no answer is the one that was foreseen.
    let brokers = format!(r#"["tcp://127.0.0.1:1", "tcp://{}"]"#, broker.address());
    let config = format!(r#"{{"broker": {brokers}, "client-id": "c", "qos": 1, "content": 1}}"#);
    let requests: Vec<_> =
        (0..MOST / 2).map(|n| format!(r#"{{"topic": "{}{n}"}}"#, "x".repeat(40_000))).collect();
    let answers = in_steps(&connector, &small(), &config, &requests).await.unwrap();
    let sent = answers.iter().filter(|(exit_code, _)| *exit_code == 0).count();
    assert_eq!(sent, requests.len(), "{}", answers[0].1);
    connector.close().await;
}

#[tokio::test]
async fn a_broker_cannot_have_a_batch_take_all_memory_by_a_long_client_identifier() {
    let connector = connector();
    let chosen = property::assigned_client_identifier(&"x".repeat(60_000));
    let publishes =
        (0..MOST).flat_map(|_| [Step::expect(Expect::publish()), Step::respond(PacketType::PubAck)]);
    let connect = [Step::expect(Expect::connect()), Step::send(encode::connack_v5(false, 0, &chosen))];
    let end = [Step::expect(Expect::disconnect()), Step::expect_end()];
    let broker = ScriptedBroker::builder();
    let broker = broker.connection(connect.into_iter().chain(publishes).chain(end)).start();
    let config = format!(
        r#"{{"broker": "tcp://{}", "client-id": "", "protocol-version": "5", "topic": "t", "content": 1, "qos": 1}}"#,
        broker.address()
    );
    let answers = in_steps(&connector, &small(), &config, &vec!["{}".to_owned(); MOST]).await.unwrap();
    for (exit_code, message) in answers {
        assert!(exit_code == 0 && message.ends_with("xxx…\"."), "{message}");
    }
    connector.close().await;
    broker.finish();
}

#[tokio::test]
async fn answers_take_no_more_than_the_memory_that_the_component_may_have() {
    let connector = connector();
    let unknown: Vec<_> = (0..100).map(|n| format!(r#""{n}":1"#)).collect();
    let request = format!("{{{}}}", unknown.join(","));
    for (requests, is_in_steps) in [(100, true), (1000, false)] {
        let answers = in_steps(&connector, &small(), "{}", &vec![request.clone(); requests]).await;
        assert_eq!(answers.is_some(), is_in_steps);
        let length: usize = answers.iter().flatten().map(|(_, message)| message.len()).sum();
        assert!(length < small().limits().memory, "{length}");
    }
}
