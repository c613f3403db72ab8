//! One connection at a time for each client identifier.
//!
//! A broker that sees a second connection with a client identifier ends the first (MQTT 3.1.1, section 3.1.4): two
//! sends of one configuration at one moment would throw each other out. So they take turns.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::bindings::flint::mqtt::publisher::ConnectOptions;
use crate::tenant::Tenant;

/// Who is connected with which client identifier.
#[derive(Default)]
pub(super) struct Turns {
    clients: Mutex<HashMap<Client, Arc<AsyncMutex<()>>>>,
}

/// A client identifier, at a broker. The tenant is part of it: tenants never wait for each other.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Client {
    tenant: String,
    host: String,
    port: u16,
    client_id: String,
}

/// A turn; dropping it passes it on.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    client: Client,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits until no other send of `tenant` is connected with the client identifier of `options`. `None` where the
    /// broker chooses the identifier: there is nothing to wait for.
    pub(super) async fn turn(&self, tenant: &Tenant, options: &ConnectOptions) -> Option<Turn<'_>> {
        if options.client_id.is_empty() {
            return None;
        }
        let client = Client {
            tenant: tenant.name().to_owned(),
            host: options.broker.host.clone(),
            port: options.broker.port,
            client_id: options.client_id.clone(),
        };
        let lock = Arc::clone(self.lock().entry(client.clone()).or_default());
        // Made before the wait, so that one who stops waiting leaves nothing behind.
        let mut turn = Turn { turns: self, client, guard: None };
        turn.guard = Some(lock.lock_owned().await);
        Some(turn)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Client, Arc<AsyncMutex<()>>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.guard = None;
        let mut clients = self.turns.lock();
        if let Entry::Occupied(entry) = clients.entry(self.client.clone())
            && Arc::strong_count(entry.get()) == 1
        {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::bindings::flint::mqtt::publisher::{Broker, ProtocolVersion, Transport};

    fn options(client_id: &str) -> ConnectOptions {
        ConnectOptions {
            broker: Broker { transport: Transport::Tcp, host: "h".to_owned(), port: 1, path: String::new() },
            protocol_version: ProtocolVersion::V311,
            client_id: client_id.to_owned(),
            credentials: None,
            clean_session: true,
            keep_alive: 0,
            will: None,
            tls: None,
            websocket_headers: Vec::new(),
            session_expiry_interval: None,
        }
    }

    #[test]
    fn the_second_waits_for_the_first_and_nothing_is_left_behind() {
        let (turns, acme, other) =
            (Turns::default(), Tenant::builder("acme").build(), Tenant::builder("other").build());
        let mut context = Context::from_waker(Waker::noop());
        let (one, two, none) = (options("one"), options("two"), options(""));
        {
            let Poll::Ready(first) = pin!(turns.turn(&acme, &one)).poll(&mut context) else {
                panic!("the first has to wait")
            };
            let mut second = pin!(turns.turn(&acme, &one));
            assert!(second.as_mut().poll(&mut context).is_pending());
            assert!(pin!(turns.turn(&acme, &two)).poll(&mut context).is_ready(), "another client");
            assert!(pin!(turns.turn(&other, &one)).poll(&mut context).is_ready(), "another tenant");
            assert!(pin!(turns.turn(&acme, &none)).poll(&mut context).is_ready(), "no identifier");
            let mut third = Box::pin(turns.turn(&acme, &one));
            assert!(third.as_mut().poll(&mut context).is_pending());
            drop(third);
            drop(first);
            assert!(second.as_mut().poll(&mut context).is_ready());
        }
        assert!(turns.lock().is_empty());
    }
}
