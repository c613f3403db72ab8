//! What a connection over TCP is asked and told beside its bytes. WASI 0.2 has no TCP_NODELAY, no TCP_QUICKACK, no TCP_CORK and
//! no way to look at bytes without taking them.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::BufWriter;
use tokio::net::TcpStream;

use crate::platform::{Shortage, Words};

/// Bytes that are gathered: one record of TLS, the largest piece that is flushed by itself, with its header and its tag.
const GATHERED: usize = 17 * 1024;

/// A stream whose small writes leave together, for a protocol that writes in small pieces. Without TCP_NODELAY, the second piece
/// would wait until the other side has acknowledged the first.
pub(crate) type Gathering = BufWriter<TcpStream>;

/// Connects to `address`.
///
/// # Errors
///
/// The host's.
pub(crate) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    TcpStream::connect(address).await.map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => io::Error::new(
            ErrorKind::PermissionDenied,
            Words("the host does not let this component use the network (wasmtime: -S inherit-network)"),
        ),
        // What the C library says where the host gives no reason for which it makes no socket.
        ErrorKind::Unsupported => Shortage::of_descriptors(1).map_or(error, io::Error::from),
        _ => error,
    })
}

/// Gathers what is written to `stream`.
pub(crate) fn gathering(stream: TcpStream) -> Gathering {
    BufWriter::with_capacity(GATHERED, stream)
}

/// The connection of TCP below.
pub(crate) fn tcp(stream: &Gathering) -> &TcpStream {
    stream.get_ref()
}

/// Whether there is something to read, an end or an error, of which the runtime may not know yet.
pub(crate) fn has_news(stream: &TcpStream) -> bool {
    let mut sockets = [PollFd::new(stream, PollFlags::IN)];
    // What cannot be asked is read, and then it is known.
    poll(&mut sockets, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).map_or(true, |ready| ready > 0)
}

/// Nothing, and says so: the other side's TCP learns what has come with what is sent to it, or some 40 ms later.
pub(crate) fn acknowledge(_stream: &TcpStream) -> bool {
    false
}

/// Nothing: what is written leaves at once.
pub(crate) fn hold_until_end(_stream: &TcpStream) {}
