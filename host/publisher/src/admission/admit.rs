//! What the grants and limits of a tenant say about a call, before anything leaves this process.

use std::time::Duration;

use tokio::time::Instant;

use super::texts;
use crate::contract::{Message, Pem, ProtocolVersion, PublishProperties};
use crate::dial::egress::Resolver;
use crate::dial::{connect, tls};
use crate::error::{Error, Settlement, Unsettled};
use crate::options::Options;
use crate::tenant::{Peer, Tenant};

/// The most bytes that all names for ALPN take together. In a ClientHello, the list of names, the extension that holds it and the
/// list of all extensions have lengths of 16 bits each. Half of that is left for the other extensions.
const MAX_PROTOCOLS: usize = 32 * 1024;

/// The most reasons that one answer gives: a component may ask for any number of brokers.
const MAX_REASONS: usize = 40;

/// Everything that forbids `tenant` the connection with `options`, in the order of the parameters. The will is part of the
/// connection: a wrong will denies the whole call. No name is looked up: only addresses that `resolver` knows by itself are
/// checked.
///
/// Each is [`Error::Denied`], or [`Error::TooLarge`] for the will's payload.
pub(crate) fn against_connection(tenant: &Tenant, options: &Options, resolver: &dyn Resolver) -> Vec<Error> {
    let (grants, name) = (tenant.grants(), tenant.name());
    let mut against = Vec::new();
    if options.brokers.is_empty() {
        against.push(Error::Denied("brokers: none is given".to_owned()));
    }
    // Behind a proxy, names are the proxy's to look up.
    let of_brokers = Some(resolver).filter(|_| options.proxy.is_none());
    let brokers = options.brokers.iter().filter_map(|broker| {
        let granted = grants.check_broker(name, broker);
        granted.and_then(|()| check_known(tenant, broker.into(), of_brokers)).err()
    });
    against.extend(brokers.take(MAX_REASONS));
    if let Some(proxy) = &options.proxy {
        against.extend(grants.check_proxy_names(name).err());
        let granted = grants.check_proxy(name, proxy);
        against.extend(granted.and_then(|()| check_known(tenant, proxy.into(), Some(resolver))).err());
    }
    against.extend(texts::against_connection(options));
    if let Some(tls) = &options.tls {
        against.extend(check_protocols(&tls.alpn_protocols).err());
        against.extend(grants.check_verification(name, tls.verify_server).err());
        let files = tls::files(tls).filter_map(|(parameter, pem)| match pem {
            Pem::File(path) => Some((parameter, path)),
            Pem::Text(_) => None,
        });
        against.extend(files.filter_map(|(parameter, path)| grants.check_file(name, parameter, path).err()));
    }
    if let Some(will) = &options.will {
        let content_type = will.properties.as_ref().and_then(|properties| properties.content_type.as_deref());
        let sizes = [will.payload.len(), content_type.map_or(0, str::len)];
        against.extend(check(tenant, ["will", "the will's content"], &will.topic, sizes));
    }
    against.extend(connect::check(options).err());
    against
}

/// Checks the addresses that are known without a look-up: an address that is given in place of a name, and those that `resolver`
/// knows.
fn check_known(tenant: &Tenant, peer: Peer<'_>, resolver: Option<&dyn Resolver>) -> Result<(), Error> {
    let check = |address| tenant.grants().check_address(tenant.name(), peer, address);
    if let Ok(address) = peer.host.parse() {
        return check(address);
    }
    let known = resolver.and_then(|resolver| resolver.known(peer.host, peer.port)).unwrap_or_default();
    known.into_iter().try_for_each(|address| check(address.ip()))
}

/// The answer to a call whose connection is denied. If the call has a single message, the answer also says what forbids that. With
/// many messages, it would have to say that for each.
pub(crate) fn deny(
    tenant: &Tenant,
    version: ProtocolVersion,
    mut against: Vec<Error>,
    messages: &[Message],
) -> Option<Unsettled> {
    if let [message] = messages
        && !against.is_empty()
    {
        against.extend(against_message(tenant, version, message));
    }
    Error::joined(against).map(Unsettled::not_sent)
}

/// That the names for ALPN fit the field of a ClientHello (RFC 7301, section 3.1). The TLS library would panic, or write
/// another length than a name or the list has.
fn check_protocols(names: &[String]) -> Result<(), Error> {
    if let Some(name) = names.iter().find(|name| !(1..=255).contains(&name.len())) {
        let length = name.len();
        return Err(Error::Denied(format!("alpn-protocols: a name has 1 to 255 bytes, not {length}")));
    }
    // Each name has its length before it, in one byte.
    let total: usize = names.iter().map(|name| name.len() + 1).sum();
    if total > MAX_PROTOCOLS {
        return Err(Error::Denied(format!(
            "alpn-protocols: the names, and one byte for each, have {MAX_PROTOCOLS} bytes at most, not {total}"
        )));
    }
    Ok(())
}

/// The messages of a call: those that may be sent, and why the others may not.
pub(crate) struct Admission {
    /// For each message, why it may not be sent; `None` for those that may.
    refused: Vec<Option<Error>>,
    admitted: Vec<(Message, Instant)>,
    over_the_rate: bool,
}

impl Admission {
    /// Checks every message, and gives each that `tenant` may send a turn before `deadline`, at the rate of the tenant. A message
    /// that is refused does not stop the others.
    pub(crate) fn new(
        tenant: &Tenant,
        version: ProtocolVersion,
        messages: Vec<Message>,
        started: Instant,
        deadline: Instant,
    ) -> Self {
        let refusal = |message: &Message| Error::joined(against_message(tenant, version, message));
        let mut refused: Vec<_> = messages.iter().map(refusal).collect();
        let candidates = refused.iter().filter(|refused| refused.is_none()).count();
        let schedule = tenant.quotas().schedule(candidates, started, deadline);
        let over_the_rate = candidates > 0 && schedule.granted() == 0;
        let mut admitted = Vec::with_capacity(schedule.granted());
        for (message, refused) in messages.into_iter().zip(&mut refused) {
            if refused.is_some() {
                continue;
            }
            if admitted.len() < schedule.granted() {
                let turn = schedule.turn(admitted.len());
                admitted.push((message, turn));
            } else {
                *refused = Some(too_many_messages(tenant, deadline.saturating_duration_since(started)));
            }
        }
        Self { refused, admitted, over_the_rate }
    }

    /// Takes the messages that may be sent, in order, each with the moment before which it must not be written.
    pub(crate) fn take_admitted(&mut self) -> Vec<(Message, Instant)> {
        std::mem::take(&mut self.admitted)
    }

    /// Whether every message is refused because of the tenant's rate.
    pub(crate) fn is_over_the_rate(&self) -> bool {
        self.over_the_rate
    }

    /// One result for each message of the call: its refusal, or the next of the settlements.
    pub(crate) fn answer(self, settlements: Vec<Settlement>) -> Vec<Settlement> {
        let mut settlements = settlements.into_iter();
        let missing = || Err(Unsettled::not_sent(Error::Lost("the message was not settled".to_owned())));
        let result = |refused: Option<Error>| match refused {
            Some(error) => Err(Unsettled::not_sent(error)),
            None => settlements.next().unwrap_or_else(missing),
        };
        self.refused.into_iter().map(result).collect()
    }
}

/// That `tenant` has sent as many messages as it may, and that more would not have their turn within `time`.
pub(crate) fn too_many_messages(tenant: &Tenant, time: Duration) -> Error {
    Error::Denied(format!(
        "messages-per-second: tenant {} may send {}, and the turn of this message does not come within {} ms",
        tenant.name(),
        tenant.limits().messages_per_second,
        time.as_millis()
    ))
}

/// That `tenant` had as many connections open as it may for all of `time`.
pub(crate) fn too_many_connections(tenant: &Tenant, time: Duration) -> Error {
    Error::Denied(format!(
        "connections: tenant {} may have {} open, and none of them closed within {} ms",
        tenant.name(),
        tenant.limits().connections,
        time.as_millis()
    ))
}

/// Everything that stands against `message`.
pub(crate) fn against_message(tenant: &Tenant, version: ProtocolVersion, message: &Message) -> Vec<Error> {
    let mut against = texts::against_message(&message.topic, message.properties.as_ref());
    let properties = match (&message.properties, version) {
        (None, _) => 0,
        (Some(_), ProtocolVersion::V311) => {
            against.push(Error::Denied("MQTT 3.1.1 has no properties of a message".to_owned()));
            0
        }
        (Some(properties), ProtocolVersion::V5) => {
            let topic = properties.response_topic.as_deref();
            against.extend(topic.and_then(|topic| check_topic_name("response-topic", topic).err()));
            size(properties)
        }
    };
    let sizes = [message.payload.len(), properties];
    against.extend(check(tenant, ["topic", "content"], &message.topic, sizes));
    against
}

/// The bytes of the properties that a tenant chooses.
fn size(properties: &PublishProperties) -> usize {
    let PublishProperties { content_type, response_topic, correlation_data, user_properties, .. } =
        properties;
    let texts = [content_type, response_topic].into_iter().flatten().map(String::len).sum::<usize>();
    let pairs = user_properties.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    texts + pairs + correlation_data.as_ref().map_or(0, Vec::len)
}

fn check_topic_name(parameter: &str, topic: &str) -> Result<(), Error> {
    if topic.is_empty() || topic.len() > usize::from(u16::MAX) || topic.contains(['+', '#']) {
        return Err(Error::Denied(format!("{parameter}: a topic has 1 to 65535 bytes and no wildcard")));
    }
    Ok(())
}

/// What stands against a topic and its payload. The sizes of payload and properties count together: both are the tenant's
/// to choose.
fn check(
    tenant: &Tenant,
    [topic_parameter, payload_parameter]: [&str; 2],
    topic: &str,
    [payload, properties]: [usize; 2],
) -> impl Iterator<Item = Error> {
    let granted = check_topic_name(topic_parameter, topic)
        .and_then(|()| tenant.grants().check_topic(tenant.name(), topic_parameter, topic));
    let limit = tenant.limits().payload;
    let too_large = (payload.saturating_add(properties) > limit).then(|| {
        let with = if properties == 0 { String::new() } else { format!(" with {properties} of properties") };
        Error::TooLarge(format!(
            "{payload_parameter}: {payload} bytes{with}, and tenant {} may send {limit} (its limit payload)",
            tenant.name()
        ))
    });
    granted.err().into_iter().chain(too_large)
}
