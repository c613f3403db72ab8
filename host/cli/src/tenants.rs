//! Tenants in a file: who a send is for, and what each may do in plain words.

mod refusals;
mod remarks;
mod token;

use std::fmt::Write as _;

use mqtt_connector::{Response, Tenant, Tenants, TenantsError, Token};
use mqtt_connector_arguments::files::{Limit, NamedFile};
use mqtt_connector_contract::exit_code::PARAMETER;
use mqtt_connector_contract::shown::{Shown, TOPIC};

use crate::arguments::TenantArguments;
use crate::output::note;
use crate::refusal::refused;
use crate::response::response;
pub use token::new_token;
pub(super) use token::token;

/// What the reader of tenants takes. Whatever is wrong with their file has the same exit code.
const OF_TENANTS: Limit = Limit::new(1 << 20, "1 MiB").with_exit_code(PARAMETER);

/// The tenant that the flags name.
///
/// # Errors
///
/// The response: the file cannot be read or used, or has no such tenant.
pub(super) fn find(named: &TenantArguments) -> Result<Tenant, Response> {
    let TenantArguments { file, name } = named;
    let text = file.text(OF_TENANTS).map_err(refused)?;
    let tenants: Tenants =
        text.parse().map_err(|error: TenantsError| response(PARAMETER, format!("{file}: {error}.")))?;
    tenants.get(name).ok_or_else(|| response(PARAMETER, unknown(name, file.path(), &tenants)))
}

/// All tenants of a file, for a service.
///
/// # Errors
///
/// The response: the file cannot be read, or what is wrong with it, a line for each.
pub fn read(file: &NamedFile) -> Result<Tenants, Response> {
    let text = file.text(OF_TENANTS).map_err(refused)?;
    text.parse().map_err(|error| wrong(file.path(), &error))
}

fn unknown(name: &str, path: &str, tenants: &Tenants) -> String {
    let known: Vec<String> = tenants.iter().map(|tenant| tenant.name().to_owned()).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    format!("--tenant {} is not a tenant of {path}; there: {known}.", Shown::whole(name))
}

/// What each tenant of a file may do; what an operator should think about again goes to standard error.
///
/// # Errors
///
/// The response: the file cannot be read, or what is wrong with it, a line for each.
pub(super) fn check(file: &NamedFile) -> Result<String, Response> {
    let path = file.path();
    let tenants = read(file)?;
    if tenants.iter().len() == 0 {
        note(&format!("mqtt-connector: {path}: there is no tenant in it, as in [tenants.acme]"));
    }
    let mut described = String::new();
    for tenant in tenants.iter() {
        for remark in remarks::of(&tenant) {
            note(&format!("mqtt-connector: {path}: tenant {}: {remark}", tenant.name()));
        }
        if !described.is_empty() {
            described.push('\n');
        }
        describe(&tenant, &mut described);
    }
    Ok(described)
}

fn wrong(path: &str, error: &TenantsError) -> Response {
    let count = error.faults().len() + error.more();
    let mut message =
        format!("{path}: {count} {} wrong", if count == 1 { "entry is" } else { "entries are" });
    for fault in error.faults() {
        // Writing to a string does not fail.
        let _ = write!(message, "\n{path}:{}:{}: {}", fault.line(), fault.column(), fault.reason());
    }
    if error.more() > 0 {
        let _ = write!(message, "\n{path}: and {} more", error.more());
    }
    response(PARAMETER, message)
}

fn describe(tenant: &Tenant, out: &mut String) {
    let grants = tenant.grants();
    let directories = grants.directories().unwrap_or_default();
    let directories = directories.iter().map(|directory| directory.display());
    let lines = [
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
        format!("limits: {}", tenant.limits()),
        listed(
            "its callers show one of the tokens",
            tenant.tokens().iter().map(Token::name),
            "nobody calls a service for it",
        ),
        listed("its configuration gives", names(tenant.config()), "its configuration is empty"),
    ];
    // Writing to a string does not fail.
    let _ = write!(out, "{}\n  {}\n", tenant.name(), lines.join("\n  "));
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
