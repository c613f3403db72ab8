//! Broker URLs, grants and a file of tenants: what is read is written as it was read, what is refused is said in one
//! short line without a password, and a grant means what a simple rule says it means.
//!
//! The input is text, and every part of it is taken for everything: the first line for a grant, the second for a
//! broker's URL and a topic, the whole for a file of tenants.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::{Corpus, fuzz_target};
use mqtt_connector_fuzz::assert_message;
use mqtt_connector_guest::action::check;
use mqtt_connector_guest::broker::{BrokerUrl, Scheme as UrlScheme};
use mqtt_connector_publisher::{BrokerGrant, Grants, Limits, Scheme, Tenants, TopicFilter};
use serde_json::{Value, json};

/// Stands where a password may stand.
const SECRET: &str = "S3CRETq9";
/// The longest sentence about one entry, in bytes, however long the entry is.
const LONGEST: usize = 6_000;

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(data) else { return Corpus::Reject };
    let (first, second) = text.split_once('\n').unwrap_or((text, text));
    for text in [first, second] {
        broker_grant(text);
        topic_filter(text);
        broker_url(text);
    }
    brokers_are_granted_by_the_rule(first, second);
    topics_are_granted_by_the_rule(first, second);
    no_password_is_shown(first, second);
    tenants(text);
    tenants_show_no_configuration(text, second);
    Corpus::Keep
});

fn broker_grant(text: &str) {
    match text.parse::<BrokerGrant>() {
        Ok(grant) => {
            assert_eq!(grant.to_string(), text);
            assert!(!text.contains('@'), "{text:?}");
            let stored = serde_json::to_string(&grant).expect("a string");
            assert_eq!(serde_json::from_str::<BrokerGrant>(&stored).expect("as it was written"), grant);
        }
        Err(error) => assert_message(&error.to_string(), LONGEST),
    }
}

fn topic_filter(text: &str) {
    match text.parse::<TopicFilter>() {
        Ok(filter) => {
            assert_eq!(filter.to_string(), text);
            let stored = serde_json::to_string(&filter).expect("a string");
            assert_eq!(serde_json::from_str::<TopicFilter>(&stored).expect("as it was written"), filter);
        }
        Err(error) => assert_message(&error.to_string(), LONGEST),
    }
}

/// What is accepted names a host and a port and nobody, and its short form is accepted as the same.
fn broker_url(text: &str) {
    let Ok(url) = BrokerUrl::parse(text) else { return };
    let (_, rest) = text.split_once("://").expect("a scheme");
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    assert!(!authority.contains('@'), "{text:?}");
    assert!(url.scheme().is_websocket() || !text.contains('@'), "{text:?}");
    assert!(!url.host().is_empty() && url.port() > 0, "{text:?}");
    let host = if url.host().contains(':') { format!("[{}]", url.host()) } else { url.host().to_owned() };
    let short = format!("{}://{host}:{}", url.scheme().as_str(), url.port());
    let again = BrokerUrl::parse(&short).expect("the short form");
    assert_eq!(
        (again.scheme(), again.host(), again.port()),
        (url.scheme(), url.host(), url.port()),
        "{text:?}"
    );
    let wire = url.into_wire();
    assert!(!format!("{}{}", wire.host, wire.port).contains(['@', '/', '%', '#', '?']), "{text:?}");
}

/// `Grants`, and the rule in this file, say the same of one grant and one URL.
fn brokers_are_granted_by_the_rule(grant: &str, url: &str) {
    let (Ok(_), Ok(url)) = (grant.parse::<BrokerGrant>(), BrokerUrl::parse(url)) else { return };
    let grants: Grants = serde_json::from_value(json!({ "brokers": [grant] })).expect("the grant was right");
    let scheme = match url.scheme() {
        UrlScheme::Tcp | UrlScheme::Mqtt => Scheme::Tcp,
        UrlScheme::Ssl | UrlScheme::Tls | UrlScheme::Mqtts => Scheme::Tls,
        UrlScheme::Ws => Scheme::WebSocket,
        UrlScheme::Wss => Scheme::WebSocketTls,
    };
    let allowed = grants.allows_broker(scheme, url.host(), url.port());
    assert_eq!(allowed, is_granted(grant, scheme, &url), "{grant:?} and {url:?}");
    assert!(!nothing().allows_broker(scheme, url.host(), url.port()));
}

/// The rule of the documentation.
fn is_granted(grant: &str, scheme: Scheme, url: &BrokerUrl) -> bool {
    let (granted, rest) = grant.split_once("://").expect("a scheme");
    let schemes: &[&str] = match scheme {
        Scheme::Tcp => &["*", "tcp", "mqtt"],
        Scheme::Tls => &["*", "ssl", "tls", "mqtts"],
        Scheme::WebSocket => &["*", "ws"],
        _ => &["*", "wss"],
    };
    if !schemes.contains(&granted.to_ascii_lowercase().as_str()) {
        return false;
    }
    // The colons of an IPv6 address stand in brackets.
    let outside = rest.rfind(']').unwrap_or(0);
    let (pattern, port) = match rest[outside..].find(':') {
        Some(colon) => (&rest[..outside + colon], &rest[outside + colon + 1..]),
        None => (rest, ""),
    };
    let port_is_meant = match port {
        "*" => true,
        "" => url.port() == scheme.default_port(),
        number => number.parse() == Ok(url.port()),
    };
    port_is_meant && host_is_meant(pattern, url.host())
}

fn host_is_meant(pattern: &str, host: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase().replace(['[', ']'], "");
    let (address, prefix) = match pattern.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix.parse::<u32>().expect("a prefix length"))),
        None => (pattern.as_str(), None),
    };
    match (address.parse::<IpAddr>(), host.parse::<IpAddr>()) {
        (Ok(granted), Ok(host)) => {
            let (granted_bits, granted_shift) = bits(granted);
            let prefix = prefix.map_or(128, |prefix| prefix + granted_shift);
            let (host_bits, _) = bits(host);
            // A range of IPv6 that is wider than the place of IPv4 in it means IPv6 alone.
            let is_ipv4 = |bits: u128| bits >> 32 == 0xffff;
            let wide = prefix < 96 && is_ipv4(host_bits);
            let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            !wide && granted_bits & mask == host_bits & mask
        }
        (Err(_), Err(_)) => {
            let host = host.strip_suffix('.').unwrap_or(host);
            let pattern = pattern.strip_suffix('.').unwrap_or(&pattern);
            match pattern.strip_prefix('*') {
                Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
                None => host == pattern,
            }
        }
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    }
}

/// An address among those of IPv6, and how many bits of a prefix that adds.
fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (address.to_ipv6_mapped().to_bits(), 96),
        IpAddr::V6(address) => (address.to_bits(), 0),
    }
}

/// `Grants`, and MQTT 3.1.1, section 4.7, say the same of one filter and one topic.
fn topics_are_granted_by_the_rule(filter: &str, topic: &str) {
    if filter.parse::<TopicFilter>().is_err() || topic.is_empty() || topic.contains(['+', '#', '\0']) {
        return;
    }
    let grants: Grants = serde_json::from_value(json!({ "topics": [filter] })).expect("the filter was right");
    let levels: Vec<&str> = topic.split('/').collect();
    let wanted: Vec<&str> = filter.split('/').collect();
    let hidden = topic.starts_with('$') && filter.starts_with(['+', '#']);
    let reserved = ["$SYS", "$share"].contains(&levels[0]);
    let expected = !hidden && !reserved && matches(&wanted, &levels);
    assert_eq!(grants.allows_topic(topic), expected, "{filter:?} and {topic:?}");
    assert!(!nothing().allows_topic(topic));
}

fn matches(wanted: &[&str], levels: &[&str]) -> bool {
    match (wanted, levels) {
        (["#"], _) | ([], []) => true,
        (["+", wanted @ ..], [_, levels @ ..]) => matches(wanted, levels),
        ([one, wanted @ ..], [other, levels @ ..]) => one == other && matches(wanted, levels),
        (_, _) => false,
    }
}

/// A password in front of an `@` is shown neither by the error of a grant nor by the connector.
fn no_password_is_shown(before: &str, after: &str) {
    if before.contains(SECRET) || after.contains(SECRET) {
        return;
    }
    let (scheme, before) = before.split_once("://").unwrap_or(("ssl", before));
    let url = format!("{scheme}://{before}{SECRET}@{after}");
    let Err(error) = url.parse::<BrokerGrant>() else { panic!("{url:?} is granted") };
    assert!(!format!("{error} {error:?}").contains(SECRET), "{error}");
    let request = json!({ "broker": url, "client-id": "c", "topic": "t", "content": "x" });
    let meta = check("{}", &request.to_string(), |_, _, _| Ok(Vec::new()));
    assert!(!meta.message.contains(SECRET), "{}", meta.message);
}

fn tenants(file: &str) {
    match file.parse::<Tenants>() {
        Ok(tenants) => {
            for tenant in tenants.iter() {
                assert_message(tenant.name(), 64);
                let config: Value = serde_json::from_str(tenant.config()).expect("JSON");
                assert!(config.is_object(), "{config}");
                let grants = serde_json::to_string(tenant.grants()).expect("grants");
                let read: Grants = serde_json::from_str(&grants).expect("as they were written");
                assert_eq!(serde_json::to_string(&read).expect("grants"), grants);
                let limits = serde_json::to_string(tenant.limits()).expect("limits");
                let read: Limits = serde_json::from_str(&limits).expect("as they were written");
                assert_eq!(&read, tenant.limits(), "{limits}");
            }
        }
        Err(error) => {
            assert!(!error.faults().is_empty() && error.faults().len() <= 100);
            assert!(error.faults().len() == 100 || error.more() == 0);
            let lines = file.split('\n').count();
            for fault in error.faults() {
                assert_message(&fault.to_string(), LONGEST);
                assert!((1..=lines).contains(&fault.line()) && fault.column() > 0, "{fault}");
            }
            assert_message(&error.to_string(), 21 * LONGEST);
        }
    }
}

/// What stands in a configuration is in no error, whatever is wrong around it.
fn tenants_show_no_configuration(before: &str, after: &str) {
    let syntax = |file: &str| match file.parse::<Tenants>() {
        Ok(_) => false,
        Err(error) => error.faults().iter().any(|fault| fault.to_string().contains("is not TOML")),
    };
    // What is no TOML may end in an open string, and what follows is then part of another entry.
    if before.contains(SECRET) || after.contains(SECRET) || syntax(before) {
        return;
    }
    let file = format!("{before}\n[tenants.planted.config]\npassword = \"{SECRET}\" {after}");
    if let Err(error) = file.parse::<Tenants>() {
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error}");
    }
}

fn nothing() -> Grants {
    serde_json::from_str("{}").expect("no grants")
}
