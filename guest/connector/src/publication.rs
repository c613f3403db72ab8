//! The rules between parameters: what was read → what the publisher is asked to do.

mod build;
mod notes;
pub mod packet;
mod requests;
mod rules;
mod vendors;

use crate::broker::Schemes;
use crate::catalogue::Names;
use crate::document::{Document, Source};
use crate::problem::Invalid;
use crate::vendor::BrokerVendor;
use mqtt_connector_contract::publisher::{ConnectOptions, Message, RetryPolicy};

pub use requests::Requests;

/// What a send comes to: one checked message, over which connection, and how hard to try.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The connection; publications that are equal in it share one.
    pub options: ConnectOptions,
    /// The message.
    pub message: Message,
    /// Time and retries.
    pub policy: RetryPolicy,
    /// What the answer has to tell besides.
    pub remarks: Remarks,
}

/// What [`crate::outcome`] has to know about a publication that the publisher does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remarks {
    /// How the brokers' URLs started, for messages that name a broker.
    pub schemes: Schemes,
    /// Whether QoS 2 was asked for, which the vendor does not have, and the message has a lower one.
    pub lowered: bool,
    /// Whether the will was asked for with a quality of service that the vendor does not have, and has a lower one.
    pub will_lowered: bool,
    /// The vendor to name, when one of the brokers is a vendor's.
    pub vendor: Option<BrokerVendor>,
    /// The message is to be kept for later subscribers, and the broker keeps none.
    pub not_retained: bool,
    /// `certificate` and `private-key` were given and `use-certificate` is false: a broker that refuses may
    /// have wanted them.
    pub unused_certificate: bool,
    /// Which of [`Names::TOLD`] were given.
    pub given: Names,
    /// Where the user name stood.
    pub username: Option<Source>,
    /// Where the password stood.
    pub password: Option<Source>,
}

/// A connection and how hard to try: publications that are equal in both are published together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    /// The connection.
    pub options: ConnectOptions,
    /// Time and retries.
    pub policy: RetryPolicy,
}

/// A publication that may share its connection with the one before it.
#[derive(Debug)]
pub struct Prepared {
    /// The connection; `None`: that of the request before this one among those that were right.
    pub connection: Option<Connection>,
    /// The message.
    pub message: Message,
    /// What the answer has to tell besides.
    pub remarks: Remarks,
}

/// Reads configuration and request and prepares what they ask for.
///
/// # Errors
///
/// As [`Requests::prepare`].
pub fn prepare<'a>(config: &'a str, request: &'a str) -> Result<Publication, Invalid<'a>> {
    let config = Document::read(config);
    let Prepared { connection, message, remarks } = Requests::over(&config).prepare(request)?;
    // There is no request before the first: it always has a connection of its own.
    let Connection { options, policy } = connection.ok_or(Invalid(Vec::new()))?;
    Ok(Publication { options, message, policy, remarks })
}
