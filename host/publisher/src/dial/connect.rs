//! That this host can do what connect options ask for.

use super::{proxy, websocket};
use crate::contract::{Broker, Credentials, ProtocolVersion, Transport};
use crate::error::Error;
use crate::options::Options;

/// That this host speaks what `options` ask for.
///
/// # Errors
///
/// [`Error::Denied`], with what it does not speak, or what does not go together.
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

/// What a component that does not know better might ask for under MQTT 3.1.1.
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
