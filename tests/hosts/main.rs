//! Hosts of the connector, as users have them: the stock `wasmtime`, which `make wasmtime` installs, with the composed artifacts that
//! `make component` has built; and the examples in other languages.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod artifacts;
mod examples;
mod http;
mod invoke;
mod judged;
mod lines;
mod sending;
mod shortages;
mod support;
mod transports;
