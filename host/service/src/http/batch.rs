//! `/v1/send-batch`: JSON Lines in, JSON Lines out, in order, while they come.

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use http_body_util::channel::{Channel, Sender};
use mqtt_connector::exit_code::PARAMETER;
use mqtt_connector::{Batch, Meta};
use tokio::time::{sleep, timeout};

use super::answer::Answer;
use super::api::Api;
use super::body::{self, JSON_LINES};
use super::caller::Caller;
use super::calls::Call;
use super::prefer::idempotency_key;
use super::problem::Problem;
use super::trace_context::TraceHeaders;
use crate::execution::Request;

/// How long the next bytes may take to come, or room for them, before the lines are taken to have ended.
const PATIENCE: Duration = Duration::from_secs(60);

/// The most lines that are sent together.
const MOST_LINES: usize = 100;

/// The most bytes of lines that are sent together, unless one line alone is longer.
const MOST_BYTES: usize = 1 << 20;

/// How many lots of lines are under way: one is sent while the one before is acknowledged.
const UNDER_WAY: usize = 2;

/// How long it is waited before it is looked again whether there is room for more.
const PAUSE: Duration = Duration::from_millis(50);

/// How many answers to lots may wait for a caller who does not read them.
const UNREAD: usize = 32;

/// Send many messages
///
/// A request a line, and an answer a line, in the same order. Both are streamed: a caller who writes many lines has to read meanwhile. Blank
/// lines are passed over. While the service ends, lines that have no answer were not sent. A batch has no idempotency key.
#[utoipa::path(
    post,
    path = "/v1/send-batch",
    tag = "send",
    params(TraceHeaders),
    request_body(description = "A request a line", content((Request = "application/jsonl"), (String = "text/plain"))),
    responses((status = 200, description = "An answer a line", body = Answer, content_type = "application/jsonl"))
)]
pub(super) async fn send_batch(
    State(api): State<Api>,
    mut caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let counted = api.begin()?;
    if idempotency_key(&headers)?.is_some() {
        return Err(Problem::bad_request(
            "a batch has no idempotency key: a message that has one is a call of /v1/send or /v1/executions",
        ));
    }
    body::check_type(&headers, JSON_LINES)?;
    let (out, answers) = Channel::<Bytes>::new(UNREAD);
    tokio::spawn(async move {
        let _counted = counted;
        let lines = Lines::new(body, api.largest_body());
        // A caller who reads no more has ended it.
        let _ = answer_all(&api, &mut caller, lines, out).await;
    });
    let kind = [(header::CONTENT_TYPE, "application/jsonl")];
    Ok((kind, Body::new(answers)).into_response())
}

/// Nobody reads the answers any more.
struct Unread;

async fn answer_all(
    api: &Api,
    caller: &mut Caller,
    mut lines: Lines,
    mut out: Sender<Bytes>,
) -> Result<(), Unread> {
    let (connector, tenant) = (api.shared_connector(), caller.tenant.clone());
    let mut under_way = VecDeque::new();
    let count = |response: &mqtt_connector::Response| api.count(&tenant, response, None);
    loop {
        if under_way.len() < UNDER_WAY && lines.has_line() {
            let (answered, requests, bytes) = lines.lot();
            let mut batch = connector.start_batch_with(&tenant, tenant.config(), requests, caller.hooks());
            // Behind the lot before, and not beside it: they are sent in order.
            batch.queued().await;
            under_way.push_back(Lot { answered, batch, bytes });
        } else if under_way.len() < UNDER_WAY && !lines.has_ended {
            let is_idle = under_way.is_empty();
            tokio::select! {
                biased;
                () = api.draining().cancelled() => lines.give_up(&mut caller.call),
                () = lines.fill(&mut caller.call) => {}
                answers = first(&mut under_way, count), if !is_idle => write(&mut out, answers, &mut caller.call).await?,
            }
        } else if under_way.is_empty() {
            return Ok(());
        } else {
            let answers = first(&mut under_way, count).await;
            write(&mut out, answers, &mut caller.call).await?;
        }
    }
}

/// Answers to lines, which had so many bytes.
async fn write(
    out: &mut Sender<Bytes>,
    (answers, bytes): (String, usize),
    call: &mut Call,
) -> Result<(), Unread> {
    call.let_go(bytes);
    out.send_data(answers.into()).await.map_err(|_| Unread)
}

/// Lines that are sent together.
struct Lot {
    /// The answer to each line, for those that are answered already.
    answered: Vec<Option<Answer>>,
    batch: Batch,
    /// How many bytes they have.
    bytes: usize,
}

/// The answers to the first lot, as lines, when they are there, and how many bytes it has. It may be given up, and asked for again.
async fn first(under_way: &mut VecDeque<Lot>, count: impl Fn(&mqtt_connector::Response)) -> (String, usize) {
    let Some(lot) = under_way.front_mut() else { return Default::default() };
    let mut responses = (&mut lot.batch).await.into_iter();
    let Some(lot) = under_way.pop_front() else { return Default::default() };
    let mut next = || {
        let response = responses.next()?;
        count(&response);
        Some(Answer::from(response))
    };
    let answers = lot.answered.into_iter().filter_map(|answer| answer.or_else(&mut next));
    (answers.map(|answer| answer.line()).collect(), lot.bytes)
}

/// The lines of a body, as they come.
struct Lines {
    body: Body,
    buffer: Vec<u8>,
    /// In front of this there is no line end.
    searched: usize,
    longest: usize,
    /// The rest of a line that was too long is passed over.
    is_passing: bool,
    has_ended: bool,
}

impl Lines {
    fn new(body: Body, longest: usize) -> Self {
        Self { body, buffer: Vec::new(), searched: 0, longest, is_passing: false, has_ended: false }
    }

    /// Where the first line ends, if it has.
    fn end(&mut self) -> Option<usize> {
        let rest = self.buffer.get(self.searched..).unwrap_or_default();
        match rest.iter().position(|byte| *byte == b'\n') {
            Some(place) => Some(self.searched + place),
            None => {
                self.searched = self.buffer.len();
                None
            }
        }
    }

    /// Whether there is a line, or what is left of one that is too long or that nothing follows.
    fn has_line(&mut self) -> bool {
        self.end().is_some() || self.buffer.len() > self.longest || self.has_ended && !self.buffer.is_empty()
    }

    /// Waits until there is room for more among what the tenant's calls keep, and for that. It may be given up, and asked for again.
    async fn fill(&mut self, call: &mut Call) {
        let has_room = async {
            while !call.has_room() {
                sleep(PAUSE).await;
            }
        };
        if timeout(PATIENCE, has_room).await.is_err() {
            // Who waits with a part of a line may be what the others wait for.
            return self.give_up(call);
        }
        match timeout(PATIENCE, self.body.frame()).await {
            Ok(Some(Ok(frame))) => {
                if let Some(bytes) = frame.data_ref() {
                    call.add(bytes.len());
                    self.buffer.extend_from_slice(bytes);
                }
            }
            // It has ended; or it was broken off, and what has come is answered all the same.
            Ok(None | Some(Err(_))) | Err(_) => self.has_ended = true,
        }
    }

    /// Takes no further lines. What has come of the next one is none.
    fn give_up(&mut self, call: &mut Call) {
        call.let_go(self.buffer.len());
        self.buffer.clear();
        self.has_ended = true;
    }

    /// Lines to be sent together: their answers, as far as they have one, the requests of the others, and how many bytes there were.
    fn lot(&mut self) -> (Vec<Option<Answer>>, Vec<String>, usize) {
        let (mut answered, mut requests, mut bytes) = (Vec::new(), Vec::new(), 0);
        while answered.len() < MOST_LINES && bytes < MOST_BYTES && self.has_line() {
            let is_whole = self.end().is_some();
            let end = self.end().unwrap_or(self.buffer.len());
            let mut line: Vec<u8> = self.buffer.drain(..end + usize::from(is_whole)).collect();
            self.searched = 0;
            bytes += line.len();
            let was_passing = std::mem::replace(&mut self.is_passing, !is_whole && !self.has_ended);
            if was_passing {
                continue;
            }
            if is_whole {
                line.pop();
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match read(line, self.longest) {
                Ok(request) => {
                    answered.push(None);
                    requests.push(request);
                }
                Err(message) => answered.push(Some(Meta { exit_code: PARAMETER, message }.into())),
            }
        }
        // What a long line took is not kept for the next one.
        if self.buffer.capacity() > MOST_BYTES {
            self.buffer.shrink_to_fit();
        }
        (answered, requests, bytes)
    }
}

/// The text of a line, or why it is none.
fn read(line: Vec<u8>, longest: usize) -> Result<String, String> {
    if line.len() > longest {
        return Err(format!("The line has more than {longest} bytes, which are the most that are taken."));
    }
    let text = String::from_utf8(line)
        .map_err(|_| "The line is not UTF-8 text (RFC 8259, section 8.1).".to_owned())?;
    if text.len() > Request::LONGEST {
        return Err(format!(
            "The line has more than {} bytes, which are the most that are taken.",
            Request::LONGEST
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::super::calls::Calls;
    use super::*;

    fn lots(chunks: &[&[u8]], longest: usize) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (mut sender, body) = Channel::<Bytes>::new(chunks.len().max(1));
            for chunk in chunks {
                sender.send_data(Bytes::copy_from_slice(chunk)).await.unwrap();
            }
            drop(sender);
            let (mut lines, mut all) = (Lines::new(Body::new(body), longest), Vec::new());
            let calls = Calls::new(1, usize::MAX);
            let mut call = calls.begin("acme".into()).unwrap();
            loop {
                if lines.has_line() {
                    let (answered, mut requests, bytes) = lines.lot();
                    call.let_go(bytes);
                    all.extend(answered.into_iter().map(|answer| match answer {
                        Some(answer) => answer.line(),
                        None => requests.remove(0),
                    }));
                } else if lines.has_ended {
                    // Nothing is kept any more.
                    call.keep(usize::MAX).unwrap();
                    return all;
                } else {
                    lines.fill(&mut call).await;
                }
            }
        })
    }

    #[test]
    fn lines_are_taken_apart_however_they_come() {
        assert_eq!(lots(&[b"{}\n{\"a\":1}\r\n\n  \n{", b"}"], 100), ["{}", "{\"a\":1}\r", "{}"]);
        assert_eq!(lots(&[b"a\nb\n"], 100), ["a", "b"]);
        assert!(lots(&[], 100).is_empty() && lots(&[b"\n"], 100).is_empty());
    }

    #[tokio::test]
    async fn lines_are_read_when_there_is_room_among_what_the_tenants_calls_keep() {
        let calls = Calls::new(2, 1000);
        let [mut call, mut other] = [(); 2].map(|()| calls.begin("acme".into()).unwrap());
        other.keep(1000).unwrap();
        let mut lines = Lines::new(Body::from("a\nb"), 100);
        assert!(pin!(lines.fill(&mut call)).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(other);
        lines.fill(&mut call).await;
        call.keep(997).unwrap();
        assert!(call.keep(1).is_err(), "3 bytes are kept");
        assert_eq!(lines.lot().2, 2);
        call.let_go(2);
        call.keep(2).unwrap();
    }

    #[test]
    fn a_line_that_is_none_is_answered_in_its_place() {
        let long = "The line has more than 4 bytes, which are the most that are taken.";
        let binary = "The line is not UTF-8 text (RFC 8259, section 8.1).";
        let answer = |message: &str| {
            format!(
                "{{\"meta\":{{\"exit-code\":64,\"message\":\"{message}\"}},\"delivery\":\"not-sent\",\"retry\":\"no\"}}\n"
            )
        };
        assert_eq!(
            lots(&[b"12345\n1234\n\xff\n5"], 4),
            [answer(long), "1234".to_owned(), answer(binary), "5".to_owned()]
        );
        let chunks: [&[u8]; 4] = [b"1\n123456", b"789", b"0\n2", b"\n"];
        assert_eq!(lots(&chunks, 4), ["1".to_owned(), answer(long), "2".to_owned()]);
    }
}
