//! What the tenant's grants and limits say about a call before anything leaves this process.

use std::time::Duration;

use crate::bindings::flint::mqtt::publisher::{ConnectOptions, Message};
use crate::error::Error;
use crate::tenant::Tenant;

/// The most bytes that all names for ALPN take together. Their list, the extension around it, and all extensions together
/// have lengths of 16 bits: beside the names there has to be room for the others.
const MAX_PROTOCOLS: usize = 32 * 1024;

/// Whether `tenant` may open the connection of `options`. The will is part of it: a wrong one denies the whole call.
///
/// # Errors
///
/// [`Error::Denied`] for the broker, the topic of the will and what no component of ours asks for, [`Error::TooLarge`]
/// for the will's payload.
pub(super) fn check_connection(tenant: &Tenant, options: &ConnectOptions) -> Result<(), Error> {
    tenant.grants().check_broker(tenant.name(), &options.broker)?;
    check_protocols(options.tls.as_ref().map_or(&[], |tls| &tls.alpn_protocols))?;
    match &options.will {
        Some(will) => check(tenant, ["will", "the will's content"], &will.topic, &will.payload),
        None => Ok(()),
    }
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

/// The messages that `tenant` may not send, by their index. They do not stop the others.
pub(super) fn refusals(tenant: &Tenant, messages: &[Message]) -> Vec<(usize, Error)> {
    let refused =
        |message: &Message| check(tenant, ["topic", "content"], &message.topic, &message.payload).err();
    let refused = |(index, message)| refused(message).map(|error| (index, error));
    messages.iter().enumerate().filter_map(refused).collect()
}

/// That `tenant` has sent as many messages as it may, and that more would not have their turn within `time`.
pub(super) fn too_many_messages(tenant: &Tenant, time: Duration) -> Error {
    Error::Denied(format!(
        "messages-per-second: tenant {} may send {}, and the turn of this message does not come within {} ms",
        tenant.name(),
        tenant.limits().messages_per_second,
        time.as_millis()
    ))
}

/// That `tenant` had as many connections open as it may for all of `time`.
pub(super) fn too_many_connections(tenant: &Tenant, time: Duration) -> Error {
    Error::Denied(format!(
        "connections: tenant {} may have {} open, and none of them closed within {} ms",
        tenant.name(),
        tenant.limits().connections,
        time.as_millis()
    ))
}

fn check(
    tenant: &Tenant,
    [topic_parameter, payload_parameter]: [&str; 2],
    topic: &str,
    payload: &[u8],
) -> Result<(), Error> {
    if topic.is_empty() || topic.len() > usize::from(u16::MAX) || topic.contains(['+', '#', '\0']) {
        return Err(Error::Denied(format!(
            "{topic_parameter}: a topic has 1 to 65535 bytes, no wildcard and no U+0000"
        )));
    }
    tenant.grants().check_topic(tenant.name(), topic_parameter, topic)?;
    let (size, limit) = (payload.len(), tenant.limits().payload);
    if size > limit {
        return Err(Error::TooLarge(format!(
            "{payload_parameter}: {size} bytes, and tenant {} may send {limit} (its limit payload)",
            tenant.name()
        )));
    }
    Ok(())
}
