//! Brokers and proxies as messages name them: `scheme://host:port`, never with a path, which may hold a token.

use std::fmt;

use mqtt_connector_contract::publisher::{Broker, ConnectOptions, Proxy};

use crate::broker::Schemes;
use crate::broker::proxy;
use crate::publication::Remarks;

/// How many of several brokers a message names.
const MOST_NAMED: usize = 4;

/// Which brokers a message is about.
#[derive(Clone, Copy)]
pub(super) struct NamedBrokers<'a> {
    brokers: &'a [Broker],
    schemes: Schemes,
    /// The index of the first of them.
    first: usize,
}

impl<'a> NamedBrokers<'a> {
    /// All brokers.
    pub(super) fn all(options: &'a ConnectOptions, remarks: &Remarks) -> Self {
        NamedBrokers { brokers: &options.brokers, schemes: remarks.schemes, first: 0 }
    }

    /// The broker with this index; all brokers when there is none with it, which only a host that is wrong says.
    pub(super) fn one(options: &'a ConnectOptions, remarks: &Remarks, index: u32) -> Self {
        let first = usize::try_from(index).unwrap_or(usize::MAX);
        match options.brokers.get(first) {
            Some(broker) => {
                NamedBrokers { brokers: std::slice::from_ref(broker), schemes: remarks.schemes, first }
            }
            None => NamedBrokers::all(options, remarks),
        }
    }

    /// Whether it is more than one broker.
    pub(super) fn is_several(self) -> bool {
        self.brokers.len() > 1
    }
}

impl fmt::Display for NamedBrokers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, broker) in self.brokers.iter().take(MOST_NAMED).enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            url(f, self.schemes.get(self.first + index).as_str(), &broker.host, broker.port)?;
        }
        match self.brokers.len().saturating_sub(MOST_NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// Says through which proxy, if through one.
pub(super) struct Through<'a>(pub(super) Option<&'a Proxy>);

impl fmt::Display for Through<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(proxy) = self.0 else { return Ok(()) };
        f.write_str(" through the proxy ")?;
        url(f, proxy::name(proxy.protocol), &proxy.host, proxy.port)
    }
}

fn url(f: &mut fmt::Formatter<'_>, scheme: &str, host: &str, port: u16) -> fmt::Result {
    // In pieces: this stands in the answer to every message, and a format takes three times as long.
    let [before, behind] = if host.contains(':') { ["://[", "]:"] } else { ["://", ":"] };
    let mut digits = itoa::Buffer::new();
    [scheme, before, host, behind, digits.format(port)].into_iter().try_for_each(|piece| f.write_str(piece))
}
