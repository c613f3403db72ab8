//! PUBLISH, the packet of a message.

use bytes::Bytes;
use mqtt_connector_contract::secrets::Heard;
use rumqttc::QoS;
use rumqttc_v5::PublishProperties;

use super::codec;
use crate::contract as wit;
use crate::contract::Message;

/// A message, and what changes each time it is sent.
pub(crate) struct Publish {
    pub(crate) dup: bool,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    /// 0 while the message has no packet identifier.
    pub(crate) identifier: u16,
    pub(super) topic: Bytes,
    pub(super) payload: Bytes,
    pub(super) properties: Option<Box<PublishProperties>>,
}

impl Publish {
    pub(crate) fn new(message: Message) -> Self {
        Self {
            dup: false,
            qos: codec::qos(message.qos),
            retain: message.retain,
            identifier: 0,
            topic: message.topic.into_bytes().into(),
            payload: message.payload.into(),
            properties: message.properties.map(|properties| Box::new(codec_properties(properties))),
        }
    }

    /// Whether somebody's words repeat a part of the message that only its receivers are to see: the payload, the correlation
    /// data, or the value of a user property.
    pub(crate) fn is_repeated_by(&self, heard: &Heard) -> bool {
        let properties = self.properties.as_deref();
        let values = properties.iter().flat_map(|properties| &properties.user_properties);
        let correlation_data = properties.and_then(|properties| properties.correlation_data.as_ref());
        heard.repeats_content(&self.payload)
            || correlation_data.is_some_and(|data| heard.repeats_content(data))
            || values.map(|(_, value)| value.as_bytes()).any(|value| heard.repeats_content(value))
    }
}

fn codec_properties(properties: wit::PublishProperties) -> PublishProperties {
    PublishProperties {
        payload_format_indicator: properties.payload_format_indicator.then_some(1),
        message_expiry_interval: properties.message_expiry_interval,
        response_topic: properties.response_topic,
        correlation_data: properties.correlation_data.map(Bytes::from),
        user_properties: properties.user_properties,
        content_type: properties.content_type,
        ..PublishProperties::default()
    }
}
