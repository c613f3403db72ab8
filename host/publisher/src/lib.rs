//! An MQTT publisher for many tenants: grants, limits, egress, TLS, WebSockets, proxies, MQTT 3.1.1 and 5, and delivery that
//! tells the truth.
//!
//! It has no engine for components and reads no command line. It compiles for machines and for `wasm32-wasip2`.
//!
//! # The way of a send
//!
//! The modules, in the order in which they build on each other: none uses a later one.
//!
//! - `contract`: the types of the interface `publisher`. `options` keeps the secrets of connect options to itself, `error`
//!   says why a message was not acknowledged, `stage` says what a send is doing,
//!   [`TraceContext`] to which trace it belongs.
//! - `platform`: what differs between a machine and WASI.
//! - [`telemetry`]: the span of a send, and the metrics.
//! - `tenant`: what a tenant may do ([`Grants`]), how much of it ([`Limits`]), and what it has under way ([`Quotas`]).
//! - `dial`: from the name of a broker to a transport that carries bytes: look-up, TCP, a proxy, TLS, WebSocket.
//! - `mqtt`: packets, the delivery of messages, and the connection that moves their bytes over a transport.
//! - `admission`: whether a send may begin, and whether its certificates can be used.
//! - `sharing`: connections that sends share, from the first dial to DISCONNECT.
//! - `call` and [`Publisher`]: one call of `publish`, or of `check`, from its beginning to its answer.
//! - `hooks`, `tally` and `engine`, with the feature `wasmtime`: the interface `publisher` for components, what a host hears of a
//!   call besides, and what became of the messages that a component handed over.
#![deny(unsafe_code)]

mod admission;
mod call;
mod dial;
#[cfg(feature = "wasmtime")]
mod engine;
mod error;
#[cfg(feature = "wasmtime")]
mod hooks;
mod mqtt;
mod options;
mod platform;
mod publisher;
mod sharing;
mod stage;
#[cfg(feature = "wasmtime")]
mod tally;
pub mod telemetry;
mod tenant;
#[cfg(feature = "wasmtime")]
mod trace_context;

/// The contract's types of the interface `publisher`.
pub use mqtt_connector_contract::publisher as contract;

pub use dial::egress::{PinnedResolver, Resolver, Resolving, SystemResolver};
pub use dial::tls::CertificateInUse;
#[cfg(feature = "wasmtime")]
pub use engine::{PublisherCtx, PublisherCtxBuilder, PublisherView, add_to_linker};
pub use error::{Error, Refusal, Unsettled};
#[cfg(feature = "wasmtime")]
pub use hooks::{AfterPublish, BeforePublish, Hooks};
pub use options::Options;
pub use platform::Shortage;
pub use publisher::Publisher;
pub use stage::{Stage, Stages};
#[cfg(feature = "wasmtime")]
pub use tally::Tally;
pub use tenant::{
    BrokerGrant, BrokerGrantError, DirectoryGrantError, Grants, Inside, Limits, LimitsBuilder, Permit,
    Quotas, Scheme, Tenant, TenantBuilder, Tenants, Token, TokenDigest, TokenError, TopicFilter,
    TopicFilterError, Visit,
};
#[cfg(feature = "tenants-file")]
pub use tenant::{TenantsError, TenantsFault};
#[cfg(feature = "wasmtime")]
pub use trace_context::TraceContext;

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
