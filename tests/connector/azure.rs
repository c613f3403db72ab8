//! Azure IoT Hub and Azure Event Grid, played by a scripted broker with a certificate for their name, to which that leads
//! through the library's resolver seam.

use std::sync::Arc;

use mqtt_connector::publisher::{PinnedResolver, SystemResolver};
use mqtt_connector::{Meta, Tenant};
use mqtt_connector_tests::packet::PacketType;
use mqtt_connector_tests::{Expect, Pki, ScriptedBroker, ServerTls, Step, encode, property};
use serde_json::{Value, json};

use crate::support::{assert_meta, block_on, builder, with};

const HUB: &str = "plant.azure-devices.net";
const GRID: &str = "plant.westeurope-1.ts.eventgrid.azure.net";
const USERNAME: &str = "plant.azure-devices.net/pump-7/?api-version=2021-04-12";
const TOPIC: &str = "devices/pump-7/messages/events/";
const TOKEN: &str = "SharedAccessSignature sr=plant.azure-devices.net%2Fdevices%2Fpump-7&sig=0123456789abcdef%3D&se=1800000000";

/// Sends to `host`, where `steps` are played, with `request` over a whole configuration.
fn send(host: &str, steps: impl IntoIterator<Item = Step>, request: &Value) -> Meta {
    let pki = Pki::new();
    let server = ServerTls::new(&pki.server(&[host]));
    let broker = ScriptedBroker::builder().tls(server).connection(steps).start();
    let configuration = json!({
        "broker": format!("ssl://{host}"), "client-id": "pump-7", "topic": "plant/7", "username": "pump-7",
        "root-ca-crt": pki.authority().text(), "content": "21.5", "retries": 0,
    });
    let hub = json!({ "username": USERNAME, "password": TOKEN, "topic": TOPIC });
    let configuration = if host == HUB { with(&configuration, hub) } else { configuration };
    let resolver = PinnedResolver::new(Arc::new(SystemResolver)).pin(host, 8883, broker.address());
    let connector = builder().resolver(Arc::new(resolver)).build().unwrap();
    let tenant = Tenant::builder("acme").broker(format!("ssl://{host}").parse().unwrap());
    let tenant = tenant.topics("#".parse().unwrap()).private_networks(true).build();
    let (tenant, configuration, request) = (Arc::new(tenant), configuration.to_string(), request.to_string());
    let meta = block_on(connector.send(&tenant, &configuration, &request)).meta;
    broker.finish();
    meta
}

fn acknowledges(connect: Expect, publish: Expect) -> [Step; 6] {
    [
        Step::expect(connect),
        Step::send(encode::connack(false, 0)),
        Step::expect(publish),
        Step::respond(PacketType::PubAck),
        Step::expect(Expect::disconnect()),
        Step::expect_end(),
    ]
}

#[test]
fn a_device_sends_to_its_hub() {
    let connect =
        || Expect::connect().client_id("pump-7").username(Some(USERNAME)).password(Some(TOKEN.as_bytes()));
    let lowered = "QoS 2 was asked for, and Azure IoT Hub has no QoS 2: QoS 1 instead.";
    let sent = format!("Sent with QoS 1 to topic \"{TOPIC}\" at ssl://{HUB}:8883 in … ms.");
    let meta = send(HUB, acknowledges(connect(), Expect::publish().topic(TOPIC).qos(1)), &json!({}));
    assert_meta(&meta, 0, &format!("{sent} {lowered}"));
    let will = connect().will(TOPIC, b"lost", 1, false);
    let meta = send(
        HUB,
        acknowledges(will, Expect::publish().topic(TOPIC).qos(1).retain(true)),
        &json!({ "qos": 1, "retain": true, "will": { "topic": TOPIC, "content": "lost", "qos": 2 } }),
    );
    let message = format!(
        "{sent} QoS 2 was asked for the will, and Azure IoT Hub has no QoS 2: QoS 1 instead. Azure IoT Hub keeps no message \
         for later subscribers: it passes this one on, with the property mqtt-retain."
    );
    assert_meta(&meta, 0, &message);
}

#[test]
fn a_hub_that_refuses_or_closes_has_a_likely_cause() {
    let refused =
        [Step::expect(Expect::connect()), Step::send(encode::connack(false, 5)), Step::expect_end()];
    let meta = send(HUB, refused, &json!({ "qos": 1 }));
    let cause = "Azure IoT Hub refuses a device that is not registered or is disabled, and a password that is not a SAS token \
                 (SharedAccessSignature …) of this device, or one that has expired.";
    assert_meta(
        &meta,
        5,
        &format!("Not sent, the broker ssl://{HUB}:8883 refused the connection with return code 5…{cause}"),
    );
    let closed = [
        Step::expect(Expect::connect()),
        Step::send(encode::connack(false, 0)),
        Step::expect(Expect::publish()),
        Step::close(),
    ];
    let meta = send(HUB, closed, &json!({ "qos": 1 }));
    let cause = "Azure IoT Hub closes the connection on a message that it does not take, when a SAS token expires, and when \
                 the same device connects again.";
    assert_meta(&meta, 79, &format!("Sent to the broker ssl://{HUB}:8883, but not acknowledged…{cause}"));
}

/// What it repeats of the token is not shown, and the cause is.
#[test]
fn a_client_of_event_grid() {
    let sent = format!("Sent with QoS 1 to topic \"plant/7\" at ssl://{GRID}:8883 in … ms.");
    let meta = send(
        GRID,
        acknowledges(Expect::connect().username(Some("pump-7")), Expect::publish().qos(1).retain(true)),
        &json!({ "retain": true }),
    );
    assert_meta(
        &meta,
        0,
        &format!("{sent} QoS 2 was asked for, and Azure Event Grid has no QoS 2: QoS 1 instead."),
    );
    let refused = [
        Step::expect(Expect::connect()),
        Step::send(encode::connack_v5(false, 0, &[])),
        Step::expect(Expect::publish().packet_id(1)),
        Step::send(encode::ack_v5_with(PacketType::PubAck, 1, 0x87, &property::reason_string("no"))),
        Step::expect(Expect::disconnect()),
        Step::expect_end(),
    ];
    let meta = send(GRID, refused, &json!({ "protocol-version": "5", "qos": 1 }));
    let cause = "Azure Event Grid closes the connection when no permission binding lets the client publish to a topic space \
                 that has this topic.";
    assert_meta(
        &meta,
        135,
        &format!(
            "Not sent, the broker ssl://{GRID}:8883 refused the message with reason code 135 (Not authorized): no.…{cause}"
        ),
    );
}
