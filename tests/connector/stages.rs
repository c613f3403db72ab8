//! What a send went through, and how long it was at what, as a host is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mqtt_connector::Tenant;
use mqtt_connector::publisher::{Hooks, Stage};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::port::ClosedPort;
use mqtt_connector_tests::{Expect, Mosquitto, Pki, ScriptedBroker, ServerTls, Step, encode};
use serde_json::{Value, json};

use crate::faults::{connected, goodbye, publish, script};
use crate::support::{block_on, builder, config, connector, operator, with};

/// How long a broker waits where it is slow.
const SLOW: Duration = Duration::from_millis(300);

/// The stages of a send as the operator with this exit code, each with its time.
fn stages(config: &Value, request: &Value, exit_code: i32) -> Vec<(Stage, Duration)> {
    let (told, hooks) = told();
    let (config, request) = (config.to_string(), request.to_string());
    let response = block_on(connector().send_with(&operator(), &config, &request, hooks));
    assert_eq!(response.meta.exit_code, exit_code, "{}", response.meta.message);
    told.lock().unwrap().clone()
}

type Told = Arc<Mutex<Vec<(Stage, Duration)>>>;

/// Hooks that write down what they are told; waits are left out, which a machine that is busy may add.
fn told() -> (Told, Hooks) {
    let told = Told::default();
    let hears = Arc::clone(&told);
    let after = move |stages: &mqtt_connector::publisher::Stages| {
        hears.lock().unwrap().extend(stages.times().filter(|(stage, _)| !stage.is_wait()));
    };
    (told, Hooks::default().after(Box::new(after)))
}

fn names(stages: &[(Stage, Duration)]) -> Vec<Stage> {
    stages.iter().map(|(stage, _)| *stage).collect()
}

fn request() -> Value {
    json!({ "topic": "t", "qos": 1, "content": "x" })
}

#[test]
fn the_time_stands_in_the_stage_in_which_the_broker_was_slow() {
    let pki = Pki::new();
    let server = ServerTls::new(&pki.server(&["127.0.0.1"]));
    let accept =
        |time| [Step::expect(Expect::connect()), Step::pause(time), Step::send(encode::connack(false, 0))];
    let acknowledge = |time| [Step::expect(publish(1)), Step::pause(time), Step::respond(PacketType::PubAck)];
    let way =
        [Stage::Certificates, Stage::LookUp, Stage::Dial, Stage::Tls, Stage::Connect, Stage::Acknowledgement];
    for (before_connack, before_puback, slow) in
        [(SLOW, Duration::ZERO, Stage::Connect), (Duration::ZERO, SLOW, Stage::Acknowledgement)]
    {
        let steps = script([accept(before_connack).into(), acknowledge(before_puback).into(), goodbye()]);
        let broker = ScriptedBroker::builder().tls(server.clone()).connection(steps).start();
        let url = format!("ssl://127.0.0.1:{}", broker.port());
        let config = with(&config(0), json!({ "broker": url, "root-ca-crt": pki.authority().text() }));
        let stages = stages(&config, &request(), 0);
        assert_eq!(names(&stages), way);
        let (_, spent) = stages.iter().find(|(stage, _)| *stage == slow).unwrap();
        assert!(*spent >= SLOW, "{stages:?}");
        broker.finish();
    }
}

#[test]
fn what_was_not_sent_was_in_its_last_stage() {
    let closed = ClosedPort::open();
    assert_eq!(names(&stages(&config(closed.port()), &request(), 69)), [Stage::LookUp, Stage::Dial]);

    let steps = script([vec![
        Step::expect(Expect::connect()),
        Step::send(encode::connack(false, 5)),
        Step::expect_end(),
    ]]);
    let broker = ScriptedBroker::builder().connection(steps).start();
    let stages = stages(&config(broker.port()), &request(), 5);
    assert_eq!(names(&stages), [Stage::LookUp, Stage::Dial, Stage::Connect]);
    broker.finish();
}

#[test]
fn what_is_refused_before_the_network_has_no_stages() {
    let broker = ScriptedBroker::untouched();
    let (told, hooks) = told();
    let config = config(broker.port()).to_string();
    let nobody = Tenant::builder("acme").build();
    let response = block_on(connector().send_with(&nobody, &config, &request().to_string(), hooks));
    assert_eq!((response.meta.exit_code, told.lock().unwrap().len()), (77, 0), "{}", response.meta.message);
    broker.finish();
}

#[test]
fn who_shares_a_connection_waits_for_the_acknowledgement_alone() {
    let broker = Mosquitto::start();
    let connector = builder().idle(Duration::from_secs(60)).build().unwrap();
    let (tenant, config) = (operator(), config(broker.port()).to_string());
    let made = [Stage::LookUp, Stage::Dial, Stage::Connect, Stage::Acknowledgement];
    block_on(async {
        for way in [&made[..], &made[3..]] {
            let (told, hooks) = told();
            let response = connector.send_with(&tenant, &config, &request().to_string(), hooks).await;
            assert_eq!(response.meta.exit_code, 0, "{}", response.meta.message);
            assert_eq!(names(&told.lock().unwrap()), way);
        }
        connector.close().await;
    });
}

#[test]
fn a_connection_of_before_is_no_part_of_it() {
    // The second script answers late, and only the second send has that time.
    let late = vec![Step::expect(publish(1)), Step::pause(SLOW), Step::respond(PacketType::PubAck)];
    let at_once = vec![Step::expect(publish(1)), Step::respond(PacketType::PubAck)];
    let broker =
        ScriptedBroker::builder().connection(script([connected(false), at_once, late, goodbye()])).start();
    let connector = builder().idle(Duration::from_secs(60)).build().unwrap();
    let (tenant, config) = (operator(), config(broker.port()).to_string());
    let (told, hooks) = told();
    block_on(async {
        let first = connector.send(&tenant, &config, &request().to_string()).await;
        let second = connector.send_with(&tenant, &config, &request().to_string(), hooks).await;
        assert_eq!((first.meta.exit_code, second.meta.exit_code), (0, 0), "{}", second.meta.message);
        connector.close().await;
    });
    let told = told.lock().unwrap();
    assert_eq!(names(&told), [Stage::Acknowledgement]);
    assert!(told[0].1 >= SLOW, "{told:?}");
    broker.finish();
}

#[test]
fn time_that_has_gone_by_before_it_is_published_is_said_to_have() {
    let closed = ClosedPort::open();
    let limit = Duration::from_millis(100);
    let grant = format!("tcp://127.0.0.1:{}", closed.port()).parse().unwrap();
    let tenant = Tenant::builder("acme").broker(grant).topics("#".parse().unwrap()).timeout(limit).build();
    let asked = Hooks::default().before(Box::new(move |_| Box::pin(tokio::time::sleep(limit))));
    let (config, request) = (config(closed.port()).to_string(), request().to_string());
    let response = block_on(connector().send_with(&tenant, &config, &request, asked));
    let said = format!(
        "Not sent, the timeout was over before the message was sent to the broker tcp://127.0.0.1:{}: no answer within 100 ms, while \
         preparing the message. Sending it again is safe.",
        closed.port()
    );
    assert_eq!((response.meta.exit_code, response.meta.message), (75, said));
}
