//! The actions of the contract's `connector` interface, with the publisher as a function.
//!
//! In the component that function is the import `publisher.publish` or `publisher.check`; a test passes its own.

use std::collections::HashMap;
use std::slice;

use mqtt_connector_contract::connector::Meta;
use mqtt_connector_contract::publisher::{ConnectOptions, Error, Message, Receipt, Remark, RetryPolicy};
use rustc_hash::FxBuildHasher;

use crate::document::Document;
use crate::outcome::{self, Answers};
use crate::problem::Invalid;
use crate::publication::{Connection, Prepared, Publication, Remarks, Requests, prepare};

/// What the publisher answers: one result per message, at the same index, or the error of the connection.
pub type Published = Result<Vec<Result<Receipt, Error>>, Error>;

/// What the publisher answers to a check: what it remarks, or the error that a send would end with.
pub type Checked = Result<Vec<Remark>, Error>;

/// What the publisher answers, and what else is known of how it came to that.
pub struct Answer {
    /// What became of the messages.
    pub published: Published,
    /// How many connections were tried.
    pub connections: u32,
}

impl From<Published> for Answer {
    /// The answer of a publisher that got along with one connection.
    fn from(published: Published) -> Self {
        Answer { published, connections: 1 }
    }
}

/// `send`: merges `request` over `config`, checks the result, publishes one message and says how it ended.
///
/// `publish` is called once, or not at all when a parameter is wrong.
pub fn send<A: Into<Answer>>(
    config: &str,
    request: &str,
    publish: impl FnOnce(&ConnectOptions, &[Message], RetryPolicy) -> A,
) -> Meta {
    let mut publish = Some(publish);
    act(config, request, &mut |options, message, policy| {
        let publish = publish.take().ok_or_else(outcome::unanswered)?;
        let Answer { published, connections } = publish(options, slice::from_ref(message), policy).into();
        let answer = match published {
            Ok(results) => match <[_; 1]>::try_from(results) {
                Ok([result]) => result,
                Err(results) => return Err(outcome::wrong_count(results.len(), 1)),
            },
            Err(error) => Err(error),
        };
        Ok(Outcome::Published((answer, connections)))
    })
}

/// `check`: what [`send`] would answer, as far as that can be known without the network.
///
/// `judge` says what stands against the publication outside of the component; it is called once, or not at all when a
/// parameter is wrong.
pub fn check(
    config: &str,
    request: &str,
    judge: impl FnOnce(&ConnectOptions, &[Message], RetryPolicy) -> Checked,
) -> Meta {
    let mut judge = Some(judge);
    act(config, request, &mut |options, message, policy| {
        let judge = judge.take().ok_or_else(outcome::unanswered)?;
        Ok(Outcome::Checked(judge(options, slice::from_ref(message), policy)))
    })
}

/// Does what is to be done with the publication that configuration and request come to: the answer.
fn act(
    config: &str,
    request: &str,
    act: &mut dyn FnMut(&ConnectOptions, &Message, RetryPolicy) -> Result<Outcome, Meta>,
) -> Meta {
    match prepare(config, request) {
        Err(invalid) => outcome::invalid(&invalid),
        Ok(Publication { options, message, policy, remarks }) => match act(&options, &message, policy) {
            Ok(outcome) => Conclusions::over(&options).of(&message, &remarks, &outcome),
            Err(answer) => answer,
        },
    }
}

/// What has become of a publication.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// What the publisher answered for the message, and how many connections were tried.
    Published((Result<Receipt, Error>, u32)),
    /// What the publisher answered to a check.
    Checked(Checked),
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// [`send`].
    Send,
    /// [`check`].
    Check,
}

/// The answer where all goes as it was asked for: the contract's `foreseen`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foreseen {
    /// The message without the time that the send took, and where that belongs.
    Sent((String, u32)),
    /// Of a check that remarks nothing.
    Checked(String),
}

/// For each of the publications that were prepared one after the other, the answer where all goes as it was asked for; `None` where
/// something is wrong.
pub fn foresee(action: Action, prepared: &[Result<Prepared, Invalid<'_>>]) -> Vec<Option<Foreseen>> {
    let mut last = None;
    let foreseen = prepared.iter().map(|prepared| {
        let Prepared { connection, message, remarks } = prepared.as_ref().ok()?;
        if let Some(connection) = connection {
            last = Some(Conclusions::over(&connection.options));
        }
        Some(last.as_mut()?.foresee(action, message, remarks))
    });
    foreseen.collect()
}

/// Makes the answers to requests whose publications have the same connect options.
pub struct Conclusions<'a> {
    options: &'a ConnectOptions,
    answers: Answers<'a>,
}

impl<'a> Conclusions<'a> {
    /// Conclusions for publications with these options.
    pub fn over(options: &'a ConnectOptions) -> Self {
        Conclusions { options, answers: Answers::new(options, 0, 1) }
    }

    /// The answer to a request of which this publication will be made, if all goes as it was asked for.
    fn foresee(&mut self, action: Action, message: &'a Message, remarks: &Remarks) -> Foreseen {
        match action {
            Action::Send => Foreseen::Sent(self.answers.foreseen(message, remarks)),
            Action::Check => Foreseen::Checked(outcome::checked(self.options, message, remarks, &[]).message),
        }
    }

    /// The answer to a request of which this publication was made.
    pub fn of(&mut self, message: &'a Message, remarks: &Remarks, outcome: &Outcome) -> Meta {
        let (result, connections) = match outcome {
            Outcome::Published((result, connections)) => (result.as_ref(), *connections),
            Outcome::Checked(Ok(remarked)) => {
                return outcome::checked(self.options, message, remarks, remarked);
            }
            Outcome::Checked(Err(error)) => (Err(error), 0),
        };
        self.answers.have_tried(connections);
        self.answers.published(message, remarks, result)
    }
}

/// `send-batch`: [`send`] once per request; one answer per request, at the same index.
///
/// Requests that are equal in connect options and retry policy are published by one call of `publish`, in order;
/// the groups follow each other in the order of their first requests. A request that is wrong is answered
/// and does not stop the others.
pub fn send_batch<A: Into<Answer>>(
    config: &str,
    requests: &[String],
    mut publish: impl FnMut(&ConnectOptions, &[Message], RetryPolicy) -> A,
) -> Vec<Meta> {
    let config = Document::read(config);
    let mut read = Requests::over(&config);
    let mut answers: Vec<Option<Meta>> = Vec::with_capacity(requests.len());
    let mut groups = Groups::default();
    for (index, request) in requests.iter().enumerate() {
        match read.prepare(request) {
            Err(invalid) => answers.push(Some(outcome::invalid(&invalid))),
            Ok(prepared) => {
                answers.push(None);
                groups.add(index, prepared, requests.len() - index);
            }
        }
    }
    for Group { connection: Connection { options, policy }, messages, origins } in groups.groups {
        let Answer { published, connections } = publish(&options, &messages, policy).into();
        let mut said = Answers::new(&options, connections, messages.len());
        for (at, (message, (index, remarks))) in messages.iter().zip(&origins).enumerate() {
            let answer = match &published {
                Err(error) => said.published(message, remarks, Err(error)),
                Ok(results) => match results.get(at) {
                    Some(result) if results.len() == messages.len() => {
                        said.published(message, remarks, result.as_ref())
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
    connection: Connection,
    messages: Vec<Message>,
    /// For each message: the index of its request, and what its answer has to tell.
    origins: Vec<(usize, Remarks)>,
}

/// The groups of a batch, in the order of their first messages.
#[derive(Default)]
struct Groups {
    groups: Vec<Group>,
    /// Its hash is fast and guards against nobody: who writes a batch of requests that collide slows down their own alone.
    by_connection: HashMap<Connection, usize, FxBuildHasher>,
    /// The group of the last message.
    last: usize,
}

impl Groups {
    /// Adds a message; `expected` is how many may come, this one included.
    fn add(&mut self, index: usize, prepared: Prepared, expected: usize) {
        let Prepared { connection, message, remarks } = prepared;
        if let Some(connection) = connection {
            self.last = self.find(connection, expected);
        }
        if let Some(group) = self.groups.get_mut(self.last) {
            group.messages.push(message);
            group.origins.push((index, remarks));
        }
    }

    /// The group of the connection, a new one if there is none yet.
    fn find(&mut self, connection: Connection, expected: usize) -> usize {
        if let Some(at) = self.by_connection.get(&connection) {
            return *at;
        }
        let at = self.groups.len();
        // Most batches are one group. Were there many, room for all in each would be far too much.
        let room = if at == 0 { expected } else { 1 };
        let (messages, origins) = (Vec::with_capacity(room), Vec::with_capacity(room));
        self.groups.push(Group { connection: connection.clone(), messages, origins });
        self.by_connection.insert(connection, at);
        at
    }
}
