//! The service behind HTTP (cargo feature `http`): JSON, described by OpenAPI 3.1 at `/openapi.json`. What each path does stands in
//! `docs/service.md`.
//!
//! Faults of the call itself are problem details (RFC 9457). What the connector answers has the status 200, whatever its exit code.
//! Who may call is known by a bearer token (RFC 6750), which belongs to a tenant: see `Tenants::holder` of the crate `mqtt-connector`.
//!
//! # Map
//!
//! - `problem`: what is wrong with a call; `answer`: what a call is answered with.
//! - `prefer`: the header `Prefer`; `query`: what stands behind `?`; `body`: documents, within limits.
//! - `trace_context`: the trace of a call. `calls`: what a tenant's calls take; `api`: what the handlers share; `caller`: whose token it is.
//! - `new_execution`: the body that asks for an execution. `synchronous`, `batch`, `executions`, `operation`: the handlers; `openapi`: their description; `console`: pages for a person; `router`: all of them.
//! - `tls`, `listener`, `server`: connections, within limits.
//!
//! [`Api::router`] is a router of axum for a program that has an HTTP server; [`Server`] is one for a program that has none.

mod answer;
mod api;
mod batch;
mod body;
mod caller;
mod calls;
mod console;
mod executions;
mod listener;
mod new_execution;
mod openapi;
mod operation;
mod prefer;
mod problem;
mod query;
mod router;
mod server;
mod synchronous;
mod tls;
mod trace_context;

pub(crate) use answer::MetaSchema;
pub use api::{Api, ApiBuilder, ConsoleCookies};
pub use listener::{Address, AddressError, Listener};
pub use openapi::document as openapi;
pub use router::{describe_metrics, method_name};
pub use server::Server;
pub use tls::{TlsError, TlsFiles};
pub(crate) use trace_context::TraceContextSchema;
