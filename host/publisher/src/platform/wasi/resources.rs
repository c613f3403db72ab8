//! Whether the host has more of something: it is asked for some, and gets it back.

use std::io;

use wasip2::sockets::network::{ErrorCode, IpAddressFamily};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;

/// Makes so many sockets at one time, and closes them: each takes the host a descriptor.
///
/// # Errors
///
/// The host's, for the first that it refuses, if it speaks of a shortage.
pub(crate) fn open_descriptors(count: usize) -> io::Result<()> {
    let mut open = Vec::with_capacity(count);
    for _ in 0..count {
        match create_tcp_socket(IpAddressFamily::Ipv4) {
            Ok(socket) => open.push(socket),
            // wasmtime (48 and 49) has no code for EMFILE and ENFILE, and one for whatever else may keep a system from making a
            // socket.
            Err(ErrorCode::NewSocketLimit | ErrorCode::Unknown) => {
                return Err(io::Error::from_raw_os_error(libc::EMFILE));
            }
            Err(ErrorCode::OutOfMemory) => return Err(io::ErrorKind::OutOfMemory.into()),
            Err(_) => break,
        }
    }
    Ok(())
}

/// Says nothing against so many threads: there are none, and nothing here needs one.
///
/// # Errors
///
/// None.
pub(crate) fn start_threads(_count: usize) -> io::Result<()> {
    Ok(())
}
