//! Tenants in a file: who a send is for, and what each may do in plain words.

mod refusals;
mod remarks;

use std::fmt::Write as _;

use clap::ArgMatches;
use mqtt_connector::{Response, Tenant, Tenants, TenantsError};
use mqtt_connector_contract::exit_code::PARAMETER;
use mqtt_connector_contract::shown::{Shown, TOPIC};

use crate::arguments::{CONFIG, FILE, TENANT, TENANTS};
use crate::files::Named;
use crate::output::note;
use crate::response::response;

/// The tenant that the flags name; `None` without them: the person at the command line is the operator.
///
/// # Errors
///
/// The response: the flags do not fit together, the file cannot be read or used, or has no such tenant.
pub(super) fn named(matches: &ArgMatches) -> Result<Option<Tenant>, Response> {
    let given = |name: &str| matches.get_one::<String>(name);
    let (path, name) = match (given(TENANTS), given(TENANT)) {
        (None, None) => return Ok(None),
        (Some(path), Some(name)) => (path, name),
        (Some(_), None) => {
            return Err(usage(&format!("--{TENANTS} FILE also needs --{TENANT} NAME: who sends")));
        }
        (None, Some(_)) => {
            return Err(usage(&format!("--{TENANT} NAME also needs --{TENANTS} FILE: what a tenant may do")));
        }
    };
    if given(CONFIG).is_some() {
        return Err(usage(&format!(
            "--{CONFIG} and --{TENANT} cannot be used together: the configuration is the tenant's, from its table config"
        )));
    }
    let file = Named::flag(TENANTS, path);
    let tenants: Tenants = file
        .text()?
        .parse()
        .map_err(|error: TenantsError| response(PARAMETER, format!("{file}: {error}.")))?;
    tenants.get(name).map(Some).ok_or_else(|| response(PARAMETER, unknown(name, path, &tenants)))
}

fn unknown(name: &str, path: &str, tenants: &Tenants) -> String {
    let known: Vec<String> = tenants.iter().map(|tenant| tenant.name().to_owned()).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    format!("--{TENANT} {} is not a tenant of {path}; there: {known}.", Shown::whole(name))
}

/// What each tenant of a file may do; what an operator should think about again goes to standard error.
///
/// # Errors
///
/// The response: the file cannot be read, or what is wrong with it, a line for each.
pub(super) fn check(matches: &ArgMatches) -> Result<String, Response> {
    let path = matches.get_one::<String>(FILE).map(String::as_str).unwrap_or_default();
    let tenants: Tenants = Named::argument(path).text()?.parse().map_err(|error| wrong(path, &error))?;
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
        format!("limits: {}", tenant.limits()),
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

fn usage(reason: &str) -> Response {
    response(PARAMETER, format!("The command line: {reason}."))
}
