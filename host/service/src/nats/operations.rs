//! What [`Store`](crate::store::Store) promises, as messages.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use futures_util::{StreamExt as _, stream};

use super::queue::Item;
use super::record::{Entry, Record, from_json, to_json};
use super::said::silent;
use super::share::Place;
use super::view::{Claim, End, TO_HEAR};
use super::write::{Conflict, Message};
use super::{Inner, telemetry};
use crate::Timestamp;
use crate::error::StoreError;
use crate::execution::{Execution, Id};

/// How long it is tried to write: longer than a cluster takes to find another leader.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

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
    /// What the others have to know of it, as it is now: it waits for nothing.
    pub(super) fn entry_now(&self) -> Entry {
        Entry::of(&self.record.execution, Some(self.entry.place.unwrap_or(self.sequence)), None)
    }
}

impl Inner {
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

    /// The message that says how an execution is.
    pub(super) fn message(&self, record: &Record, entry: &Entry) -> Result<Message, StoreError> {
        let Execution { id, tenant, .. } = &record.execution;
        let message = Message::new(self.subjects.execution(Some(tenant), *id), entry.headers()?);
        Ok(message.with(to_json(record)?))
    }

    /// Writes what has become of an execution, if nobody has changed it since it was found.
    pub(super) async fn write_changed(&self, found: &Found) -> Result<Result<u64, Conflict>, StoreError> {
        self.write_execution(&found.record, &found.entry_now(), found.sequence).await
    }

    /// Writes what has become of an execution, if its last message is the one that was expected.
    pub(super) async fn write_execution(
        &self,
        record: &Record,
        entry: &Entry,
        expected: u64,
    ) -> Result<Result<u64, Conflict>, StoreError> {
        let execution = &record.execution;
        let (tenant, id) = (&*execution.tenant, execution.id);
        let message = self.message(record, entry)?;
        let Some(ended) = execution.ended else {
            return self.write(message, Some(expected), PATIENCE).await;
        };
        let over = ended.after(self.retention).milliseconds() - Timestamp::now().milliseconds();
        let rest = Duration::from_millis(u64::try_from(over).unwrap_or_default());
        if execution.is_open_dead_letter() {
            // Before it is one, so that each is found; whoever lists them looks what it is.
            let subject = self.subjects.dead_letter(tenant, id);
            let dead = Message::new(subject, HeaderMap::new()).kept_for(rest);
            // Without a condition there is no conflict.
            let _ = self.write(dead, None, PATIENCE).await?;
        }
        let written = self.write(message.kept_for(rest), Some(expected), PATIENCE).await?;
        if let (Ok(_), Some(key)) = (&written, &record.key) {
            let subject = self.subjects.key(tenant, &key.hash);
            let kept = Message::new(subject, HeaderMap::new()).with(to_json(key)?).kept_for(rest);
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
        let found = stream::iter(self.view.claim(tenant, most)).map(async |(item, held)| {
            let record = match held {
                Some(record) => Ok(Some(record)),
                None => self.find_at(item.sequence).await.map(|found| found.map(|found| found.record)),
            };
            (item, record)
        });
        let found: Vec<_> = found.buffered(AT_A_TIME).collect().await;
        let mut claimed = Vec::with_capacity(found.len());
        let mut failure = None;
        for (item, found) in found {
            let id = item.id;
            match found {
                Ok(Some(record)) => {
                    let request = record.execution.request.clone();
                    self.view.change_claim(id, |claim| (claim.key, claim.request) = (record.key, request));
                    claimed.push(record.execution);
                }
                // It has changed meanwhile, or was removed.
                Ok(None) => {
                    let looked = self.look_for(&item).await;
                    self.view.release(id);
                    failure = failure.or(looked.err());
                }
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

    /// Waits until a tenant has less than its share on its way to NATS, if others have something as well: theirs would wait behind it.
    async fn place_in_share(&self, tenant: &str) -> Result<Option<Place>, StoreError> {
        let Some(share) = self.view.share_of(tenant) else { return Ok(None) };
        tokio::time::timeout(PATIENCE, share.place()).await.map(Some).map_err(|_| silent())
    }

    pub(super) async fn begin_claimed(
        &self,
        execution: &Execution,
        may_be_repeated: bool,
    ) -> Result<bool, StoreError> {
        let _place = self.place_in_share(&execution.tenant).await?;
        let id = execution.id;
        let Some(Claim { place, sequence, key, request, tenant, .. }) = self.view.claim_of(id) else {
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
        let Some(Claim { place, sequence, key, .. }) = self.view.claim_of(id) else {
            self.view.release(id);
            return Ok(());
        };
        let entry = Entry::of(execution, Some(place), due);
        let record = Record { execution: execution.clone(), key };
        let written = {
            let _place = self.place_in_share(&execution.tenant).await?;
            self.write_execution(&record, &entry, sequence).await?
        };
        // Where there is a conflict, somebody has cancelled it, or another node has taken it over.
        if let Ok(sequence) = written {
            self.hears(sequence).await;
        }
        self.view.release(id);
        Ok(())
    }

    pub(super) async fn tidy_at(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.measure().await;
        for tenant in self.view.to_own() {
            self.own(&tenant).await?;
        }
        let (over, orphans) = self.view.let_begin(now);
        let all =
            over.into_iter().map(|item| (item, false)).chain(orphans.into_iter().map(|item| (item, true)));
        self.decide_all(all, now).await?;
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
        let Some(mut found) = self.find_at(item.sequence).await? else { return self.look_for(item).await };
        let execution = &mut found.record.execution;
        if is_orphan {
            execution.break_off(found.entry.may_be_repeated, now);
            telemetry::count(telemetry::TAKEN_OVER, 1);
        } else {
            execution.expire(now);
        }
        match self.write_changed(&found).await? {
            Ok(sequence) => self.hears(sequence).await,
            // Somebody has decided otherwise, which this node has to know before it goes on.
            Err(Conflict) => {
                let tenant = &found.record.execution.tenant;
                if let Some(other) = self.find(Some(tenant), item.id).await? {
                    self.hears(other.sequence).await;
                }
            }
        }
        Ok(())
    }

    /// Asks how much is stored, and whether it is what this node has heard, now and then.
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
            self.forget_removed(&info);
            telemetry::stored(info.state.bytes);
        }
    }
}

impl Inner {
    /// An execution that has ended, as soon as the leader of the stream knows of it: another server may have told of it before. Nothing, if nobody answers.
    pub(super) async fn ended_as(&self, id: Id, end: &End) -> Option<Execution> {
        let deadline = Instant::now() + TO_HEAR;
        while let Ok(Some(found)) = self.find(Some(&end.tenant), id).await
            && Instant::now() < deadline
        {
            if found.sequence >= end.sequence {
                return Some(found.record.execution);
            }
            tokio::time::sleep(BEHIND).await;
        }
        None
    }

    /// The execution, with its request if that is kept.
    pub(super) async fn get_of(&self, tenant: Option<&str>, id: Id) -> Result<Option<Execution>, StoreError> {
        Ok(self.find(tenant, id).await?.map(|found| found.record.execution))
    }
}
