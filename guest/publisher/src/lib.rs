//! The contract's interface `publisher` over WASI 0.2 sockets: crate `mqtt-connector-publisher` as a component, for hosts that
//! have no publisher of their own.
//!
//! There are no tenants here: the host's own limits hold, which directories and networks it lets this component reach.
#![cfg(target_os = "wasi")]
#![deny(unsafe_code)]

#[allow(missing_docs, unreachable_pub, unsafe_code, unused_qualifications, rust_2018_idioms, clippy::all)]
mod bindings;

use std::cell::Cell;

use mqtt_connector_contract::publisher::{ConnectOptions, Error, Message, Receipt, Remark, RetryPolicy};
use mqtt_connector_publisher::{Publisher, Tenant};
use tokio::runtime::{Builder, Runtime};

use bindings::exports::flint::mqtt::publisher;
use bindings::exports::flint::mqtt_wasi::connections;

/// What the calls of one instance share.
struct Instance {
    /// Its tasks run while a call waits, and at no other time: WASI has no threads.
    runtime: Runtime,
    tenant: Tenant,
    publisher: Publisher,
    /// Whether a connection outlives the call that opened it.
    keeps_open: Cell<bool>,
    /// How many connections the last call of `publish` has tried.
    tried: Cell<u32>,
}

thread_local! {
    static INSTANCE: Instance = Instance::start();
}

impl Instance {
    fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build();
        Self {
            runtime: runtime.expect("a runtime needs nothing of a WASI host but memory"),
            tenant: Tenant::unrestricted("operator"),
            publisher: Publisher::default(),
            keeps_open: Cell::new(false),
            tried: Cell::new(0),
        }
    }
}

struct Component;

impl publisher::Guest for Component {
    fn publish(
        options: ConnectOptions,
        messages: Vec<Message>,
        policy: RetryPolicy,
    ) -> Result<Vec<Result<Receipt, Error>>, Error> {
        INSTANCE.with(|instance| {
            let Instance { runtime, tenant, publisher, keeps_open, tried } = instance;
            runtime.block_on(async {
                let (answer, connections) =
                    publisher.publish_counting(tenant, options, messages, policy).await;
                tried.set(connections);
                if !keeps_open.get() {
                    publisher.close().await;
                }
                let settled = answer.map_err(Error::from)?;
                Ok(settled.into_iter().map(|settlement| settlement.map_err(Error::from)).collect())
            })
        })
    }

    fn check(
        options: ConnectOptions,
        messages: Vec<Message>,
        policy: RetryPolicy,
    ) -> Result<Vec<Remark>, Error> {
        INSTANCE.with(|instance| {
            let checked = instance.publisher.check(&instance.tenant, options, &messages, policy);
            instance.runtime.block_on(checked).map_err(Error::from)
        })
    }

    fn connections_tried() -> u32 {
        INSTANCE.with(|instance| instance.tried.get())
    }
}

impl connections::Guest for Component {
    fn keep_open() {
        INSTANCE.with(|instance| instance.keeps_open.set(true));
    }

    fn close() {
        INSTANCE.with(|instance| instance.runtime.block_on(instance.publisher.close()));
    }
}

bindings::export!(Component with_types_in bindings);
