//! What the tenant's grants and limits say about a call before anything leaves this process.

use crate::bindings::flint::mqtt::publisher::{ConnectOptions, Message};
use crate::error::Error;
use crate::tenant::Tenant;

/// Whether `tenant` may open the connection of `options`. The will is part of it: a wrong one denies the whole call.
///
/// # Errors
///
/// [`Error::Denied`] for the broker and the topic of the will, [`Error::TooLarge`] for the will's payload.
pub(super) fn check_connection(tenant: &Tenant, options: &ConnectOptions) -> Result<(), Error> {
    tenant.grants().check_broker(tenant.name(), &options.broker)?;
    match &options.will {
        Some(will) => check(tenant, ["will", "the will's content"], &will.topic, &will.payload),
        None => Ok(()),
    }
}

/// The messages that `tenant` may not send, by their index. They do not stop the others.
pub(super) fn refusals(tenant: &Tenant, messages: &[Message]) -> Vec<(usize, Error)> {
    let refused =
        |message: &Message| check(tenant, ["topic", "content"], &message.topic, &message.payload).err();
    let refused = |(index, message)| refused(message).map(|error| (index, error));
    messages.iter().enumerate().filter_map(refused).collect()
}

fn check(
    tenant: &Tenant,
    [topic_parameter, payload_parameter]: [&str; 2],
    topic: &str,
    payload: &[u8],
) -> Result<(), Error> {
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
