//! The forms that Azure IoT Hub gives to user names and topics: both hold the device's name, which is the client identifier.

/// The user name of a device at Azure IoT Hub, in words.
pub const USERNAME: &str =
    "HOST/CLIENT-ID/?api-version=2021-04-12, with the host of broker and the client-id";

/// The topic of a device's messages, in words.
pub const TOPIC: &str =
    "devices/CLIENT-ID/messages/events/, with the client-id, and properties behind it if there are any";

/// Whether a user name is that of the client at the hub: `HOST/CLIENT-ID`, and perhaps a version of the API.
pub fn is_username(username: &str, host: &str, client_id: &str) -> bool {
    let Some((hub, rest)) = username.split_once('/') else { return false };
    hub.eq_ignore_ascii_case(host.trim_end_matches('.'))
        && rest.strip_prefix(client_id).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

/// Whether the hub takes messages of the client at a topic. The client identifier of a module is `DEVICE/MODULE`.
pub fn is_topic(topic: &str, client_id: &str) -> bool {
    let rest = topic.strip_prefix("devices/");
    let rest = match client_id.split_once('/') {
        None => rest.and_then(|rest| rest.strip_prefix(client_id)),
        Some((device, module)) => rest
            .and_then(|rest| rest.strip_prefix(device)?.strip_prefix("/modules/"))
            .and_then(|rest| rest.strip_prefix(module)),
    };
    let rest = rest.and_then(|rest| rest.strip_prefix("/messages/events"));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a topic is one of the hub's own, for twins and methods.
pub fn is_own_topic(topic: &str) -> bool {
    topic.starts_with("$iothub/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames() {
        for (username, is_right) in [
            ("p.azure-devices.net/pump-7/?api-version=2021-04-12", true),
            ("P.Azure-Devices.net/pump-7/?api-version=2021-04-12&DeviceClientType=x", true),
            ("p.azure-devices.net/pump-7/api-version=2016-11-14", true),
            ("p.azure-devices.net/pump-7?api-version=2021-04-12", true),
            ("p.azure-devices.net/pump-7", true),
            ("p.azure-devices.net/pump-77/?api-version=2021-04-12", false),
            ("p.azure-devices.net/PUMP-7/?api-version=2021-04-12", false),
            ("other.azure-devices.net/pump-7/?api-version=2021-04-12", false),
            ("p/pump-7/?api-version=2021-04-12", false),
            ("pump-7", false),
            ("", false),
        ] {
            assert_eq!(is_username(username, "p.azure-devices.net", "pump-7"), is_right, "{username}");
        }
        assert!(is_username(
            "p.azure-devices.net/d/m/?api-version=2021-04-12",
            "p.azure-devices.net.",
            "d/m"
        ));
    }

    #[test]
    fn topics() {
        for (topic, is_right) in [
            ("devices/pump-7/messages/events/", true),
            ("devices/pump-7/messages/events", true),
            ("devices/pump-7/messages/events/a=b&$.ct=application%2Fjson", true),
            ("devices/pump-8/messages/events/", false),
            ("devices/pump-7/messages/eventsx", false),
            ("devices/pump-7/messages/devicebound/", false),
            ("devices/pump-7/modules/m/messages/events/", false),
            ("/devices/pump-7/messages/events/", false),
            ("plant/7", false),
        ] {
            assert_eq!(is_topic(topic, "pump-7"), is_right, "{topic}");
        }
        assert!(is_topic("devices/d/modules/m/messages/events/", "d/m"));
        assert!(!is_topic("devices/d/messages/events/", "d/m"));
        assert!(is_own_topic("$iothub/twin/PATCH/properties/reported/?$rid=1"));
        assert!(!is_own_topic("$iothubs"));
    }
}
