//! What an operator should think about again before a tenant is let loose.

use std::collections::{BTreeSet, HashSet};
use std::path::{Component, Path};

use mqtt_connector::{Grants, Scheme, Tenant, Token};
use mqtt_connector_contract::shown::{Shown, TOPIC};
use mqtt_connector_guest::document::{Document, Merged, Source};
use mqtt_connector_guest::parameters::Parameters;
use mqtt_connector_guest::problem::Problem;

use super::refusals;

/// Each as a line without a full stop, the grants first.
pub(super) fn of(tenant: &Tenant) -> Vec<String> {
    let mut remarks = Vec::new();
    grants(tenant.grants(), &mut remarks);
    tokens(tenant, &mut remarks);
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
        let directory = directory.to_string_lossy();
        let directory = Shown::plain(&directory, TOPIC);
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
    let proxies = grants.brokers().unwrap_or_default();
    let proxies = proxies.iter().filter(|grant| grant.scheme().is_some_and(Scheme::is_proxy)).count();
    match (grants.allows_proxy_names(), proxies) {
        (true, 0) => remarks.push(
            "proxy-names: none of its brokers is a proxy (socks5://… or http://…), so it can name none".to_owned(),
        ),
        (true, 1..) => remarks.push(
            "proxy-names: what the names of its brokers lead to is looked up by the proxy, and not checked here"
                .to_owned(),
        ),
        (false, 1..) => remarks.push(
            "brokers: a proxy is granted to no effect, without proxy-names = true".to_owned(),
        ),
        (false, 0) => {}
    }
}

/// Whether a directory is the whole system's, by its place: /, /etc.
fn is_shared(path: &Path) -> bool {
    path.components().filter(|component| matches!(component, Component::Normal(_))).count() < 2
}

/// Which names are those of several tokens.
fn tokens(tenant: &Tenant, remarks: &mut Vec<String>) {
    let mut seen = HashSet::new();
    let repeated = tenant.tokens().iter().map(Token::name).filter(|name| !seen.insert(*name));
    for name in repeated.collect::<BTreeSet<_>>() {
        remarks.push(format!(
            "tokens: {name}: it is the name of several, so that nobody knows one of them by it"
        ));
    }
}

/// What the configuration asks for and the grants do not allow, and what is wrong with it whatever the request says.
fn config(tenant: &Tenant, remarks: &mut Vec<String>) {
    let source = Source::Configuration;
    let (config, request) = match (Document::read(tenant.config()), Document::read("{}")) {
        (Ok(config), Ok(request)) => (config, request),
        (Err(fault), _) | (_, Err(fault)) => return remarks.push(format!("config: {source} {fault}")),
    };
    let mut problems: Vec<Problem<'_>> = Problem::of_names(source, &config).collect();
    let parameters = Parameters::read(Merged::new(&config, &request), &mut problems);
    remarks.extend(problems.iter().map(|problem| format!("config: {problem}")));

    let refusals = refusals::of(tenant, &parameters);
    remarks.extend(refusals.iter().map(|refusal| format!("config: {refusal}")));
}
