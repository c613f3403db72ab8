//! What somebody does to an execution: cancels it, or has a dead letter carried out again.

use super::Inner;
use super::operations::Found;
use super::record::Record;
use super::write::Conflict;
use crate::Timestamp;
use crate::error::ChangeError;
use crate::execution::{Execution, Id};

impl Inner {
    async fn to_change(&self, tenant: Option<&str>, id: Id) -> Result<Found, ChangeError> {
        self.find(tenant, id).await?.ok_or(ChangeError::Unknown(id))
    }

    pub(super) async fn cancel_of(
        &self,
        tenant: Option<&str>,
        id: Id,
        now: Timestamp,
    ) -> Result<Execution, ChangeError> {
        loop {
            let mut found = self.to_change(tenant, id).await?;
            if !found.record.execution.cancel(now)? {
                return Ok(found.record.execution);
            }
            if let Ok(sequence) = self.write_changed(&found).await? {
                self.hears(sequence).await;
                return Ok(found.record.execution);
            }
        }
    }

    pub(super) async fn retry_of(
        &self,
        tenant: Option<&str>,
        id: Id,
        now: Timestamp,
    ) -> Result<Execution, ChangeError> {
        loop {
            let mut found = self.to_change(tenant, id).await?;
            let execution = &mut found.record.execution;
            let request = execution.request.clone();
            // Marked, and with its request: whoever had begun to carry it out again has not come to the end.
            let begun = execution.retried_as.take_if(|_| request.is_some());
            let mut new = execution.retry(now)?;
            if let Some(begun) = begun {
                new.id = begun;
                execution.retried_as = Some(begun);
            } else {
                let execution = Execution { request, ..execution.clone() };
                let marked = Record { execution, key: found.record.key.clone() };
                match self.write_execution(&marked, &found.entry_now(), found.sequence).await? {
                    Ok(sequence) => found.sequence = sequence,
                    Err(Conflict) => continue,
                }
            }
            let is_there = begun.is_some() && self.find(Some(&new.tenant), new.id).await?.is_some();
            let is_created = !is_there && self.create(self.first_message(&new, None)?).await?.is_ok();
            if let Err(error) = self.write_changed(&found).await {
                tracing::warn!(%id, %error, "a dead letter that is carried out again keeps its request for longer than that");
            }
            return if is_created { Ok(new) } else { Err(ChangeError::AlreadyRetried { id, as_id: new.id }) };
        }
    }
}
