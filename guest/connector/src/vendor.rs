//! What is different at the brokers of clouds.
//!
//! They do not have all of MQTT, and close the connection on what they do not have, mostly without a word. So a message is
//! fitted to them, or refused, before it is sent ([`crate::publication`]); and where one of them refuses or closes, the answer names what is likely
//! behind it ([`likely`]). All of it is from their public documentation; `docs/vendors.md` says what and where.

pub mod hub;
pub mod likely;

use std::fmt;

/// A vendor whose brokers have rules of their own besides the standard's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerVendor {
    /// AWS IoT Core: hosts under `.iot.<region>.amazonaws.com` and `.iot.<region>.amazonaws.com.cn`.
    AwsIot,
    /// Azure IoT Hub: hosts under `.azure-devices.net`, and those of Azure in China and for the US government.
    AzureIotHub,
    /// The MQTT broker of Azure Event Grid: hosts under `.ts.eventgrid.azure.net`.
    AzureEventGrid,
}

/// What a vendor's brokers do not have, or not more of. None of them has QoS 2.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest payload, in bytes.
    pub payload: usize,
    /// The longest client identifier, in bytes.
    pub client_id: usize,
    /// Whether the broker chooses a client identifier for an empty one.
    pub assigns_client_id: bool,
    /// The longest topic, in bytes; what does not [count](BrokerVendor::counted) may come before it.
    pub topic: usize,
    /// The most slashes of a topic; what does not [count](BrokerVendor::counted) may have more.
    pub slashes: usize,
    /// The longest delay of a will, in seconds.
    pub will_delay: u32,
}

impl BrokerVendor {
    /// Every vendor.
    pub const ALL: [BrokerVendor; 3] =
        [BrokerVendor::AwsIot, BrokerVendor::AzureIotHub, BrokerVendor::AzureEventGrid];

    /// Whose broker is at a host, which is in lower case.
    pub fn of(host: &str) -> Option<BrokerVendor> {
        let host = host.strip_suffix('.').unwrap_or(host);
        let is_below = |domain: &str| {
            let name = host.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.'));
            name.is_some_and(|name| !name.is_empty())
        };
        let account_and_region =
            host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"));
        let account =
            account_and_region.and_then(|rest| rest.rsplit_once('.')).map(|(account, _region)| account);
        if account.is_some_and(|account| account.ends_with(".iot") || account.ends_with(".iot-fips")) {
            Some(BrokerVendor::AwsIot)
        } else if ["azure-devices.net", "azure-devices.cn", "azure-devices.us"].into_iter().any(is_below) {
            Some(BrokerVendor::AzureIotHub)
        } else if is_below("ts.eventgrid.azure.net") {
            Some(BrokerVendor::AzureEventGrid)
        } else {
            None
        }
    }

    /// What its brokers do not have, or not more of.
    pub fn limits(self) -> Limits {
        const NONE: usize = usize::MAX;
        match self {
            BrokerVendor::AwsIot => Limits {
                payload: 128 * 1024,
                client_id: 128,
                assigns_client_id: true,
                topic: 256,
                slashes: 7,
                will_delay: u32::MAX,
            },
            BrokerVendor::AzureIotHub => Limits {
                payload: 256 * 1024,
                client_id: 128,
                assigns_client_id: false,
                topic: NONE,
                slashes: NONE,
                will_delay: u32::MAX,
            },
            BrokerVendor::AzureEventGrid => Limits {
                payload: 512 * 1024,
                client_id: NONE,
                assigns_client_id: false,
                topic: 256,
                slashes: 7,
                will_delay: 300,
            },
        }
    }

    /// The part of a topic that counts: at AWS IoT what follows the prefix `$aws/rules/<rule>/` (basic ingest).
    pub fn counted(self, topic: &str) -> &str {
        let behind_rule = match self {
            BrokerVendor::AwsIot => topic.strip_prefix("$aws/rules/").and_then(|rest| rest.split_once('/')),
            BrokerVendor::AzureIotHub | BrokerVendor::AzureEventGrid => None,
        };
        behind_rule.map_or(topic, |(_rule, rest)| rest)
    }
}

impl fmt::Display for BrokerVendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BrokerVendor::AwsIot => "AWS IoT",
            BrokerVendor::AzureIotHub => "Azure IoT Hub",
            BrokerVendor::AzureEventGrid => "Azure Event Grid",
        })
    }
}

/// The vendors of several brokers, whose rules hold together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vendors(u8);

impl Vendors {
    /// Those of the brokers at these hosts.
    pub fn of<'a>(hosts: impl Iterator<Item = &'a str>) -> Self {
        Vendors(hosts.filter_map(BrokerVendor::of).fold(0, |all, vendor| all | 1 << vendor as u8))
    }

    /// Each of them, once.
    pub fn iter(self) -> impl Iterator<Item = BrokerVendor> {
        BrokerVendor::ALL.into_iter().filter(move |vendor| self.has(*vendor))
    }

    /// Whether one of the brokers is this vendor's.
    pub fn has(self, vendor: BrokerVendor) -> bool {
        self.0 & 1 << vendor as u8 != 0
    }

    /// The one to name where one is enough.
    pub fn first(self) -> Option<BrokerVendor> {
        if self.0 == 0 { None } else { self.iter().next() }
    }
}

/// The path of MQTT over WebSockets at this host, for a URL that has none.
pub fn websocket_path(host: &str) -> &'static str {
    match BrokerVendor::of(host) {
        Some(BrokerVendor::AzureIotHub) => "/$iothub/websocket",
        Some(BrokerVendor::AwsIot | BrokerVendor::AzureEventGrid) | None => "/mqtt",
    }
}

/// The port on which AWS IoT tells protocols apart by ALPN.
pub const ALPN_PORT: u16 = 443;
/// The application protocol (ALPN) of MQTT there, with a client certificate.
pub const ALPN_CERTIFICATE: &str = "x-amzn-mqtt-ca";
/// The application protocol (ALPN) of MQTT there, with a custom authorizer, which judges by user name and password.
pub const ALPN_AUTHORIZER: &str = "mqtt";

/// Whether a user name says which custom authorizer of AWS IoT is to judge, whatever certificate comes with it.
pub fn names_authorizer(username: &str) -> bool {
    username.split_once('?').is_some_and(|(_, query)| {
        query.split('&').any(|pair| pair.starts_with("x-amz-customauthorizer-name="))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        use BrokerVendor::{AwsIot, AzureEventGrid, AzureIotHub};
        for (host, whose) in [
            ("z2eblez5jjfgkf.iot.us-east-1.amazonaws.com", Some(AwsIot)),
            ("a-ats.iot.eu-west-1.amazonaws.com", Some(AwsIot)),
            ("a-ats.iot.eu-west-1.amazonaws.com.", Some(AwsIot)),
            ("a.ats.iot.cn-north-1.amazonaws.com.cn", Some(AwsIot)),
            ("a-ats.iot-fips.us-west-2.amazonaws.com", Some(AwsIot)),
            ("iot.us-east-1.amazonaws.com", None),
            ("iot-fips.us-east-1.amazonaws.com", None),
            ("a.iot.us-east-1.example.com", None),
            ("a.iot.us-east-1.amazonaws.com.example.com", None),
            ("a.iot.amazonaws.com", None),
            ("a.biot.us-east-1.amazonaws.com", None),
            ("a.iot.x.us-east-1.amazonaws.com", None),
            ("a.iot.us-east-1.notamazonaws.com", None),
            ("amazonaws.com", None),
            ("plant.azure-devices.net", Some(AzureIotHub)),
            ("plant.azure-devices.net.", Some(AzureIotHub)),
            ("plant.azure-devices.cn", Some(AzureIotHub)),
            ("plant.azure-devices.us", Some(AzureIotHub)),
            ("azure-devices.net", None),
            (".azure-devices.net", None),
            ("plant.azure-devices.net.example.com", None),
            ("plantazure-devices.net", None),
            ("global.azure-devices-provisioning.net", None),
            ("plant.westeurope-1.ts.eventgrid.azure.net", Some(AzureEventGrid)),
            ("plant.westeurope-1.eventgrid.azure.net", None),
            ("ts.eventgrid.azure.net", None),
            ("", None),
        ] {
            assert_eq!(BrokerVendor::of(host), whose, "{host}");
        }
    }

    #[test]
    fn paths_of_websockets() {
        for (host, path) in [
            ("plant.azure-devices.net", "/$iothub/websocket"),
            ("a.iot.eu-west-1.amazonaws.com", "/mqtt"),
            ("plant.westeurope-1.ts.eventgrid.azure.net", "/mqtt"),
            ("localhost", "/mqtt"),
        ] {
            assert_eq!(websocket_path(host), path);
        }
    }

    #[test]
    fn names_of_authorizers() {
        for (username, names) in [
            ("ann?x-amz-customauthorizer-name=door", true),
            ("?token=t&x-amz-customauthorizer-name=door", true),
            ("ann", false),
            ("ann?SDK=x", false),
            ("x-amz-customauthorizer-name=door", false),
        ] {
            assert_eq!(names_authorizer(username), names, "{username}");
        }
    }

    #[test]
    fn counted_parts_of_topics() {
        for (topic, counted) in [
            ("a/b", "a/b"),
            ("$aws/things/thing-name/shadow/update", "$aws/things/thing-name/shadow/update"),
            ("$aws/rules/rule/a/b", "a/b"),
            ("$aws/rules/rule/", ""),
            ("$aws/rules/rule", "$aws/rules/rule"),
            ("$AWS/rules/rule/a", "$AWS/rules/rule/a"),
        ] {
            assert_eq!(BrokerVendor::AwsIot.counted(topic), counted);
            assert_eq!(BrokerVendor::AzureEventGrid.counted(topic), topic);
        }
    }

    #[test]
    fn several() {
        let vendors = Vendors::of(["h", "p.azure-devices.net", "a.iot.r.amazonaws.com"].into_iter());
        assert!(vendors.iter().eq([BrokerVendor::AwsIot, BrokerVendor::AzureIotHub]));
        assert_eq!(vendors.first(), Some(BrokerVendor::AwsIot));
        assert_eq!(Vendors::of(["h"].into_iter()).first(), None);
    }
}
