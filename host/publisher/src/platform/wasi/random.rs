//! Random bytes out of the host.

use std::io;

use wasip2::random::random::get_random_bytes;

/// 32 bytes that nobody can guess.
///
/// # Errors
///
/// The host has given fewer.
pub(crate) fn bytes() -> io::Result<[u8; 32]> {
    get_random_bytes(32).try_into().map_err(|_| io::ErrorKind::UnexpectedEof.into())
}
