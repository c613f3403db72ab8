//! What a connection over TCP is asked and told beside its bytes.

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;

use socket2::SockRef;
use tokio::net::TcpStream;

/// A stream whose small writes leave together, for a protocol that writes in small pieces. Here a system call takes them
/// together, and TCP_NODELAY lets them leave at once.
pub(crate) type Gathering = TcpStream;

/// Connects to `address`.
///
/// # Errors
///
/// The system's.
pub(crate) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    TcpStream::connect(address).await
}

/// Gathers what is written to `stream`.
pub(crate) fn gathering(stream: TcpStream) -> Gathering {
    stream
}

/// The connection of TCP below.
pub(crate) fn tcp(stream: &Gathering) -> &TcpStream {
    stream
}

/// Whether there is something to read, an end or an error, of which the runtime may not know yet.
pub(crate) fn has_news(stream: &TcpStream) -> bool {
    let peeked = SockRef::from(stream).peek(&mut [MaybeUninit::uninit()]);
    !peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Tells the other side's TCP at once what has come, without waiting for something to send along. False where only something
/// that is sent can.
pub(crate) fn acknowledge(stream: &TcpStream) -> bool {
    #[cfg(target_os = "linux")]
    if let Err(error) = stream.set_quickack(true) {
        tracing::debug!(%error, "TCP_QUICKACK");
    }
    true
}

/// Lets what is written from now on leave together with the end of the connection: one segment, where there would be two.
pub(crate) fn hold_until_end(stream: &TcpStream) {
    #[cfg(target_os = "linux")]
    if let Err(error) = SockRef::from(stream).set_tcp_cork(true) {
        tracing::debug!(%error, "TCP_CORK");
    }
}
