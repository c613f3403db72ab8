//! Tenants by name: what a platform that reads them anew for each request may rely on.

use std::sync::Arc;

use mqtt_connector::publisher::Publisher;
use mqtt_connector::{Connector, Limits, Outcome, Retry, Tenant, Tenants};
use mqtt_connector_tests::{Expect, Mosquitto, Observer, ScriptedBroker, Step, encode};
use serde_json::json;

use crate::faults::{publish, script};
use crate::runtime::two_workers;
use crate::sharing::LONG;
use crate::support::{PATIENCE, assert_meta, block_on, builder, config, connector, operator, with};

/// The tenant as a platform reads it from its database.
fn stored(grants: &[&str], messages_per_second: u32) -> Tenant {
    let mut limits = Limits::default();
    limits.messages_per_second = messages_per_second;
    let tenant =
        grants.iter().fold(Tenant::builder("acme"), |tenant, grant| tenant.broker(grant.parse().unwrap()));
    tenant.topics("acme/#".parse().unwrap()).limits(limits).build()
}

fn request(content: u32) -> String {
    json!({ "topic": format!("acme/{content}"), "qos": 1, "content": content }).to_string()
}

#[test]
fn a_tenant_that_is_read_anew_for_each_request_keeps_its_connection() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let connector = Connector::builder().idle(LONG).build().unwrap();
    let config = config(broker.port()).to_string();
    two_workers().block_on(async {
        for content in 0..10 {
            connector.tenants().replace(stored(&["tcp://127.0.0.1:*"], 250));
            let response = connector.send_as("acme", &config, &request(content)).await;
            assert_eq!(response.outcome(), Outcome::Sent, "{}", response.meta.message);
        }
        broker.wait_for_log("'acme/9'", PATIENCE);
        assert_eq!(broker.log().matches(" as sender (").count(), 1, "one connection");

        // What it may reach is something else now: the connection was made under other grants.
        connector.tenants().replace(stored(&["tcp://127.0.0.1:*", "tcp://other.example"], 250));
        let response = connector.send_as("acme", &config, &request(10)).await;
        assert_eq!(response.outcome(), Outcome::Sent, "{}", response.meta.message);
        broker.wait_for_log("'acme/10'", PATIENCE);
        assert_eq!(broker.log().matches(" as sender (").count(), 2, "another connection");
        connector.close().await;
    });
    assert_eq!(observer.messages(11, PATIENCE).len(), 11);
}

#[test]
fn a_tenant_that_is_read_anew_for_each_request_keeps_what_it_has_used_up() {
    let broker = Mosquitto::start();
    let connector = builder().tenants(Tenants::new()).build().unwrap();
    let config = with(&config(broker.port()), json!({ "timeout": 100 })).to_string();
    let codes: Vec<i32> = (0..4)
        .map(|content| {
            connector.tenants().replace(stored(&["tcp://127.0.0.1:*"], 2));
            block_on(connector.send_as("acme", &config, &request(content))).meta.exit_code
        })
        .collect();
    assert_eq!(codes, [0, 0, 77, 77], "two messages a second");
}

#[test]
fn who_is_not_known_or_not_any_more_sends_nothing() {
    let connector =
        builder().tenants(Tenants::from_iter([stored(&["tcp://127.0.0.1:*"], 1)])).build().unwrap();
    for (name, shown) in [("nobody", "\"nobody\""), ("a\nb", "\"a\\nb\""), ("", "\"\"")] {
        let response = block_on(connector.send_as(name, "{}", "{}"));
        let expected = format!("Not sent, it is not allowed: there is no tenant {shown}.");
        assert_meta(&response.meta, 77, &expected);
        assert_eq!(response.outcome(), Outcome::NotSent { retry: Retry::No });
    }
    let acme = |name| block_on(connector.send_as(name, "{}", "{}")).meta.exit_code;
    assert_eq!(acme("acme"), 64);
    assert_eq!(connector.tenants().remove("acme").unwrap().name(), "acme");
    assert_eq!(acme("acme"), 77);
}

#[test]
fn connectors_with_one_publisher_share_a_connection() {
    let broker = Mosquitto::start();
    let publisher = Publisher::default().with_idle(LONG);
    let tenants: Arc<Tenants> = Arc::new([stored(&["tcp://127.0.0.1:*"], 250)].into_iter().collect());
    let connectors = [(), ()].map(|()| {
        let connector = Connector::builder().publisher(publisher.clone()).tenants(Arc::clone(&tenants));
        connector.build().unwrap()
    });
    let config = config(broker.port()).to_string();
    two_workers().block_on(async {
        for (connector, content) in connectors.iter().zip(0..) {
            let response = connector.send_as("acme", &config, &request(content)).await;
            assert_eq!(response.meta.exit_code, 0, "{}", response.meta.message);
        }
        publisher.close().await;
    });
    broker.wait_for_log("Received DISCONNECT from sender", PATIENCE);
    assert_eq!(broker.log().matches(" as sender (").count(), 1, "one connection");
}

/// What a broker that answers with these packets makes of a message of QoS 1 under MQTT 5.
fn outcome(steps: Vec<Step>) -> (i32, Outcome) {
    let broker = ScriptedBroker::builder().connection(script([steps])).start();
    let config = with(&config(broker.port()), json!({ "protocol-version": "5", "timeout": 300 })).to_string();
    let request = json!({ "topic": "t", "qos": 1, "content": "x" }).to_string();
    let response = block_on(connector().send(&operator(), &config, &request));
    broker.finish();
    (response.meta.exit_code, response.outcome())
}

#[test]
fn a_response_knows_what_its_exit_code_leaves_open() {
    let connect = || Step::expect(Expect::connect());
    let refused = vec![connect(), Step::send(encode::connack_v5(false, 135, &[])), Step::close()];
    assert_eq!(outcome(refused), (135, Outcome::NotSent { retry: Retry::No }));
    let publish = || Step::expect(publish(1));
    let connected = || vec![connect(), Step::send(encode::connack_v5(false, 0, &[]))];
    let end = [connected(), vec![publish(), Step::send(encode::disconnect_v5(135)), Step::close()]];
    assert_eq!(outcome(end.concat()), (135, Outcome::Uncertain));
}
