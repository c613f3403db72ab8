//! Calls in two steps: what they share, and that they share nothing else.

use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use mqtt_connector_tests::{Mosquitto, Observer};
use tokio::runtime::Builder;

use super::settled::Outcome;
use super::*;
use crate::connector::instance::TICKS;
use crate::publisher::contract::{ConnectOptions, Error, Qos, Receipt, Remark};
use crate::{Connector, Limits};

const CONFIG: &str = r#"{"broker": "tcp://127.0.0.1", "client-id": "c", "content": 1}"#;

/// A connector in which time decides nothing.
pub(super) fn connector() -> Connector {
    let mut connector = Connector::builder().pool(1).build().unwrap();
    connector.clock = None;
    connector
}

fn topic(topic: &str) -> String {
    format!(r#"{{"topic": "{topic}"}}"#)
}

/// What is polled by hand.
type Polled<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

fn check<'a>(
    connector: &'a Connector,
    tenant: &'a Tenant,
    config: &'a str,
    request: &'a str,
) -> Polled<'a, Response> {
    Box::pin(connector.check(tenant, config, request))
}

/// Polls each in turns until it has its answer.
fn turns<T>(mut all: Vec<Polled<'_, T>>) -> Vec<T> {
    let mut answers: Vec<_> = all.iter().map(|_| None).collect();
    let mut context = Context::from_waker(Waker::noop());
    while answers.iter().any(Option::is_none) {
        for (answer, polled) in answers.iter_mut().zip(&mut all).filter(|(answer, _)| answer.is_none()) {
            if let Poll::Ready(ready) = polled.as_mut().poll(&mut context) {
                *answer = Some(ready);
            }
        }
    }
    answers.into_iter().flatten().collect()
}

/// How often the instance was called that is kept for the tenant.
pub(super) fn calls(connector: &Connector, tenant: &Tenant) -> u32 {
    connector.kept.as_ref().unwrap().take(tenant).unwrap().calls()
}

#[tokio::test]
async fn a_step_is_given_up_only_where_the_call_can_be_made_in_another_way() {
    let (connector, tenant) = (connector(), Tenant::unrestricted("a"));
    let call = UnderWay::begin(&connector, &tenant, 0).await.unwrap();
    let mut in_steps = InSteps { call: &call, action: Action::Send, length: 4, own: None };
    for (ticks, may_be_given_up, is_given_up) in
        [(TICKS - 1, true, false), (TICKS, true, true), (TICKS, false, false)]
    {
        let made = in_steps.step(may_be_given_up, |instance| {
            (0..ticks).for_each(|_| instance.store.engine().increment_epoch());
            instance.steps.flint_mqtt_steps().call_prepare(
                &mut instance.store,
                wit::Action::Send,
                "{}",
                &["{}"],
            )
        });
        assert_eq!(made.is_err(), is_given_up, "{ticks} ticks");
        assert_eq!(made.is_err_and(|error| error.is::<TakesLong>()), is_given_up);
    }
}

#[tokio::test]
async fn long_documents_are_read_in_another_way() {
    let (connector, tenant) = (connector(), Tenant::unrestricted("a"));
    for (length, is_in_steps) in [(LARGEST, true), (LARGEST + 1, false)] {
        let request = format!("{{\"content\": \"{}\"}}", "x".repeat(length - 17));
        let call = UnderWay::begin(&connector, &tenant, 0).await.unwrap();
        let answered = answer(&call, Action::Check, "{}", &request, &mut Hooks::default()).await;
        assert_eq!(answered.is_some(), is_in_steps, "{length} bytes");
        drop(call);
        let response = connector.check(&tenant, "{}", &request).await;
        assert_eq!(response.meta.exit_code, 64, "{}", response.meta.message);
    }
}

#[tokio::test]
async fn calls_that_come_together_share_their_steps_and_each_has_its_own_answer() {
    let (connector, tenant) = (connector(), Tenant::unrestricted("a"));
    let requests: Vec<_> =
        (0..10).map(|n| topic(&if n == 5 { "#".to_owned() } else { format!("t{n}") })).collect();
    let all = requests.iter().map(|request| check(&connector, &tenant, CONFIG, request)).collect();
    for (n, response) in turns(all).into_iter().enumerate() {
        let message = &response.meta.message;
        assert_eq!(response.meta.exit_code, if n == 5 { 64 } else { 0 }, "{message}");
        assert!(n == 5 || message.contains(&format!("\"t{n}\"")), "{message}");
    }
    // The first finds nobody before it. The second prepares for the others. What comes of each was foreseen, and one is wrong.
    assert_eq!(calls(&connector, &tenant), 2);
}

#[tokio::test]
async fn what_differs_is_not_mixed() {
    let connector = connector();
    let [a, same_name] = ["a", "a"].map(Tenant::unrestricted);
    let other = CONFIG.replace("127.0.0.1", "127.0.0.2");
    let request = topic("t");
    let asked =
        [(&a, CONFIG), (&same_name, &other), (&a, &other), (&same_name, CONFIG), (&a, CONFIG), (&a, &other)];
    let all = asked.map(|(tenant, config)| check(&connector, tenant, config, &request)).into();
    for ((_, config), response) in asked.into_iter().zip(turns(all)) {
        let broker = if config == CONFIG { "tcp://127.0.0.1:1883" } else { "tcp://127.0.0.2:1883" };
        assert_eq!(response.meta.exit_code, 0, "{}", response.meta.message);
        assert!(response.meta.message.contains(broker), "{}", response.meta.message);
    }
}

#[tokio::test]
async fn whoever_goes_takes_nothing_from_the_others() {
    let (connector, tenant) = (connector(), Tenant::unrestricted("a"));
    let requests: Vec<_> = (0..5).map(|n| topic(&format!("t{n}"))).collect();
    for polls in 0..6 {
        for gone in 0..5 {
            let mut all: Vec<_> =
                requests.iter().map(|request| check(&connector, &tenant, CONFIG, request)).collect();
            let mut context = Context::from_waker(Waker::noop());
            let mut early = Vec::new();
            for _ in 0..polls {
                for (n, checking) in all.iter_mut().enumerate() {
                    if !early.iter().any(|(known, _)| *known == n)
                        && let Poll::Ready(response) = checking.as_mut().poll(&mut context)
                    {
                        early.push((n, response));
                    }
                }
            }
            let mut left: Vec<_> = all.into_iter().enumerate().collect();
            left.retain(|(n, _)| *n != gone && !early.iter().any(|(known, _)| known == n));
            let (numbers, left): (Vec<_>, Vec<_>) = left.into_iter().unzip();
            let late = numbers.into_iter().zip(turns(left));
            for (n, response) in early.into_iter().chain(late) {
                let message = &response.meta.message;
                assert!(message.contains(&format!("\"t{n}\"")), "{gone} after {polls} polls: {message}");
            }
        }
    }
    assert_eq!(connector.lines.prepare.waiting() + connector.lines.conclude.waiting(), 0);
}

#[tokio::test]
async fn what_was_foreseen_is_what_would_be_concluded_and_anything_else_is_concluded() {
    let (connector, tenant) = (connector(), Tenant::unrestricted("a"));
    let call = UnderWay::begin(&connector, &tenant, 0).await.unwrap();
    let receipt = || Receipt {
        qos: Qos::AtLeastOnce,
        reason_code: 0,
        broker: 0,
        assigned_client_id: None,
        elapsed_microseconds: 12_345,
    };
    let sent = |receipt| Outcome::Published(Ok(receipt), 1);
    let requests =
        ["t0", "t1", "\u{e4}\\\"\u{2028}"].map(|name| format!(r#"{{"topic": "{name}", "qos": 1}}"#));
    let requests = requests.each_ref().map(String::as_str);
    for (action, outcome, is_foreseen) in [
        (Action::Send, sent(receipt()), true),
        (Action::Send, Outcome::Published(Ok(receipt()), 0), true),
        (Action::Send, Outcome::Published(Ok(receipt()), 2), false),
        (Action::Send, sent(Receipt { qos: Qos::AtMostOnce, ..receipt() }), false),
        (Action::Send, sent(Receipt { reason_code: 16, ..receipt() }), false),
        (Action::Send, sent(Receipt { broker: 1, ..receipt() }), false),
        (Action::Send, sent(Receipt { assigned_client_id: Some("c".to_owned()), ..receipt() }), false),
        (Action::Send, Outcome::Published(Err(Error::Denied("no".to_owned())), 0), false),
        (Action::Send, Outcome::Checked(Ok(Vec::new())), false),
        (Action::Check, Outcome::Checked(Ok(Vec::new())), true),
        (Action::Check, Outcome::Checked(Ok(vec![Remark::TimeoutCapped(1)])), false),
        (Action::Check, Outcome::Checked(Err(Error::Denied("no".to_owned()))), false),
        (Action::Check, sent(receipt()), false),
    ] {
        let mut in_steps = InSteps { call: &call, action, length: 0, own: None };
        let outcome = &outcome;
        for prepared in in_steps.prepare_all(CONFIG, &requests).unwrap() {
            let Publication { options, message, notes, foreseen, .. } = prepared.ok().unwrap();
            let foreseen = outcome.as_foreseen(foreseen.unwrap(), message.qos);
            let settled = Arc::new(Settled { options, message, notes, outcome: outcome.clone() });
            let concluded = in_steps.conclude_all(&[&settled]).unwrap().remove(0).meta.message;
            assert_eq!(foreseen, is_foreseen.then_some(concluded));
        }
    }
}

#[tokio::test]
async fn messages_that_are_settled_together_are_concluded_together() {
    let (connector, tenant) = (connector(), Tenant::unrestricted("a"));
    let call = UnderWay::begin(&connector, &tenant, 0).await.unwrap();
    let settled = |client_id: &str, topic: &str, connections, result: Result<(), &str>| {
        let prepared = InSteps { call: &call, action: Action::Send, length: 0, own: None }
            .prepare_all(CONFIG, &[&self::topic(topic)]);
        let Publication { options, message, notes, .. } = prepared.unwrap().remove(0).ok().unwrap();
        let options = ConnectOptions { client_id: client_id.to_owned(), ..(*options).clone() };
        let receipt = Receipt {
            qos: message.qos,
            reason_code: 0,
            broker: 0,
            assigned_client_id: None,
            elapsed_microseconds: 1500,
        };
        let result = result.map(|()| receipt).map_err(|why| Error::Denied(why.to_owned()));
        let outcome = Outcome::Published(result, connections);
        Arc::new(Settled { options: Arc::new(Options::new(options)), message, notes, outcome })
    };
    let all = [
        settled("c", "t0", 1, Ok(())),
        settled("c", "t1", 3, Ok(())),
        settled("d", "t2", 1, Ok(())),
        settled("c", "t3", 0, Err("no")),
        settled("c", "t4", 1, Ok(())),
    ];
    let before = calls(&connector, &tenant);
    drop(tenant.quotas().visit().enter(|| {}).await);
    let concluding = all.each_ref().map(|settled| {
        let call = &call;
        Box::pin(async move {
            let mut visit = call.tenant.quotas().visit();
            InSteps { call, action: Action::Send, length: 0, own: None }
                .conclude(&mut visit, settled)
                .await
                .unwrap()
        }) as Polled<'_, wit::Response>
    });
    let said = turns(concluding.into()).into_iter().map(|response| response.meta.message);
    let at = "at tcp://127.0.0.1:1883 in 1.5 ms.";
    assert_eq!(
        said.collect::<Vec<_>>(),
        [
            format!("Sent with QoS 2 to topic \"t0\" {at}"),
            format!("Sent with QoS 2 to topic \"t1\" {at} 3 connections were tried."),
            format!("Sent with QoS 2 to topic \"t2\" {at}"),
            "Not sent, it is not allowed: no.".to_owned(),
            format!("Sent with QoS 2 to topic \"t4\" {at}"),
        ]
    );
    assert_eq!((before, calls(&connector, &tenant)), (5, 2), "those with the same options, and the other");
}

/// Those that come at one moment are prepared together, but for the long ones.
#[test]
fn messages_arrive_in_the_order_of_their_calls() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut limits = Limits::default();
    (limits.messages_per_second, limits.concurrent_sends) = (u32::MAX, 1000);
    let limited = Tenant::builder("limited").broker("*://127.0.0.0/8:*".parse().unwrap()).limits(limits);
    let limited = limited.topics("#".parse().unwrap()).build();
    for tenant in [Tenant::unrestricted("a"), limited] {
        let (broker, connector) = (Mosquitto::start(), Arc::new(connector()));
        let observer = Observer::start(broker.port(), "#");
        let config = format!(r#"{{"broker": "tcp://{}", "client-id": "c", "qos": 1}}"#, broker.address());
        let lengths: Vec<_> = (0..200).map(|n| if n % 7 == 3 { 20_000 + n } else { n }).collect();
        let sends = lengths.iter().map(|length| {
            let (connector, tenant, config) = (Arc::clone(&connector), tenant.clone(), config.clone());
            let request = format!(r#"{{"topic": "t", "content": "{}"}}"#, "x".repeat(*length));
            runtime.spawn(async move { connector.send(&tenant, &config, &request).await.meta })
        });
        for send in sends.collect::<Vec<_>>() {
            let meta = runtime.block_on(send).unwrap();
            assert_eq!(meta.exit_code, 0, "{}", meta.message);
        }
        let arrived = observer.messages(lengths.len(), Duration::from_secs(10));
        assert_eq!(arrived.iter().map(|message| message.payload.len()).collect::<Vec<_>>(), lengths);
        runtime.block_on(connector.close());
    }
}

#[tokio::test]
async fn what_cannot_be_prepared_together_is_prepared_by_each() {
    let connector = connector();
    let fresh = Instance::make(&connector.engines, &Tenant::unrestricted("a")).unwrap();
    let mut limits = Limits::default();
    // It may not grow.
    limits.memory = fresh.memory();
    let tenant = Tenant::builder("a").limits(limits).build();
    let call = UnderWay::begin(&connector, &tenant, 0).await.unwrap();
    let request = format!(r#"{{"topic": "t", "content": "{}"}}"#, "x".repeat(10_000));
    let length = CONFIG.len() + request.len();
    let join = || {
        let documents = |before: Option<&Documents>| Documents::copy(Action::Send, CONFIG, &request, before);
        connector.lines.prepare.join(&tenant, length, documents).unwrap()
    };
    let (own, mut others) = (join(), [(); 4].map(|()| join()));
    let mut in_steps = InSteps { call: &call, action: Action::Send, length, own: None };
    assert!(in_steps.prepare(Some(own), CONFIG, &request).unwrap().is_ok());
    for other in &mut others {
        assert!(matches!(other.turn(), Turn::Alone));
    }
    let requests = [request.as_str(); 5];
    let error = in_steps.prepare_all(CONFIG, &requests).err().unwrap();
    assert_eq!(error.downcast_ref(), Some(&Fault::Memory), "{error:#}");
}
