//! Each node hears of every execution, node and owner, in the order of the stream: headers alone.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::Inner;
use super::operations::AT_A_TIME;
use super::record::{from_json, to_json};
use super::view::TO_HEAR;
use super::write::{Message, PAUSE};
use crate::error::StoreError;

/// So many messages are worth telling.
const MUCH: u64 = 1000;

impl Inner {
    /// Listens until it is told to stop.
    pub(super) async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut was_deaf = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                ended = self.listen() => if let Err(error) = ended {
                    tracing::debug!(%error, "the stream of executions is listened to again");
                },
            }
            // While nothing can be written, that is said already.
            let is_deaf = self.view.is_deaf() && self.health.fault().is_none();
            if is_deaf && !was_deaf {
                tracing::error!(why = self.deafness(), "this node carries nothing out");
            }
            was_deaf = is_deaf;
            if self.said.is_deaf() {
                // What the user may not subscribe to now, it may as soon as somebody has mended that: on another connection.
                let _ = self.client.force_reconnect().await;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// Finds out from which message on there is something to hear. Before it stands what executions were that have ended, of which there may be many, and
    /// nodes and owners, which are looked up.
    pub(super) async fn find_start(&self) -> Result<(), StoreError> {
        let Some(start) = self.last(&self.subjects.start()).await? else { return Ok(()) };
        let (start, sequence): (u64, u64) = (from_json(&start.payload)?, start.sequence);
        // By a node that had not noticed yet that the stream is another one than that which it has heard.
        if start > sequence {
            return Ok(());
        }
        for filter in self.subjects.nodes_and_owners() {
            let subjects: Vec<String> = self.subjects_of(filter).await?;
            let heard = stream::iter(subjects).map(async |subject| self.hear_last(&subject).await);
            heard.buffer_unordered(AT_A_TIME).try_collect::<()>().await?;
        }
        self.view.has_heard(start.saturating_sub(1));
        self.started_at.store(start, Ordering::Relaxed);
        Ok(())
    }

    /// Tells nodes that start later from which message on there is something to hear, when that is much less than before.
    pub(super) async fn move_start(&self) -> Result<(), StoreError> {
        let oldest = self.view.oldest();
        if oldest < self.started_at.load(Ordering::Relaxed) + MUCH {
            return Ok(());
        }
        let message = Message::new(self.subjects.start(), HeaderMap::new()).with(to_json(&oldest)?);
        // What another node writes is as true.
        let _ = self.write(message, None, self.lease).await?;
        self.started_at.store(oldest, Ordering::Relaxed);
        Ok(())
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
            let next = tokio::time::timeout(TO_HEAR, messages.next());
            let next = tokio::select! {
                next = next => next,
                () = self.view.is_over() => return Ok(()),
            };
            let message = match next {
                Ok(Some(message)) => message?,
                Ok(None) => return Ok(()),
                // Its consumer is gone. One that is only slow is listened to: another one would not be faster.
                Err(_) if self.view.is_behind() || self.said.is_deaf() => return Ok(()),
                Err(_) => continue,
            };
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
