//! The MQTT send connector: a WebAssembly component that turns two JSON objects, a configuration and a
//! request, into one checked publication, and what became of it into an exit code and a message.
//!
//! The component decides, its host acts: every rule about parameters and every word of `meta` is in this
//! crate, every socket, file and limit in the host. Built for `wasm32-unknown-unknown` it is a component
//! with one import, `flint:mqtt/publisher`. Built natively it is a library, so that the rules are
//! tested without a sandbox and the command line takes its flags from [`parameters::PARAMETERS`].
//!
//! The way of a send, and of this crate:
//!
//! | module | what it does |
//! |---|---|
//! | [`action`] | `send`, `send-batch` and `check`, with the publisher as a function: start here |
//! | [`document`] | JSON text → the members of one object, unread |
//! | [`merge`] | the request over the configuration, parameter by parameter |
//! | [`parameters`] | the table of parameters; the merged members → typed [`parameters::Parameters`] |
//! | [`brokers`], [`broker`], [`address`], [`proxy`], [`websocket`] | how the broker is reached; one checked type each: what can be built is right |
//! | [`topic`], [`qos`], [`text`], [`pem`], [`tls`], [`content`], [`will`], [`properties`] | the same for what is sent, and to whom |
//! | [`vendor`] | what is different at AWS IoT Core, Azure IoT Hub and Azure Event Grid |
//! | [`publication`] | the rules between parameters; connect options, message and retry policy |
//! | [`outcome`] | what the publisher answered → exit code and message |
//! | [`problem`], [`wants`] | what is wrong with a parameter, and what it should be |
//! | [`json`], [`value`] | taking JSON text apart; reading one value |
//! | [`confidential`] | the contract's records that hold secrets, with a `Debug` that does not |
//! | `memory` | the component's allocator |
//! | [`schema`] | the JSON Schema of a configuration and of a request |
#![deny(unsafe_code)]

pub mod action;
pub mod address;
pub mod broker;
pub mod brokers;
pub mod confidential;
pub mod content;
pub mod document;
pub mod json;
pub mod merge;
pub mod outcome;
pub mod parameters;
pub mod pem;
pub mod problem;
pub mod properties;
pub mod proxy;
pub mod publication;
pub mod qos;
pub mod schema;
pub mod text;
pub mod tls;
pub mod topic;
pub mod value;
pub mod vendor;
pub mod wants;
pub mod websocket;
pub mod will;

/// The contract, `wit/connector.wit`, as Rust.
#[allow(missing_docs, unreachable_pub, unsafe_code, unused_qualifications, rust_2018_idioms, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "mqtt-connector",
        // Sends that are equal in connect options share a connection: see `action::send_batch`.
        additional_derives: [PartialEq, Eq, Hash],
        // The generated `Debug` prints every field; these records hold secrets or content.
        with: {
            "flint:mqtt/publisher@0.2.0/credentials": crate::confidential::Credentials,
            "flint:mqtt/publisher@0.2.0/pem": crate::confidential::Pem,
            "flint:mqtt/publisher@0.2.0/client-identity": crate::confidential::ClientIdentity,
            "flint:mqtt/publisher@0.2.0/websocket-header": crate::confidential::WebsocketHeader,
            "flint:mqtt/publisher@0.2.0/will": crate::confidential::Will,
            "flint:mqtt/publisher@0.2.0/message": crate::confidential::Message,
        },
    });

    pub use exports::flint::mqtt::connector::Meta;
    pub use flint::mqtt::publisher;
}

#[cfg(any(target_arch = "wasm32", test))]
#[allow(unsafe_code)]
mod memory;

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)]
mod component {
    use crate::action::{self, Answer};
    use crate::bindings::exports::flint::mqtt::connector::{Guest, Response};
    use crate::bindings::publisher::{self, ConnectOptions, RetryPolicy};
    use crate::confidential::Message;
    use crate::schema;

    struct Component;

    fn publish(options: &ConnectOptions, messages: &[Message], policy: RetryPolicy) -> Answer {
        let published = publisher::publish(options, messages, policy);
        Answer { published, connections: publisher::connections_tried() }
    }

    impl Guest for Component {
        fn send(config: String, request: String) -> Response {
            Response { meta: action::send(&config, &request, publish) }
        }

        fn send_batch(config: String, requests: Vec<String>) -> Vec<Response> {
            let answers = action::send_batch(&config, &requests, publish);
            answers.into_iter().map(|meta| Response { meta }).collect()
        }

        fn check(config: String, request: String) -> Response {
            Response { meta: action::check(&config, &request, publisher::check) }
        }

        fn schema() -> String {
            schema::schema()
        }
    }

    crate::bindings::export!(Component with_types_in crate::bindings);
}
