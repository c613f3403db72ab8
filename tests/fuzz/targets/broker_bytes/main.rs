//! Arbitrary bytes from a broker, over a real connection: the send ends, and its exit code is the truth about what the
//! two sides have exchanged.
//!
//! The component's code runs natively, and calls the publisher as a function: no engine has to be built.
//!
//! The input is what the send is like (one byte), then a script of the broker's bytes: 0xfd stands between its portions,
//! 0xfe for the identifier of the PUBLISH, 0xfc in front of a byte that is meant as it is.
//!
//! The broker is part of the target, on the thread of the publisher, so that nothing happens between what it has read
//! and what it writes next. It writes at most three times: after CONNECT, after the whole PUBLISH, after PUBREL; what
//! the client will not go on from is written at once. Then it ends its side and reads the client's to the end.
#![no_main]

mod broker;
mod packets;

use std::cell::RefCell;
use std::time::Duration;

use broker::{Broker, Conversation};
use libfuzzer_sys::{Corpus, fuzz_target};
use mqtt_connector_contract::connector::Meta;
use mqtt_connector_contract::publisher::{ConnectOptions, Error, Message, RetryPolicy};
use mqtt_connector_fuzz::assert_message;
use mqtt_connector_guest::action::{self, Published};
use mqtt_connector_publisher::{Publisher, Tenant};
use packets::{Acknowledged, Sent};
use serde_json::json;
use tokio::runtime::Runtime;

/// When the client gives up on a broker that waits for it, in milliseconds. Hardly any script comes to that; it is so long
/// that a busy machine does not either.
const TIMEOUT: u64 = 5_000;
/// When a run has not ended although it should have.
const PATIENCE: Duration = Duration::from_secs(20);

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::new());
}

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((&flags, script)) = data.split_first() else { return Corpus::Reject };
    let Some(send) = Send::of(flags) else { return Corpus::Reject };
    WORLD.with_borrow_mut(|world| {
        let (meta, conversation) = world.run(send, script);
        judge(send, &meta, &conversation);
    });
    Corpus::Keep
});

/// What is sent, and how the broker ends.
#[derive(Clone, Copy, Debug)]
struct Send {
    qos: u8,
    clean_session: bool,
    retain: bool,
    large: bool,
    /// The broker does not wait for CONNECT.
    early: bool,
    /// The broker ends with RST instead of FIN.
    abort: bool,
    version: Version,
}

/// Of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V311,
    V5,
}

impl Send {
    fn of(flags: u8) -> Option<Self> {
        let flag = |bit: u8| flags & 1 << bit != 0;
        let (qos, clean_session) = (flags & 3, !flag(2));
        let (retain, large, early, abort) = (flag(3), flag(4), flag(5), flag(6));
        let version = if flag(7) { Version::V5 } else { Version::V311 };
        (qos < 3).then_some(Self { qos, clean_session, retain, large, early, abort, version })
    }

    fn content(self) -> String {
        if self.large { "x".repeat(5_000) } else { "x".to_owned() }
    }
}

/// What lives as long as the process.
struct World {
    runtime: Runtime,
    publisher: Publisher,
    tenant: Tenant,
    broker: Broker,
    runs: u64,
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let broker = runtime.block_on(Broker::new());
        let publisher = Publisher::default().with_idle(Duration::ZERO);
        Self { runtime, publisher, tenant: Tenant::unrestricted("fuzz"), broker, runs: 0 }
    }

    fn run(&mut self, send: Send, script: &[u8]) -> (Meta, Conversation) {
        self.runs += 1;
        // Ports of connections that have ended rest for a minute.
        if self.runs.is_multiple_of(5_000) {
            self.broker = self.runtime.block_on(Broker::new());
        }
        let config = json!({
            "broker": format!("tcp://127.0.0.1:{}", self.broker.port()),
            "client-id": format!("fuzz-{}", self.runs),
            "clean-session": send.clean_session,
            "protocol-version": match send.version {
                Version::V311 => "3.1.1",
                Version::V5 => "5",
            },
            "keep-alive": 0,
            "timeout": TIMEOUT,
            "retries": 0,
        });
        let request =
            json!({ "topic": "t", "qos": send.qos, "retain": send.retain, "content": send.content() });
        let mut conversation = None;
        let meta = action::send(&config.to_string(), &request.to_string(), |options, messages, policy| {
            let (published, exchanged) = self.publish(send, script, options, messages, policy);
            conversation = Some(exchanged);
            published
        });
        (meta, conversation.expect("the parameters are right"))
    }

    /// Publishes, while the broker plays `script`.
    fn publish(
        &self,
        send: Send,
        script: &[u8],
        options: &ConnectOptions,
        messages: &[Message],
        policy: RetryPolicy,
    ) -> (Published, Conversation) {
        let Self { runtime, publisher, tenant, broker, .. } = self;
        let (answered, answer) = tokio::sync::oneshot::channel();
        let call = async {
            let answer = publisher.publish(tenant, options.clone(), messages.to_vec(), policy).await;
            let _ = answered.send(());
            let settled = answer.map_err(Error::from)?;
            Ok(settled.into_iter().map(|settlement| settlement.map_err(Error::from)).collect())
        };
        let both = async { tokio::join!(call, broker.play(send, script, answer)) };
        runtime.block_on(async {
            tokio::time::timeout(PATIENCE, both).await.expect("the send, or its connection, did not end")
        })
    }
}

/// Holds the answer against what the broker has received and sent.
fn judge(send: Send, meta: &Meta, conversation: &Conversation) {
    let Conversation { received, sent, publish_at, pubrel_at, .. } = conversation;
    let told = || format!("{send:?}\n{meta:?}\n{conversation:02x?}");
    assert_message(&meta.message, 2_000);
    // What is reset before the client has looked is a broker that could not be reached.
    let gone = send.early && send.abort && received.is_empty() && meta.exit_code == 69;
    let is_reason_code = send.version == Version::V5 && matches!(meta.exit_code, 128..=162);
    assert!(gone || is_reason_code || matches!(meta.exit_code, 0..=5 | 74 | 75 | 76 | 79), "{}", told());
    let client = Sent::parse(received, send.version);
    let mut qos = send.qos;
    assert!(client.is_right, "the client is wrong: {}", told());
    assert!(client.publishes <= 1, "more than one PUBLISH: {}", told());
    if let Some(publish) = &client.publish {
        assert_eq!((publish.retain, publish.dup), (send.retain, false), "{}", told());
        qos = publish.qos;
        let is_lower = send.version == Version::V5 && qos < send.qos;
        assert!(is_lower || qos == send.qos, "{}", told());
        assert!(publish.topic == b"t" && publish.payload == send.content().as_bytes(), "{}", told());
        assert!(conversation.accepted(send.clean_session), "PUBLISH without CONNACK: {}", told());
        match qos {
            0 => assert_eq!(meta.exit_code, 0, "all was written: {}", told()),
            _ => assert!(
                matches!(meta.exit_code, 0 | 79) || packets::says(sent, meta.exit_code),
                "it may have arrived: {}",
                told()
            ),
        }
    } else if conversation.whole {
        // What a client has written and the broker could have read, it has read.
        assert!(!matches!(meta.exit_code, 0 | 79), "it has not arrived: {}", told());
    }
    let Acknowledged { puback, pubcomp, plainly } =
        packets::acknowledged(sent, *publish_at, *pubrel_at, send.version);
    let acknowledged = if qos == 1 { puback } else { pubcomp };
    if meta.exit_code == 0 && qos > 0 {
        assert!(acknowledged, "not acknowledged: {}", told());
    }
    if qos > 0 && acknowledged && plainly && !send.abort {
        assert_eq!(meta.exit_code, 0, "acknowledged: {}", told());
    }
    if conversation.is_refused(send.clean_session) && !send.abort {
        assert!(
            is_reason_code || matches!(meta.exit_code, 1..=5 | 76),
            "it began in a wrong way: {}",
            told()
        );
    }
    if let 1..=5 = meta.exit_code {
        assert_eq!(conversation.return_code(), Some(meta.exit_code as u8), "{}", told());
    }
    if client.disconnected {
        assert!(is_reason_code || meta.exit_code == 0, "DISCONNECT before the end: {}", told());
    }
}
