//! Connections that sends share.

pub(crate) mod link;
pub(crate) mod pool;
