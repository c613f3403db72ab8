//! Those who send: tenants of a connector, clients of rumqttc, and a raw socket, each with a number of messages under way.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mqtt_connector::{Connector, Limits, Tenant};
use rumqttc::{AsyncClient, Event, Packet, PublishOptions, QoS};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::raw::{Raw, prepared};

/// Messages that one client has unacknowledged at most: what the connector allows itself.
pub(super) const WINDOW: u16 = 100;

const TOPIC: &str = "bench";

/// What is to be sent: so many messages, or until the time is over.
pub(super) struct Work {
    left: AtomicU64,
    until: Instant,
}

/// Tenants of a connector, each with a client identifier and a connection of its own.
pub(super) struct Tenants {
    runtime: Arc<Runtime>,
    connector: Arc<Connector>,
    tenants: Arc<Vec<(Tenant, String)>>,
    request: Arc<str>,
}

/// Clients of rumqttc, each with a connection of its own.
pub(super) struct Clients {
    runtime: Arc<Runtime>,
    clients: Arc<Vec<AsyncClient>>,
    payload: Bytes,
}

impl Work {
    pub(super) fn of(messages: u64) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicU64::new(messages),
            until: Instant::now() + Duration::from_secs(24 * 60 * 60),
        })
    }

    pub(super) fn during(time: Duration) -> Arc<Self> {
        Arc::new(Self { left: AtomicU64::new(u64::MAX), until: Instant::now() + time })
    }

    /// Takes one message; false when there is no more to be sent.
    fn take(&self) -> bool {
        let one_less = |left: u64| left.checked_sub(1);
        Instant::now() < self.until
            && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
    }
}

impl Tenants {
    /// `count` tenants whose names begin with `prefix`, with nothing in their limits that holds them back.
    pub(super) fn new(
        runtime: &Arc<Runtime>,
        connector: &Arc<Connector>,
        port: u16,
        prefix: &str,
        count: usize,
    ) -> Self {
        let broker = format!("tcp://127.0.0.1:{port}");
        let mut limits = Limits::default();
        limits.messages_per_second = u32::MAX;
        limits.concurrent_sends = 1000;
        let tenants = (0..count).map(|number| {
            let name = format!("{prefix}-{number}");
            let tenant = Tenant::builder(&name).broker(broker.parse().unwrap());
            let tenant = tenant.topics(TOPIC.parse().unwrap()).limits(limits).build();
            (tenant, json!({ "broker": broker, "client-id": name, "topic": TOPIC, "qos": 1 }).to_string())
        });
        Self {
            runtime: Arc::clone(runtime),
            connector: Arc::clone(connector),
            tenants: Arc::new(tenants.collect()),
            request: json!({ "content": content() }).to_string().into(),
        }
    }

    /// Does `work` with `in_flight` messages under way; returns how many were sent, each with exit code 0.
    pub(super) fn send(&self, in_flight: usize, work: &Arc<Work>) -> u64 {
        let (connector, tenants) = (Arc::clone(&self.connector), Arc::clone(&self.tenants));
        let request = Arc::clone(&self.request);
        at_once(&self.runtime, in_flight, work, move |number| {
            let (connector, tenants) = (Arc::clone(&connector), Arc::clone(&tenants));
            let request = Arc::clone(&request);
            async move {
                let (tenant, config) = &tenants[number % tenants.len()];
                let response = connector.send(tenant, config, &request).await;
                assert_eq!(response.meta.exit_code, 0, "{}", response.meta.message);
            }
        })
    }

    /// As [`send`](Self::send), one at a time, over a connection for each message, which is closed before the next.
    pub(super) fn send_and_close(&self, work: &Arc<Work>) -> u64 {
        let (connector, tenants) = (Arc::clone(&self.connector), Arc::clone(&self.tenants));
        let request = Arc::clone(&self.request);
        at_once(&self.runtime, 1, work, move |_| {
            let (connector, tenants) = (Arc::clone(&connector), Arc::clone(&tenants));
            let request = Arc::clone(&request);
            async move {
                let (tenant, config) = &tenants[0];
                let response = connector.send(tenant, config, &request).await;
                assert_eq!(response.meta.exit_code, 0, "{}", response.meta.message);
                connector.close().await;
            }
        })
    }
}

impl Clients {
    pub(super) fn new(runtime: &Arc<Runtime>, port: u16, prefix: &str, count: usize) -> Self {
        let clients = (0..count).map(|number| {
            let (client, mut events) = crate::native::client(port, &format!("{prefix}-{number}"), WINDOW);
            runtime.spawn(async move {
                loop {
                    match events.poll().await {
                        Ok(Event::Incoming(Packet::Disconnect)) | Err(_) => break,
                        Ok(_) => {}
                    }
                }
            });
            client
        });
        Self {
            runtime: Arc::clone(runtime),
            clients: Arc::new(clients.collect()),
            payload: Bytes::from(content()),
        }
    }

    /// Does `work` with `in_flight` messages under way; returns how many were acknowledged.
    pub(super) fn send(&self, in_flight: usize, work: &Arc<Work>) -> u64 {
        let (clients, payload) = (Arc::clone(&self.clients), self.payload.clone());
        at_once(&self.runtime, in_flight, work, move |number| {
            let (clients, payload) = (Arc::clone(&clients), payload.clone());
            async move {
                let client = &clients[number % clients.len()];
                let options = PublishOptions::new(QoS::AtLeastOnce);
                let notice = client.publish_tracked(TOPIC, payload, options).await.unwrap();
                notice.wait_completion_async().await.unwrap();
            }
        })
    }
}

/// Does `work` on a raw socket: one message at a time, or with a window of `in_flight`.
pub(super) fn send_raw(raw: &mut Raw, in_flight: usize, work: &Work) -> u64 {
    let (mut sent, packets) = (0, prepared(TOPIC, 1, &vec![content(); 4 * in_flight]));
    if in_flight == 1 {
        while work.take() {
            raw.exchange(&packets[0], 1);
            sent += 1;
        }
        return sent;
    }
    while packets.iter().all(|_| work.take()) {
        raw.pipeline(&packets, 1, in_flight);
        sent += packets.len() as u64;
    }
    sent
}

/// Does `work` on raw sockets, one for each message.
pub(super) fn send_raw_and_close(port: u16, work: &Work) -> u64 {
    let (mut sent, packets) = (0, prepared(TOPIC, 1, &[content()]));
    while work.take() {
        let mut raw = Raw::connect(port, "raw-closed");
        raw.exchange(&packets[0], 1);
        raw.close();
        sent += 1;
    }
    sent
}

/// Does `work` with `Connector::check`, of the configuration for AWS IoT that the README documents, without the files; returns
/// how many were checked, each with exit code 0.
pub(super) fn check(runtime: &Runtime, connector: &Connector, work: &Work) -> u64 {
    const CONFIG: &str = r#"{
        "broker": "ssl://Z2EBLEZ5JJFGKF.iot.us-east-1.amazonaws.com:8883",
        "client-id": "thing-name",
        "topic": "$aws/things/thing-name/shadow/update",
        "qos": 2
    }"#;
    const REQUEST: &str = r#"{"content": {"state": {"desired": {"on": true}}}}"#;
    let tenant = Tenant::unrestricted("operator");
    runtime.block_on(async {
        let mut checked = 0;
        while work.take() {
            let response = connector.check(&tenant, CONFIG, REQUEST).await;
            assert_eq!(response.meta.exit_code, 0, "{}", response.meta.message);
            checked += 1;
        }
        checked
    })
}

fn content() -> String {
    "x".repeat(64)
}

/// Has `in_flight` tasks take messages from `work`, each when its last one was sent by `send`, which is given a number
/// that says whose turn it is; returns how many were sent.
fn at_once<F: Future<Output = ()> + Send>(
    runtime: &Runtime,
    in_flight: usize,
    work: &Arc<Work>,
    send: impl Fn(usize) -> F + Clone + Send + 'static,
) -> u64 {
    let tasks: Vec<_> = (0..in_flight)
        .map(|first| {
            let (work, send) = (Arc::clone(work), send.clone());
            runtime.spawn(async move {
                let (mut number, mut sent) = (first, 0);
                while work.take() {
                    send(number).await;
                    number += in_flight;
                    sent += 1;
                }
                sent
            })
        })
        .collect();
    tasks.into_iter().map(|task| runtime.block_on(task).unwrap()).sum()
}
