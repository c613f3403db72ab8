//! What a script expects of a packet: [`Expect`].

use std::fmt;

use crate::packet::{Packet, PacketType, show};

/// A packet of one type, with any fields that are named.
///
/// ```
/// use mqtt_connector_tests::Expect;
///
/// let publish = Expect::publish().topic("plant/1").qos(1).dup(true);
/// assert_eq!(publish.to_string(), "PUBLISH topic=\"plant/1\" qos=1 dup=true");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Expect {
    kind: PacketType,
    fields: Vec<(&'static str, String)>,
}

/// The type and the expected fields.
impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        self.fields.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

impl Expect {
    /// Any packet of this type.
    pub fn packet(kind: PacketType) -> Self {
        Self { kind, fields: Vec::new() }
    }

    /// A CONNECT.
    pub fn connect() -> Self {
        Self::packet(PacketType::Connect)
    }

    /// A PUBLISH.
    pub fn publish() -> Self {
        Self::packet(PacketType::Publish)
    }

    /// A PUBREL.
    pub fn pubrel() -> Self {
        Self::packet(PacketType::PubRel)
    }

    /// A PINGREQ.
    pub fn pingreq() -> Self {
        Self::packet(PacketType::PingReq)
    }

    /// A DISCONNECT.
    pub fn disconnect() -> Self {
        Self::packet(PacketType::Disconnect)
    }

    /// CONNECT: the protocol level, 4 for MQTT 3.1.1 and 5 for MQTT 5.
    pub fn level(self, level: u8) -> Self {
        self.field("level", level.to_string())
    }

    /// CONNECT: the client identifier.
    pub fn client_id(self, id: &str) -> Self {
        self.field("client id", format!("{id:?}"))
    }

    /// CONNECT: clean session; in MQTT 5 clean start.
    pub fn clean_session(self, clean: bool) -> Self {
        self.field("clean session", clean.to_string())
    }

    /// CONNECT: the keep-alive in seconds.
    pub fn keep_alive(self, seconds: u16) -> Self {
        self.field("keep alive", seconds.to_string())
    }

    /// CONNECT: this user name, or that there is none.
    pub fn username(self, name: Option<&str>) -> Self {
        self.field("username", name.map_or("none".to_owned(), |name| format!("{name:?}")))
    }

    /// CONNECT: this password, or that there is none.
    pub fn password(self, password: Option<&[u8]>) -> Self {
        self.field("password", password.map_or("none".to_owned(), show))
    }

    /// CONNECT: this will.
    pub fn will(self, topic: &str, payload: &[u8], qos: u8, retain: bool) -> Self {
        self.field("will topic", format!("{topic:?}"))
            .field("will payload", show(payload))
            .field("will qos", qos.to_string())
            .field("will retain", retain.to_string())
    }

    /// CONNECT of MQTT 5: the properties of the will as bytes, without their length.
    pub fn will_properties(self, properties: &[u8]) -> Self {
        self.field("will properties", show(properties))
    }

    /// CONNECT: that there is no will.
    pub fn no_will(self) -> Self {
        self.field("will topic", "none".to_owned())
    }

    /// PUBLISH: the topic.
    pub fn topic(self, topic: &str) -> Self {
        self.field("topic", format!("{topic:?}"))
    }

    /// PUBLISH: the content.
    pub fn payload(self, payload: impl AsRef<[u8]>) -> Self {
        self.field("payload", show(payload.as_ref()))
    }

    /// PUBLISH: the quality of service.
    pub fn qos(self, qos: u8) -> Self {
        self.field("qos", qos.to_string())
    }

    /// PUBLISH: whether it says that it is a repetition.
    pub fn dup(self, dup: bool) -> Self {
        self.field("dup", dup.to_string())
    }

    /// PUBLISH: whether the broker is asked to keep it.
    pub fn retain(self, retain: bool) -> Self {
        self.field("retain", retain.to_string())
    }

    /// PUBLISH and acknowledgements: the packet identifier.
    pub fn packet_id(self, id: u16) -> Self {
        self.field("packet id", id.to_string())
    }

    /// Acknowledgements and DISCONNECT in MQTT 5: the reason code.
    pub fn reason(self, reason: u8) -> Self {
        self.field("reason", reason.to_string())
    }

    /// MQTT 5: the properties as bytes, without their length.
    pub fn properties(self, properties: &[u8]) -> Self {
        self.field("properties", show(properties))
    }

    fn field(mut self, name: &'static str, value: String) -> Self {
        self.fields.push((name, value));
        self
    }

    /// Whether `packet` is of this type and has these fields.
    #[must_use]
    pub fn matches(&self, packet: &Packet) -> bool {
        let actual = packet.fields();
        packet.kind() == Some(self.kind) && self.fields.iter().all(|field| actual.contains(field))
    }
}
