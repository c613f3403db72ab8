//! The composed artifacts under the stock `wasmtime`, as a user has it: `make component` has built them, `make wasmtime` installs it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod artifacts;
mod http;
mod invoke;
mod judged;
mod lines;
mod sending;
mod support;
mod transports;
