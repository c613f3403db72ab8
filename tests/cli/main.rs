//! The command line, as a person or a script runs it: a process with arguments, files, an environment and an exit
//! status.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod away;
mod documents;
mod embed;
#[path = "../programs/example.rs"]
mod example;
mod examples;
mod files;
mod inputs;
mod lines;
mod logging;
mod operator;
mod origins;
mod output;
mod packaging;
mod pages;
mod process;
mod requests;
mod results;
mod secrets;
mod sending;
mod shortages;
mod signals;
mod support;
mod tenants;
mod tenants_check;
mod texts;
mod usage;
mod values;
