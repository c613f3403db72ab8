//! `mqtt-connector serve`: the program as a process, asked over HTTP, with a real broker behind it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod asynchronous;
mod batch;
mod callers;
mod cluster;
mod collector;
mod console;
mod documentation;
mod endings;
#[path = "../programs/example.rs"]
mod example;
mod faults;
mod forms;
mod listeners;
mod metrics;
mod openapi;
mod operation;
mod support;
mod synchronous;
mod trace_context;
mod traces;
