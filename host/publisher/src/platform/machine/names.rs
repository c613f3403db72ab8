//! The system's own look-up of names (`getaddrinfo`).

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};

use super::blocking;
use crate::platform::Words;

/// The addresses of `host`, each with `port`. A look-up goes on when nobody waits for it any more.
///
/// # Errors
///
/// What the system answered, in words of ours; an error of the system itself, such as too many open files, stays what it is.
pub(crate) async fn look_up(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let host = host.to_owned();
    let look_up = move || Ok((host.as_str(), port).to_socket_addrs().map_err(in_our_words)?.collect());
    blocking::run(look_up).await?
}

fn in_our_words(error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() {
        return error;
    }
    tracing::debug!(%error, "the name look-up failed");
    // The standard library hands on the text that belongs to the code, and not the code.
    let text = error.to_string();
    let words = if text.ends_with("Name or service not known") {
        "no name server knows the name"
    } else if text.ends_with("Temporary failure in name resolution") {
        "no name server answered; it may later"
    } else if text.ends_with("No address associated with hostname") {
        "the name has no address"
    } else {
        "the name look-up failed"
    };
    io::Error::new(error.kind(), Words(words))
}
