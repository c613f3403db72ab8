//! What [`Store`](crate::store::Store) promises, as messages.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use futures_util::{StreamExt as _, stream};

use super::queue::Item;
use super::record::{Entry, Key, Record, from_json, to_json};
use super::view::{Claim, TO_HEAR};
use super::write::{Conflict, Message};
use super::{Inner, telemetry};
use crate::Timestamp;
use crate::error::{ChangeError, StoreError};
use crate::execution::{Execution, Id, Status};
use crate::store::{Accepted, New};

/// How long it is tried to write: longer than a cluster takes to find another leader.
const PATIENCE: Duration = Duration::from_secs(20);

/// An idempotency key whose execution is not there belongs to nobody after that time: whoever took it is gone, or its execution is forgotten.
const TO_ACCEPT: Duration = Duration::from_secs(60);

/// How many messages are read at a time.
pub(super) const AT_A_TIME: usize = 32;

/// How long the leader of the stream is given to read what a follower has told.
const BEHIND: Duration = Duration::from_millis(2);

/// How often it is asked how much is stored, at most.
const MEASURE: Duration = Duration::from_millis(250);

/// An execution as it stands in the stream.
pub(super) struct Found {
    pub(super) record: Record,
    pub(super) entry: Entry,
    pub(super) sequence: u64,
}

impl Found {
    fn place(&self) -> u64 {
        self.entry.place.unwrap_or(self.sequence)
    }
}

impl Inner {
    pub(super) async fn accept_new(&self, new: New, most_waiting: u32) -> Result<Accepted, StoreError> {
        let New { execution, idempotency_key } = new;
        let key = idempotency_key.map(|key| Key::new(&key, &execution));
        let tenant = &execution.tenant;
        let place =
            self.backlog.place(tenant, most_waiting, || self.view.unfinished(tenant)).and_then(|place| {
                let is_full = self.used.load(Ordering::Relaxed) >= self.size;
                if is_full { Err(StoreError::Full { bytes: self.size }) } else { Ok(place) }
            });
        let _place = match (place, &key) {
            (Ok(place), _) => place,
            (Err(error), None) => return Err(error),
            // What is kept already is answered all the same.
            (Err(error), Some(key)) => return self.accepted_before(key, &execution).await?.ok_or(error),
        };
        if let Some(key) = &key
            && let Some(accepted) = self.take_key(key, &execution).await?
        {
            return Ok(accepted);
        }
        match self.create(&execution, key).await? {
            // Whoever has asked with the same key meanwhile has accepted it for us.
            Ok(()) | Err(Conflict) => Ok(Accepted::New),
        }
    }

    /// The execution that has an idempotency key, if there is one.
    async fn accepted_before(&self, key: &Key, new: &Execution) -> Result<Option<Accepted>, StoreError> {
        let Some(last) = self.last(&self.subjects.key(&new.tenant, &key.hash)).await? else {
            return Ok(None);
        };
        self.with_key(&from_json(&last.payload)?, new).await
    }

    /// What has become of `new`, if there is an execution that has the same key.
    async fn with_key(&self, key: &Key, new: &Execution) -> Result<Option<Accepted>, StoreError> {
        let found = self.find(Some(&new.tenant), key.id).await?;
        Ok(found.map(|found| match key.is_same(new) {
            true => Accepted::Before(Box::new(found.record.execution)),
            false => Accepted::Other(key.id),
        }))
    }

    /// Writes an execution that is new.
    async fn create(
        &self,
        execution: &Execution,
        key: Option<Key>,
    ) -> Result<Result<(), Conflict>, StoreError> {
        let record = Record { execution: execution.clone(), key };
        let written = self.write_execution(&record, &Entry::of_new(execution), 0).await?;
        Ok(match written {
            Ok(sequence) => {
                self.hears(sequence).await;
                Ok(())
            }
            Err(Conflict) => Err(Conflict),
        })
    }

    /// Takes an idempotency key for `new`. Answers with what has become of it when there is an execution that has the key.
    async fn take_key(&self, key: &Key, new: &Execution) -> Result<Option<Accepted>, StoreError> {
        let subject = self.subjects.key(&new.tenant, &key.hash);
        let write = async |expected| {
            let message = Message::new(subject.clone(), HeaderMap::new()).with(to_json(key)?);
            self.write(message, Some(expected), PATIENCE).await
        };
        if write(0).await?.is_ok() {
            return Ok(None);
        }
        loop {
            let Some(last) = self.last(&subject).await? else {
                match write(0).await? {
                    Ok(_) => return Ok(None),
                    Err(Conflict) => continue,
                }
            };
            let before: Key = from_json(&last.payload)?;
            if let Some(accepted) = self.with_key(&before, new).await? {
                return Ok(Some(accepted));
            }
            if before.taken.after(TO_ACCEPT) < Timestamp::now() {
                match write(last.sequence).await? {
                    Ok(_) => return Ok(None),
                    Err(Conflict) => continue,
                }
            }
            if !before.is_same(new) {
                return Ok(Some(Accepted::Other(before.id)));
            }
            // Somebody is about to accept it, or was and is gone.
            let execution = Execution { id: before.id, ..new.clone() };
            if self.create(&execution, Some(before)).await?.is_ok() {
                return Ok(Some(Accepted::Before(Box::new(execution))));
            }
        }
    }

    /// The execution as it stands in the stream; of `tenant`, or of any.
    pub(super) async fn find(&self, tenant: Option<&str>, id: Id) -> Result<Option<Found>, StoreError> {
        let Some(last) = self.last(&self.subjects.execution(tenant, id)).await? else { return Ok(None) };
        Self::read(&last.headers, &last.payload, last.sequence).map(Some)
    }

    async fn find_at(&self, sequence: u64) -> Result<Option<Found>, StoreError> {
        let Some(message) = self.at(sequence).await? else { return Ok(None) };
        Self::read(&message.headers, &message.payload, sequence).map(Some)
    }

    fn read(headers: &HeaderMap, payload: &[u8], sequence: u64) -> Result<Found, StoreError> {
        let record: Record = from_json(payload)?;
        let entry = Entry::of_headers(headers)
            .ok_or_else(|| StoreError::Unusable("it holds what this version did not write".to_owned()))?;
        Ok(Found { record, entry, sequence })
    }

    /// Writes what has become of an execution, if its last message is the one that was expected.
    async fn write_execution(
        &self,
        record: &Record,
        entry: &Entry,
        expected: u64,
    ) -> Result<Result<u64, Conflict>, StoreError> {
        let execution = &record.execution;
        let (tenant, id) = (&*execution.tenant, execution.id);
        let message = Message::new(self.subjects.execution(Some(tenant), id), entry.headers()?);
        let message = message.with(to_json(record)?);
        let Some(ended) = execution.ended else {
            return self.write(message, Some(expected), PATIENCE).await;
        };
        let over = ended.after(self.retention).milliseconds() - Timestamp::now().milliseconds();
        let rest = Duration::from_millis(u64::try_from(over).unwrap_or_default());
        if execution.is_dead_letter() && execution.retried_as.is_none() {
            // Before it is one, so that each is found; whoever lists them looks what it is.
            let subject = self.subjects.dead_letter(tenant, id);
            let dead = Message::new(subject, HeaderMap::new()).for_at_most(rest);
            // Without a condition there is no conflict.
            let _ = self.write(dead, None, PATIENCE).await?;
        }
        let written = self.write(message.for_at_most(rest), Some(expected), PATIENCE).await?;
        if let (Ok(_), Some(key)) = (&written, &record.key) {
            let subject = self.subjects.key(tenant, &key.hash);
            let kept = Message::new(subject, HeaderMap::new()).with(to_json(key)?).for_at_most(rest);
            if let Err(error) = self.write(kept, None, PATIENCE).await {
                tracing::warn!(%id, %error, "the idempotency key of an execution that has ended is kept for longer than that");
            }
        }
        Ok(written)
    }

    pub(super) async fn claim_of(&self, tenant: &str, most: usize) -> Result<Vec<Execution>, StoreError> {
        if !self.own(tenant).await? {
            return Ok(Vec::new());
        }
        let orphans = self.view.orphans(tenant).into_iter().map(|item| (item, true));
        self.decide_all(orphans, Timestamp::now()).await?;
        let items: Vec<Item> = self.view.claim(tenant, most).into_iter().map(|(_, item)| item).collect();
        let found = stream::iter(items).map(async |item| (item.id, self.find_at(item.sequence).await));
        let found: Vec<_> = found.buffered(AT_A_TIME).collect().await;
        let mut claimed = Vec::with_capacity(found.len());
        let mut failure = None;
        for (id, found) in found {
            match found {
                Ok(Some(Found { record, .. })) => {
                    let request = record.execution.request.clone();
                    self.view.change_claim(id, |claim| (claim.key, claim.request) = (record.key, request));
                    claimed.push(record.execution);
                }
                // It has changed meanwhile: the stream will say how.
                Ok(None) => self.view.release(id),
                Err(error) => {
                    self.view.release(id);
                    failure = Some(error);
                }
            }
        }
        match failure {
            Some(error) if claimed.is_empty() => Err(error),
            _ => Ok(claimed),
        }
    }

    pub(super) async fn begin_claimed(
        &self,
        execution: &Execution,
        may_be_repeated: bool,
    ) -> Result<bool, StoreError> {
        let id = execution.id;
        let Some(Claim { place, sequence, key, request, tenant }) = self.view.claim_of(id) else {
            return Ok(false);
        };
        if !self.view.owns(&tenant) {
            return Ok(false);
        }
        let entry = Entry { may_be_repeated, ..Entry::of(execution, Some(place), None) };
        let record = Record { execution: Execution { request, ..execution.clone() }, key };
        telemetry::count(telemetry::ATTEMPTS, 1);
        match self.write_execution(&record, &entry, sequence).await? {
            // Only as long as the lease holds nobody else has decided about it.
            Ok(sequence) => Ok(self.view.change_claim(id, |claim| claim.sequence = sequence)),
            Err(Conflict) => Ok(false),
        }
    }

    pub(super) async fn settle_claimed(
        &self,
        execution: &Execution,
        due: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let id = execution.id;
        let Some(Claim { place, sequence, key, .. }) = self.view.claim_of(id) else { return Ok(()) };
        let entry = Entry::of(execution, Some(place), due);
        let record = Record { execution: execution.clone(), key };
        // Where there is a conflict, somebody has cancelled it, or another node has taken it over.
        if let Ok(sequence) = self.write_execution(&record, &entry, sequence).await? {
            self.hears(sequence).await;
        }
        self.view.release(id);
        Ok(())
    }

    pub(super) async fn cancel_of(
        &self,
        tenant: Option<&str>,
        id: Id,
        now: Timestamp,
    ) -> Result<Execution, ChangeError> {
        loop {
            let Some(found) = self.find(tenant, id).await? else { return Err(ChangeError::Unknown(id)) };
            let place = found.place();
            let Found { mut record, sequence, .. } = found;
            if record.execution.status == Status::Cancelled {
                return Ok(record.execution);
            }
            record.execution.cancel(now)?;
            let entry = Entry::of(&record.execution, Some(place), None);
            if let Ok(sequence) = self.write_execution(&record, &entry, sequence).await? {
                self.hears(sequence).await;
                return Ok(record.execution);
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
            let Some(found) = self.find(tenant, id).await? else { return Err(ChangeError::Unknown(id)) };
            let place = found.place();
            let Found { mut record, sequence, .. } = found;
            let request = record.execution.request.clone();
            // Marked, and with its request: whoever had begun to carry it out again has not come to the end.
            let begun = record.execution.retried_as.take_if(|_| request.is_some());
            let mut new = record.execution.retry(now)?;
            if let Some(begun) = begun {
                new.id = begun;
                record.execution.retried_as = Some(begun);
            }
            let entry = Entry::of(&record.execution, Some(place), None);
            let sequence = if begun.is_some() {
                sequence
            } else {
                let marked = Record {
                    execution: Execution { request, ..record.execution.clone() },
                    key: record.key.clone(),
                };
                match self.write_execution(&marked, &entry, sequence).await? {
                    Ok(sequence) => sequence,
                    Err(Conflict) => continue,
                }
            };
            let is_there = begun.is_some() && self.find(Some(&new.tenant), new.id).await?.is_some();
            let is_created = !is_there && self.create(&new, None).await?.is_ok();
            if let Err(error) = self.write_execution(&record, &entry, sequence).await {
                tracing::warn!(%id, %error, "a dead letter that is carried out again keeps its request for longer than that");
            }
            return if is_created { Ok(new) } else { Err(ChangeError::AlreadyRetried { id, as_id: new.id }) };
        }
    }

    pub(super) async fn tidy_at(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        for tenant in self.view.to_own() {
            self.own(&tenant).await?;
        }
        let (over, orphans) = self.view.let_begin(now);
        let all =
            over.into_iter().map(|item| (item, false)).chain(orphans.into_iter().map(|item| (item, true)));
        self.decide_all(all, now).await?;
        self.measure().await;
        Ok(self.view.next())
    }

    /// Ends executions whose time is over, and decides about those whose worker is gone.
    async fn decide_all(
        &self,
        all: impl Iterator<Item = (Item, bool)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let decided =
            stream::iter(all).map(async |(item, is_orphan)| self.decide(&item, is_orphan, now).await);
        let decided: Vec<Result<(), StoreError>> = decided.buffer_unordered(AT_A_TIME).collect().await;
        decided.into_iter().collect()
    }

    async fn decide(&self, item: &Item, is_orphan: bool, now: Timestamp) -> Result<(), StoreError> {
        let Some(found) = self.find_at(item.sequence).await? else { return Ok(()) };
        let place = found.place();
        let Found { mut record, entry, sequence } = found;
        if is_orphan {
            record.execution.break_off(entry.may_be_repeated, now);
            telemetry::count(telemetry::TAKEN_OVER, 1);
        } else {
            record.execution.expire(now);
        }
        let entry = Entry::of(&record.execution, Some(place), None);
        match self.write_execution(&record, &entry, sequence).await? {
            Ok(sequence) => self.hears(sequence).await,
            // Somebody has decided otherwise, which this node has to know before it goes on.
            Err(Conflict) => {
                let tenant = &record.execution.tenant;
                if let Some(other) = self.find(Some(tenant), item.id).await? {
                    self.hears(other.sequence).await;
                }
            }
        }
        Ok(())
    }

    /// Asks how much is stored, now and then.
    async fn measure(&self) {
        {
            let mut measured = self.measured.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if measured.is_some_and(|measured| measured.elapsed() < MEASURE) {
                return;
            }
            *measured = Some(Instant::now());
        }
        // Where nobody answers, the next one is asked in a second.
        if let Ok(info) = self.stream.get_info().await {
            self.used.store(info.state.bytes, Ordering::Relaxed);
            telemetry::stored(info.state.bytes);
        }
    }
}

impl Inner {
    /// Waits until the leader of the stream knows of the end of an execution, of which another server has told already: a follower may be faster.
    pub(super) async fn reads_end_of(&self, id: Id) {
        let deadline = Instant::now() + TO_HEAR;
        while let Ok(Some(found)) = self.find(None, id).await
            && !found.record.execution.status.is_final()
            && Instant::now() < deadline
        {
            tokio::time::sleep(BEHIND).await;
        }
    }

    /// The execution, with its request if that is kept.
    pub(super) async fn get_of(&self, tenant: Option<&str>, id: Id) -> Result<Option<Execution>, StoreError> {
        Ok(self.find(tenant, id).await?.map(|found| found.record.execution))
    }
}
