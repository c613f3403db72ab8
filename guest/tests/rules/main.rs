//! The rules of the connector, row by row, without a sandbox.

mod accepted;
mod batch;
mod broker;
mod documents;
mod limits;
mod names;
mod outcome;
mod random;
mod schema;
mod secrets;
mod series;
mod wrong;
