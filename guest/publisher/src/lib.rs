//! The contract's interface `publisher` over WASI 0.2 sockets: crate `mqtt-connector-publisher` as a component, for hosts that
//! have no publisher of their own.
#![cfg(target_os = "wasi")]
#![deny(unsafe_code)]

#[allow(missing_docs, unreachable_pub, unsafe_code, unused_qualifications, rust_2018_idioms, clippy::all)]
mod bindings;

use mqtt_connector_contract::publisher::{ConnectOptions, Error, Message, Receipt, Remark, RetryPolicy};
use mqtt_connector_wasi::publisher as instance;

use bindings::exports::flint::mqtt::publisher;
use bindings::exports::flint::mqtt_wasi::connections;

struct Component;

impl publisher::Guest for Component {
    fn publish(
        options: ConnectOptions,
        messages: Vec<Message>,
        policy: RetryPolicy,
    ) -> Result<Vec<Result<Receipt, Error>>, Error> {
        instance::publish(options, messages, policy)
    }

    fn check(
        options: ConnectOptions,
        messages: Vec<Message>,
        policy: RetryPolicy,
    ) -> Result<Vec<Remark>, Error> {
        instance::check(options, &messages, policy)
    }

    fn connections_tried() -> u32 {
        instance::connections_tried()
    }
}

impl connections::Guest for Component {
    fn keep_open() {
        instance::keep_open();
    }

    fn close() {
        instance::close();
    }
}

bindings::export!(Component with_types_in bindings);
