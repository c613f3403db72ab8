//! Proxies that people run, in front of a real broker: microsocks and tinyproxy.

use mqtt_connector_tests::pki::Pki;
use mqtt_connector_tests::{Bridge, ForwardProxy, Mosquitto, Observer, ServerTls};
use serde_json::json;

use super::{send, through};
use crate::support::{PATIENCE, with};

/// The broker is named by a name that is only looked up at the proxy: here nobody answers for it. TLS and WebSockets go
/// through, and TLS verifies the broker's name.
#[test]
fn each_transport_goes_through_a_real_proxy() {
    let pki = Pki::new();
    let identity = pki.server(&["localhost"]);
    let tls = ServerTls::new(&identity);
    let (plain, secured) = (Mosquitto::start(), Mosquitto::builder().tls(&identity).start());
    let (ws, wss) = (Bridge::start(plain.address(), None), Bridge::start(plain.address(), Some(&tls)));
    for proxy in [ForwardProxy::microsocks(), ForwardProxy::tinyproxy()] {
        for (scheme, port, qos) in [
            ("tcp", plain.port(), 0),
            ("ssl", secured.port(), 1),
            ("ws", ws.port(), 2),
            ("wss", wss.port(), 2),
        ] {
            let observer = (scheme != "ssl").then(|| Observer::start(plain.port(), "t"));
            let config = with(
                &through("socks5", 1),
                json!({
                    "proxy": proxy.url(), "broker": format!("{scheme}://localhost:{port}"), "qos": qos, "root-ca-crt": pki.authority().path_str(),
                    "proxy-username": ForwardProxy::USERNAME, "proxy-password": ForwardProxy::PASSWORD,
                }),
            );
            let meta = send(&config);
            assert_eq!(meta.exit_code, 0, "{scheme} by {}: {}", proxy.url(), meta.message);
            if let Some(observer) = observer {
                assert_eq!(observer.messages(1, PATIENCE)[0].payload, b"c");
            }
        }
    }
}

#[test]
fn a_real_proxy_that_refuses_is_told() {
    let broker = Mosquitto::start();
    for (proxy, wrong, unreachable) in [
        (ForwardProxy::microsocks(), "the proxy does not accept the user name and password", "(SOCKS reply"),
        (
            ForwardProxy::tinyproxy(),
            "the proxy answered CONNECT with HTTP/1.0 401 Unauthorized",
            "the proxy answered CONNECT with HTTP/1.1 500 Unable to connect",
        ),
    ] {
        let closed = mqtt_connector_tests::port::ClosedPort::open();
        for (port, password, reason) in
            [(broker.port(), "other", wrong), (closed.port(), ForwardProxy::PASSWORD, unreachable)]
        {
            let config = with(
                &through("socks5", 1),
                json!({
                    "proxy": proxy.url(), "broker": format!("tcp://localhost:{port}"),
                    "proxy-username": ForwardProxy::USERNAME, "proxy-password": password,
                }),
            );
            let meta = send(&config);
            assert_eq!(meta.exit_code, 69, "{}", meta.message);
            assert!(meta.message.contains(reason), "{}", meta.message);
        }
    }
}
