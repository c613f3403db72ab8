//! Connect options as a call keeps them: their secrets are wiped from memory when the call is over.

use std::ops::Deref;

use zeroize::Zeroize as _;

use crate::bindings::flint::mqtt::publisher::{Broker, ConnectOptions, Pem, Transport};

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
