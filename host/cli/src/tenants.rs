//! Tenants in a file: who a send is for, and what each may do in plain words.

mod refusals;
mod remarks;
mod token;

use std::fmt::Write as _;

use mqtt_connector::{Response, Tenant, Tenants, TenantsError};
use mqtt_connector_arguments::files::{Limit, NamedFile};
use mqtt_connector_contract::exit_code::PARAMETER;
use mqtt_connector_contract::shown::Shown;

use crate::arguments::TenantArguments;
use crate::output::note;
use crate::refusal::refused;
use crate::response::response;
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
    // Writing to a string does not fail.
    let _ = write!(out, "{}\n  {}\n", tenant.name(), tenant.in_words().join("\n  "));
}
