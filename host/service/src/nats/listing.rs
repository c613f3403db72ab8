//! Lists: NATS has no index but the subjects, so that they are read from the newest execution on until there are enough.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Instant;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::Inner;
use super::operations::AT_A_TIME;
use super::record::Subjects;
use crate::error::StoreError;
use crate::execution::{Execution, Id, Status};
use crate::query::{Cursor, Filling, Page, Query};

impl Inner {
    pub(super) async fn list_of(&self, query: &Query) -> Result<Page, StoreError> {
        let before = query.cursor.as_ref().map(Cursor::number);
        let mut all = self.candidates(query).await?;
        if let Some(before) = before {
            all.retain(|id, _| number(*id) < before);
        }
        let candidates = stream::iter(all.into_iter().rev());
        let found = candidates.map(async |(id, tenant)| self.get_of(Some(&tenant), id).await);
        let mut found = pin!(found.buffered(AT_A_TIME));
        let mut page = Filling::new(query);
        while let Some(execution) = found.try_next().await? {
            let Some(mut execution) = execution.filter(|execution| is_wanted(query, execution)) else {
                continue;
            };
            execution.request = None;
            if !page.takes(execution) {
                let cursor = page.executions.last().map(|last| Cursor::before(number(last.id)));
                return Ok(Page::new(page.executions, cursor));
            }
        }
        Ok(Page::new(page.executions, None))
    }

    /// The executions that may be wanted, with their tenants. Identifiers of version 7 begin with the time.
    async fn candidates(&self, query: &Query) -> Result<BTreeMap<Id, String>, StoreError> {
        let tenant = query.tenant.as_deref();
        let filter = match query.status {
            Some(status @ (Status::Accepted | Status::Running)) if !query.dead_letters => {
                let known = self.view.with_status(tenant, status);
                return Ok(known.into_iter().map(|(tenant, id)| (id, tenant)).collect());
            }
            _ if query.dead_letters => self.subjects.dead_letters(tenant),
            _ => self.subjects.executions(tenant),
        };
        let subjects = self.subjects_of(filter).await?;
        let ids = subjects.iter().filter_map(|subject| Subjects::tenant_and_id(subject));
        Ok(ids.map(|(tenant, id)| (id, tenant)).collect())
    }

    /// The subjects that have a message.
    pub(super) async fn subjects_of(&self, filter: String) -> Result<Vec<String>, StoreError> {
        let began = Instant::now();
        let unanswered = || self.unanswered(&self.subjects.api("STREAM.INFO"), began, None);
        let subjects = self.stream.info_with_subjects(filter).await.map_err(|_| unanswered())?;
        subjects.map_ok(|(subject, _)| subject).try_collect().await.map_err(|_| unanswered())
    }
}

fn number(id: Id) -> u128 {
    u128::from_be_bytes(*id.as_bytes())
}

fn is_wanted(query: &Query, execution: &Execution) -> bool {
    let Query { tenant, status, dead_letters, since, topic, cursor: _, limit: _ } = query;
    let is_dead = execution.is_open_dead_letter();
    tenant.as_ref().is_none_or(|tenant| **tenant == *execution.tenant)
        && status.is_none_or(|status| status == execution.status)
        && (!dead_letters || is_dead)
        && since.is_none_or(|since| execution.accepted >= since)
        && topic.as_ref().is_none_or(|topic| execution.topic.as_ref() == Some(topic))
}
