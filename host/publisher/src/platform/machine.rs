//! A machine with an operating system: files, threads, sockets.

pub(crate) mod blocking;
pub(crate) mod files;
pub(crate) mod names;
pub(crate) mod random;
pub(super) mod resources;
pub(crate) mod socket;
pub(crate) mod trust_anchors;
