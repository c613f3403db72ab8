//! The Rust side of the contract's exports, generated; its import is the publisher's.

wasmtime::component::bindgen!({
    path: "wit",
    inline: "package flint:host; world exports { export flint:mqtt/connector@0.2.0; }",
    world: "flint:host/exports",
    exports: { default: async },
});

/// The actions in two steps, which wait for nothing. The types of the interface `publisher` are the contract's own; what goes into
/// the component is borrowed, so that nothing is copied on its way.
pub(crate) mod in_steps {
    wasmtime::component::bindgen!({
        path: "wit",
        inline: "package flint:host; world steps { export flint:mqtt/steps@0.2.0; }",
        world: "flint:host/steps",
        with: { "flint:mqtt/publisher@0.2.0": super::publisher_types },
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

/// The interface `publisher` for [`in_steps`]: its types, and what generated code names besides and never uses.
#[expect(dead_code, unreachable_pub, reason = "generated code wants them, and wants them public")]
pub mod publisher_types {
    use mqtt_connector_contract::publisher as contract;
    use wasmtime::component::{HasData, Linker};

    pub use contract::RetryPolicy;

    // Generated code has two names for a type that goes in and comes out.
    pub type ConnectOptionsParam<'a> = &'a contract::ConnectOptions;
    pub type ConnectOptionsResult = contract::ConnectOptions;
    pub type MessageParam<'a> = &'a contract::Message;
    pub type MessageResult = contract::Message;
    pub type ReceiptParam<'a> = &'a contract::Receipt;
    pub type ErrorParam<'a> = &'a contract::Error;
    // They stand in a list, which is borrowed.
    pub type RemarkParam<'a> = contract::Remark;

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
