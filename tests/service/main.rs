//! Executions: what each store promises, and what becomes of an execution at a real broker.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(feature = "nats")]
mod logins;
#[cfg(feature = "nats")]
mod messages;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "nats")]
mod nodes;
mod order;
#[cfg(feature = "nats")]
mod permissions;
mod promises;
#[cfg(feature = "nats")]
mod retention;
mod sending;
mod sqlite;
mod support;
#[cfg(feature = "nats")]
mod tools;
mod truth;
