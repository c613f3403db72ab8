//! The runtime in which tests and benchmarks send.

use tokio::runtime::{Builder, Runtime};

/// With two workers: for sends that go on side by side, or while the test does something else.
pub(crate) fn two_workers() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}
