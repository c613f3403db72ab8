//! Whether connect options ask for something that can be done.

use super::{proxy, websocket};
use crate::contract::{Broker, Credentials, ProtocolVersion, Transport};
use crate::error::Error;
use crate::options::Options;

/// Checks that `options` can be carried out, and that they fit together.
///
/// # Errors
///
/// [`Error::Denied`], with what cannot be done, or what does not fit together.
pub(crate) fn check(options: &Options) -> Result<(), Error> {
    let secured = |broker: &Broker| matches!(broker.transport, Transport::Tls | Transport::WebsocketTls);
    if options.brokers.iter().any(secured) != options.tls.is_some() {
        return Err(Error::Denied("TLS options and a TLS broker go together".to_owned()));
    }
    websocket::check(options)?;
    proxy::check(options)?;
    match options.protocol_version {
        ProtocolVersion::V311 => check_v311(options),
        ProtocolVersion::V5 => Ok(()),
    }
}

/// Refuses what only MQTT 5 has. The built-in component does not ask for it under MQTT 3.1.1; another one might.
fn check_v311(options: &Options) -> Result<(), Error> {
    let only_5 = |what: &str| Err(Error::Denied(format!("MQTT 3.1.1 has no {what}")));
    match &options.credentials {
        Some(Credentials { username: None, password: Some(_) }) => only_5("password without a user name"),
        _ if options.session_expiry_interval.is_some() => only_5("session expiry interval"),
        _ if options.will.as_ref().is_some_and(|will| will.properties.is_some()) => {
            only_5("properties of a will")
        }
        _ => Ok(()),
    }
}
