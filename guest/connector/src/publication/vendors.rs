//! The rules of vendors: what their brokers would close the connection for.

use mqtt_connector_contract::publisher::ProtocolVersion;

use crate::broker::BrokerUrl;
use crate::catalogue::Name;
use crate::message::text::MqttString;
use crate::message::topic::Topic;
use crate::parameters::Parameters;
use crate::problem::Rule;
use crate::vendor::{BrokerVendor, hub};

/// Judges parameters that are right by the standard. `broken` is told the name of what is wrong (a member of the will has
/// one of its own), the parameter that it belongs to, and the rule.
pub(super) fn check(
    parameters: &Parameters,
    payload: Option<(Name, usize)>,
    has_username: bool,
    broken: &mut dyn FnMut(&'static str, Name, Rule),
) {
    for vendor in parameters.vendors().iter() {
        limits(vendor, parameters, payload, broken);
    }
    if parameters.vendors().has(BrokerVendor::AzureIotHub) {
        azure_iot_hub(parameters, has_username, broken);
    }
}

fn limits(
    vendor: BrokerVendor,
    parameters: &Parameters,
    payload: Option<(Name, usize)>,
    broken: &mut dyn FnMut(&'static str, Name, Rule),
) {
    let limits = vendor.limits();
    if let Some((name, length)) = payload
        && length > limits.payload
    {
        broken(name.as_str(), name, Rule::VendorPayload { vendor, length });
    }
    let will = parameters.will.will.as_ref();
    let topics = [
        (Name::Topic.as_str(), Name::Topic, parameters.topic.as_ref().map(Topic::as_str)),
        ("will.topic", Name::Will, will.map(|will| will.topic.as_str())),
    ];
    for (shown, name, topic) in topics {
        let Some(counted) = topic.map(|topic| vendor.counted(topic)) else { continue };
        let slashes = counted.bytes().filter(|byte| *byte == b'/').count();
        if slashes > limits.slashes {
            broken(shown, name, Rule::VendorSlashes { vendor, slashes });
        } else if counted.len() > limits.topic {
            broken(shown, name, Rule::VendorTopic { vendor, length: counted.len() });
        }
    }
    if let Some(length) = parameters.client_id.as_ref().map(|client_id| client_id.as_str().len()) {
        if length > limits.client_id {
            broken(Name::ClientId.as_str(), Name::ClientId, Rule::VendorClientId { vendor, length });
        } else if length == 0 && !limits.assigns_client_id {
            broken(Name::ClientId.as_str(), Name::ClientId, Rule::VendorEmptyClientId { vendor });
        }
    }
    let delay =
        will.and_then(|will| will.properties.as_ref()).map_or(0, |properties| properties.delay_interval);
    if delay > limits.will_delay && parameters.version() == ProtocolVersion::V5 {
        broken("will.delay-interval", Name::Will, Rule::VendorWillDelay { vendor });
    }
}

fn azure_iot_hub(
    parameters: &Parameters,
    has_username: bool,
    broken: &mut dyn FnMut(&'static str, Name, Rule),
) {
    if parameters.protocol_version == Some(ProtocolVersion::V5) {
        broken(Name::ProtocolVersion.as_str(), Name::ProtocolVersion, Rule::HubVersion);
    }
    if !has_username {
        broken(Name::Username.as_str(), Name::Username, Rule::HubUsernameMissing);
    }
    let client_id = parameters.client_id.as_ref().map(MqttString::as_str).filter(|name| !name.is_empty());
    let Some((client_id, brokers)) = client_id.zip(parameters.broker.as_ref()) else { return };
    let mut hubs = brokers.as_slice().iter().map(BrokerUrl::host);
    if let Some(username) = &parameters.username
        && !hubs.any(|host| {
            BrokerVendor::of(host) == Some(BrokerVendor::AzureIotHub)
                && hub::is_username(username.as_str(), host, client_id)
        })
    {
        broken(Name::Username.as_str(), Name::Username, Rule::HubUsername);
    }
    if let Some(topic) = &parameters.topic
        && !hub::is_topic(topic.as_str(), client_id)
        && !hub::is_own_topic(topic.as_str())
    {
        broken(Name::Topic.as_str(), Name::Topic, Rule::HubTopic);
    }
    if let Some(will) = &parameters.will.will
        && !hub::is_topic(&will.topic, client_id)
    {
        broken("will.topic", Name::Will, Rule::HubTopic);
    }
}
