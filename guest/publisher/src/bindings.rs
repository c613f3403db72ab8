//! The world of this component as Rust. The types of the interface `publisher` are the contract's own.

mqtt_connector_contract::generate!(path: ["../../wit", "wit"], world: "flint:mqtt-wasi/publisher");
