//! Grants and what they allow, row by row, and whatever a file may hold.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::*;

#[test]
fn a_grant_allows_what_it_names_and_nothing_else() {
    use Scheme::{HttpProxy, Socks5, Tcp, Tls, WebSocket, WebSocketTls};
    for (grant, scheme, host, port, allowed) in [
        ("tcp://broker.example", Tcp, "broker.example", 1883, true),
        ("mqtt://broker.example", Tcp, "Broker.Example.", 1883, true),
        ("tcp://broker.example", Tcp, "broker.example", 1884, false),
        ("tcp://broker.example", Tls, "broker.example", 8883, false),
        ("tcp://broker.example", Tcp, "broker.example.evil", 1883, false),
        ("tcp://broker.example:*", Tcp, "broker.example", 1, true),
        ("*://broker.example", Tls, "broker.example", 8883, true),
        ("*://broker.example", Tls, "broker.example", 1883, false),
        ("*://broker.example:*", WebSocket, "broker.example", 9001, true),
        ("wss://broker.example", WebSocketTls, "broker.example", 443, true),
        ("ssl://*.iot.example:8883", Tls, "a.iot.example", 8883, true),
        ("ssl://*.iot.example:8883", Tls, "a.b.iot.example", 8883, true),
        ("ssl://*.iot.example:8883", Tls, "iot.example", 8883, false),
        ("ssl://*.iot.example:8883", Tls, "eviliot.example", 8883, false),
        ("tcp://10.0.0.0/8:1883", Tcp, "10.1.2.3", 1883, true),
        ("tcp://10.0.0.0/8:1883", Tcp, "11.1.2.3", 1883, false),
        ("tcp://10.0.0.0/8:1883", Tcp, "ten.example", 1883, false),
        ("tcp://[fd00::]/8:1883", Tcp, "fd00::1", 1883, true),
        ("tcp://[fd00::1]", Tcp, "fd00::1", 1883, true),
        ("tcp://[fd00::1]", Tcp, "fd00::2", 1883, false),
        ("tcp://127.0.0.1:1883", Tcp, "127.0.0.1", 1883, true),
        ("tcp://127.0.0.1:1883", Tcp, "localhost", 1883, false),
        // A dot at the end says that a name is complete; two are no name, and an address has none.
        ("tcp://Broker.Example.", Tcp, "broker.example", 1883, true),
        ("tcp://broker.example", Tcp, "broker.example..", 1883, false),
        ("ssl://*.iot.example.", Tls, "a.IOT.example.", 8883, true),
        ("ssl://*.iot.example", Tls, ".iot.example", 8883, false),
        ("tcp://10.0.0.0/8", Tcp, "10.1.2.3.", 1883, false),
        // An IPv4 address is the same in its IPv4-mapped spelling, on either side.
        ("tcp://10.0.0.0/8", Tcp, "::ffff:10.1.2.3", 1883, true),
        ("tcp://10.0.0.0/8", Tcp, "::ffff:a01:203", 1883, true),
        ("tcp://10.0.0.0/8", Tcp, "::ffff:11.1.2.3", 1883, false),
        ("tcp://[::ffff:10.0.0.0]/104", Tcp, "10.1.2.3", 1883, true),
        ("tcp://[::ffff:10.0.0.0]/104", Tcp, "11.1.2.3", 1883, false),
        ("tcp://[::ffff:10.1.2.3]", Tcp, "10.1.2.3", 1883, true),
        ("tcp://[::]/0", Tcp, "10.1.2.3", 1883, false),
        ("tcp://[::]/0", Tcp, "::ffff:10.1.2.3", 1883, false),
        ("tcp://0.0.0.0/0", Tcp, "fd00::1", 1883, false),
        ("tcp://0.0.0.0/0", Tcp, "fe80::1%eth0", 1883, false),
        // Unusual spellings of addresses are names: which address they lead to is checked when it is known.
        ("tcp://127.0.0.0/8", Tcp, "127.1", 1883, false),
        ("tcp://127.0.0.0/8", Tcp, "0x7f000001", 1883, false),
        ("tcp://127.0.0.0/8", Tcp, "2130706433", 1883, false),
        ("tcp://127.0.0.0/8", Tcp, "0177.0.0.1", 1883, false),
        ("tcp://127.0.0.0/8", Tcp, "127.000.000.001", 1883, false),
        ("tcp://127.0.0.0/8", Tcp, "localhost", 1883, false),
        // Letters that look or fold like others are others.
        ("tcp://broker.example", Tcp, "bro\u{212a}er.example", 1883, false),
        ("ssl://*.iot.example", Tls, "a.\u{130}ot.example", 8883, false),
        ("tcp://xn--bcher-kva.example", Tcp, "b\u{fc}cher.example", 1883, false),
        ("socks5://proxy.example", Socks5, "proxy.example", 1080, true),
        ("socks5://proxy.example", HttpProxy, "proxy.example", 1080, false),
        ("http://proxy.example", HttpProxy, "proxy.example", 80, true),
        ("HTTP://10.0.0.0/8:*", HttpProxy, "10.1.2.3", 3128, true),
        ("*://proxy.example:*", Socks5, "proxy.example", 1080, false),
        ("*://proxy.example:*", HttpProxy, "proxy.example", 80, false),
        ("socks5://proxy.example:*", Tcp, "proxy.example", 1080, false),
    ] {
        let parsed: BrokerGrant = grant.parse().unwrap();
        assert_eq!(parsed.to_string(), grant);
        assert_eq!(parsed.allows(scheme, host, port), allowed, "{grant} {host}:{port}");
    }
}

#[test]
fn a_wrong_grant_says_what_would_be_right() {
    for (grant, reason) in [
        ("broker.example", "wants scheme://host[:port], as in ssl://broker.example:8883"),
        (
            "https://a",
            "the scheme \"https\" is not known; tcp, mqtt, ssl, tls, mqtts, ws, wss and * are, and socks5 and http for \
             proxies",
        ),
        ("tcp://a:0", "the port \"0\" is not a number from 1 to 65535, or *"),
        ("tcp://a:70000", "the port \"70000\" is not a number from 1 to 65535, or *"),
        ("tcp://a:", "the port \"\" is not a number from 1 to 65535, or *"),
        ("tcp://a:+80", "the port \"+80\" is not a number from 1 to 65535, or *"),
        ("tcp://", "a host stands after ://, as in ssl://broker.example:8883"),
        ("tcp://:1883", "a host stands after ://, as in ssl://broker.example:8883"),
        ("tcp://::1", "an IPv6 address stands in brackets, as in tcp://[fd00::1]:1883"),
        ("tcp://[::1", "the bracket has no end"),
        (
            "tcp://[fd00::/8]",
            "brackets hold an IPv6 address, as in tcp://[fd00::1]:1883 or tcp://[fd00::]/8:1883",
        ),
        (
            "tcp://[10.0.0.1]",
            "brackets hold an IPv6 address, as in tcp://[fd00::1]:1883 or tcp://[fd00::]/8:1883",
        ),
        (
            "tcp://[::1]x",
            "brackets hold an IPv6 address, as in tcp://[fd00::1]:1883 or tcp://[fd00::]/8:1883",
        ),
        ("tcp://fd00::/8", "an IPv6 address stands in brackets, as in tcp://[fd00::1]:1883"),
        ("tcp://10.1.0.0/8", "the range 10.1.0.0/8 has bits after its prefix; 10.0.0.0/8 is meant?"),
        ("tcp://10.0.0.0/99", "the prefix length of \"10.0.0.0/99\" is not one; 10.0.0.0/8 has one"),
        ("tcp://a/b", "\"a/b\" has a path; a grant is scheme://host[:port]"),
        ("wss://a:443/mqtt", "\"a:443/mqtt\" has a path; a grant is scheme://host[:port]"),
        (
            "tcp://127.1",
            "the host \"127.1\" ends in a number, as no name does; an IPv4 address has four of them, as in 127.0.0.1",
        ),
        (
            "tcp://0x7F000001:1883",
            "the host \"0x7F000001\" ends in a number, as no name does; an IPv4 address has four of them, as in 127.0.0.1",
        ),
        (
            "tcp://b\u{fc}cher.example",
            "the host \"b\u{fc}cher.example\" is not ASCII; write it as it is looked up, as in xn--bcher-kva.example",
        ),
        (
            "tcp://*",
            "the host \"*\" is not a name, *.suffix, an address or a range; a * stands for whole labels at the front",
        ),
        (
            "tcp://a*.b",
            "the host \"a*.b\" is not a name, *.suffix, an address or a range; a * stands for whole labels at the front",
        ),
    ] {
        let error = grant.parse::<BrokerGrant>().unwrap_err();
        assert_eq!(error.to_string(), format!("broker grant {grant:?}: {reason}"));
    }
}

#[test]
fn a_password_in_a_grant_is_not_repeated() {
    const USER: &str = "a grant has no user name and no password; those are parameters of the connector";
    const HIDDEN: &str = "wants scheme://host[:port], as in ssl://broker.example:8883; what it has instead is not \
                          shown: it may be a secret";
    for (grant, shown, reason) in [
        ("ssl://ann:se/cr:et@broker.example:8883", "ssl://…@broker.example:8883", USER),
        ("ann:secret@broker.example", "…@broker.example", USER),
        ("ssl://ann:se@cret@broker.example", "ssl://…@broker.example", USER),
        ("ssl://ann:secret%40host", "ssl://…", USER),
        ("ssl://ann:secret%40broker.example:8883", "ssl://…", USER),
        ("ssl://ann:secret%2540broker.example", "ssl://…", USER),
        ("ssl://ann:se/cret%40broker.example", "ssl://…", USER),
        ("ann%3Asecret%40broker.example", "…", USER),
        ("ssl://ann:s@cret@secret", "ssl://…", USER),
        ("ssl://ann:planted@b", "ssl://…@b", USER),
        ("ssl://ann:secret@", "ssl://…", USER),
        ("secret://ann:secret@[::1]:1", "…@[::1]:1", USER),
        ("ssl://ann:secret", "ssl://…", HIDDEN),
        ("ssl://ann:secret:8883", "ssl://…", HIDDEN),
        ("tcp://[::1]:secret", "tcp://…", HIDDEN),
        ("tcp://[::1:secret", "tcp://…", HIDDEN),
        ("ann:secret", "…", HIDDEN),
        ("wss://broker.example/mqtt?token=secret", "wss://…", HIDDEN),
        ("wss://broker.example?token=secret", "wss://…", HIDDEN),
    ] {
        let error = grant.parse::<BrokerGrant>().unwrap_err();
        assert_eq!(error.to_string(), format!("broker grant {shown:?}: {reason}"), "{grant}");
        let debug = format!("{error:?}");
        assert!(!debug.contains("cret"), "{debug}");
    }
}

#[test]
fn what_grants_a_lot_says_so() {
    const METADATA: &str = "it includes an address at which clouds hand out credentials (169.254.169.254, 100.100.100.200, fd00:ec2::254 and others)";
    for (grant, caution) in [
        ("tcp://broker.example", None),
        ("tcp://10.0.0.0/8", None),
        ("ssl://*.broker.example", None),
        ("ssl://*.example", Some("it means every name below a whole top-level domain")),
        ("tcp://32.0.0.0/4", Some("it is a very wide range of addresses")),
        ("tcp://[2000::]/3", Some("it is a very wide range of addresses")),
        ("tcp://0.0.0.0/0", Some(METADATA)),
        ("tcp://[::ffff:0:0]/96", Some(METADATA)),
        ("tcp://169.254.0.0/16", Some(METADATA)),
        ("tcp://100.64.0.0/10", Some(METADATA)),
        ("tcp://168.63.129.16", Some(METADATA)),
        ("tcp://[fd00::]/8", Some(METADATA)),
        ("tcp://169.254.169.254", Some(METADATA)),
    ] {
        assert_eq!(grant.parse::<BrokerGrant>().unwrap().caution(), caution, "{grant}");
    }
}

#[test]
fn in_a_document_it_is_a_string() {
    let grants: Vec<BrokerGrant> = serde_json::from_str(r#"["ssl://*.Broker.example:*"]"#).unwrap();
    assert_eq!(serde_json::to_string(&grants).unwrap(), r#"["ssl://*.Broker.example:*"]"#);
    for (document, error) in [
        (
            r#"["https://a"]"#,
            "broker grant \"https://a\": the scheme \"https\" is not known; tcp, mqtt, ssl, tls, mqtts, ws, wss and * are, \
             and socks5 and http for proxies at line 1 column 13",
        ),
        ("[5]", "invalid type: integer `5`, expected a string at line 1 column 2"),
    ] {
        assert_eq!(serde_json::from_str::<Vec<BrokerGrant>>(document).unwrap_err().to_string(), error);
    }
}

proptest! {
    #[test]
    fn any_text_is_a_grant_that_is_shown_as_it_was_or_an_error(
        text in r"(?s).{0,40}|(tcp|ssl|ws|\*|x)://[\[\]*./:a-f0-9@%ü-]{0,30}",
        host in r"(?s).{0,20}|[0-9a-fx.:]{0,20}",
    ) {
        match text.parse::<BrokerGrant>() {
            Ok(grant) => {
                prop_assert_eq!(grant.to_string(), text);
                prop_assert_eq!(grant.to_string().parse(), Ok(grant.clone()));
                let _ = grant.allows(Scheme::Tcp, &host, 1883);
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    /// Whatever a broker's host looks like: if it is an address for `std`, a range decides; if not, a range never does.
    #[test]
    fn a_range_grants_its_addresses_and_no_other_text(
        network: [u8; 4], length in 0..=32_u8, address: [u8; 4], name in r"[0-9a-fx]{1,9}(\.[0-9]{1,4}){0,4}\.?",
    ) {
        let network = Ipv4Net::new(network.into(), length).unwrap().trunc();
        let grant: BrokerGrant = format!("tcp://{network}").parse().unwrap();
        let address = Ipv4Addr::from(address);
        let granted = network.contains(&address);
        prop_assert_eq!(grant.allows(Scheme::Tcp, &address.to_string(), 1883), granted);
        prop_assert_eq!(grant.allows(Scheme::Tcp, &address.to_ipv6_mapped().to_string(), 1883), granted);
        prop_assert!(!grant.allows(Scheme::Tcp, &(address.to_string() + "."), 1883));
        let by_name = name.parse::<IpAddr>().is_ok_and(|address| IpNet::from(network).contains(&address));
        prop_assert_eq!(grant.allows(Scheme::Tcp, &name, 1883), by_name);
    }
}
