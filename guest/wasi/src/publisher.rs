//! The publisher of this instance.
//!
//! There are no tenants here: the host's own limits hold, which directories and networks it lets this component reach.

use std::cell::Cell;

use mqtt_connector_contract::publisher::{ConnectOptions, Error, Message, RetryPolicy};
use mqtt_connector_guest::action::{Checked, Published};
use mqtt_connector_publisher::{Publisher, Tenant};
use tokio::runtime::{Builder, Runtime};

/// What the calls of one instance share.
struct Instance {
    /// Its tasks run while a call waits, and at no other time: WASI has no threads.
    runtime: Runtime,
    tenant: Tenant,
    publisher: Publisher,
    /// Whether a connection outlives the call that opened it.
    keeps_open: Cell<bool>,
    /// How many connections the last call of [`publish`] has tried.
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

/// Publishes the messages in order over one connection, and ends that with DISCONNECT, but for [`keep_open`].
///
/// # Errors
///
/// The connection could not be used for any message; within the list, what became of that message.
pub fn publish(options: ConnectOptions, messages: Vec<Message>, policy: RetryPolicy) -> Published {
    INSTANCE.with(|instance| {
        let Instance { runtime, tenant, publisher, keeps_open, tried } = instance;
        runtime.block_on(async {
            let (answer, connections) = publisher.publish_counting(tenant, options, messages, policy).await;
            tried.set(connections);
            if !keeps_open.get() {
                publisher.close().await;
            }
            let settled = answer.map_err(Error::from)?;
            Ok(settled.into_iter().map(|settlement| settlement.map_err(Error::from)).collect())
        })
    })
}

/// What stands against publishing these messages, as far as it can be known without the network.
///
/// # Errors
///
/// What [`publish`] would end with.
pub fn check(options: ConnectOptions, messages: &[Message], policy: RetryPolicy) -> Checked {
    INSTANCE.with(|instance| {
        let checked = instance.publisher.check(&instance.tenant, options, messages, policy);
        instance.runtime.block_on(checked).map_err(Error::from)
    })
}

/// How many connections the last [`publish`] has tried.
pub fn connections_tried() -> u32 {
    INSTANCE.with(|instance| instance.tried.get())
}

/// From now on a connection stays open when a [`publish`] has ended, for the next one with equal connect options. Nothing is written
/// meanwhile, not even PINGREQ.
pub fn keep_open() {
    INSTANCE.with(|instance| instance.keeps_open.set(true));
}

/// Closes every connection, each with DISCONNECT.
pub fn close() {
    INSTANCE.with(|instance| instance.runtime.block_on(instance.publisher.close()));
}
