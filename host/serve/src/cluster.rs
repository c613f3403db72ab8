//! `cluster`: looks at a cluster of NATS that is to hold executions.

use mqtt_connector::Response;
use mqtt_connector::exit_code::UNUSABLE_FILE;
use mqtt_connector_cli::output::note;
use mqtt_connector_cli::response::response;
use mqtt_connector_cli::session::block_on;
use mqtt_connector_service::{NatsAddress, NatsVerdict, check_nats};

use crate::store;

/// Says what it finds, a line for each, without changing anything.
///
/// # Errors
///
/// The response: no server lets us in, or what is accepted would not be safe.
pub(crate) fn check(address: &NatsAddress) -> Result<String, Response> {
    let findings =
        block_on(check_nats(address, store::login()?))?.map_err(|error| store::unusable(&error))?;
    let wrong = findings.iter().filter(|finding| finding.verdict == NatsVerdict::Wrong).count();
    let lines: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
    if wrong == 0 {
        return Ok(lines);
    }
    note(lines.trim_end());
    let things = if wrong == 1 { "one thing is" } else { "several things are" };
    Err(response(UNUSABLE_FILE, format!("What is accepted is not safe in this cluster: {things} wrong.")))
}
