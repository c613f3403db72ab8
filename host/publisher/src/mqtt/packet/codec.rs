//! The codecs' types in the contract's, and the codecs' errors in words of ours. The words of the codecs go to the log.

use rumqttc::QoS;
use rumqttc::mqttbytes::Error as V311;
use rumqttc_v5::mqttbytes::Error as V5;

use crate::contract::Qos;

const TYPE: &str = "its type is none that MQTT has";
const QUALITY: &str = "its quality of service is 3, which MQTT does not have";
const IDENTIFIER: &str = "its packet identifier is 0";
const SHORT: &str = "it ends before what it announces";
const LENGTH: &str = "it is longer or shorter than such a packet is";
const CUT: &str = "the length of a part goes beyond its end";
const TEXT: &str = "its topic is not UTF-8";
const REMAINING: &str = "its length has more than four bytes";
const CODE: &str = "its return code is none that the standard has";
const FORM: &str = "it does not have the form of its type";

/// The codecs' name for a quality of service of the contract.
pub(super) fn qos(qos: Qos) -> QoS {
    match qos {
        Qos::AtMostOnce => QoS::AtMostOnce,
        Qos::AtLeastOnce => QoS::AtLeastOnce,
        Qos::ExactlyOnce => QoS::ExactlyOnce,
    }
}

/// What is wrong with a packet of MQTT 3.1.1.
pub(super) fn of_3_1_1(error: &V311) -> &'static str {
    tracing::debug!(%error, "a packet is malformed");
    match error {
        V311::InvalidPacketType(_) => TYPE,
        V311::InvalidQoS(_) => QUALITY,
        V311::PacketIdZero => IDENTIFIER,
        V311::InsufficientBytes(_) => SHORT,
        V311::PayloadSizeIncorrect | V311::PayloadRequired => LENGTH,
        V311::BoundaryCrossed(_) => CUT,
        V311::TopicNotUtf8 { .. } => TEXT,
        V311::MalformedRemainingLength => REMAINING,
        V311::InvalidConnectReturnCode(_) | V311::InvalidSubscribeReasonCode(_) => CODE,
        V311::PayloadTooLong | V311::PayloadSizeLimitExceeded(_) | V311::OutgoingPacketTooLarge { .. } => {
            "it is larger than MQTT allows"
        }
        V311::NotConnect(_)
        | V311::UnexpectedConnect
        | V311::InvalidProtocol
        | V311::InvalidProtocolLevel(_)
        | V311::IncorrectPacketFormat
        | V311::InvalidPropertyType(_)
        | V311::MalformedPacket
        | V311::EmptySubscription
        | V311::Io(_) => FORM,
        // The codec's `Error` is not exhaustive.
        _ => FORM,
    }
}

/// What is wrong with a packet of MQTT 5.
pub(super) fn of_5(error: &V5) -> &'static str {
    tracing::debug!(%error, "a packet is malformed");
    match error {
        V5::InvalidPacketType(_) => TYPE,
        V5::InvalidQoS(_) => QUALITY,
        V5::PacketIdZero => IDENTIFIER,
        V5::InsufficientBytes(_) => SHORT,
        V5::PayloadSizeIncorrect | V5::PayloadRequired | V5::InvalidRemainingLength(_) => LENGTH,
        V5::BoundaryCrossed(_) => CUT,
        V5::TopicNotUtf8 { .. } => TEXT,
        V5::PayloadNotUtf8(_) => "a text in it is not UTF-8",
        V5::MalformedRemainingLength => REMAINING,
        V5::InvalidConnectReturnCode(_) | V5::InvalidReason(_) | V5::InvalidSubscribeReasonCode(_) => CODE,
        V5::InvalidPropertyType(_) => "it has a property that MQTT does not have",
        V5::PayloadTooLong | V5::PayloadSizeLimitExceeded { .. } | V5::OutgoingPacketTooLarge { .. } => {
            "it is larger than MQTT allows"
        }
        V5::InvalidProtocol
        | V5::InvalidProtocolLevel(_)
        | V5::IncorrectPacketFormat
        | V5::InvalidRetainForwardRule(_)
        | V5::EmptySubscription
        | V5::ProtocolError
        | V5::ProtocolViolation(_)
        | V5::MalformedPacket
        | V5::Io(_) => FORM,
        // The codec's `Error` is not exhaustive.
        _ => FORM,
    }
}
