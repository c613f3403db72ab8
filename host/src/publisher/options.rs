//! Connect options as a call keeps them: their secrets are wiped from memory when the call is over.

use std::ops::Deref;

use zeroize::Zeroize as _;

use super::http;
#[cfg(test)]
use crate::bindings::flint::mqtt::publisher::ProtocolVersion;
use crate::bindings::flint::mqtt::publisher::{Broker, ConnectOptions, Pem, Transport, WebsocketHeader};

/// The fewest bytes of a word in a header's value that is a secret by itself: "Bearer" is none.
const MIN_SECRET: usize = 8;
/// The fewest bytes of a password that are told apart from what else a broker may say.
const MIN_PASSWORD: usize = 4;

/// Connect options. Without `Debug`, so that nobody can log them: that of the generated type shows passwords and keys.
#[derive(PartialEq)]
pub(super) struct Options(ConnectOptions);

impl Options {
    pub(super) fn new(options: ConnectOptions) -> Self {
        Self(options)
    }

    /// The first of the brokers; one that leads nowhere when there is none, which is denied before anything is sent.
    pub(super) fn broker(&self) -> &Broker {
        const NONE: &Broker =
            &Broker { transport: Transport::Tcp, host: String::new(), port: 0, path: String::new() };
        self.0.brokers.first().unwrap_or(NONE)
    }

    /// What a broker says, unless it repeats one of the secrets that it was sent: then that it does.
    pub(super) fn heard(&self, words: String) -> String {
        if http::repeats(&words, self.secrets()) {
            "it repeats what it was sent, which is not shown".to_owned()
        } else {
            words
        }
    }

    /// What the broker is sent and nobody else is to see; of headers also their parts, where a token stands behind the name
    /// of its scheme or of its cookie.
    fn secrets(&self) -> impl Iterator<Item = &str> {
        let password = self.0.credentials.iter().filter_map(|credentials| credentials.password.as_deref());
        let password = password.filter(|password| password.len() >= MIN_PASSWORD);
        let headers = self.0.websocket_headers.iter().flat_map(secrets_of);
        password.chain(headers.filter(|secret| secret.len() >= MIN_SECRET))
    }
}

/// The value of a header, and the parts of it that may be secrets.
pub(super) fn secrets_of(header: &WebsocketHeader) -> impl Iterator<Item = &str> {
    let words = header.value.split([' ', ';', ',', '=']).filter(|word| word.len() >= MIN_SECRET);
    std::iter::once(header.value.as_str()).chain(words)
}

/// Connect options of MQTT 3.1.1 for one broker, with nothing that can be left out, for tests to build on.
#[cfg(test)]
pub(super) fn plain(broker: Broker) -> ConnectOptions {
    ConnectOptions {
        brokers: vec![broker],
        proxy: None,
        protocol_version: ProtocolVersion::V311,
        client_id: "c".to_owned(),
        credentials: None,
        clean_session: true,
        keep_alive: 0,
        will: None,
        tls: None,
        websocket_headers: Vec::new(),
        session_expiry_interval: None,
    }
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
