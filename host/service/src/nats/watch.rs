//! Each node hears of every execution, node and owner, in the order of the stream: headers alone.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::Inner;

/// How long it is waited before it is tried again.
const PAUSE: Duration = Duration::from_millis(250);

impl Inner {
    /// Listens until it is told to stop.
    pub(super) async fn watch(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                ended = self.listen() => if let Err(error) = ended {
                    tracing::debug!(%error, "the stream of executions is listened to again");
                },
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    async fn listen(&self) -> Result<(), async_nats::Error> {
        let start_sequence = self.view.heard() + 1;
        let consumer = OrderedConfig {
            filter_subjects: self.subjects.watched(),
            headers_only: true,
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            ..OrderedConfig::default()
        };
        let consumer = self.stream.create_consumer(consumer).await?;
        if consumer.cached_info().num_pending == 0 {
            self.caught_up.send_replace(true);
        }
        let mut messages = consumer.messages().await?;
        loop {
            tokio::select! {
                () = self.rewatch.notified() => return Ok(()),
                message = messages.next() => {
                    let Some(message) = message.transpose()? else { return Ok(()) };
                    let info = message.info()?;
                    let (sequence, pending) = (info.stream_sequence, info.pending);
                    if let Some(headers) = &message.headers {
                        self.view.hear(&self.subjects, &message.subject, headers, sequence);
                    }
                    self.view.has_heard(sequence);
                    if pending == 0 {
                        self.caught_up.send_replace(true);
                    }
                }
            }
        }
    }
}
