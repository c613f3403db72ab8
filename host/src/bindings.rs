//! The Rust side of `wit/connector.wit`, generated.
//!
//! The `Debug` of these types shows passwords, keys and payloads: it is not to be used on connect options and messages.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "mqtt-connector",
    imports: { default: async | trappable },
    exports: { default: async },
    additional_derives: [PartialEq],
});
