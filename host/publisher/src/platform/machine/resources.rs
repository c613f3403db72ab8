//! Whether the system has more of something: it is asked for some, and gets it back.

use std::fs::File;
use std::io;
use std::sync::mpsc;
use std::thread;

/// Opens `/dev/null` so many times at one time, and closes it: each program asks this when it starts, and sockets take the
/// system three times as long.
///
/// # Errors
///
/// The system's, for the first that it refuses.
pub(crate) fn open_descriptors(count: usize) -> io::Result<()> {
    let opened: io::Result<Vec<_>> = (0..count).map(|_| File::open("/dev/null")).collect();
    opened.map(drop)
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
            // The thread waits until its sender is dropped: that is the error here.
            let _ = wait.recv();
        };
        thread::Builder::new().spawn(hold).map(|thread| (release, thread))
    };
    let mut started = Vec::with_capacity(count);
    let refused = (0..count).find_map(|_| start().map(|thread| started.push(thread)).err());
    for (release, thread) in started {
        drop(release);
        // The thread returns nothing.
        let _ = thread.join();
    }
    refused.map_or(Ok(()), Err)
}
