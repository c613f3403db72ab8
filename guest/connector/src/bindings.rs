//! The contract, `wit/connector.wit`, as Rust.

pub mod confidential;

#[allow(missing_docs, unreachable_pub, unsafe_code, unused_qualifications, rust_2018_idioms, clippy::all)]
mod generated {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "mqtt-connector",
        // Sends that are equal in connect options share a connection: see `action::send_batch`.
        additional_derives: [PartialEq, Eq, Hash],
        // The generated `Debug` prints every field; these records hold secrets or content.
        with: {
            "flint:mqtt/publisher@0.2.0/credentials": crate::bindings::confidential::Credentials,
            "flint:mqtt/publisher@0.2.0/pem": crate::bindings::confidential::Pem,
            "flint:mqtt/publisher@0.2.0/client-identity": crate::bindings::confidential::ClientIdentity,
            "flint:mqtt/publisher@0.2.0/websocket-header": crate::bindings::confidential::WebsocketHeader,
            "flint:mqtt/publisher@0.2.0/will": crate::bindings::confidential::Will,
            "flint:mqtt/publisher@0.2.0/message": crate::bindings::confidential::Message,
        },
    });
}

#[cfg(target_arch = "wasm32")]
pub(crate) use generated::{export, exports};

pub use generated::exports::flint::mqtt::connector::Meta;
pub use generated::flint::mqtt::publisher;
