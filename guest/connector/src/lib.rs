//! The MQTT send connector: a WebAssembly component that turns two JSON objects, a configuration and a
//! request, into one checked publication, and what became of it into an exit code and a message.
//!
//! The component decides, its host acts: every rule about parameters and every word of `meta` is in this
//! crate, every socket, file and limit in the host. Built for `wasm32-unknown-unknown` it is a component
//! with one import, `flint:mqtt/publisher`. Built natively it is a library, so that the rules are
//! tested without a sandbox and the command line takes its flags from [`catalogue::PARAMETERS`].
//!
//! The way of a send, and of this crate; a room imports only from those above it, but for [`action`], which goes through all
//! of them:
//!
//! | room | what it does |
//! |---|---|
//! | [`action`] | `send`, `send-batch` and `check`, with the publisher as a function, and how they are concluded: start here |
//! | `bindings` | the contract's world as Rust |
//! | [`json`] | JSON text, taken apart; one value of it |
//! | [`vendor`] | what is different at AWS IoT Core, Azure IoT Hub and Azure Event Grid |
//! | [`catalogue`] | the table of parameters; what other tools call them |
//! | [`document`] | JSON text → the members of one object, unread; the request laid over the configuration |
//! | [`problem`] | what is wrong with a configuration and a request, in words |
//! | [`message`] | what is sent: topic, content, quality of service, properties, will; each type reads itself |
//! | [`broker`] | how a broker is reached: URLs, TLS, WebSocket, proxy; each type reads itself |
//! | [`parameters`] | the merged members, read by the catalogue → typed [`parameters::Parameters`] |
//! | [`publication`] | the rules between parameters → connect options, message and retry policy |
//! | [`outcome`] | what the publisher answered → exit code and message |
//! | [`schema`] | the JSON Schema of a configuration and of a request, from the catalogue |
//! | `memory` | the component's allocator: an arena that it brings along, and more from the host |
#![deny(unsafe_code)]

pub mod action;
#[cfg(all(target_arch = "wasm32", not(target_os = "wasi")))]
#[allow(missing_docs, unreachable_pub, unsafe_code, unused_qualifications, rust_2018_idioms, clippy::all)]
mod bindings;
pub mod broker;
pub mod catalogue;
pub mod document;
pub mod json;
pub mod message;
pub mod outcome;
pub mod parameters;
pub mod problem;
pub mod publication;
pub mod schema;
pub mod vendor;

#[cfg(all(target_arch = "wasm32", not(target_os = "wasi")))]
#[allow(unsafe_code)]
mod memory;

#[cfg(all(target_arch = "wasm32", not(target_os = "wasi")))]
#[allow(unsafe_code)]
mod component {
    use crate::action::{self, Action, Answer, Conclusions};
    use crate::bindings::exports::flint::mqtt::{connector, steps};
    use crate::bindings::publisher;
    use crate::document::Document;
    use crate::memory;
    use crate::outcome;
    use crate::publication::{Prepared, Remarks, Requests};
    use crate::schema;
    use mqtt_connector_contract::connector::Response;
    use mqtt_connector_contract::publisher::{ConnectOptions, Message, RetryPolicy};

    struct Component;

    fn publish(options: &ConnectOptions, messages: &[Message], policy: RetryPolicy) -> Answer {
        let published = publisher::publish(options, messages, policy);
        Answer { published, connections: publisher::connections_tried() }
    }

    impl connector::Guest for Component {
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

    impl steps::Guest for Component {
        fn prepare(
            action: steps::Action,
            config: String,
            requests: Vec<String>,
        ) -> Vec<Result<steps::Publication, Response>> {
            memory::keep_nothing();
            let action = match action {
                steps::Action::Send => Action::Send,
                steps::Action::Check => Action::Check,
            };
            let config = Document::read(&config);
            let mut read = Requests::over(&config);
            let prepared: Vec<_> = requests.iter().map(|request| read.prepare(request)).collect();
            let foreseen = action::foresee(action, &prepared);
            let prepared = prepared.into_iter().zip(foreseen).map(|(prepared, foreseen)| match prepared {
                Ok(Prepared { connection, message, remarks }) => {
                    Ok(steps::Publication { connection, message, notes: remarks.to_notes(), foreseen })
                }
                Err(wrong) => Err(Response { meta: outcome::invalid(&wrong) }),
            });
            prepared.collect()
        }

        fn conclude(options: ConnectOptions, settled: Vec<steps::Settled>) -> Vec<Response> {
            memory::keep_nothing();
            let mut conclusions = Conclusions::over(&options);
            let answers = settled.iter().map(|(message, notes, outcome)| Response {
                meta: conclusions.of(message, &Remarks::of_notes(*notes), outcome),
            });
            answers.collect()
        }
    }

    crate::bindings::export!(Component with_types_in crate::bindings);
}
