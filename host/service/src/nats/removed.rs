//! What was accepted and is no longer in the stream although it has not ended: somebody has removed it, with the tools of NATS.
//!
//! It cannot be carried out any more. It is said, and what is left goes on.

use std::sync::atomic::Ordering;
use std::time::Instant;

use async_nats::jetstream::stream::Info;
use futures_util::TryStreamExt as _;

use super::Inner;
use super::queue::Item;
use crate::error::StoreError;
use crate::execution::Id;

impl Inner {
    /// Has this node know what has become of an execution whose last message, as far as it has heard, is gone.
    pub(super) async fn look_for(&self, item: &Item) -> Result<(), StoreError> {
        let began = Instant::now();
        let unanswered = |_| self.unanswered(&self.subjects.api("STREAM.INFO"), began, None);
        // One answer of one server: while leaders change, another one may not have read the message yet.
        let subject = self.subjects.execution(None, item.id);
        let mut subjects = self.stream.info_with_subjects(subject).await.map_err(unanswered)?;
        let has_read = subjects.info.state.last_sequence >= item.sequence;
        if subjects.try_next().await.map_err(unanswered)?.is_some() {
            if let Some(other) = self.find(None, item.id).await? {
                self.hears(other.sequence).await;
            }
        } else if has_read && self.view.forget_execution(item) {
            complain(item.id);
        }
        Ok(())
    }

    /// Forgets what this node knows of executions and was removed with all that was before, or with the stream: this is what the stream is now.
    pub(super) fn forget_removed(&self, info: &Info) {
        let made = made(info);
        if self.made.swap(made, Ordering::Relaxed) != made {
            let lost = self.view.start_over();
            self.started_at.store(0, Ordering::Relaxed);
            tracing::error!(
                executions = lost,
                "somebody has removed the stream, and it was made again: what had been accepted and had not ended is lost"
            );
            return;
        }
        let state = &info.state;
        // Whoever has not heard all does not know what of that has another message meanwhile.
        if self.view.heard() >= state.last_sequence {
            let lost = self.view.forget_before(state.first_sequence);
            if lost > 0 {
                tracing::error!(
                    executions = lost,
                    "somebody has purged the stream: what had been accepted and had not ended is lost"
                );
            }
        }
    }
}

/// When a stream was made, in nanoseconds since 1970.
pub(super) fn made(info: &Info) -> i64 {
    i64::try_from(info.created.unix_timestamp_nanos()).unwrap_or_default()
}

fn complain(id: Id) {
    tracing::error!(%id, "an execution that was accepted is lost: somebody has removed it from the stream");
}
