//! What it means when a connection over TCP or TLS ends or breaks.

use std::io;

use super::tls;
use crate::error::Error;
use crate::platform::System;

/// What an error of the stream to the broker means.
pub(crate) fn explain(error: &io::Error) -> Error {
    tls::explain_after(error).unwrap_or_else(|| match error.kind() {
        io::ErrorKind::UnexpectedEof if error.get_ref().is_none() => {
            Error::Closed("the broker closed the connection".to_owned())
        }
        _ if tls::is_cut_off(error) => {
            Error::Closed("the broker closed the connection without ending TLS (no close_notify)".to_owned())
        }
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Error::Closed(reset(error.kind()).to_owned()),
        // Most often it is this, and WASI 0.2 does not say.
        _ if cfg!(target_os = "wasi") && error.raw_os_error() == Some(libc::EIO) => Error::Closed(
            "the broker reset the connection, or the network failed: the host does not say which".to_owned(),
        ),
        _ => Error::Lost(format!("the network failed: {}", System(error))),
    })
}

/// How a connection ended without being closed, as a clause that stands behind "the connection was lost".
fn reset(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::ConnectionReset => "the broker reset the connection",
        io::ErrorKind::BrokenPipe => "the broker reads no more",
        io::ErrorKind::ConnectionAborted => "the connection was aborted",
        _ => "the connection ended early",
    }
}
