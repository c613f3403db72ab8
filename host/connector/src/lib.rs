//! An MQTT `send` connector for automation platforms: a sandboxed WebAssembly component decides what to send, and this
//! host publishes it.
//!
//! A platform stores a *configuration* (a JSON object), a workflow makes a *request* (a JSON object); the connector
//! merges the request over the configuration, publishes one message to an MQTT broker, and answers with an exit code
//! and a message that a person can act on. Exit code 0 means that the quality of service was reached.
//!
//! ```
//! use mqtt_connector::{Connector, Outcome, Retry, Tenant};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Once per process: the component is compiled and linked.
//! let connector = Connector::new()?;
//!
//! // Once per tenant: nothing is allowed that is not granted.
//! let broker = "ssl://broker.acme.example:8883".parse()?;
//! let acme = Tenant::builder("acme").broker(broker).topics("acme/#".parse()?).build();
//!
//! // For each request. This broker is not among the tenant's grants, so nothing is sent.
//! let config = r#"{"broker": "tcp://localhost:1883", "client-id": "acme-flow"}"#;
//! let request = r#"{"topic": "acme/door", "qos": 1, "content": "open"}"#;
//! let response = connector.send(&acme, config, request).await;
//! assert_eq!(response.meta.exit_code, 77, "{}", response.meta.message);
//! assert_eq!(response.outcome(), Outcome::NotSent { retry: Retry::No });
//! # Ok(())
//! # }
//! ```
//!
//! `examples/embed.rs` is the smallest platform, `examples/many_tenants.rs` one with tenants out of JSON, Prometheus and a log.
//!
//! # Map
//!
//! - [`Connector`]: the component; [`send`](Connector::send), [`send_batch`](Connector::send_batch),
//!   [`check`](Connector::check), [`schema`](Connector::schema).
//! - [`Tenant`], [`Grants`], [`Limits`], [`BrokerGrant`], [`TopicFilter`]: what one party may do; [`Tenants`]: all of
//!   them by name, out of JSON or a file of TOML.
//! - [`publisher`]: the host's side of the contract, for a platform with its own wasmtime engine, and the
//!   [`Resolver`](publisher::Resolver) seam, or one that publishes by itself ([`Publisher`](publisher::Publisher)).
//! - [`telemetry`], [`publisher::telemetry`]: spans and metrics, for an operator.
//! - [`Error`], [`Unsettled`]: why a message was not acknowledged; [`Shortage`]: what the machine had too little of.
//!
//! # Cargo features
//!
//! None is on by default.
//!
//! | feature | what it adds |
//! |---|---|
//! | `compiler` | Cranelift: [`ConnectorBuilder::component`] and [`Connector::precompile`] compile other people's components. The built-in one is compiled by the build and needs none |
//! | `wasi` | other people's components may import WASI 0.2, and are given an empty one |
//! | `tenants-file` | [`Tenants`] are parsed from TOML, too |
//!
//! No feature of a dependency is turned on that changes what other crates of the program do: of `serde_json` there is
//! `raw_value`, and neither `arbitrary_precision` nor `preserve_order`. rustls is used with its provider `ring`, which is given to
//! each of its configurations and not installed for the process.
//!
//! # An engine of one's own
//!
//! [`publisher::add_to_linker`] adds the import of a connector to a linker of **wasmtime 48**, the version that this library has;
//! types of another version do not fit. The exports are bound by the platform, with `wasmtime::component::bindgen!` and a
//! copy of the contract ([`CONTRACT`]) in a directory `wit`:
//!
//! ```ignore
//! wasmtime::component::bindgen!({
//!     path: "wit",
//!     inline: "package example:host; world exports { export flint:mqtt/connector@0.2.0; }",
//!     world: "example:host/exports",
//!     exports: { default: async },
//! });
//! ```
//!
//! `examples/own_engine.rs` is the whole of it. A [`PublisherCtx`](publisher::PublisherCtx) holds for one call, and its time
//! starts when it is built; limits on memory and on computing are the platform's.
//!
//! # Platforms
//!
//! The connector runs on Unix: Linux is tested. What the machine has too little of ([`Shortage`]) is found out by calls that only
//! Unix has. The crate `mqtt-connector-publisher` compiles for `wasm32-wasip2` as well.
//!
//! # The contract
//!
//! It is `wit/connector.wit` ([`CONTRACT`]).
#![deny(unsafe_code)]

mod bindings;
mod connector;
pub mod telemetry;

/// The publisher: the host's side of the contract.
pub use mqtt_connector_publisher as publisher;

pub use connector::{Batch, Connector, ConnectorBuilder, LoadError, Meta, Outcome, Response, component};
/// The table of the exit codes, and what each means.
pub use mqtt_connector_contract::exit_code;
pub use mqtt_connector_contract::exit_code::Retry;
pub use mqtt_connector_publisher::{
    BrokerGrant, BrokerGrantError, DirectoryGrantError, Error, Grants, Limits, LimitsBuilder, Refusal,
    Scheme, Shortage, Tenant, TenantBuilder, Tenants, Token, TokenDigest, TokenError, TopicFilter,
    TopicFilterError, Unsettled,
};
#[cfg(feature = "tenants-file")]
pub use mqtt_connector_publisher::{TenantsError, TenantsFault};

/// The contract between platform, component and host, as WIT.
pub const CONTRACT: &str = mqtt_connector_contract::WIT;

/// The README's example compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// And so does that of the page about tenants.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/tenants.md")]
struct TenantsPage;
