//! The actions of the contract's `connector` interface, with the publisher as a function.
//!
//! In the component that function is the import `publisher.publish`; a test passes its own.

use std::collections::HashMap;
use std::slice;

use crate::bindings::Meta;
use crate::bindings::publisher::{ConnectOptions, Effort, Error, Receipt};
use crate::confidential::Message;
use crate::document::{Document, Source};
use crate::outcome;
use crate::publication::{Publication, Remarks, prepare, prepare_over};

/// What the publisher answers: one result per message, at the same index, or the error of the connection.
pub type Published = Result<Vec<Result<Receipt, Error>>, Error>;

/// `send`: merges `request` over `config`, checks the result, publishes one message and says how it ended.
///
/// `publish` is called once, or not at all when a parameter is wrong.
pub fn send(
    config: &str,
    request: &str,
    publish: impl FnOnce(&ConnectOptions, &[Message], Effort) -> Published,
) -> Meta {
    match prepare(config, request) {
        Err(invalid) => outcome::invalid(&invalid),
        Ok(Publication { options, message, effort, remarks }) => {
            let answer = match publish(&options, slice::from_ref(&message), effort) {
                Ok(results) => match <[_; 1]>::try_from(results) {
                    Ok([result]) => result,
                    Err(results) => return outcome::wrong_count(results.len(), 1),
                },
                Err(error) => Err(error),
            };
            outcome::published(&options, &message, &remarks, answer.as_ref())
        }
    }
}

/// `check`: everything that [`send`] does before it publishes.
pub fn check(config: &str, request: &str) -> Meta {
    match prepare(config, request) {
        Err(invalid) => outcome::invalid(&invalid),
        Ok(Publication { options, message, remarks, .. }) => outcome::checked(&options, &message, &remarks),
    }
}

/// `send-batch`: [`send`] once per request; one answer per request, at the same index.
///
/// Requests that are equal in connect options and effort are published by one call of `publish`, in order;
/// the groups follow each other in the order of their first requests. A request that is wrong is answered
/// and does not stop the others.
pub fn send_batch(
    config: &str,
    requests: &[String],
    mut publish: impl FnMut(&ConnectOptions, &[Message], Effort) -> Published,
) -> Vec<Meta> {
    let config = Document::read(Source::Configuration, config);
    let mut answers: Vec<Option<Meta>> = Vec::with_capacity(requests.len());
    let mut groups = Groups::default();
    for (index, request) in requests.iter().enumerate() {
        match prepare_over(&config, request) {
            Err(invalid) => answers.push(Some(outcome::invalid(&invalid))),
            Ok(publication) => {
                answers.push(None);
                groups.add(index, publication);
            }
        }
    }
    for Group { options, effort, messages, origins } in groups.groups {
        let published = publish(&options, &messages, effort);
        for (at, (message, (index, remarks))) in messages.iter().zip(&origins).enumerate() {
            let answer = match &published {
                Err(error) => outcome::published(&options, message, remarks, Err(error)),
                Ok(results) => match results.get(at) {
                    Some(result) if results.len() == messages.len() => {
                        outcome::published(&options, message, remarks, result.as_ref())
                    }
                    Some(_) | None => outcome::wrong_count(results.len(), messages.len()),
                },
            };
            if let Some(slot) = answers.get_mut(*index) {
                *slot = Some(answer);
            }
        }
    }
    answers.into_iter().map(|answer| answer.unwrap_or_else(outcome::unanswered)).collect()
}

/// The messages of a batch that share a connection.
struct Group {
    options: ConnectOptions,
    effort: Effort,
    messages: Vec<Message>,
    /// For each message: the index of its request, and what its answer has to tell.
    origins: Vec<(usize, Remarks)>,
}

/// The groups of a batch, in the order of their first messages.
#[derive(Default)]
struct Groups {
    groups: Vec<Group>,
    by_connection: HashMap<(ConnectOptions, Effort), usize>,
}

impl Groups {
    fn add(&mut self, index: usize, publication: Publication) {
        let Publication { options, message, effort, remarks } = publication;
        let key = (options, effort);
        let known = self.by_connection.get(&key).and_then(|at| self.groups.get_mut(*at));
        if let Some(group) = known {
            group.messages.push(message);
            group.origins.push((index, remarks));
        } else {
            self.by_connection.insert(key.clone(), self.groups.len());
            let (options, effort) = key;
            let (messages, origins) = (vec![message], vec![(index, remarks)]);
            self.groups.push(Group { options, effort, messages, origins });
        }
    }
}
