//! What is different at AWS IoT Core.
//!
//! Its brokers have no QoS 2 (a QoS 2 publish is never acknowledged), want the ALPN protocol
//! `x-amzn-mqtt-ca` for MQTT with a client certificate on port 443, and close the connection on a message
//! that is beyond their limits, without a word. So a message is fitted, or refused, before it is sent.
//! The limits are those of "AWS IoT Core message broker and protocol limits and quotas".

/// The largest payload, in bytes: 128 KiB.
pub const MAX_PAYLOAD: usize = 128 * 1024;

/// The most slashes a topic may have, after the prefix `$aws/rules/<rule>/`.
pub const MAX_SLASHES: usize = 7;

/// The longest client identifier, in bytes.
pub const MAX_CLIENT_ID: usize = 128;

/// The application protocol (ALPN) of MQTT with a client certificate on port 443.
pub const ALPN: &str = "x-amzn-mqtt-ca";

/// The port on which AWS IoT tells protocols apart by ALPN.
pub const ALPN_PORT: u16 = 443;

/// Whose rules hold for a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The host is under `.iot.<region>.amazonaws.com` or `.iot.<region>.amazonaws.com.cn`.
    Aws,
    /// Any other.
    Other,
}

impl Host {
    /// Whose host it is; `host` is in lower case.
    pub fn of(host: &str) -> Host {
        let host = host.strip_suffix('.').unwrap_or(host);
        let account_and_region =
            host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"));
        match account_and_region.and_then(|rest| rest.rsplit_once('.')) {
            Some((account, _region)) if account.ends_with(".iot") => Host::Aws,
            Some(_) | None => Host::Other,
        }
    }
}

/// How many slashes of a topic AWS IoT counts: all but those of the prefix `$aws/rules/<rule>/` (basic ingest).
pub fn slashes(topic: &str) -> usize {
    let counted = topic
        .strip_prefix("$aws/rules/")
        .and_then(|rest| rest.split_once('/'))
        .map_or(topic, |(_rule, rest)| rest);
    counted.bytes().filter(|byte| *byte == b'/').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (host, whose) in [
            ("z2eblez5jjfgkf.iot.us-east-1.amazonaws.com", Host::Aws),
            ("a-ats.iot.eu-west-1.amazonaws.com", Host::Aws),
            ("a-ats.iot.eu-west-1.amazonaws.com.", Host::Aws),
            ("a.ats.iot.cn-north-1.amazonaws.com.cn", Host::Aws),
            ("iot.us-east-1.amazonaws.com", Host::Other),
            ("a.iot.us-east-1.example.com", Host::Other),
            ("a.iot.us-east-1.amazonaws.com.example.com", Host::Other),
            ("a.iot.amazonaws.com", Host::Other),
            ("a.biot.us-east-1.amazonaws.com", Host::Other),
            ("a.iot.x.us-east-1.amazonaws.com", Host::Other),
            ("a.iot.us-east-1.notamazonaws.com", Host::Other),
            ("amazonaws.com", Host::Other),
            ("", Host::Other),
        ] {
            assert_eq!(Host::of(host), whose, "{host}");
        }
    }

    #[test]
    fn counted_slashes() {
        for (topic, count) in [
            ("a", 0),
            ("a/b", 1),
            ("/a/", 2),
            ("1/2/3/4/5/6/7/8", 7),
            ("$aws/things/thing-name/shadow/update", 4),
            ("$aws/rules/rule/a/b", 1),
            ("$aws/rules/rule/", 0),
            ("$aws/rules/rule", 2),
            ("$AWS/rules/rule/a", 3),
        ] {
            assert_eq!(slashes(topic), count, "{topic}");
        }
    }
}
