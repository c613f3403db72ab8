//! `mqtt-connector demo`: a first look that needs nothing but this program. A broker in this process, a subscriber that
//! is not ours, and one message with each quality of service through the sandboxed component.

use std::fmt;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use mqtt_connector::{Connector, Tenant};
use mqtt_connector_contract::shown::{self, Shown};
use mqtt5::broker::config::{StorageBackend, StorageConfig};
use mqtt5::broker::{BrokerConfig, MqttBroker};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS, SubscribeReasonCode};
use serde_json::json;
use tokio::time::timeout;

/// The whole demo. It takes some 20 milliseconds.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// One step of it: the subscription, a send, the arrival of a message.
pub const STEP: Duration = Duration::from_secs(5);

/// Where the demo's messages go.
pub const TOPIC: &str = "demo/kitchen/temperature";

/// One message for each quality of service; each with a content of its own, so that none is taken for another, and
/// with a character outside ASCII, so that bytes are compared and not letters.
const MESSAGES: [(QoS, &str); 3] =
    [(QoS::AtMostOnce, "21.5 °C"), (QoS::AtLeastOnce, "21.6 °C"), (QoS::ExactlyOnce, "21.7 °C")];

/// Sends one message with each quality of service through `connector` to a broker in this process, and writes to `out`
/// what was sent, what a subscriber received and what the connector answered. True if every message arrived byte for
/// byte and every answer has exit code 0; otherwise the last line says which are missing.
///
/// Must run inside a tokio runtime with time and networking enabled. Returns within 30 seconds, whatever happens.
///
/// # Errors
///
/// Not even one message could be tried: the broker did not start or the subscriber could not subscribe. Or it took too
/// long, or `out` cannot be written.
pub async fn run(connector: &Connector, out: &mut impl Write) -> anyhow::Result<bool> {
    beside_broker(async |broker| demonstrate(connector, broker, out).await).await
}

/// Demonstrates something beside a broker in this process, whose address it is given.
///
/// # Errors
///
/// The broker did not start or failed, the demonstration was not over after [`DEADLINE`], or it failed.
pub async fn beside_broker<T>(
    demonstration: impl AsyncFnOnce(SocketAddr) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut broker =
        MqttBroker::with_config(on_loopback()).await.context("the demo's broker did not start")?;
    let address = broker.local_addr().context("the demo's broker has no address")?;
    tokio::select! {
        shown = timeout(DEADLINE, demonstration(address)) => {
            shown.with_context(|| format!("the demo was not over after {} seconds", DEADLINE.as_secs()))?
        }
        stopped = broker.run() => {
            stopped.context("the demo's broker failed")?;
            bail!("the demo's broker stopped before the demo was over")
        }
    }
}

/// A broker for anyone on this machine, on a free port, that leaves nothing on its disk.
fn on_loopback() -> BrokerConfig {
    BrokerConfig::default()
        .with_bind_address((Ipv4Addr::LOCALHOST, 0))
        .with_storage(StorageConfig::new().with_backend(StorageBackend::Memory))
        .with_sys_topics_enabled(false)
}

async fn demonstrate(
    connector: &Connector,
    broker: SocketAddr,
    out: &mut impl Write,
) -> anyhow::Result<bool> {
    let url = format!("tcp://{broker}");
    let mut subscriber = timeout(STEP, Subscriber::subscribe(broker))
        .await
        .context("the broker did not answer the subscriber in time")??;
    let tenant = Tenant::builder("demo").broker(url.parse()?).topics(TOPIC.parse()?).timeout(STEP);
    let tenant = Arc::new(tenant.build());
    writeln!(out, "broker      {url}, crate mqtt5, in this process")?;
    writeln!(out, "subscriber  crate rumqttc, to {TOPIC} with QoS 2")?;
    writeln!(
        out,
        "connector   the component in its sandbox, for a tenant that may use this broker and nothing else"
    )?;

    let config = json!({"broker": url, "client-id": "mqtt-connector-demo", "topic": TOPIC}).to_string();
    let mut missing = Vec::new();
    for (qos, content) in MESSAGES {
        let expected = Message { topic: TOPIC.into(), qos, payload: content.into() };
        if !exchange(connector, &tenant, &config, &expected, &mut subscriber, out).await? {
            missing.push(format!("QoS {}", qos as u8));
        }
    }

    writeln!(out)?;
    if missing.is_empty() {
        writeln!(out, "All {} messages arrived, byte for byte.", MESSAGES.len())?;
    } else {
        writeln!(out, "Not all messages arrived as they were sent. Missing: {}.", missing.join(", "))?;
    }
    Ok(missing.is_empty())
}

/// Sends one message and shows it, the answer and what the subscriber received. True if that is `expected`.
async fn exchange(
    connector: &Connector,
    tenant: &Tenant,
    config: &str,
    expected: &Message,
    subscriber: &mut Subscriber,
    out: &mut impl Write,
) -> anyhow::Result<bool> {
    let content = std::str::from_utf8(&expected.payload)?;
    let request = json!({"qos": expected.qos as u8, "content": content}).to_string();
    writeln!(out, "\nQoS {}", expected.qos as u8)?;
    writeln!(out, "  config    {config}")?;
    writeln!(out, "  request   {request}")?;

    let response = connector.send(tenant, config, &request).await;
    let sent = response.meta.exit_code == 0;
    let received = if sent { timeout(STEP, subscriber.message()).await.ok().transpose()? } else { None };
    match &received {
        Some(message) => writeln!(out, "  received  {message}")?,
        None if sent => writeln!(out, "  received  nothing, in {} seconds", STEP.as_secs())?,
        None => writeln!(out, "  received  nothing was waited for: the connector says that it failed")?,
    }
    if received.as_ref().is_some_and(|message| message != expected) {
        writeln!(out, "  expected  {expected}")?;
    }
    writeln!(out, "  response  {}", serde_json::to_string(&response)?)?;
    Ok(received.as_ref() == Some(expected))
}

/// What a subscriber is told of a message.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// Its topic.
    pub topic: Bytes,
    /// With which it came.
    pub qos: QoS,
    /// Its content.
    pub payload: Bytes,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let topic = String::from_utf8_lossy(&self.topic);
        write!(
            f,
            "{}, QoS {}, {} bytes: ",
            Shown::plain(&topic, shown::TOPIC),
            self.qos as u8,
            self.payload.len()
        )?;
        match std::str::from_utf8(&self.payload) {
            Ok(text) => Shown::whole(text).fmt(f),
            Err(_) => write!(f, "\"{}\"", self.payload.escape_ascii()),
        }
    }
}

/// Another MQTT client, which shares no code with the connector's exchange: what it receives, the broker has delivered.
pub struct Subscriber {
    events: EventLoop,
    /// Without a client the event loop ends.
    _client: AsyncClient,
}

impl Subscriber {
    /// Connects to `broker` and subscribes to [`TOPIC`] with QoS 2; returns when the broker has granted it.
    pub async fn subscribe(broker: SocketAddr) -> anyhow::Result<Self> {
        let options =
            MqttOptions::new("mqtt-connector-demo-subscriber", (broker.ip().to_string(), broker.port()));
        let (client, events) = AsyncClient::builder(options).capacity(1).build();
        client.subscribe(TOPIC, QoS::ExactlyOnce).await?;
        let mut subscriber = Self { events, _client: client };
        loop {
            if let Packet::SubAck(answer) = subscriber.packet().await? {
                let granted = [SubscribeReasonCode::Success(QoS::ExactlyOnce)];
                ensure!(answer.return_codes == granted, "the broker did not grant the subscription");
                return Ok(subscriber);
            }
        }
    }

    /// The next message.
    pub async fn message(&mut self) -> anyhow::Result<Message> {
        loop {
            if let Packet::Publish(publish) = self.packet().await? {
                return Ok(Message { topic: publish.topic, qos: publish.qos, payload: publish.payload });
            }
        }
    }

    /// The next packet from the broker.
    async fn packet(&mut self) -> anyhow::Result<Packet> {
        loop {
            if let Event::Incoming(packet) =
                self.events.poll().await.context("the subscriber lost the broker")?
            {
                return Ok(packet);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_message_arrives() {
        let mut out = Vec::new();
        let all = run(&Connector::new().unwrap(), &mut out).await.unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(all, "{out}");
        for (qos, content) in MESSAGES {
            let received = format!("  received  {TOPIC}, QoS {}, 8 bytes: \"{content}\"\n", qos as u8);
            assert_eq!(out.matches(&received).count(), 1, "{received} in:\n{out}");
        }
        assert_eq!(out.matches("  response  {\"meta\":{\"exit-code\":0,").count(), 3, "{out}");
        assert!(out.ends_with("\nAll 3 messages arrived, byte for byte.\n"), "{out}");
    }

    #[tokio::test]
    async fn another_message_does_not_count() {
        let mut stage = Stage::set().await;
        let before = json!({"topic": TOPIC, "content": "21.5 °F"}).to_string();
        let response = stage.connector.send(&stage.tenant, &stage.config, &before).await;
        assert_eq!(response.meta.exit_code, 0, "{}", response.meta.message);

        let (arrived, out) = stage.exchange("21.5 °C").await;
        assert!(!arrived, "{out}");
        assert!(out.contains("QoS 2, 8 bytes: \"21.5 °F\"\n  expected  "), "{out}");
    }

    #[tokio::test]
    async fn a_send_that_failed_does_not_count() {
        let mut stage = Stage::set().await;
        stage.tenant = Tenant::builder("demo").build();
        let (arrived, out) = stage.exchange("21.5 °C").await;
        assert!(!arrived, "{out}");
        assert!(out.contains("  received  nothing was waited for"), "{out}");
        assert!(out.contains("  response  {\"meta\":{\"exit-code\":77,"), "{out}");
    }

    /// What [`exchange`] needs.
    struct Stage {
        connector: Connector,
        tenant: Tenant,
        config: String,
        subscriber: Subscriber,
    }

    impl Stage {
        async fn set() -> Self {
            let mut broker = MqttBroker::with_config(on_loopback()).await.unwrap();
            let address = broker.local_addr().unwrap();
            tokio::spawn(async move { broker.run().await.unwrap() });
            let url = format!("tcp://{address}");
            let tenant = Tenant::builder("demo").broker(url.parse().unwrap()).topics(TOPIC.parse().unwrap());
            Self {
                connector: Connector::new().unwrap(),
                tenant: tenant.build(),
                config: json!({"broker": url, "client-id": "demo", "topic": TOPIC}).to_string(),
                subscriber: Subscriber::subscribe(address).await.unwrap(),
            }
        }

        async fn exchange(&mut self, content: &'static str) -> (bool, String) {
            let expected = Message { topic: TOPIC.into(), qos: QoS::ExactlyOnce, payload: content.into() };
            let mut out = Vec::new();
            let Self { connector, tenant, config, subscriber } = self;
            let arrived = exchange(connector, tenant, config, &expected, subscriber, &mut out).await.unwrap();
            (arrived, String::from_utf8(out).unwrap())
        }
    }
}
