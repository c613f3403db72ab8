//! What carries MQTT to a real broker: TCP, TLS with a client's certificate, WebSockets, and proxies in front of each.

use mqtt_connector_tests::pki::KeyFormat;
use mqtt_connector_tests::scenario::with;
use mqtt_connector_tests::{Bridge, ForwardProxy, Mosquitto, Observer, Pki, ServerTls};
use serde_json::{Value, json};

use crate::support::{NETWORK, Output, PATIENCE, Run, VERSIONS, Version};

/// A broker that is reached by TCP and WebSockets, one that wants a client's certificate, and a witness of each.
pub(crate) struct Brokers {
    plain: Mosquitto,
    secured: Mosquitto,
    ws: Bridge,
    wss: Bridge,
    observers: [Observer; 2],
    /// What a client has to know and to show.
    certificates: Value,
    _pki: Pki,
}

impl Brokers {
    pub(crate) fn start() -> Self {
        let pki = Pki::new();
        let server = pki.server(&["localhost"]);
        let client = pki.client("device", KeyFormat::Pkcs8);
        let plain = Mosquitto::start();
        let secured = Mosquitto::builder().mutual_tls(&server, pki.authority()).start();
        let [ws, wss] = [None, Some(&ServerTls::new(&server))].map(|tls| Bridge::start(plain.address(), tls));
        let observers = [
            Observer::start(plain.port(), "plant/#"),
            Observer::builder(secured.port())
                .host("localhost")
                .filter("plant/#")
                .tls(pki.authority())
                .client_certificate(&client)
                .start(),
        ];
        let certificates = json!({
            "root-ca-crt": pki.authority().text(), "use-certificate": true,
            "certificate": client.certificate().text(), "private-key": client.key().text(),
        });
        Self { plain, secured, ws, wss, observers, certificates, _pki: pki }
    }

    /// The scheme of each transport, and its port.
    pub(crate) fn transports(&self) -> [(&'static str, u16); 4] {
        [
            ("tcp", self.plain.port()),
            ("ssl", self.secured.port()),
            ("ws", self.ws.port()),
            ("wss", self.wss.port()),
        ]
    }

    /// A request for one message over this transport, whose topic names it.
    pub(crate) fn request(&self, scheme: &str, port: u16, more: Value) -> Value {
        let request = json!({
            "broker": format!("{scheme}://localhost:{port}"), "client-id": "sender", "retries": 0,
            "topic": format!("plant/{scheme}"), "content": "x",
        });
        let certificates = if matches!(scheme, "ssl" | "wss") { &self.certificates } else { &Value::Null };
        with(&with(&request, certificates.clone()), more)
    }

    /// Asserts that as many messages as that have come over each transport.
    #[track_caller]
    pub(crate) fn arrived(&self, times: usize) {
        let count = |messages: Vec<mqtt_connector_tests::Message>, scheme: &str| {
            let topic = format!("plant/{scheme}");
            messages.iter().filter(|message| message.topic == topic && message.payload == b"x").count()
        };
        let [plain, secured] = &self.observers;
        let plain = plain.messages(3 * times, PATIENCE);
        let came = ["tcp", "ws", "wss"].map(|scheme| count(plain.clone(), scheme));
        assert_eq!(came, [times; 3]);
        assert_eq!(count(secured.messages(times, PATIENCE), "ssl"), times);
    }
}

/// Sends what a request says, with the network of the host and nothing else.
fn send(version: Version, request: &Value) -> Output {
    Run::new(version, &NETWORK, &["send", "--request", "-"]).stdin(request.to_string()).run()
}

#[test]
fn each_transport_carries_both_versions_at_every_quality_of_service() {
    let brokers = Brokers::start();
    for version in VERSIONS {
        for (scheme, port) in brokers.transports() {
            for (protocol, qos) in [("3.1.1", 0), ("3.1.1", 1), ("3.1.1", 2), ("5", 0), ("5", 1), ("5", 2)] {
                let more = json!({ "protocol-version": protocol, "qos": qos });
                let never = if qos == 0 { " (never acknowledged)" } else { "" };
                send(version, &brokers.request(scheme, port, more)).answers(
                    0,
                    &format!(
                        "Sent with QoS {qos}{never} to topic \"plant/{scheme}\" at {scheme}://localhost:{port} in # ms."
                    ),
                );
            }
        }
    }
    brokers.arrived(6 * VERSIONS.len());
}

#[test]
fn each_transport_goes_through_a_real_proxy() {
    let brokers = Brokers::start();
    let proxies = [ForwardProxy::microsocks(), ForwardProxy::tinyproxy()];
    let credentials =
        json!({ "proxy-username": ForwardProxy::USERNAME, "proxy-password": ForwardProxy::PASSWORD });
    for version in VERSIONS {
        for proxy in &proxies {
            for (scheme, port) in brokers.transports() {
                let more = with(&credentials, json!({ "proxy": proxy.url() }));
                send(version, &brokers.request(scheme, port, more)).answers(0, "Sent with QoS 2 to topic …");
            }
        }
    }
    brokers.arrived(proxies.len() * VERSIONS.len());
}

#[test]
fn a_proxy_that_refuses_is_69() {
    let broker = Mosquitto::start();
    for (proxy, reason) in [
        (ForwardProxy::microsocks(), "…the proxy does not accept the user name and password…"),
        (ForwardProxy::tinyproxy(), "…the proxy answered CONNECT with HTTP/1.0 401 Unauthorized…"),
    ] {
        let request = json!({
            "broker": format!("tcp://{}", broker.address()), "client-id": "sender", "topic": "t", "content": "x",
            "retries": 0, "proxy": proxy.url(), "proxy-username": ForwardProxy::USERNAME, "proxy-password": "other",
        });
        for version in VERSIONS {
            send(version, &request).answers(69, reason);
        }
    }
}

/// The broker's certificate is another authority's.
#[test]
fn a_broker_that_is_not_the_one_that_was_meant_is_78() {
    let brokers = Brokers::start();
    for version in VERSIONS {
        for (scheme, port) in [("ssl", brokers.secured.port()), ("wss", brokers.wss.port())] {
            let more = json!({ "root-ca-crt": Pki::new().authority().text() });
            send(version, &brokers.request(scheme, port, more)).answers(
                78,
                "Not sent, TLS with the broker … failed: the broker's certificate was not accepted: …",
            );
        }
    }
    brokers.arrived(0);
}
