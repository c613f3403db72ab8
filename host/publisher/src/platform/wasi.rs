//! WASI 0.2: no threads, files only where the host has opened a directory, sockets without options.

pub(crate) mod blocking;
pub(crate) mod files;
pub(crate) mod names;
pub(crate) mod random;
pub(super) mod resources;
pub(crate) mod socket;
pub(crate) mod trust_anchors;
