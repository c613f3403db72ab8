//! The Rust side of `wit/connector.wit`, generated.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "mqtt-connector",
    imports: { default: async | trappable },
    exports: { default: async },
});
