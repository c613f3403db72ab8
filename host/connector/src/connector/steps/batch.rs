//! A batch in steps: its requests are prepared some at a time, published together, and concluded where that is needed.
//!
//! No instance waits for the broker, and one that has room for some requests is called again for the next ones.

#[cfg(test)]
mod tests;

use std::mem;
use std::pin::pin;
use std::sync::Arc;

use mqtt_connector_contract::exit_code;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout_at;

use super::super::call::{GRACE, UnderWay};
use super::super::fault::Fault;
use super::super::instance::TakesLong;
use super::super::{Action, Response, answer};
use super::settled::{Outcome, Settled};
use super::{InSteps, LARGEST, Publication, begun, wit};
use crate::publisher::contract::{Error, Message, Receipt, RetryPolicy};
use crate::publisher::{Hooks, Options, PublisherCtx, Tally, Tenant, Visit};

/// Bytes of the requests of a batch, each with the configuration, up to which it is made in steps: its messages, which the host has
/// all at once, are about as long.
const LARGEST_BATCH: usize = 4 * 1024 * 1024;

/// How many requests one step is made for.
const MOST: usize = 128;

/// Bytes of configuration and requests, or of topics, that one step is made for, if it is for more than one request. Arrays of
/// numbers with 128 KiB take longer than a step may: it is given up, and was for nothing, as all before it. Two contents of 16 KiB
/// have room.
const WEIGHT: usize = 48 * 1024;

/// The answer where the component has not been called to the end in time. It has done nothing wrong.
const TOO_LATE: &str = "Not sent, the timeout was over before the message was sent: other calls of the tenant were ahead of it. Sending it again is safe.";

/// A batch whose requests are prepared, as far as it goes.
struct Prepared {
    /// Bytes that what the answers are made of may still take.
    room: usize,
    /// With what all messages are published.
    connection: Option<(Arc<Options>, RetryPolicy)>,
    messages: Vec<Message>,
    /// What the answer to each request is made of.
    parts: Vec<Part>,
}

/// What the answer to a request is made of.
enum Part {
    /// It is wrong, and this is the answer.
    Wrong(wit::Response),
    /// What becomes of the next one of the messages.
    Message { outline: Arc<Message>, notes: wit::Notes, foreseen: Option<wit::Foreseen> },
}

/// Makes the batch in steps, if the component offers them, the documents are short, its answers are no longer than the memory that
/// the component may have, and one connection is enough for all messages; `None`: it is to be made in another way, nothing has
/// happened, and nobody was told. `length` is that of the requests, each with the configuration.
///
/// # Errors
///
/// The response to each request: the component failed, or its answers are not believed.
pub(in super::super) async fn answer_batch(
    call: &UnderWay<'_>,
    length: usize,
    config: &str,
    requests: &[String],
    queued: &mut Option<oneshot::Sender<()>>,
    hooks: &mut Hooks,
) -> Option<Result<Vec<Response>, Response>> {
    let longest = requests.iter().map(String::len).max().unwrap_or_default();
    let is_long = length > LARGEST_BATCH || config.len() + longest > LARGEST;
    if !call.connector.engines.offer_steps() || is_long {
        return None;
    }
    let steps = InSteps { call, action: Action::Send, length, own: None };
    // Boxed, because the futures around it would move it several times.
    Box::pin(steps.run_batch(config, requests, queued, hooks)).await
}

impl Part {
    /// Bytes that it takes.
    fn length(&self) -> usize {
        let text = match self {
            Self::Wrong(wit::Response { meta }) => meta.message.len(),
            Self::Message {
                foreseen: Some(wit::Foreseen::Sent((text, _)) | wit::Foreseen::Checked(text)),
                ..
            } => text.len(),
            Self::Message { foreseen: None, .. } => 0,
        };
        size_of::<Self>() + text
    }

    fn wrong(self) -> Option<(i32, String)> {
        match self {
            Self::Wrong(wit::Response { meta }) => Some((meta.exit_code, meta.message)),
            Self::Message { .. } => None,
        }
    }
}

impl InSteps<'_> {
    async fn run_batch(
        mut self,
        config: &str,
        requests: &[String],
        queued: &mut Option<oneshot::Sender<()>>,
        hooks: &mut Hooks,
    ) -> Option<Result<Vec<Response>, Response>> {
        let UnderWay { connector, tenant, latest, .. } = self.call;
        let mut visit = tenant.quotas().visit();
        let mut prepared = Prepared::within(tenant.limits().memory);
        let mut left = requests;
        let room = WEIGHT.saturating_sub(config.len());
        let ends = *latest + GRACE;
        let too_late = || Some(Err(Response::new(exit_code::TIMED_OUT, TOO_LATE)));
        let Ok(mut inside) = timeout_at(ends, visit.enter(|| {})).await else { return too_late() };
        while !left.is_empty() {
            match self.prepare_some(config, split_off(&mut left, room, String::len)) {
                Ok(publications) => prepared.add(publications)?,
                Err(error) if error.is::<TakesLong>() => return None,
                Err(error) => return Some(Err(self.call.failed(&error, Tally::default()))),
            }
            if !left.is_empty() {
                drop(inside);
                // The runtime looks at its sockets meanwhile.
                yield_now().await;
                let Ok(entered) = timeout_at(ends, visit.enter(|| {})).await else { return too_late() };
                inside = entered;
            }
        }
        let Prepared { connection, messages, parts, .. } = prepared;
        let context = PublisherCtx::builder(Tenant::clone(tenant)).latest(*latest);
        let context = context.queued(queued.take()).hooks(mem::take(hooks));
        let mut context = context.publisher(connector.publisher.clone()).build();
        let Some((options, policy)) = connection else {
            let answers = parts.into_iter().filter_map(Part::wrong).collect();
            return Some(self.believe_all(Ok(answers), context.tally()));
        };
        let outcomes = {
            let handed_over = messages.len();
            let publishing = pin!(context.publish_messages(&options, messages, policy));
            let (published, connections) = begun(inside, publishing).await;
            outcomes(published, connections, handed_over)
        };
        let answers = match outcomes {
            Ok(outcomes) => self.conclude_each(&mut visit, &options, parts, outcomes).await,
            Err(fault) => Err(fault.into()),
        };
        Some(self.believe_all(answers, context.tally()))
    }

    /// What each of some requests comes to, which the component may compute for.
    fn prepare_some(&mut self, config: &str, requests: &[String]) -> wasmtime::Result<Vec<super::Prepared>> {
        let requests: Vec<_> = requests.iter().map(String::as_str).collect();
        let prepared = self.prepare_all(config, &requests)?;
        self.call.meter.count()?;
        Ok(prepared)
    }

    /// The exit code and the message for each request.
    async fn conclude_each(
        &mut self,
        visit: &mut Visit<'_>,
        options: &Arc<Options>,
        parts: Vec<Part>,
        outcomes: Vec<Outcome>,
    ) -> wasmtime::Result<Vec<(i32, String)>> {
        let mut outcomes = outcomes.into_iter();
        let mut answers = Vec::with_capacity(parts.len());
        // Those that have come to something else than was foreseen, and which they are.
        let (mut others, mut numbers) = (Vec::new(), Vec::new());
        for (number, part) in parts.into_iter().enumerate() {
            let (outline, notes, foreseen) = match part {
                Part::Wrong(wit::Response { meta }) => {
                    answers.push((meta.exit_code, meta.message));
                    continue;
                }
                Part::Message { outline, notes, foreseen } => (outline, notes, foreseen),
            };
            let outcome = outcomes.next().ok_or(Fault::Count)?;
            if let Some(text) = foreseen.and_then(|foreseen| outcome.as_foreseen(foreseen, outline.qos)) {
                answers.push((exit_code::SENT, text));
            } else {
                let message = Message::clone(&outline);
                others.push(Arc::new(Settled { options: Arc::clone(options), message, notes, outcome }));
                numbers.push(number);
                answers.push((exit_code::FAULT, String::new()));
            }
        }
        let (mut numbers, mut left) = (numbers.into_iter(), others.as_slice());
        while !left.is_empty() {
            let some = split_off(&mut left, WEIGHT, |settled| settled.message.topic.len());
            let inside = visit.enter(|| {}).await;
            let concluded = self.conclude_all(&some.iter().collect::<Vec<_>>());
            drop(inside);
            for (wit::Response { meta }, number) in concluded?.into_iter().zip(&mut numbers) {
                answers[number] = (meta.exit_code, meta.message);
            }
            yield_now().await;
        }
        Ok(answers)
    }

    /// The answers, if they are believed: as [`believe`](Self::believe).
    fn believe_all(
        &self,
        concluded: wasmtime::Result<Vec<(i32, String)>>,
        tally: Tally,
    ) -> Result<Vec<Response>, Response> {
        let believed = concluded.and_then(|answers| {
            let responses =
                answers.into_iter().map(|(exit_code, message)| answer::response(exit_code, message));
            let mut responses = responses.collect::<Result<Vec<_>, _>>()?;
            answer::believe(&mut responses, tally)?;
            Ok(responses)
        });
        believed.map_err(|error| self.call.failed(&error, tally))
    }
}

impl Prepared {
    /// None of the requests, whose answers are made of no more than so many bytes.
    fn within(room: usize) -> Self {
        Self { room, connection: None, messages: Vec::new(), parts: Vec::new() }
    }

    /// Adds what the next requests come to; `None`: they need another connection than those before, or there is no room for their answers.
    fn add(&mut self, publications: Vec<super::Prepared>) -> Option<()> {
        for publication in publications {
            let Publication { options, policy, message, notes, foreseen } = match publication {
                Ok(publication) => publication,
                Err(response) => {
                    self.push(Part::Wrong(response))?;
                    continue;
                }
            };
            match &self.connection {
                Some((same, _)) if Arc::ptr_eq(same, &options) => {}
                Some((one, its_policy)) if *its_policy != policy || **one != *options => return None,
                Some(_) => {}
                None => self.connection = Some((options, policy)),
            }
            let outline = self.outline(&message);
            self.messages.push(message);
            self.push(Part::Message { outline, notes, foreseen })?;
        }
        Some(())
    }

    fn push(&mut self, part: Part) -> Option<()> {
        self.room = self.room.checked_sub(part.length())?;
        self.parts.push(part);
        Some(())
    }

    /// What is to be known of a message when it was published: that of the message before, where it is the same.
    fn outline(&self, message: &Message) -> Arc<Message> {
        let Message { topic, qos, retain, .. } = message;
        match self.parts.last() {
            Some(Part::Message { outline, .. })
                if (&outline.topic, outline.qos, outline.retain) == (topic, *qos, *retain) =>
            {
                Arc::clone(outline)
            }
            Some(Part::Message { .. } | Part::Wrong(_)) | None => Arc::new(Message {
                topic: topic.clone(),
                payload: Vec::new(),
                qos: *qos,
                retain: *retain,
                properties: None,
            }),
        }
    }
}

/// Takes those that one step is made for off those that are `left`, one at least, in which there is room for so many bytes.
fn split_off<'a, T>(left: &mut &'a [T], mut room: usize, length: impl Fn(&T) -> usize) -> &'a [T] {
    let fits = |one: &&T| match room.checked_sub(length(one)) {
        Some(rest) => {
            room = rest;
            true
        }
        None => false,
    };
    let fitting = left.iter().take(MOST).take_while(fits).count();
    left.split_off(..fitting.clamp(1, left.len())).unwrap_or_default()
}

/// What became of each message.
fn outcomes(
    published: Result<Vec<Result<Receipt, Error>>, Error>,
    connections: u32,
    messages: usize,
) -> Result<Vec<Outcome>, Fault> {
    // Of several messages, the first may have been sent before a connection was lost.
    let until_sent = if messages == 1 { connections } else { connections.min(1) };
    match published {
        Ok(results) if results.len() != messages => Err(Fault::Count),
        Ok(results) => {
            let tried = |result: &Result<_, _>| if result.is_ok() { until_sent } else { connections };
            let outcome = |result| {
                let tried = tried(&result);
                Outcome::Published(result, tried)
            };
            Ok(results.into_iter().map(outcome).collect())
        }
        Err(error) => Ok(vec![Outcome::Published(Err(error), connections); messages]),
    }
}
