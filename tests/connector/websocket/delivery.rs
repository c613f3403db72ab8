//! Delivery to a real broker behind a WebSocket.

use mqtt_connector_tests::pki::Pki;
use mqtt_connector_tests::{Bridge, Mosquitto, Observer, ServerTls};
use serde_json::json;

use super::{plain, send_with};
use crate::support::{PATIENCE, assert_meta, send_batch, with};

#[test]
fn each_quality_of_service_arrives_over_ws_and_wss() {
    let pki = Pki::new();
    let tls = ServerTls::new(&pki.server(&["127.0.0.1"]));
    let broker = Mosquitto::start();
    for (scheme, tls) in [("ws", None), ("wss", Some(&tls))] {
        let bridge = Bridge::start(broker.address(), tls);
        let url = format!("{scheme}://127.0.0.1:{}", bridge.port());
        let config = with(
            &plain(bridge.port()),
            json!({ "broker": format!("{url}/mqtt"), "root-ca-crt": pki.authority().path_str() }),
        );
        for (qos, sent) in
            [(0, "Sent with QoS 0 (never acknowledged)"), (1, "Sent with QoS 1"), (2, "Sent with QoS 2")]
        {
            let observer = Observer::start(broker.port(), "t");
            let meta = send_with(&config, json!({ "qos": qos, "content": "21.5 °C" }));
            assert_meta(&meta, 0, &format!("{sent} to topic \"t\" at {url} in … ms."));
            let messages = observer.messages(1, PATIENCE);
            assert_eq!((messages[0].qos, &messages[0].payload[..]), (qos, "21.5 °C".as_bytes()));
            broker.wait_for_log("Received DISCONNECT from sender", PATIENCE);
        }
    }
}

#[test]
fn content_of_many_frames_arrives_byte_for_byte() {
    let pki = Pki::new();
    let tls = ServerTls::new(&pki.server(&["127.0.0.1"]));
    let broker = Mosquitto::start();
    let large = "0123456789abcdef".repeat(64 * 1024);
    for (scheme, tls) in [("ws", None), ("wss", Some(&tls))] {
        let bridge = Bridge::start(broker.address(), tls);
        let config = with(
            &plain(bridge.port()),
            json!({
                "broker": format!("{scheme}://127.0.0.1:{}/mqtt", bridge.port()),
                "root-ca-crt": pki.authority().path_str(), "timeout": 20000,
            }),
        );
        let observer = Observer::start(broker.port(), "t");
        let meta = send_with(&config, json!({ "content": large.as_str() }));
        assert_eq!(meta.exit_code, 0, "{}", meta.message);
        assert!(observer.messages(1, PATIENCE)[0].payload == large.as_bytes());
    }
}

#[test]
fn a_batch_shares_one_connection_and_arrives_in_order() {
    let broker = Mosquitto::start();
    let bridge = Bridge::start(broker.address(), None);
    let observer = Observer::start(broker.port(), "t");
    let requests: Vec<_> = (0..300).map(|number| json!({ "content": number, "qos": number % 3 })).collect();
    let config = with(&plain(bridge.port()), json!({ "timeout": 20000 }));
    for meta in send_batch(&config, &requests) {
        assert_eq!(meta.exit_code, 0, "{}", meta.message);
    }
    let messages = observer.messages(requests.len(), PATIENCE);
    // Each quality of service in its own order.
    for qos in 0..3 {
        let of_one = messages.iter().filter(|message| message.qos == qos);
        let payloads: Vec<_> =
            of_one.map(|message| String::from_utf8_lossy(&message.payload).into_owned()).collect();
        let sent: Vec<_> = (0..300_u16)
            .filter(|number| number % 3 == u16::from(qos))
            .map(|number| number.to_string())
            .collect();
        assert_eq!(payloads, sent);
    }
    assert_eq!(broker.log().matches("as sender (p2").count(), 1, "{}", broker.log());
}
