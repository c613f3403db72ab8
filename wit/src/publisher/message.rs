//! What is published, how long it is tried, and the receipt.

#[cfg(feature = "wasmtime")]
use wasmtime::component::{ComponentType, Lift, Lower};

/// Quality of service (MQTT 3.1.1, section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(enum))]
#[repr(u8)]
pub enum Qos {
    /// QoS 0: written to the socket.
    #[cfg_attr(feature = "wasmtime", component(name = "at-most-once"))]
    AtMostOnce,
    /// QoS 1: PUBACK has arrived.
    #[cfg_attr(feature = "wasmtime", component(name = "at-least-once"))]
    AtLeastOnce,
    /// QoS 2: PUBCOMP has arrived.
    #[cfg_attr(feature = "wasmtime", component(name = "exactly-once"))]
    ExactlyOnce,
}

/// MQTT 5 publish properties (MQTT 5.0, section 3.3.2.3). Default: none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct PublishProperties {
    /// Whether the payload is text in UTF-8.
    #[cfg_attr(feature = "wasmtime", component(name = "payload-format-indicator"))]
    pub payload_format_indicator: bool,
    /// What the payload is: a MIME type, for example.
    #[cfg_attr(feature = "wasmtime", component(name = "content-type"))]
    pub content_type: Option<String>,
    /// The topic for an answer.
    #[cfg_attr(feature = "wasmtime", component(name = "response-topic"))]
    pub response_topic: Option<String>,
    /// What an answer is to repeat.
    #[cfg_attr(feature = "wasmtime", component(name = "correlation-data"))]
    pub correlation_data: Option<Vec<u8>>,
    /// Seconds.
    #[cfg_attr(feature = "wasmtime", component(name = "message-expiry-interval"))]
    pub message_expiry_interval: Option<u32>,
    /// Names and values, in order; names may be repeated.
    #[cfg_attr(feature = "wasmtime", component(name = "user-properties"))]
    pub user_properties: Vec<(String, String)>,
}

/// One application message.
#[derive(Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct Message {
    /// A topic name: no wildcard, no U+0000, 1 to 65,535 bytes.
    pub topic: String,
    /// What is published.
    pub payload: Vec<u8>,
    /// With which quality of service.
    pub qos: Qos,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
    /// MQTT 5 only.
    pub properties: Option<PublishProperties>,
}

impl Message {
    /// A message that is not retained, without properties.
    #[must_use]
    pub fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>, qos: Qos) -> Self {
        Self { topic: topic.into(), payload: payload.into(), qos, retain: false, properties: None }
    }
}

/// How long and how often to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct RetryPolicy {
    /// Milliseconds from the start of the call to its answer.
    pub timeout: u32,
    /// Further connections to try after one that failed for a transient reason.
    pub retries: u8,
}

impl Default for RetryPolicy {
    /// A minute, and 10 further connections: the defaults of the connector's parameters.
    fn default() -> Self {
        Self { timeout: 60_000, retries: 10 }
    }
}

/// The acknowledgement that the quality of service asks for has arrived
/// (at-most-once: the bytes have been written to the socket).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct Receipt {
    /// The quality of service it was really sent with: lower than asked for only on a broker that has no higher one.
    pub qos: Qos,
    /// The reason code of the acknowledgement, below 128: 16 says that nobody has subscribed to the topic (MQTT 5.0,
    /// sections 3.4.2.1 and 3.5.2.1). 0 under MQTT 3.1.1.
    #[cfg_attr(feature = "wasmtime", component(name = "reason-code"))]
    pub reason_code: u8,
    /// Which of the brokers has the message, counted from 0.
    pub broker: u32,
    /// The client identifier that the broker chose for an empty one, if it tells (MQTT 5.0, section 3.2.2.3.7). Empty when
    /// it repeats a secret, and is not told for that. Of a long one the first 500 bytes.
    #[cfg_attr(feature = "wasmtime", component(name = "assigned-client-id"))]
    pub assigned_client_id: Option<String>,
    /// From the start of the call to the acknowledgement.
    #[cfg_attr(feature = "wasmtime", component(name = "elapsed-microseconds"))]
    pub elapsed_microseconds: u64,
}
