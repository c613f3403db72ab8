//! A batch that is sent in a task of its own.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use mqtt_connector_contract::exit_code::FAULT;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Response;

/// A batch on its way: a future of its responses, one for each request, in order. Made by
/// [`Connector::start_batch`](crate::Connector::start_batch).
///
/// Dropping it ends the batch, as dropping the future of a send does.
#[derive(Debug)]
#[must_use = "a batch that is dropped is ended"]
pub struct Batch {
    responses: JoinHandle<Vec<Response>>,
    queued: oneshot::Receiver<()>,
    requests: usize,
}

impl Batch {
    pub(super) fn start<F>(requests: usize, send: impl FnOnce(oneshot::Sender<()>) -> F) -> Self
    where
        F: Future<Output = Vec<Response>> + Send + 'static,
    {
        let (tell, queued) = oneshot::channel();
        Self { responses: tokio::spawn(send(tell)), queued, requests }
    }

    /// Waits until the messages stand in line at their connection, or will not. Where the requests differ in their connect
    /// options, that is said of those that have the options of the first.
    pub async fn queued(&mut self) {
        // It is dropped and never sent; once that was seen there is nothing left to wait for.
        if !self.queued.is_terminated() {
            let _ = (&mut self.queued).await;
        }
    }

    /// Whether the responses are there.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.responses.is_finished()
    }
}

impl Future for Batch {
    type Output = Vec<Response>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let responses = ready!(Pin::new(&mut self.responses).poll(context));
        Poll::Ready(responses.unwrap_or_else(|_| {
            let ended = Response::new(FAULT, "The connector itself failed: the task of the batch has ended.");
            vec![ended; self.requests]
        }))
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.responses.abort();
    }
}
