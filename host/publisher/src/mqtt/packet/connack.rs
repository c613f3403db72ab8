//! CONNACK, the broker's answer to CONNECT.

use rumqttc::QoS;

use super::size::MAX_PACKET;
use crate::contract::ProtocolVersion;
use crate::error::Refusal;

/// The answer to CONNECT.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Connack {
    Accepted(ConnackLimits),
    Refused(Refusal),
}

/// What the broker allows on a connection, and what else CONNACK says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnackLimits {
    pub(crate) version: ProtocolVersion,
    /// The broker kept the session of an earlier connection (3.1.1, section 3.2.2.2).
    pub(crate) session_present: bool,
    /// The highest quality of service that the broker takes (5.0, section 3.2.2.3.4).
    pub(crate) maximum_qos: QoS,
    /// Whether the broker keeps messages for later subscribers (5.0, section 3.2.2.3.5).
    pub(crate) retain_available: bool,
    /// The largest packet that the broker takes, in bytes (5.0, section 3.2.2.3.6).
    pub(crate) maximum_packet_size: usize,
    /// How many messages of QoS 1 and 2 may be without their last acknowledgement (5.0, section 3.2.2.3.3).
    pub(crate) receive_maximum: u16,
    /// The keep-alive time in seconds that replaces the one of CONNECT (5.0, section 3.2.2.3.14).
    pub(crate) server_keep_alive: Option<u16>,
    /// The client identifier that the broker chose for a client without one (5.0, section 3.2.2.3.7).
    pub(crate) assigned_client_id: Option<String>,
}

impl ConnackLimits {
    /// What holds when CONNACK has no properties, as under MQTT 3.1.1.
    pub(crate) fn new(version: ProtocolVersion, session_present: bool) -> Self {
        Self {
            version,
            session_present,
            maximum_qos: QoS::ExactlyOnce,
            retain_available: true,
            maximum_packet_size: MAX_PACKET,
            receive_maximum: u16::MAX,
            server_keep_alive: None,
            assigned_client_id: None,
        }
    }
}

impl Default for ConnackLimits {
    fn default() -> Self {
        Self::new(ProtocolVersion::V311, false)
    }
}
