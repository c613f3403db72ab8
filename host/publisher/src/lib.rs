//! An MQTT publisher for many tenants: grants, limits, egress, TLS, WebSockets, proxies, MQTT 3.1.1 and 5, and delivery that
//! tells the truth.
#![deny(unsafe_code)]

mod admission;
mod call;
mod dial;
#[cfg(feature = "wasmtime")]
mod engine;
mod error;
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

/// The contract's types of the interface `publisher`.
pub use mqtt_connector_contract::publisher as contract;

pub use dial::egress::{PinnedResolver, Resolver, Resolving, SystemResolver};
#[cfg(feature = "wasmtime")]
pub use engine::{PublisherCtx, PublisherCtxBuilder, PublisherView, add_to_linker};
pub use error::{Error, Refusal, Unsettled};
pub use platform::Shortage;
pub use publisher::Publisher;
#[cfg(feature = "wasmtime")]
pub use tally::Tally;
pub use tenant::{
    BrokerGrant, BrokerGrantError, DirectoryGrantError, Grants, Limits, Permit, Quotas, Scheme, Tenant,
    TenantBuilder, Tenants, TopicFilter, TopicFilterError,
};
#[cfg(feature = "tenants-file")]
pub use tenant::{TenantsError, TenantsFault};
