//! What may block. WASI has no threads, so that it is done at once, while everything else waits.

use std::io;

/// Does `work`.
///
/// # Errors
///
/// None.
pub(crate) async fn run<T>(work: impl FnOnce() -> T) -> io::Result<T> {
    Ok(work())
}
