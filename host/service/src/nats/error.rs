//! [`NatsError`]: why a store in NATS cannot be opened.

use std::path::PathBuf;

use super::connect::OLDEST;
use super::provision::VERSION;

/// Why a store in NATS cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// A file that the address names cannot be used. Nothing of it is shown.
    #[error("{parameter}={}: {problem}", path.display())]
    File {
        /// As what it is named.
        parameter: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// No server could be reached, or none lets us in.
    #[error("{address}: no server of NATS lets us in: {reason}")]
    Connect {
        /// The servers.
        address: String,
        /// Why not.
        reason: String,
    },
    /// The server is too old.
    #[error("{address}: the server of NATS has version {version}: it has to have {}.{} or later", OLDEST.0, OLDEST.1)]
    TooOld {
        /// The servers.
        address: String,
        /// The version.
        version: String,
    },
    /// The stream cannot be made, changed, read or written.
    #[error("{address}: the stream cannot be used: {reason}")]
    Stream {
        /// The servers, and the stream.
        address: String,
        /// Why not.
        reason: String,
    },
    /// The stream has a later version.
    #[error(
        "{address}: the stream has version {version}, of a later mqtt-connector: this one knows {VERSION}"
    )]
    TooNew {
        /// The servers, and the stream.
        address: String,
        /// Its version.
        version: String,
    },
    /// Another process has the name of this node, and is there.
    #[error("{address}: this node could not get a lease: another process has its name")]
    NoLease {
        /// The servers, and the stream.
        address: String,
    },
}
