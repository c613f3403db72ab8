//! What the component and a tenant cannot do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mqtt_connector::publisher::{PinnedResolver, SystemResolver};
use mqtt_connector::{Connector, Tenant};
use mqtt_connector_tests::port::SilentPort;
use mqtt_connector_tests::{Mosquitto, ScriptedBroker};
use serde_json::json;

use crate::support::{assert_meta, block_on, builder, config, send_as, with};

fn request() -> serde_json::Value {
    json!({ "topic": "t", "content": "x" })
}

#[test]
fn the_component_imports_nothing_but_the_publisher() {
    let engine = wasmtime::Engine::default();
    let component =
        wasmtime::component::Component::from_binary(&engine, mqtt_connector::component()).unwrap();
    let kind = component.component_type();
    let imports: Vec<_> = kind.imports(&engine).map(|(name, _)| name.to_owned()).collect();
    assert_eq!(imports, ["flint:mqtt/publisher@0.2.0"]);
    let exports: Vec<_> = kind.exports(&engine).map(|(name, _)| name.to_owned()).collect();
    assert_eq!(exports, ["flint:mqtt/connector@0.2.0", "flint:mqtt/steps@0.2.0"]);
    assert!(mqtt_connector::component().len() <= 320 * 1024, "{} bytes", mqtt_connector::component().len());
}

#[test]
fn a_broker_without_a_grant_gets_no_packet() {
    for grants in [vec![], vec!["tcp://127.0.0.1:1"], vec!["ssl://127.0.0.1:*"], vec!["tcp://10.0.0.0/8:*"]] {
        let broker = ScriptedBroker::untouched();
        let tenant = grants
            .iter()
            .fold(Tenant::builder("acme"), |tenant, grant| tenant.broker(grant.parse().unwrap()))
            .build();
        let meta = send_as(&Arc::new(tenant), &config(broker.port()), &request());
        let reason = format!(
            "broker: tenant acme may not send to 127.0.0.1 port {}; no grant names it; and topic: tenant acme may not \
             publish to \"t\"; no grant names it",
            broker.port()
        );
        assert_meta(&meta, 77, &format!("Not sent, it is not allowed: {reason}."));
        broker.finish();
    }
}

#[test]
fn a_broker_with_a_grant_gets_the_message() {
    let broker = Mosquitto::start();
    for grant in [format!("tcp://127.0.0.1:{}", broker.port()), "*://127.0.0.0/8:*".to_owned()] {
        let tenant =
            Tenant::builder("acme").broker(grant.parse().unwrap()).topics("t".parse().unwrap()).build();
        let meta = send_as(&Arc::new(tenant), &config(broker.port()), &request());
        assert_eq!(meta.exit_code, 0, "{grant}: {}", meta.message);
    }
}

#[test]
fn a_granted_name_that_leads_inside_gets_no_packet() {
    let rows = [
        ("127.0.0.1", "127.0.0.1 is in a private network, which needs a grant"),
        ("10.1.2.3", "10.1.2.3 is in a private network, which needs a grant"),
        ("172.16.0.1", "172.16.0.1 is in a private network, which needs a grant"),
        ("192.168.1.1", "192.168.1.1 is in a private network, which needs a grant"),
        ("100.64.0.1", "100.64.0.1 is in a private network, which needs a grant"),
        ("0.0.0.0", "0.0.0.0 is not a public address, and needs a grant of its own"),
        ("169.254.169.254", "169.254.169.254 is not a public address, and needs a grant of its own"),
        ("224.0.0.1", "224.0.0.1 is not a public address, and needs a grant of its own"),
        ("255.255.255.255", "255.255.255.255 is not a public address, and needs a grant of its own"),
        ("::1", "::1 is in a private network, which needs a grant"),
        ("::", ":: is not a public address, and needs a grant of its own"),
        ("::ffff:127.0.0.1", "127.0.0.1 is in a private network, which needs a grant"),
        ("::ffff:169.254.169.254", "169.254.169.254 is not a public address, and needs a grant of its own"),
        ("64:ff9b::a00:1", "10.0.0.1 is in a private network, which needs a grant"),
        ("2002:7f00:1::", "127.0.0.1 is in a private network, which needs a grant"),
        ("2002:c058:6301::", "192.88.99.1 is not a public address, and needs a grant of its own"),
        ("::10.0.0.1", "10.0.0.1 is in a private network, which needs a grant"),
        ("192.0.0.192", "192.0.0.192 is not a public address, and needs a grant of its own"),
        ("192.88.99.1", "192.88.99.1 is not a public address, and needs a grant of its own"),
        ("198.51.100.1", "198.51.100.1 is not a public address, and needs a grant of its own"),
        ("240.0.0.1", "240.0.0.1 is not a public address, and needs a grant of its own"),
        ("2001::1", "2001::1 is not a public address, and needs a grant of its own"),
        ("2001:0:7f00:1::", "2001:0:7f00:1:: is not a public address, and needs a grant of its own"),
        ("2001:2::1", "2001:2::1 is not a public address, and needs a grant of its own"),
        ("2001:10::1", "2001:10::1 is not a public address, and needs a grant of its own"),
        ("2001:20::1", "2001:20::1 is not a public address, and needs a grant of its own"),
        ("2001:1ff:ffff::1", "2001:1ff:ffff::1 is not a public address, and needs a grant of its own"),
        ("2001:db8::1", "2001:db8::1 is not a public address, and needs a grant of its own"),
        ("3fff::1", "3fff::1 is not a public address, and needs a grant of its own"),
        ("3fff:fff::1", "3fff:fff::1 is not a public address, and needs a grant of its own"),
        ("5f00::1", "5f00::1 is not a public address, and needs a grant of its own"),
        ("64:ff9b:1::a00:1", "64:ff9b:1::a00:1 is not a public address, and needs a grant of its own"),
        ("100::1", "100::1 is not a public address, and needs a grant of its own"),
        ("100:0:0:1::1", "100:0:0:1::1 is not a public address, and needs a grant of its own"),
        ("fec0::1", "fec0::1 is not a public address, and needs a grant of its own"),
        ("4000::1", "4000::1 is not a public address, and needs a grant of its own"),
        ("fe80::1", "fe80::1 is not a public address, and needs a grant of its own"),
        ("fd00::1", "fd00::1 is in a private network, which needs a grant"),
        ("168.63.129.16", "168.63.129.16 is not a public address, and needs a grant of its own"),
        ("100.100.100.200", "100.100.100.200 is not a public address, and needs a grant of its own"),
        ("64:ff9b::a83f:8110", "168.63.129.16 is not a public address, and needs a grant of its own"),
        ("fd00:ec2::23", "fd00:ec2::23 is not a public address, and needs a grant of its own"),
        ("fd20:ce::254", "fd20:ce::254 is not a public address, and needs a grant of its own"),
        ("fd00:42::42", "fd00:42::42 is not a public address, and needs a grant of its own"),
        ("fd00:ec2::254", "fd00:ec2::254 is not a public address, and needs a grant of its own"),
        ("ff02::1", "ff02::1 is not a public address, and needs a grant of its own"),
    ];
    // Each row has a name, which leads to a public address too.
    let public = "8.8.8.8:1883".parse().unwrap();
    let mut resolver = PinnedResolver::new(Arc::new(SystemResolver));
    for (index, (address, _)) in rows.iter().enumerate() {
        let inside = SocketAddr::new(address.parse().unwrap(), 1883);
        let name = format!("a{index}.example");
        resolver = resolver.pin(&name, 1883, public).pin(&name, 1883, inside);
    }
    let connector = builder().resolver(Arc::new(resolver)).build().unwrap();
    for (index, (_, reason)) in rows.iter().enumerate() {
        let url = format!("tcp://a{index}.example");
        let tenant = Tenant::builder("acme").topics("t".parse().unwrap());
        let tenant = Arc::new(tenant.broker(url.parse().unwrap()).build());
        let configuration = json!({ "broker": url, "client-id": "c" }).to_string();
        let meta = block_on(connector.send(&tenant, &configuration, &request().to_string())).meta;
        let reason = format!("broker: tenant acme may not send to a{index}.example: {reason}");
        assert_meta(&meta, 77, &format!("Not sent, it is not allowed: {reason}."));
    }
}

#[test]
fn a_granted_name_may_lead_inside_with_a_grant_for_that() {
    let broker = Mosquitto::start();
    let resolver = PinnedResolver::new(Arc::new(SystemResolver)).pin("acme.example", 1883, broker.address());
    let connector = builder().resolver(Arc::new(resolver)).build().unwrap();
    let named = || {
        let tenant = Tenant::builder("acme").topics("t".parse().unwrap());
        tenant.broker("tcp://acme.example".parse().unwrap())
    };
    for tenant in [
        named().private_networks(true).build(),
        named().broker("tcp://127.0.0.1".parse().unwrap()).build(),
        named().broker("*://127.0.0.0/8:*".parse().unwrap()).build(),
    ] {
        let configuration = json!({ "broker": "tcp://acme.example", "client-id": "c" }).to_string();
        let meta = block_on(connector.send(&Arc::new(tenant), &configuration, &request().to_string())).meta;
        assert_eq!(meta.exit_code, 0, "{}", meta.message);
    }
}

/// Whether `broker` is tried at all by a tenant with `grants`.
fn is_tried(connector: &Connector, grants: &[&str], broker: &str) -> bool {
    let tenant = Tenant::builder("acme").topics("t".parse().unwrap());
    let tenant = grants.iter().fold(tenant, |tenant, grant| tenant.broker(grant.parse().unwrap())).build();
    let configuration =
        json!({ "broker": broker, "client-id": "c", "timeout": 200, "retries": 0 }).to_string();
    let meta = block_on(connector.send(&Arc::new(tenant), &configuration, &request().to_string())).meta;
    eprintln!("{grants:?} {broker}: {}", meta.message);
    meta.exit_code != 77
}

/// An address with an IPv4 address inside is granted as what it is, or as what is inside; a wide range of IPv6 says
/// nothing about IPv4.
#[test]
fn an_address_with_another_inside_has_a_grant_of_its_own() {
    let rows = [
        ("tcp://[64:ff9b::a00:1]", "64:ff9b::a00:1", true),
        ("tcp://[64:ff9b::a00:0]/120", "64:ff9b::a00:1", true),
        ("tcp://[64:ff9b::]/96", "64:ff9b::a00:1", true),
        ("tcp://10.0.0.0/8", "64:ff9b::a00:1", true),
        ("tcp://[64:ff9b::a00:2]", "64:ff9b::a00:1", false),
        ("tcp://[64:ff9b::]/64", "64:ff9b::a00:1", false),
        ("tcp://[::]/0", "64:ff9b::a00:1", false),
        ("tcp://[2002:a00:1::]", "2002:a00:1::", true),
        ("tcp://[2002:a00:1::]/48", "2002:a00:1::5", true),
        ("tcp://[2002::]/16", "2002:a00:1::", true),
        ("tcp://[2000::]/3", "2002:a00:1::", false),
        ("tcp://[::10.0.0.1]", "::10.0.0.1", true),
        ("tcp://[::]/0", "::10.0.0.1", false),
        ("tcp://[::ffff:10.0.0.1]", "::ffff:10.0.0.1", true),
        ("tcp://[::ffff:0:0]/96", "::ffff:10.0.0.1", true),
        ("tcp://[::]/0", "::ffff:10.0.0.1", false),
    ];
    let mut resolver = PinnedResolver::new(Arc::new(SystemResolver));
    for (index, (_, address, _)) in rows.iter().enumerate() {
        let address = SocketAddr::new(address.parse().unwrap(), 1883);
        resolver = resolver.pin(&format!("a{index}.example"), 1883, address);
    }
    let connector = builder().resolver(Arc::new(resolver)).build().unwrap();
    for (index, (grant, address, tried)) in rows.into_iter().enumerate() {
        let name = format!("tcp://a{index}.example");
        assert_eq!(is_tried(&connector, &[&name, grant], &name), tried, "{grant}: a name of {address}");
        // With 10.0.0.0/8 granted, 64:ff9b::a00:1 is not a broker that a grant names, although one may lead there.
        let as_written = tried && grant != "tcp://10.0.0.0/8";
        let literal = format!("tcp://[{address}]");
        assert_eq!(is_tried(&connector, &[grant], &literal), as_written, "{grant}: {literal}");
    }
}

#[test]
fn the_tenants_limit_caps_the_timeout() {
    let silent = SilentPort::open();
    let grant = format!("tcp://127.0.0.1:{}", silent.port()).parse().unwrap();
    let tenant = Tenant::builder("acme").broker(grant).topics("t".parse().unwrap());
    let tenant = tenant.timeout(Duration::from_millis(200)).build();
    let started = Instant::now();
    let meta =
        send_as(&Arc::new(tenant), &with(&config(silent.port()), json!({ "timeout": 60000 })), &request());
    assert_eq!(meta.exit_code, 75, "{}", meta.message);
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn what_is_wrong_sends_nothing() {
    let broker = ScriptedBroker::untouched();
    let meta = send_as(
        &crate::support::operator(),
        &config(broker.port()),
        &json!({ "topic": "a/#", "content": "x" }),
    );
    assert_eq!(meta.exit_code, 64, "{}", meta.message);
    broker.finish();
}

#[test]
fn another_component_that_wants_more_is_refused_when_it_is_loaded() {
    let wasi = r#"(component (import "wasi:cli/environment@0.2.0" (instance (export "f" (func)))))"#;
    let error = builder().component(wat::parse_str(wasi).unwrap()).build().unwrap_err();
    assert!(error.to_string().contains("wasi:cli/environment@0.2.0"), "{error}");
    let error = builder().component(b"not a component".to_vec()).build().unwrap_err();
    assert!(error.to_string().starts_with("the component cannot be loaded: "), "{error}");
}
