//! The broker's URL.

use mqtt_connector_guest::broker::BrokerUrl;
use mqtt_connector_guest::broker::address::is_host_name;
use mqtt_connector_guest::problem::{AddressFault, BrokerFault};

#[test]
fn right_urls() {
    for (url, scheme, host, port, path) in [
        ("tcp://h", "tcp", "h", 1883, ""),
        ("mqtt://h", "mqtt", "h", 1883, ""),
        ("ssl://h", "ssl", "h", 8883, ""),
        ("tls://h", "tls", "h", 8883, ""),
        ("mqtts://h", "mqtts", "h", 8883, ""),
        ("ws://h", "ws", "h", 80, "/mqtt"),
        ("wss://h", "wss", "h", 443, "/mqtt"),
        ("wss://h:8443/", "wss", "h", 8443, "/"),
        ("wss://h/a/b?c=d@e", "wss", "h", 443, "/a/b?c=d@e"),
        ("ws://h?x=1", "ws", "h", 80, "/mqtt?x=1"),
        ("ws://h/a,b;c?u=tcp://d", "ws", "h", 80, "/a,b;c?u=tcp://d"),
        ("TCP://Broker.Example.COM:1884/", "tcp", "broker.example.com", 1884, ""),
        ("ssl://h.:1", "ssl", "h.", 1, ""),
        ("tcp://10.0.0.1:65535", "tcp", "10.0.0.1", 65535, ""),
        ("tcp://[::1]", "tcp", "::1", 1883, ""),
        ("ssl://[2001:DB8:0:0::1]:8884/", "ssl", "2001:db8::1", 8884, ""),
        ("tcp://[::ffff:10.0.0.1]:1883", "tcp", "::ffff:10.0.0.1", 1883, ""),
        ("tcp://my_service.default.svc:01883", "tcp", "my_service.default.svc", 1883, ""),
        ("tcp://xn--bcher-kva.example", "tcp", "xn--bcher-kva.example", 1883, ""),
    ] {
        let broker = BrokerUrl::parse(url).unwrap_or_else(|fault| panic!("{url}: wants {fault}"));
        let wire = broker.clone().into_wire();
        assert_eq!((broker.scheme().as_str(), broker.host(), broker.port()), (scheme, host, port), "{url}");
        assert_eq!((wire.host.as_str(), wire.port, wire.path.as_str()), (host, port, path), "{url}");
        assert_eq!(wire.transport, broker.scheme().transport(), "{url}");
    }
}

#[test]
fn wrong_urls() {
    for (url, fault) in [
        ("", BrokerFault::NoScheme),
        ("h", BrokerFault::NoScheme),
        ("h:1883", BrokerFault::NoScheme),
        ("tcp:h", BrokerFault::NoScheme),
        ("http://h", BrokerFault::UnknownScheme),
        ("://h", BrokerFault::UnknownScheme),
        (" tcp://h", BrokerFault::UnknownScheme),
        ("tcp://", BrokerFault::Address(AddressFault::NoHost)),
        ("tcp://:1883", BrokerFault::Address(AddressFault::NoHost)),
        ("tcp:///", BrokerFault::Address(AddressFault::NoHost)),
        ("tcp://u:p@h", BrokerFault::UserInformation),
        ("tcp://@h", BrokerFault::UserInformation),
        ("ssl://u:p%40h", BrokerFault::UserInformation),
        ("wss://u:p%40h/mqtt", BrokerFault::UserInformation),
        ("tcp://u:p/w@h", BrokerFault::UserInformation),
        ("wss://u@h/mqtt", BrokerFault::UserInformation),
        ("tcp://h:", BrokerFault::Address(AddressFault::Port)),
        ("tcp://h:0", BrokerFault::Address(AddressFault::Port)),
        ("tcp://h:65536", BrokerFault::Address(AddressFault::Port)),
        ("tcp://h:+1", BrokerFault::Address(AddressFault::Port)),
        ("tcp://h:1883x", BrokerFault::Address(AddressFault::Port)),
        ("tcp://[::1]1883", BrokerFault::Address(AddressFault::Port)),
        ("tcp://[::1]:", BrokerFault::Address(AddressFault::Port)),
        ("tcp://h/x", BrokerFault::Path),
        ("tcp://h//", BrokerFault::Path),
        ("ssl://h?x", BrokerFault::Path),
        ("ssl://h/#x", BrokerFault::Path),
        ("ws://h/a b", BrokerFault::PathText),
        ("ws://h/a#b", BrokerFault::PathText),
        ("ws://h/ä", BrokerFault::PathText),
        ("tcp://::1", BrokerFault::Address(AddressFault::Ipv6WithoutBrackets)),
        ("tcp://2001:db8::1:1883", BrokerFault::Address(AddressFault::Ipv6WithoutBrackets)),
        ("tcp://[::1", BrokerFault::Address(AddressFault::Ipv6)),
        ("tcp://[]", BrokerFault::Address(AddressFault::Ipv6)),
        ("tcp://[h]", BrokerFault::Address(AddressFault::Ipv6)),
        ("tcp://[fe80::1%eth0]", BrokerFault::Address(AddressFault::Zone)),
        ("tcp://[fe80::1%25eth0]:1883", BrokerFault::Address(AddressFault::Zone)),
        ("tcp://fe80::1%eth0", BrokerFault::Address(AddressFault::Zone)),
        ("tcp://h%eth0", BrokerFault::Address(AddressFault::Host)),
        ("tcp://h:1883:1884", BrokerFault::Address(AddressFault::Port)),
        ("tcp://a,tcp://b", BrokerFault::Several),
        ("tcp://a:1883,b:1883", BrokerFault::Several),
        ("tcp://a;tcp://b", BrokerFault::Several),
        ("tcp://a tcp://b", BrokerFault::Several),
        ("a:1883,b:1883", BrokerFault::Several),
        ("tcp://mqtt://h", BrokerFault::SchemeTwice),
        ("wss://WSS://h", BrokerFault::SchemeTwice),
        ("tcp://[10.0.0.1]", BrokerFault::Address(AddressFault::Ipv6)),
        ("tcp://a b", BrokerFault::Address(AddressFault::Host)),
        ("tcp://h ", BrokerFault::Address(AddressFault::Host)),
        ("tcp://bücher.example", BrokerFault::Address(AddressFault::Host)),
        ("tcp://a..b", BrokerFault::Address(AddressFault::Host)),
        ("tcp://-a", BrokerFault::Address(AddressFault::Host)),
        ("tcp://a-.b", BrokerFault::Address(AddressFault::Host)),
        ("tcp://.", BrokerFault::Address(AddressFault::Host)),
        ("tcp://10.0.0.256", BrokerFault::Address(AddressFault::Host)),
        ("tcp://10.1", BrokerFault::Address(AddressFault::Host)),
        ("tcp://h\0", BrokerFault::Address(AddressFault::Host)),
        ("tcp://h*", BrokerFault::Address(AddressFault::Host)),
    ] {
        assert_eq!(BrokerUrl::parse(url), Err(fault), "{url:?}");
    }
}

#[test]
fn host_names_have_lengths() {
    let label = "a".repeat(63);
    let longest = [label.as_str(), &label, &label, &"a".repeat(61)].join(".");
    assert_eq!(longest.len(), 253);
    for (name, right) in [
        (label.clone(), true),
        (format!("{label}a"), false),
        (longest.clone(), true),
        (format!("{longest}."), true),
        (format!("{longest}a"), false),
        (String::new(), false),
    ] {
        assert_eq!(is_host_name(&name), right, "{} bytes", name.len());
    }
}
