//! What a tenant may publish, and how much of it: the message of each limit, and that the others do not notice.

use std::sync::Arc;

use mqtt_connector::{Limits, Meta, Tenant, TenantBuilder};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Mosquitto, Observer, ScriptedBroker, Step, encode};
use serde_json::{Value, json};

use crate::support::{PATIENCE, assert_meta, block_on, config, connector, send_as, with};

/// A tenant that may send to loopback, and to topics below `acme`.
fn acme() -> TenantBuilder {
    Tenant::builder("acme").broker("*://127.0.0.0/8:*".parse().unwrap()).topics("acme/#".parse().unwrap())
}

fn limited(set: impl FnOnce(&mut Limits)) -> Arc<Tenant> {
    let mut limits = Limits::default();
    set(&mut limits);
    Arc::new(acme().limits(limits).build())
}

fn send_batch_as(tenant: &Arc<Tenant>, config: &Value, requests: &[Value]) -> Vec<Meta> {
    let requests: Vec<String> = requests.iter().map(Value::to_string).collect();
    let responses = block_on(connector().send_batch(tenant, &config.to_string(), &requests));
    responses.into_iter().map(|response| response.meta).collect()
}

#[test]
fn topic_or_will_without_a_grant_gets_no_packet() {
    let will = |topic: &str| json!({ "topic": "acme/door", "will": { "topic": topic, "content": "lost" } });
    for (request, message) in [
        (json!({ "topic": "other/door" }), "topic: tenant acme may not publish to \"other/door\""),
        (json!({ "topic": "acmeevil" }), "topic: tenant acme may not publish to \"acmeevil\""),
        (json!({ "topic": "$SYS/acme" }), "topic: tenant acme may not publish to \"$SYS/acme\""),
        (will("other/door"), "will: tenant acme may not publish to \"other/door\""),
        (will("$share/g/acme"), "will: tenant acme may not publish to \"$share/g/acme\""),
    ] {
        let broker = ScriptedBroker::untouched();
        let request = with(&request, json!({ "content": "x" }));
        let meta = send_as(&Arc::new(acme().build()), &config(broker.port()), &request);
        assert_meta(&meta, 77, &format!("Not sent, it is not allowed: {message}; no grant names it."));
        broker.finish();
    }
}

#[test]
fn tenant_without_topics_may_publish_nothing() {
    let broker = ScriptedBroker::untouched();
    let tenant = Tenant::builder("acme").broker("*://127.0.0.0/8:*".parse().unwrap()).build();
    let meta =
        send_as(&Arc::new(tenant), &config(broker.port()), &json!({ "topic": "acme/a", "content": "x" }));
    assert_meta(
        &meta,
        77,
        "Not sent, it is not allowed: topic: tenant acme may not publish to \"acme/a\"; no grant names it.",
    );
    broker.finish();
}

#[test]
fn denied_message_does_not_stop_the_others() {
    let broker = Mosquitto::start();
    let observer = Observer::start(broker.port(), "#");
    let tenant = limited(|limits| limits.payload = 4);
    let request = |topic: &str, content: &str| json!({ "topic": topic, "content": content });
    let metas = send_batch_as(
        &tenant,
        &config(broker.port()),
        &[
            request("acme/1", "one"),
            request("other/2", "two"),
            request("acme/3", "three"),
            request("acme/4", "four"),
        ],
    );
    assert_eq!(metas.iter().map(|meta| meta.exit_code).collect::<Vec<_>>(), [0, 77, 77, 0], "{metas:?}");
    let came: Vec<_> = observer.messages(2, PATIENCE).into_iter().map(|message| message.topic).collect();
    assert_eq!(came, ["acme/1", "acme/4"]);
    assert_eq!(observer.settled().len(), 2);
}

#[test]
fn denied_message_keeps_its_own_answer_when_the_connection_fails() {
    let broker = ScriptedBroker::builder()
        .connection([Step::expect(Expect::connect()), Step::send(encode::connack(false, 5))])
        .start();
    let requests = ["other/1", "acme/2"].map(|topic| json!({ "topic": topic, "content": "x" }));
    let metas = send_batch_as(&limited(|_| {}), &config(broker.port()), &requests);
    assert_eq!(metas.iter().map(|meta| meta.exit_code).collect::<Vec<_>>(), [77, 5], "{metas:?}");
    broker.finish();
}

#[test]
fn payload_over_the_limit_gets_no_packet() {
    let tenant = limited(|limits| limits.payload = 4);
    let will = json!({ "topic": "acme/w", "content": "12345" });
    for (request, parameter) in [
        (json!({ "topic": "acme/a", "content": "12345" }), "content"),
        (json!({ "topic": "acme/a", "content-base64": "AAAAAAA=" }), "content"),
        (json!({ "topic": "acme/a", "content": "1234", "will": will }), "the will's content"),
    ] {
        let broker = ScriptedBroker::untouched();
        let meta = send_as(&tenant, &config(broker.port()), &request);
        assert_meta(
            &meta,
            77,
            &format!(
                "Not sent, it is too large: {parameter}: 5 bytes, and tenant acme may send 4 (its limit payload)."
            ),
        );
        broker.finish();
    }
}

#[test]
fn payload_at_the_limit_is_sent() {
    let tenant = limited(|limits| limits.payload = 4);
    let broker = ScriptedBroker::builder()
        .connection([
            Step::expect(Expect::connect()),
            Step::send(encode::connack(false, 0)),
            Step::expect(Expect::publish().payload("1234")),
            Step::respond(PacketType::PubAck),
            Step::expect(Expect::disconnect()),
            Step::expect_end(),
        ])
        .start();
    let will = json!({ "topic": "acme/w", "content": "1234" });
    let request = json!({ "topic": "acme/a", "content": "1234", "qos": 1, "will": will });
    let meta = send_as(&tenant, &config(broker.port()), &request);
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    broker.finish();
}
