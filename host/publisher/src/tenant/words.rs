//! What a tenant may do, in words.

use mqtt_connector_contract::shown::{Shown, TOPIC};

use super::{Tenant, Token};

impl Tenant {
    /// What the tenant may do and how much of it, for a person: a line each, without a full stop. Of its configuration there are the names of
    /// parameters, of its tokens their names.
    #[must_use]
    pub fn in_words(&self) -> Vec<String> {
        let grants = self.grants();
        let directories = grants.directories().unwrap_or_default();
        let directories = directories.iter().map(|directory| directory.display());
        vec![
            listed("may send to", grants.brokers().unwrap_or_default(), "may send nowhere"),
            listed("may publish to", grants.topics().unwrap_or_default(), "may publish nothing"),
            listed("may read certificate, key and CA files below", directories, "may read no files"),
            if grants.allows_private_networks() {
                "may reach private networks by the names of its brokers".to_owned()
            } else {
                "may not reach private networks, but for addresses that are granted as brokers".to_owned()
            },
            if grants.allows_unverified_servers() {
                "may send to brokers whose certificate nobody verifies".to_owned()
            } else {
                "may not send to brokers whose certificate is not verified".to_owned()
            },
            if grants.allows_proxy_names() {
                "may send through proxies, which look names up out of sight".to_owned()
            } else {
                "may not send through a proxy".to_owned()
            },
            if grants.allows_stored_secrets() {
                "may have requests with passwords and keys stored".to_owned()
            } else {
                "may not have requests with passwords and keys stored".to_owned()
            },
            if grants.allows_trace_context() {
                "messages of MQTT 5 say which trace they belong to".to_owned()
            } else {
                "messages do not say which trace they belong to".to_owned()
            },
            format!("limits: {}", self.limits()),
            listed(
                "its callers show one of the tokens",
                self.tokens().iter().map(Token::name),
                "nobody calls a service for it",
            ),
            listed("its configuration gives", names(self.config()), "its configuration is empty"),
        ]
    }
}

/// What is on a list, or that there is nothing.
fn listed<T: ToString>(may: &str, entries: impl IntoIterator<Item = T>, nothing: &str) -> String {
    let shown = |entry: T| Shown::plain(&entry.to_string(), TOPIC).to_string();
    let entries: Vec<String> = entries.into_iter().map(shown).collect();
    if entries.is_empty() { nothing.to_owned() } else { format!("{may} {}", entries.join(", ")) }
}

/// The names of the parameters in a configuration, without their values.
fn names(config: &str) -> Vec<String> {
    let object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(config);
    object.map(|object| object.keys().cloned().collect()).unwrap_or_default()
}
