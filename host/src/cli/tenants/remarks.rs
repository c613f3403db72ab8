//! What an operator should think about again before a tenant is let loose.

use std::path::{Component, Path};

use mqtt_connector::{Grants, Scheme, Tenant};
use mqtt_connector_guest::bindings::publisher::Transport;
use mqtt_connector_guest::broker::BrokerUrl;
use mqtt_connector_guest::confidential::Pem;
use mqtt_connector_guest::document::{Document, Source};
use mqtt_connector_guest::merge::Merged;
use mqtt_connector_guest::parameters::Parameters;
use mqtt_connector_guest::shown::{Shown, TOPIC};

/// Each as a line without a full stop, the grants first.
pub(super) fn of(tenant: &Tenant) -> Vec<String> {
    let mut remarks = Vec::new();
    grants(tenant.grants(), &mut remarks);
    config(tenant, &mut remarks);
    remarks
}

fn grants(grants: &Grants, remarks: &mut Vec<String>) {
    let brokers = grants.brokers().unwrap_or_default();
    let topics = grants.topics().unwrap_or_default();
    if brokers.is_empty() {
        remarks.push("brokers: there is none, so it can send nothing".to_owned());
    }
    if topics.is_empty() {
        remarks.push("topics: there is none, so it can publish nothing".to_owned());
    }
    let brokers = brokers.iter().filter_map(|grant| Some(("brokers", grant.to_string(), grant.caution()?)));
    let topics = topics.iter().filter_map(|filter| Some(("topics", filter.to_string(), filter.caution()?)));
    for (entry, granted, caution) in brokers.chain(topics) {
        remarks.push(format!("{entry}: {}: {caution}", Shown::plain(&granted, TOPIC)));
    }
    for directory in grants.directories().unwrap_or_default().into_iter().filter(|path| is_shared(path)) {
        let directory = directory.display();
        remarks.push(format!("directories: {directory}: it holds more than the certificates of one tenant"));
    }
    if grants.allows_private_networks() {
        remarks.push(
            "private-networks: whoever sets what the names of its brokers lead to, can point them at this machine and \
             at the networks it is in"
                .to_owned(),
        );
    }
    if grants.allows_unverified_servers() {
        remarks.push(
            "unverified-servers: with verify-server false, anybody on the way can read and change its messages and \
             passwords"
                .to_owned(),
        );
    }
}

/// Whether a directory is the whole system's, by its place: /, /etc.
fn is_shared(path: &Path) -> bool {
    path.components().filter(|component| matches!(component, Component::Normal(_))).count() < 2
}

/// What the configuration asks for and the grants do not allow, and what is wrong with it whatever the request says.
fn config(tenant: &Tenant, remarks: &mut Vec<String>) {
    let (config, request) =
        match (Document::read(Source::Configuration, tenant.config()), Document::read(Source::Request, "{}"))
        {
            (Ok(config), Ok(request)) => (config, request),
            (Err(problem), _) | (_, Err(problem)) => return remarks.push(format!("config: {problem}")),
        };
    let mut problems = config.problems().to_vec();
    let parameters = Parameters::read(Merged::new(&config, &request), &mut problems);
    remarks.extend(problems.iter().map(|problem| format!("config: {problem}")));

    let grants = tenant.grants();
    let is_granted = |broker: &&BrokerUrl| grants.allows_broker(scheme(broker), broker.host(), broker.port());
    if let Some(broker) = parameters.broker.as_ref().filter(|broker| !is_granted(broker)) {
        let (scheme, host, port) = (broker.scheme().as_str(), broker.host(), broker.port());
        remarks.push(format!(
            "config: broker {scheme}://{host}:{port} is not among its brokers, so it cannot be used"
        ));
    }
    let topic = parameters.topic.as_ref().map(|topic| ("topic", topic.as_str()));
    let will = parameters.will.as_ref().map(|will| ("will.topic", will.topic.as_str()));
    for (name, topic) in topic.into_iter().chain(will).filter(|(_, topic)| !grants.allows_topic(topic)) {
        let topic = Shown::quoted(topic, TOPIC);
        remarks.push(format!("config: {name} {topic} is not among its topics, so it cannot be used"));
    }
    let files = [
        ("root-ca-crt", &parameters.root_ca_crt),
        ("certificate", &parameters.certificate),
        ("private-key", &parameters.private_key),
    ];
    for (name, file) in files {
        let Some(Pem::File(file)) = file else { continue };
        let directories = grants.directories().unwrap_or_default();
        if !directories.iter().any(|directory| Path::new(file).starts_with(directory)) {
            let file = Shown::plain(file, TOPIC);
            remarks.push(format!("config: {name} {file} is not in its directories, so it cannot be read"));
        }
    }
    if parameters.verify_server == Some(false) && !grants.allows_unverified_servers() {
        remarks.push(
            "config: verify-server false needs unverified-servers, which is not granted, so it cannot be used"
                .to_owned(),
        );
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
