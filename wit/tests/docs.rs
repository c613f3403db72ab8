//! The tables of exit codes in the documentation are the one in the code.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;

use mqtt_connector_contract::exit_code::reason_code::{FIRST, LAST, MEANING};
use mqtt_connector_contract::exit_code::{ExitCode, TABLE};

const BEGIN: &str =
    "<!-- exit codes: made by `UPDATE_DOCS=1 cargo test -p mqtt-connector-contract --test docs` -->\n";
const END: &str = "<!-- end of exit codes -->\n";

/// Holds the table between the marks in a file, a path from the root of the repository, against the right one.
fn assert_table(file: &str, right: &str) {
    let path = format!("{}/../{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (stands, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, [before, BEGIN, right, END, after].concat()).unwrap();
        return;
    }
    assert!(stands == right, "the table in {file} is stale; UPDATE_DOCS=1 makes it anew");
}

fn row(table: &mut String, code: &ExitCode) {
    let ExitCode { code, name, meaning, delivery, retry } = code;
    writeln!(table, "| {code} | {name} | {meaning} | {} | {} |", delivery.as_str(), retry.as_str()).unwrap();
}

const HEAD: &str = "| code | name | meaning | delivery | send it again? |\n|---|---|---|---|---|\n";

#[test]
fn the_short_table() {
    let mut table = HEAD.to_owned();
    TABLE.iter().filter(|known| known.code < i32::from(FIRST)).for_each(|known| row(&mut table, known));
    let by_code = "[by code](docs/exit-codes.md)";
    writeln!(table, "| {FIRST} to {LAST} | the standard's | {MEANING} | {by_code} | {by_code} |").unwrap();
    assert_table("README.md", &table);
}

#[test]
fn the_table_of_reason_codes() {
    let mut table = HEAD.to_owned();
    TABLE.iter().filter(|known| known.code >= i32::from(FIRST)).for_each(|known| row(&mut table, known));
    assert_table("docs/exit-codes.md", &table);
}
