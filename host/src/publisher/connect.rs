//! From connect options to CONNECT.

use bytes::Bytes;
use rumqttc::{Connect, ConnectAuth, LastWill};

use super::delivery::codec_qos;
use super::options::Options;
use super::{proxy, websocket};
use crate::bindings::flint::mqtt::publisher::{
    Broker, ConnectOptions, Credentials, ProtocolVersion, Transport,
};
use crate::error::Error;

/// That this host speaks what `options` ask for.
///
/// # Errors
///
/// [`Error::Denied`], with what it does not speak, or what does not go together.
pub(super) fn check(options: &Options) -> Result<(), Error> {
    let unsupported = |what: &str| Err(Error::Denied(format!("this host does not speak {what} yet")));
    match options.protocol_version {
        ProtocolVersion::V311 => {}
        ProtocolVersion::V5 => return unsupported("MQTT 5"),
    }
    let secured = |broker: &Broker| matches!(broker.transport, Transport::Tls | Transport::WebsocketTls);
    if options.brokers.iter().any(secured) != options.tls.is_some() {
        return Err(Error::Denied("TLS options and a TLS broker go together".to_owned()));
    }
    websocket::check(options)?;
    proxy::check(options)?;
    match &options.credentials {
        Some(Credentials { username: None, password: Some(_) }) => {
            Err(Error::Denied("MQTT 3.1.1 has no password without a user name".to_owned()))
        }
        _ => Ok(()),
    }
}

/// The CONNECT packet of `options` (MQTT 3.1.1, section 3.1).
pub(super) fn connect_packet(options: &ConnectOptions) -> Connect {
    let mut connect = Connect::new(options.client_id.as_str());
    connect.keep_alive = options.keep_alive;
    connect.clean_session = options.clean_session;
    connect.last_will = options.will.as_ref().map(|will| {
        LastWill::new(will.topic.as_str(), will.payload.as_slice(), codec_qos(will.qos), will.retain)
    });
    connect.auth = match &options.credentials {
        None | Some(Credentials { username: None, .. }) => ConnectAuth::None,
        Some(Credentials { username: Some(username), password: None }) => {
            ConnectAuth::Username { username: username.clone() }
        }
        Some(Credentials { username: Some(username), password: Some(password) }) => {
            ConnectAuth::UsernamePassword {
                username: username.clone(),
                password: Bytes::copy_from_slice(password.as_bytes()),
            }
        }
    };
    connect
}
