//! The actions of the interface `connector`, published by this instance.

use mqtt_connector_contract::connector::Meta;
use mqtt_connector_contract::publisher::{ConnectOptions, Message, RetryPolicy};
use mqtt_connector_guest::action::{self, Answer};

use crate::publisher;

/// Publishes one message, and says how that ended. Both documents are JSON objects.
pub fn send(config: &str, request: &str) -> Meta {
    action::send(config, request, publish)
}

/// Publishes a message for each request; one answer per request, at the same index.
pub fn send_batch(config: &str, requests: &[String]) -> Vec<Meta> {
    action::send_batch(config, requests, publish)
}

/// What [`send`] would say, as far as it can be known without the network.
pub fn check(config: &str, request: &str) -> Meta {
    action::check(config, request, |options, messages, policy| {
        publisher::check(options.clone(), messages, policy)
    })
}

fn publish(options: &ConnectOptions, messages: &[Message], policy: RetryPolicy) -> Answer {
    let published = publisher::publish(options.clone(), messages.to_vec(), policy);
    Answer { published, connections: publisher::connections_tried() }
}
