//! Who may name a proxy, and which.

use std::sync::Arc;

use mqtt_connector::{Tenant, TenantBuilder};
use mqtt_connector_tests::ScriptedBroker;
use serde_json::{Value, json};

use super::scripted::{ScriptedProxy, Then};
use super::{BROKER, OnlyTheProxy, SOCKS5_DONE, broker, send_as, socks5, through};
use crate::support::{assert_meta, with};

fn acme() -> TenantBuilder {
    Tenant::builder("acme").broker(format!("tcp://{BROKER}").parse().unwrap()).topics("t".parse().unwrap())
}

fn named() -> Value {
    with(&through("socks5", 1), json!({ "proxy": "socks5://proxy.example" }))
}

/// What a tenant is told that may not.
fn denied(reason: &str) -> String {
    format!("Not sent, it is not allowed: {reason}.")
}

#[test]
fn a_granted_proxy_is_looked_up_and_the_broker_is_not() {
    let broker = broker();
    let proxy = ScriptedProxy::start(1, socks5(SOCKS5_DONE), Then::Carry(broker.address()));
    let tenant = acme()
        .broker("socks5://proxy.example".parse().unwrap())
        .broker("socks5://127.0.0.1".parse().unwrap())
        .proxy_names(true);
    let resolver = OnlyTheProxy::at(proxy.address());
    let meta = send_as(Arc::new(tenant.build()), &resolver, &named());
    assert_eq!(meta.exit_code, 0, "{}", meta.message);
    assert_eq!(resolver.asked(), [("proxy.example".to_owned(), 1080)]);
    broker.finish();
    proxy.finish();
}

#[test]
fn what_is_not_granted_is_denied_before_anything_is_looked_up() {
    let proxy = || "socks5://proxy.example".parse().unwrap();
    for (tenant, reason) in [
        (
            acme().broker(proxy()),
            "proxy: tenant acme may not name a proxy, which looks names up out of sight; that needs the grant proxy-names",
        ),
        (
            acme().proxy_names(true),
            "proxy: tenant acme may not send through proxy.example port 1080; no grant names it",
        ),
        (
            acme().proxy_names(true).broker("http://proxy.example:1080".parse().unwrap()),
            "proxy: tenant acme may not send through proxy.example port 1080; no grant names it",
        ),
        (
            acme().proxy_names(true).broker("*://proxy.example:*".parse().unwrap()),
            "proxy: tenant acme may not send through proxy.example port 1080; no grant names it",
        ),
        (
            Tenant::builder("acme").topics("t".parse().unwrap()).proxy_names(true).broker(proxy()),
            "broker: tenant acme may not send to broker.behind.example port 1883; no grant names it",
        ),
    ] {
        let untouched = ScriptedBroker::untouched();
        let resolver = OnlyTheProxy::at(untouched.address());
        let meta = send_as(Arc::new(tenant.build()), &resolver, &named());
        assert_meta(&meta, 77, &denied(reason));
        assert_eq!(resolver.asked(), []);
        untouched.finish();
    }
}

#[test]
fn a_proxys_name_may_not_lead_inside_without_a_grant() {
    let untouched = ScriptedBroker::untouched();
    let granted = || acme().broker("socks5://proxy.example".parse().unwrap()).proxy_names(true);
    let resolver = OnlyTheProxy::at(untouched.address());
    let reason = "proxy: tenant acme may not send through proxy.example: 127.0.0.1 is in a private network, which needs a \
                  grant";
    for tenant in [granted(), granted().broker("*://127.0.0.1:*".parse().unwrap())] {
        let meta = send_as(Arc::new(tenant.build()), &resolver, &named());
        assert_meta(&meta, 77, &denied(reason));
    }
    untouched.finish();
}

/// What the proxy does not look up is checked here.
#[test]
fn a_broker_that_is_an_address_is_checked_as_ever() {
    let untouched = ScriptedBroker::untouched();
    let config = with(&named(), json!({ "broker": "tcp://169.254.169.254" }));
    let tenant = acme().broker("socks5://proxy.example".parse().unwrap()).proxy_names(true);
    let resolver = OnlyTheProxy::at(untouched.address());
    let meta = send_as(Arc::new(tenant.build()), &resolver, &config);
    let reason = "broker: tenant acme may not send to 169.254.169.254 port 1883; no grant names it";
    assert_meta(&meta, 77, &denied(reason));
    untouched.finish();
}

#[test]
fn a_proxy_without_an_address_is_told_to_be_the_proxy() {
    let config = with(&named(), json!({ "proxy": "socks5://nobody.example", "retries": 2 }));
    let resolver = OnlyTheProxy::at(([127, 0, 0, 1], 9).into());
    let meta = send_as(crate::support::operator(), &resolver, &config);
    let message = format!(
        "Not sent, the broker tcp://{BROKER}:1883 could not be reached through the proxy socks5://nobody.example:1080: the \
         proxy's host name \"nobody.example\" was not found: nobody knows it."
    );
    assert_meta(&meta, 69, &message);
    assert_eq!(resolver.asked().len(), 1, "it is not tried again");
}
