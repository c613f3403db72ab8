//! The table of parameters in docs/parameters.md is the one in the code.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;

use mqtt_connector_guest::catalogue::{Kind, PARAMETERS, Parameter};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/parameters.md");
const BEGIN: &str =
    "<!-- parameters: made by `UPDATE_DOCS=1 cargo test -p mqtt-connector-guest --test docs` -->\n";
const END: &str = "<!-- end of parameters -->\n";

#[test]
fn the_table_of_parameters_is_the_one_in_the_code() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (stands, after) = rest.split_once(END).unwrap();
    let right = table();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, [before, BEGIN, &right, END, after].concat()).unwrap();
        return;
    }
    assert!(stands == right, "the table in docs/parameters.md is stale; UPDATE_DOCS=1 makes it anew");
}

fn table() -> String {
    let mut table = "| name | JSON | default | what it is |\n|---|---|---|---|\n".to_owned();
    for parameter in PARAMETERS {
        let Parameter { name, default_note, description, .. } = parameter;
        let kind = kind(parameter.kind);
        let description = description.replace('|', "\\|");
        writeln!(table, "| `{name}` | {kind} | {default_note} | {description} |").unwrap();
    }
    table
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Constant(value) => format!("`\"{value}\"`"),
        Kind::String(_) => "string".to_owned(),
        Kind::Choice { values, .. } => {
            values.iter().map(|value| format!("`\"{value}\"`")).collect::<Vec<_>>().join(" or ")
        }
        Kind::Qos => "0, 1 or 2".to_owned(),
        Kind::Integer { minimum, maximum, unit: "" } => format!("{minimum} to {maximum}"),
        Kind::Integer { unit, .. } => format!("number of {unit}"),
        Kind::Boolean => "boolean".to_owned(),
        Kind::Strings => "list of strings".to_owned(),
        Kind::Brokers => "string or list of strings".to_owned(),
        Kind::Texts => "object of strings".to_owned(),
        Kind::Properties => "object of strings, or list of pairs".to_owned(),
        Kind::Will => "object".to_owned(),
        Kind::Any => "any".to_owned(),
    }
}
