//! Connect options as a call keeps them: their secrets are wiped from memory when the call is over.

use std::ops::Deref;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqtt_connector_contract::secrets::Heard;
use zeroize::{Zeroize as _, Zeroizing};

use crate::contract::{Broker, ConnectOptions, Credentials, Pem, Transport};

/// What stands in place of somebody's words that repeat a secret.
pub(crate) const LEFT_OUT: &str = "it repeats what it was sent, which is not shown";
/// The fewest bytes of a value in the query of a user name that may be a token: versions and names are shorter.
const MIN_IN_USERNAME: usize = 16;
/// The fewest bytes of a part of a path that may be a token, if it has a digit; if it has none, twice as many.
const MIN_IN_PATH: usize = 8;
/// Headers that say who the client is to everybody.
const PUBLIC: [&str; 2] = ["origin", "user-agent"];

/// Says of somebody's words, as they came, whether they may be shown.
pub(crate) type MayBeShown<'a> = &'a (dyn Fn(&[u8]) -> bool + Sync);

/// Connect options whose secrets are wiped from memory when they are dropped. Without `Debug`, so that nobody can log them.
#[derive(PartialEq)]
pub struct Options(ConnectOptions);

impl Options {
    /// Takes the options over.
    #[must_use]
    pub fn new(options: ConnectOptions) -> Self {
        Self(options)
    }

    /// The first of the brokers; one that leads nowhere when there is none, which is denied before anything is sent.
    pub(crate) fn broker(&self) -> &Broker {
        const NONE: &Broker =
            &Broker { transport: Transport::Tcp, host: String::new(), port: 0, path: String::new() };
        self.0.brokers.first().unwrap_or(NONE)
    }

    /// Whether somebody's words repeat one of the secrets, or the will.
    pub(crate) fn is_repeated_by(&self, heard: &Heard) -> bool {
        let ConnectOptions { brokers, proxy, credentials, will, tls, websocket_headers, .. } = &self.0;
        let secret = |secret: &str| heard.repeats_secret(secret.as_bytes());
        let for_proxy = proxy.as_ref().and_then(|proxy| proxy.credentials.as_ref());
        let mut credentials = credentials.iter().chain(for_proxy);
        let mut identities = tls.iter().filter_map(|tls| tls.identity.as_ref());
        credentials.any(|Credentials { username, password }| {
            password.as_deref().is_some_and(secret)
                || username
                    .iter()
                    .flat_map(|name| in_query(name))
                    .any(|value| value.len() >= MIN_IN_USERNAME && secret(value))
        }) || websocket_headers.iter().any(|header| {
            !PUBLIC.iter().any(|name| header.name.eq_ignore_ascii_case(name))
                && (in_header(&header.value).any(secret)
                    || in_basic(&header.value).is_some_and(|pair| heard.repeats_secret(&pair)))
        }) || brokers.iter().any(|broker| {
            let mut parts = broker.path.split(['?', '/']).filter(|part| may_be_token(part));
            in_query(&broker.path).any(secret) || parts.any(|part| heard.repeats_content(part.as_bytes()))
        }) || will.as_ref().is_some_and(|will| heard.repeats_content(&will.payload))
            || identities.any(|identity| {
                let key = if let Pem::Text(text) = &identity.private_key { text.as_str() } else { "" };
                identity.private_key_password.as_deref().is_some_and(secret)
                    || key.lines().filter(|line| !line.starts_with("-----")).any(secret)
            })
    }
}

/// What a header's value has in it that may be a secret by itself: all of it, a token behind the name of its scheme, the value
/// of a cookie.
fn in_header(value: &str) -> impl Iterator<Item = &str> {
    let token = value.split_once(' ').map(|(_, token)| token.trim());
    let values = value.split([';', ',']).filter_map(|part| part.split_once('='));
    std::iter::once(value).chain(token).chain(values.map(|(_, value)| value.trim_matches([' ', '"'])))
}

/// The password in the value of a header of the scheme Basic (RFC 7617, section 2).
fn in_basic(value: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (_, encoded) = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))?;
    let mut pair = Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
    let password = pair.iter().position(|byte| *byte == b':').map_or(0, |colon| colon + 1);
    pair.drain(..password);
    Some(pair)
}

/// Whether a part of a path may be a token: names such as `websocket` stand in what servers say.
fn may_be_token(part: &str) -> bool {
    part.len() >= MIN_IN_PATH
        && (part.bytes().any(|byte| byte.is_ascii_digit()) || part.len() >= 2 * MIN_IN_PATH)
}

/// The values in the query of a path, or of a user name, as AWS IoT takes tokens.
fn in_query(text: &str) -> impl Iterator<Item = &str> {
    let query = text.split_once('?').map_or("", |(_, query)| query);
    query.split('&').filter_map(|part| part.split_once('=')).map(|(_, value)| value)
}

/// Connect options of MQTT 3.1.1 for one broker, with nothing that can be left out, for tests to build on.
#[cfg(test)]
pub(crate) fn plain(broker: Broker) -> ConnectOptions {
    ConnectOptions { keep_alive: 0, ..ConnectOptions::new(broker, "c") }
}

impl Deref for Options {
    type Target = ConnectOptions;

    fn deref(&self) -> &ConnectOptions {
        &self.0
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        let ConnectOptions { credentials, proxy, tls, websocket_headers, .. } = &mut self.0;
        let for_proxy = proxy.as_mut().and_then(|proxy| proxy.credentials.as_mut());
        for credentials in [credentials.as_mut(), for_proxy].into_iter().flatten() {
            credentials.password.zeroize();
        }
        websocket_headers.iter_mut().for_each(|header| header.value.zeroize());
        if let Some(identity) = tls.as_mut().and_then(|tls| tls.identity.as_mut()) {
            identity.private_key_password.zeroize();
            match &mut identity.private_key {
                Pem::Text(text) => text.zeroize(),
                Pem::File(_) => {}
            }
        }
    }
}
