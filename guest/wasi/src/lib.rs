//! The connector and its publisher in one instance of a component, over the sockets of WASI 0.2: what `guest/command`,
//! `guest/http` and `guest/publisher` are components of.
//!
//! | module | what it does |
//! |---|---|
//! | `connector` | the actions of the interface `connector`, published by this instance |
//! | `publisher` | crate `mqtt-connector-publisher`, with a runtime that turns while a call waits |
//!
//! Connector and publisher are linked, and not composed of two components: what both use is there once, and a message goes from one to
//! the other as it is.
#![cfg(target_os = "wasi")]
#![deny(unsafe_code)]

pub mod connector;
pub mod publisher;

pub use mqtt_connector_publisher::Shortage;
