//! AWS IoT, played by a scripted broker: a certificate for Amazon's name, a client certificate demanded, and a
//! connection that is closed on a message with QoS 2. The name leads to loopback through the library's resolver seam.

use std::sync::Arc;

use mqtt_connector::publisher::{PinnedResolver, SystemResolver};
use mqtt_connector::{Meta, Tenant};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::pki::{Identity, KeyFormat};
use mqtt_connector_tests::{Expect, Pki, ScriptedBroker, ServerTls, Step, encode};
use serde_json::{Value, json};

use crate::support::{assert_meta, block_on, builder, config, send, with};

const HOST: &str = "Z2EBLEZ5JJFGKF.iot.us-east-1.amazonaws.com";
const SHADOW: &str = "$aws/things/thing-name/shadow/update";

struct Aws {
    pki: Pki,
    server: ServerTls,
    client: Identity,
}

impl Aws {
    fn new() -> Self {
        let pki = Pki::new();
        let server = ServerTls::new(&pki.server(&[HOST])).require_client_certificate(pki.authority());
        let client = pki.client("thing-name", KeyFormat::Pkcs1);
        Self { pki, server, client }
    }

    /// The configuration of the product's documentation, with the files of this run.
    fn configuration(&self) -> Value {
        json!({
            "broker": format!("ssl://{HOST}:8883"),
            "client-id": "thing-name",
            "topic": SHADOW,
            "qos": 2,
            "root-ca-crt": self.pki.authority().path_str(),
            "certificate": self.client.certificate().path_str(),
            "private-key": self.client.key().path_str(),
            "use-certificate": true,
        })
    }

    /// Sends as a tenant with grants, to a name that leads to `broker`.
    fn send(&self, broker: &ScriptedBroker, port: u16, config: &Value, request: &Value) -> Meta {
        let resolver = PinnedResolver::new(Arc::new(SystemResolver)).pin(HOST, port, broker.address());
        let connector = builder().resolver(Arc::new(resolver)).build().unwrap();
        let directory = self.client.key().path().parent().unwrap();
        let tenant = Tenant::builder("acme")
            .broker("ssl://*.iot.us-east-1.amazonaws.com:*".parse().unwrap())
            .topics("$aws/#".parse().unwrap())
            .directory(directory)
            .unwrap()
            .private_networks(true)
            .build();
        let response = block_on(connector.send(&Arc::new(tenant), &config.to_string(), &request.to_string()));
        response.meta
    }
}

fn accepts_qos_1() -> [Step; 6] {
    [
        Step::expect(Expect::connect().client_id("thing-name")),
        Step::send(encode::connack(false, 0)),
        Step::expect(Expect::publish().topic(SHADOW).qos(1).payload(r#"{"state":{"desired":{"on":true}}}"#)),
        Step::respond(PacketType::PubAck),
        Step::expect(Expect::disconnect()),
        Step::expect_end(),
    ]
}

#[test]
fn the_documented_configuration_completes() {
    let aws = Aws::new();
    let broker = ScriptedBroker::builder().tls(aws.server.clone()).connection(accepts_qos_1()).start();
    let request = json!({ "content": { "state": { "desired": { "on": true } } } });
    let meta = aws.send(&broker, 8883, &aws.configuration(), &request);
    assert_meta(
        &meta,
        0,
        &format!(
            "Sent with QoS 1 to topic \"{SHADOW}\" at ssl://{}:8883 in … ms. QoS 2 was asked for, and AWS IoT has no \
             QoS 2: QoS 1 instead.",
            HOST.to_ascii_lowercase()
        ),
    );
    let record = broker.finish();
    let facts = record.conversations[0].tls.as_ref().unwrap();
    assert_eq!(facts.server_name.as_deref(), Some(HOST.to_ascii_lowercase().as_str()));
    assert_eq!(facts.alpn, None);
    assert!(facts.client_certificate.is_some());
}

#[test]
fn without_the_certificate_the_answer_says_that_it_was_not_used() {
    let aws = Aws::new();
    let broker = ScriptedBroker::builder()
        .tls(aws.server.clone())
        .raw_connection([Step::expect_tls_failure()])
        .start();
    let configuration = with(&aws.configuration(), json!({ "use-certificate": false }));
    let meta = aws.send(&broker, 8883, &configuration, &json!({ "content": "x" }));
    assert_meta(
        &meta,
        78,
        &format!(
            "Not sent, TLS with the broker ssl://{}:8883 failed: the broker ended TLS: it demands a client certificate \
             (see use-certificate, certificate and private-key). certificate and private-key were given but not used, \
             because use-certificate is false: if the broker wants them, set it to true.",
            HOST.to_ascii_lowercase()
        ),
    );
    broker.finish();
}

#[test]
fn on_port_443_the_protocol_is_negotiated() {
    let aws = Aws::new();
    let server = aws.server.clone().alpn(&["x-amzn-mqtt-ca"]);
    let broker = ScriptedBroker::builder().tls(server).connection(accepts_qos_1()).start();
    let configuration = with(&aws.configuration(), json!({ "broker": format!("ssl://{HOST}:443") }));
    let request = json!({ "content": { "state": { "desired": { "on": true } } } });
    let meta = aws.send(&broker, 443, &configuration, &request);
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    let record = broker.finish();
    let facts = record.conversations[0].tls.as_ref().unwrap();
    assert_eq!(facts.alpn.as_deref(), Some("x-amzn-mqtt-ca"));
}

#[test]
fn what_aws_would_drop_is_refused_before_anything_is_sent() {
    let aws = Aws::new();
    for (request, message) in [
        (
            json!({ "content": "x".repeat(128 * 1024 + 1) }),
            "Not sent: content in the request: AWS IoT takes 131072 bytes (128 KiB) at most, not 131073.",
        ),
        (
            json!({ "content": "x", "topic": "1/2/3/4/5/6/7/8/9" }),
            "Not sent: topic in the request: AWS IoT takes 7 slashes at most (after $aws/rules/RULE/), not 8.",
        ),
    ] {
        let broker = ScriptedBroker::untouched();
        let meta = aws.send(&broker, 8883, &aws.configuration(), &request);
        assert_meta(&meta, 64, message);
        broker.finish();
    }
}

#[test]
fn another_broker_keeps_its_quality_of_service_2() {
    let broker = ScriptedBroker::builder()
        .connection([
            Step::expect(Expect::connect()),
            Step::send(encode::connack(false, 0)),
            Step::expect(Expect::publish().qos(2)),
            Step::close(),
        ])
        .start();
    let meta = send(&config(broker.port()), &json!({ "topic": "t", "content": "x", "qos": 2 }));
    assert_eq!(meta.exit_code, 79, "{}", meta.message);
    broker.finish();
}

/// Asserts what is said of AWS IoT when it plays these steps, on a message with QoS 1.
#[track_caller]
fn played(request: &Value, steps: Vec<Step>, exit_code: i32, message: &str) {
    let aws = Aws::new();
    let broker = ScriptedBroker::builder().tls(aws.server.clone()).connection(steps).start();
    let configuration = with(&aws.configuration(), json!({ "qos": 1, "content": "x", "retries": 0 }));
    let meta = aws.send(&broker, 8883, &configuration, request);
    assert_meta(&meta, exit_code, message);
    broker.finish();
}

#[test]
fn a_connection_that_is_closed_after_connect_or_publish_has_a_likely_cause() {
    let connect = " AWS IoT closes the connection when the certificate is not active, or when no policy attached to it \
                   allows iot:Connect for this client-id.";
    let closed = vec![Step::expect(Expect::connect()), Step::close()];
    let message = format!(
        "Not sent, the connection to the broker ssl://{}:8883 was lost before the message was sent: …{connect}",
        HOST.to_ascii_lowercase()
    );
    played(&json!({}), closed, 74, &message);
    for (request, publish) in [
        (json!({}), " AWS IoT closes the connection when no policy allows iot:Publish for this topic."),
        (
            json!({ "retain": true }),
            " AWS IoT closes the connection when no policy allows iot:Publish and, for retain, iot:RetainPublish for this \
             topic.",
        ),
    ] {
        let closed = vec![
            Step::expect(Expect::connect()),
            Step::send(encode::connack(false, 0)),
            Step::expect(Expect::publish()),
            Step::close(),
        ];
        let message = format!(
            "Sent to the broker ssl://{}:8883, but not acknowledged: …{publish}",
            HOST.to_ascii_lowercase()
        );
        played(&request, closed, 79, &message);
    }
}

#[test]
fn a_will_has_the_highest_quality_of_service_that_there_is() {
    let steps = vec![
        Step::expect(Expect::connect().will("$aws/things/thing-name/lost", b"lost", 1, false)),
        Step::send(encode::connack(false, 0)),
        Step::expect(Expect::publish().qos(1)),
        Step::respond(PacketType::PubAck),
        Step::expect(Expect::disconnect()),
        Step::expect_end(),
    ];
    let will = json!({ "will": { "topic": "$aws/things/thing-name/lost", "content": "lost", "qos": 2 } });
    let message = "… ms. QoS 2 was asked for the will, and AWS IoT has no QoS 2: QoS 1 instead.";
    played(&will, steps, 0, message);
}

#[test]
fn a_custom_authorizer_on_port_443_is_asked_for_by_alpn() {
    let aws = Aws::new();
    let username = "ann?x-amz-customauthorizer-name=door&token=0123456789abcdef0123456789abcdef";
    let server = ServerTls::new(&aws.pki.server(&[HOST])).alpn(&["mqtt"]);
    let steps = [
        Step::expect(Expect::connect().username(Some(username)).password(Some(b"p"))),
        Step::send(encode::connack(false, 0)),
        Step::expect(Expect::publish().qos(1)),
        Step::respond(PacketType::PubAck),
        Step::expect(Expect::disconnect()),
        Step::expect_end(),
    ];
    let broker = ScriptedBroker::builder().tls(server).connection(steps).start();
    let changes = json!({
        "broker": format!("ssl://{HOST}:443"), "use-certificate": false, "certificate": null, "private-key": null,
        "username": username, "password": "p", "qos": 1,
    });
    let meta = aws.send(&broker, 443, &with(&aws.configuration(), changes), &json!({ "content": "x" }));
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    let record = broker.finish();
    let facts = record.conversations[0].tls.as_ref().unwrap();
    assert_eq!(facts.alpn.as_deref(), Some("mqtt"));
    assert!(facts.client_certificate.is_none());
}
