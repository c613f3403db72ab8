//! What all connections of a pool need to know.

use std::sync::Arc;
use std::time::Duration;

use crate::dial::egress::Resolver;

/// What all connections of a pool need to know.
pub(crate) struct PoolConfig {
    pub(crate) resolver: Arc<dyn Resolver>,
    /// How long a connection stays open while no message needs it.
    pub(crate) idle: Duration,
}
