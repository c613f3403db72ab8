//! The store in NATS JetStream: its promises, of one server and one node.

use std::sync::Arc;

use mqtt_connector_service::{NatsAddress, NatsStore, Store};
use mqtt_connector_tests::NatsCluster;

use crate::promises::{Kind, all_promises};

/// A server of its own.
pub(crate) struct Nats {
    cluster: NatsCluster,
}

impl Nats {
    /// The address, for the node with this name.
    pub(crate) fn address(&self, node: &str) -> NatsAddress {
        format!("{}?replicas=1&node={node}", self.cluster.address()).parse().unwrap()
    }
}

impl Kind for Nats {
    fn new() -> Self {
        Self { cluster: NatsCluster::start(1) }
    }

    // Whoever has the name of a node that is gone has its place.
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(NatsStore::builder(self.address("one")).open().await.unwrap())
    }
}

all_promises!(Nats);
