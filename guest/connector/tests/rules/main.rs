//! The rules of the connector, row by row, without a sandbox.

mod accepted;
mod batch;
mod broker;
mod certificates;
mod credentials;
mod documents;
mod dry_run;
mod limits;
mod mqtt5;
mod names;
mod outcome;
mod random;
mod reach;
mod refusals;
mod schema;
mod secrets;
mod series;
mod texts;
mod vendors;
mod wrong;

use mqtt_connector_contract::connector::Meta;
use mqtt_connector_guest::action;

/// A dry run against which nothing stands outside of the component.
fn check(config: &str, request: &str) -> Meta {
    action::check(config, request, |_, _, _| Ok(Vec::new()))
}
