//! Executions of the MQTT `send` connector: accepted durably, carried out, kept, and found by an identifier.
//!
//! `Connector::send` of the crate `mqtt-connector` is synchronous: the caller waits. [`Executions`] is asynchronous: what it has accepted is carried out,
//! whatever is killed meanwhile, and what has become of it is kept. What it promises in detail stands in `docs/service.md`.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use mqtt_connector::{Connector, Tenant};
//! use mqtt_connector_service::{Executions, Request, SqliteStore, Status, Submission};
//!
//! # #[tokio::main(flavor = "multi_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("executions.db");
//! let connector = Arc::new(Connector::new()?);
//! // The configuration is the tenant's. This broker is not among its grants, so nothing is sent.
//! let config = r#"{"broker": "tcp://localhost:1883", "client-id": "acme-flow"}"#;
//! let acme = connector.tenants().replace(Tenant::builder("acme").config(config).build());
//!
//! let store = SqliteStore::open(&path)?;
//! let executions = Executions::builder(connector, Arc::new(store)).start();
//! let request = Request::parse(r#"{"topic": "acme/door", "content": "open"}"#)?;
//! let accepted = executions.submit(&acme, Submission::new(request)).await?.execution;
//! let ended = executions.wait("acme", accepted.id, Duration::from_secs(10)).await?;
//! let ended = ended.ok_or("it is kept")?;
//! assert_eq!((ended.status, ended.meta.map(|meta| meta.exit_code)), (Status::Finished, Some(77)));
//! executions.drain(Duration::from_secs(30)).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//!
//! The modules, in the order in which they build on each other: none uses a later one, but that an execution knows its errors.
//!
//! - `files`: those that an operator names. `text`, [`Timestamp`]; `execution`: [`Execution`], [`Id`], [`Status`], [`Attempt`], [`StageTime`], [`Options`], [`Request`]; `query`: [`Query`], [`Page`];
//!   `error`: what may stand against an execution.
//! - [`store`]: what a store promises. `waiting`: who waits for an execution to end. `health`: whether it can be
//!   written. `backlog`: how many may wait. `backoff`: how long it is waited between attempts. `sqlite`: [`SqliteStore`], the one that needs
//!   nothing. `nats`: `NatsStore`, the one for many machines, with the cargo feature `nats`.
//! - `secrets`: which parameters are not stored. `counts`: how the sends of the last day ended.
//! - `carry_out`: one attempt, from its claim to its answer. `dispatcher`: whose turn it is.
//! - `executions`: [`Executions`].
//! - `http`: all of it behind HTTP, with the cargo feature `http`.
#![forbid(unsafe_code)]

mod backlog;
mod backoff;
mod carry_out;
#[cfg_attr(not(feature = "http"), allow(dead_code, reason = "the console alone shows what was counted"))]
mod counts;
mod dispatcher;
mod error;
mod execution;
mod executions;
#[cfg(any(feature = "http", feature = "nats"))]
mod files;
mod health;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "nats")]
mod nats;
mod query;
mod secrets;
mod sqlite;
pub mod store;
mod text;
mod timestamp;
mod waiting;

pub use error::{ChangeError, StoreError, SubmitError};
pub use execution::{
    Attempt, Execution, Id, IdError, Options, OptionsError, Request, RequestError, StageTime, Status,
};
pub use executions::{Executions, ExecutionsBuilder, Submission, Submitted};
#[cfg(feature = "nats")]
pub use nats::{
    NatsAddress, NatsAddressError, NatsError, NatsFinding, NatsLogin, NatsStore, NatsStoreBuilder,
    NatsVerdict, check_nats,
};
pub use query::{Cursor, CursorError, Page, Query};
pub use sqlite::{OpenError, SqliteStore, SqliteStoreBuilder};
pub use store::Store;
pub use timestamp::{Timestamp, TimestampError};
