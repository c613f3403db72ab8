//! The host's look-up of names (`wasi:sockets/ip-name-lookup`).

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::time::sleep;
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::resolve_addresses;
use wasip2::sockets::network::{ErrorCode, IpAddress};

use crate::platform::Words;

/// How long the first answer is waited for before it is asked for again. Each further wait is twice as long, up to
/// [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(1);
/// The longest wait, and so the longest time that an answer may be there unnoticed.
const LONGEST: Duration = Duration::from_millis(16);

/// The addresses of `host`, each with `port`. The runtime can wait for sockets and for time, and not for a look-up: so the look-up
/// is asked again after a while. A timeout around this function ends it.
///
/// # Errors
///
/// What the host answered, in words of ours.
pub(crate) async fn look_up(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let stream = resolve_addresses(&instance_network(), host).map_err(in_our_words)?;
    let mut found = Vec::new();
    let mut wait = SHORTEST;
    loop {
        match stream.resolve_next_address() {
            Ok(Some(address)) => found.push(SocketAddr::new(from_wasi(address), port)),
            Ok(None) => return Ok(found),
            Err(ErrorCode::WouldBlock) => {
                sleep(wait).await;
                wait = (wait * 2).min(LONGEST);
            }
            Err(code) => return Err(in_our_words(code)),
        }
    }
}

fn from_wasi(address: IpAddress) -> IpAddr {
    match address {
        IpAddress::Ipv4((a, b, c, d)) => Ipv4Addr::new(a, b, c, d).into(),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => Ipv6Addr::new(a, b, c, d, e, f, g, h).into(),
    }
}

fn in_our_words(code: ErrorCode) -> io::Error {
    tracing::debug!(?code, "the name look-up failed");
    let (kind, words) = match code {
        ErrorCode::NameUnresolvable => (ErrorKind::NotFound, "no name server knows the name"),
        ErrorCode::TemporaryResolverFailure | ErrorCode::Timeout => {
            (ErrorKind::Other, "no name server answered; it may later")
        }
        ErrorCode::InvalidArgument => (ErrorKind::InvalidInput, "it is no name that can be looked up"),
        // wasmtime answers the first of them when it does not let a component look names up.
        ErrorCode::PermanentResolverFailure | ErrorCode::AccessDenied => (
            ErrorKind::PermissionDenied,
            "the look-up failed, or the host does not let this component look names up (wasmtime: -S allow-ip-name-lookup)",
        ),
        ErrorCode::OutOfMemory => (ErrorKind::OutOfMemory, "there is not enough memory"),
        ErrorCode::Unknown
        | ErrorCode::NotSupported
        | ErrorCode::ConcurrencyConflict
        | ErrorCode::NotInProgress
        | ErrorCode::WouldBlock
        | ErrorCode::InvalidState
        | ErrorCode::NewSocketLimit
        | ErrorCode::AddressNotBindable
        | ErrorCode::AddressInUse
        | ErrorCode::RemoteUnreachable
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionReset
        | ErrorCode::ConnectionAborted
        | ErrorCode::DatagramTooLarge => (ErrorKind::Other, "the name look-up failed"),
    };
    io::Error::new(kind, Words(words))
}
