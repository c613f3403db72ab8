//! What a tenant's configuration asks for and its grants do not allow, as far as that can be said before there is a request.

use mqtt_connector::{Scheme, Tenant};
use mqtt_connector_contract::publisher::{Pem, ProxyProtocol, Transport};
use mqtt_connector_contract::shown::{Shown, TOPIC};
use mqtt_connector_guest::broker::{BrokerUrl, Brokers, proxy};
use mqtt_connector_guest::parameters::Parameters;

/// Each names the parameter and what is missing in "its" grants. What the parameters leave open is not refused.
pub(super) fn of(tenant: &Tenant, parameters: &Parameters) -> Vec<String> {
    let mut refusals = Vec::new();
    let grants = tenant.grants();
    let is_granted = |broker: &&BrokerUrl| grants.allows_broker(scheme(broker), broker.host(), broker.port());
    let brokers = parameters.broker.as_ref().map(Brokers::as_slice);
    for broker in brokers.into_iter().flatten().filter(|broker| !is_granted(broker)) {
        let (scheme, host, port) = (broker.scheme().as_str(), broker.host(), broker.port());
        refusals.push(format!("broker {scheme}://{host}:{port} is not among its brokers"));
    }
    if let Some(proxy) = &parameters.proxy {
        let (protocol, host, port) = (proxy.protocol(), proxy.host(), proxy.port());
        let scheme = match protocol {
            ProxyProtocol::Socks5 => Scheme::Socks5,
            ProxyProtocol::Http => Scheme::HttpProxy,
        };
        if !grants.allows_broker(scheme, host, port) {
            refusals
                .push(format!("proxy {}://{host}:{port} is not among its brokers", proxy::name(protocol)));
        }
        if !grants.allows_proxy_names() {
            refusals.push("naming a proxy is not granted (proxy-names)".to_owned());
        }
    }
    let topic = parameters.topic.as_ref().map(|topic| ("topic", topic.as_str()));
    let will = parameters.will.will.as_ref();
    let topics = topic.into_iter().chain(will.map(|will| ("will.topic", will.topic.as_str())));
    for (name, topic) in topics.filter(|(_, topic)| !grants.allows_topic(topic)) {
        refusals.push(format!("{name} {} is not among its topics", Shown::quoted(topic, TOPIC)));
    }
    let payloads = [
        ("content", parameters.content.as_ref()),
        ("content-base64", parameters.content_base64.as_ref()),
        ("will.content", will.map(|will| &will.payload)),
    ];
    for (name, payload) in payloads {
        let size = payload.map_or(0, Vec::len);
        if size > tenant.limits().payload {
            refusals.push(format!("{name} has {size} bytes, more than its limit payload"));
        }
    }
    if parameters.broker.as_ref().is_none_or(Brokers::any_tls) {
        tls(tenant, parameters, &mut refusals);
    }
    refusals
}

fn tls(tenant: &Tenant, parameters: &Parameters, refusals: &mut Vec<String>) {
    let grants = tenant.grants();
    let shows_certificate = parameters.use_certificate == Some(true);
    let files = [
        ("root-ca-crt", parameters.root_ca_crt.as_ref()),
        ("certificate", parameters.certificate.as_ref().filter(|_| shows_certificate)),
        ("private-key", parameters.private_key.as_ref().filter(|_| shows_certificate)),
    ];
    for (name, file) in files {
        match file {
            Some(Pem::File(file)) if !grants.allows_file(file) => {
                refusals.push(format!("{name} {} is not in its directories", Shown::plain(file, TOPIC)));
            }
            Some(Pem::File(_) | Pem::Text(_)) | None => {}
        }
    }
    if parameters.verify_server == Some(false) && !grants.allows_unverified_servers() {
        refusals.push("verify-server false is not granted (unverified-servers)".to_owned());
    }
}

fn scheme(broker: &BrokerUrl) -> Scheme {
    match broker.scheme().transport() {
        Transport::Tcp => Scheme::Tcp,
        Transport::Tls => Scheme::Tls,
        Transport::Websocket => Scheme::WebSocket,
        Transport::WebsocketTls => Scheme::WebSocketTls,
    }
}
