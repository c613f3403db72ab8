//! Whether the system has more of something: it is asked for some, and gets it back.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc;
use std::thread;

/// Opens so many sockets at one time, and closes them.
///
/// # Errors
///
/// The system's, for the first that it refuses.
pub(crate) fn open_descriptors(count: usize) -> io::Result<()> {
    let sockets: io::Result<Vec<_>> = (0..count).map(|_| UnixDatagram::unbound()).collect();
    sockets.map(drop)
}

/// Starts so many threads at one time, and ends them.
///
/// # Errors
///
/// The system's, for the first that it refuses.
pub(crate) fn start_threads(count: usize) -> io::Result<()> {
    let start = || {
        let (release, wait) = mpsc::channel::<()>();
        let hold = move || {
            // Until it is released.
            let _ = wait.recv();
        };
        thread::Builder::new().spawn(hold).map(|thread| (release, thread))
    };
    let mut started = Vec::with_capacity(count);
    let refused = (0..count).find_map(|_| start().map(|thread| started.push(thread)).err());
    for (release, thread) in started {
        drop(release);
        // It has nothing to say.
        let _ = thread.join();
    }
    refused.map_or(Ok(()), Err)
}
