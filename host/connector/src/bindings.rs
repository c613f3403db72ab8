//! The Rust side of the contract's exports, generated; its import is the publisher's.

wasmtime::component::bindgen!({
    path: "wit",
    inline: "package flint:host; world exports { export flint:mqtt/connector@0.2.0; }",
    world: "flint:host/exports",
    exports: { default: async },
});
