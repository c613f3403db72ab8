//! The rules of the connector, row by row, without a sandbox.

mod accepted;
mod batch;
mod broker;
mod documents;
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
mod wrong;
