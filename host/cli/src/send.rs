//! `send` and `check`: one message.

use std::mem::ManuallyDrop;

use mqtt_connector::Response;

use crate::arguments::SendArguments;
use crate::prepare::prepared;
use crate::response::with_origins;
use crate::signals::Signals;
use crate::{lines, shortage};

/// Sends what the arguments name: one message, or a message for each line of a file.
///
/// # Errors
///
/// The response: a file cannot be read, the arguments do not fit together, or the connector cannot be started.
pub(crate) async fn send(arguments: &SendArguments, signals: &mut Signals) -> Result<Response, Response> {
    if let Some(named) = &arguments.message.lines {
        // On the heap: what a function has on the stack is touched when it is entered, and a process that sends one message
        // is not to pay for what others do.
        return Box::pin(lines::send(arguments, named, signals)).await;
    }
    let (tenant, documents, connector) = prepared(arguments, signals, 0).await?;
    // Here and below: what a process that ends does not take apart, the system does at once.
    let connector = ManuallyDrop::new(connector);
    shortage::sending_begins();
    let send = connector.send(&tenant, &documents.config, &documents.request);
    let response = signals.answered(send, || connector.interrupt()).await;
    signals.patiently(connector.close()).await;
    Ok(with_origins(response, &arguments.message, &documents))
}

/// Says what [`send`] would say, as far as that is known without the network.
///
/// # Errors
///
/// As of [`send`].
pub(crate) async fn check(arguments: &SendArguments, signals: &mut Signals) -> Result<Response, Response> {
    let (tenant, documents, connector) = prepared(arguments, signals, 0).await?;
    let check = connector.check(&tenant, &documents.config, &documents.request);
    let checked = signals.unless_ended("the parameters were checked", check).await?;
    Ok(with_origins(checked, &arguments.message, &documents))
}
