//! What is different between a machine and WASI.

pub(crate) mod blocking;
