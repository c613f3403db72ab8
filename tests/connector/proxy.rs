//! Sending through a proxy: what it is asked for, who may name one, and proxies that refuse, break off or say nothing.

mod failures;
mod grants;
mod real;
mod scripted;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use mqtt_connector::publisher::{Resolver, Resolving};
use mqtt_connector::{Meta, Tenant};
use mqtt_connector_tests::ScriptedBroker;
use serde_json::{Value, json};

use crate::support::{block_on, builder, exchange, operator};
use scripted::Line;

/// The broker's name, which only the proxy knows.
const BROKER: &str = "broker.behind.example";

/// Knows the proxy alone, and remembers what it was asked for.
struct OnlyTheProxy {
    proxy: SocketAddr,
    asked: Mutex<Vec<(String, u16)>>,
}

impl OnlyTheProxy {
    fn at(proxy: SocketAddr) -> Arc<Self> {
        Arc::new(Self { proxy, asked: Mutex::default() })
    }

    fn asked(&self) -> Vec<(String, u16)> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolver for OnlyTheProxy {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a> {
        self.asked.lock().unwrap().push((host.to_owned(), port));
        let found = (host == "proxy.example").then_some(vec![self.proxy]);
        Box::pin(async move { found.ok_or_else(|| std::io::Error::other("nobody knows it")) })
    }
}

/// A whole configuration; `scheme` is the proxy's.
fn through(scheme: &str, port: u16) -> Value {
    json!({
        "broker": format!("tcp://{BROKER}"), "proxy": format!("{scheme}://127.0.0.1:{port}"),
        "client-id": "sender", "topic": "t", "content": "c", "qos": 1, "timeout": 5000, "retries": 0,
    })
}

/// Sends as the operator, with a resolver that knows nobody.
fn send(config: &Value) -> Meta {
    let resolver = OnlyTheProxy::at(([127, 0, 0, 1], 9).into());
    let meta = send_as(&operator(), &resolver, config);
    assert_eq!(
        resolver.asked(),
        [],
        "an address is not looked up, and the broker's name is not ours to look up"
    );
    meta
}

fn send_as(tenant: &Arc<Tenant>, resolver: &Arc<OnlyTheProxy>, config: &Value) -> Meta {
    let connector = builder().resolver(Arc::clone(resolver) as Arc<dyn Resolver>).build().unwrap();
    block_on(connector.send(tenant, &config.to_string(), "{}")).meta
}

/// A SOCKS5 proxy's part without credentials, up to its reply.
fn socks5(reply: &[u8]) -> Vec<Line> {
    vec![(vec![5, 1, 0], vec![5, 0]), (socks5_request(), reply.to_vec())]
}

/// What a SOCKS5 proxy is asked for: a connection to the broker, by name.
fn socks5_request() -> Vec<u8> {
    let port = 1883_u16.to_be_bytes();
    [&[5, 1, 0, 3, BROKER.len() as u8][..], BROKER.as_bytes(), &port].concat()
}

const SOCKS5_DONE: &[u8] = &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0];

/// What an HTTP proxy is asked for, with `more` headers.
fn connect_request(more: &str) -> String {
    format!("CONNECT {BROKER}:1883 HTTP/1.1\r\nHost: {BROKER}:1883\r\n{more}\r\n")
}

/// A broker that gets one message with quality of service 1.
fn broker() -> ScriptedBroker {
    ScriptedBroker::builder().connection(exchange()).start()
}
