//! The Rust side of the contract's exports, generated; its import is the publisher's.

wasmtime::component::bindgen!({
    path: "wit",
    inline: "package flint:host; world exports { export flint:mqtt/connector@0.2.0; }",
    world: "flint:host/exports",
    exports: { default: async },
});

/// The actions in two steps, which wait for nothing. The types of the interface `publisher` are the contract's own.
pub(crate) mod in_steps {
    wasmtime::component::bindgen!({
        path: "wit",
        inline: "package flint:host; world steps { export flint:mqtt/steps@0.2.0; }",
        world: "flint:host/steps",
        with: { "flint:mqtt/publisher@0.2.0": super::publisher_types },
    });
}

/// The interface `publisher` for [`in_steps`]: its types, and what generated code names besides and never uses.
#[expect(dead_code, unreachable_pub, reason = "generated code wants them, and wants them public")]
pub mod publisher_types {
    use wasmtime::component::{HasData, Linker};

    pub use mqtt_connector_contract::publisher::*;

    pub trait Host {}
    pub trait HostWithStore<T> {}

    impl<T: ?Sized> Host for T {}
    impl<T, H: ?Sized> HostWithStore<T> for H {}

    pub fn add_to_linker<T: 'static, D: HasData>(
        _: &mut Linker<T>,
        _: fn(&mut T) -> D::Data<'_>,
    ) -> wasmtime::Result<()> {
        Ok(())
    }
}
