//! Random bytes out of the kernel.

use std::io;

use rustix::rand::{GetRandomFlags, getrandom};

/// 32 bytes that nobody can guess.
///
/// # Errors
///
/// The system's: it has no randomness.
pub(crate) fn bytes() -> io::Result<[u8; 32]> {
    let mut random = [0; 32];
    // So few bytes are given all at once, or not at all (getrandom(2)).
    match getrandom(&mut random, GetRandomFlags::empty())? {
        32 => Ok(random),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
