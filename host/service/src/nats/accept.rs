//! Accepting: an execution that is new, once for each idempotency key.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_TTL;

use super::Inner;
use super::operations::PATIENCE;
use super::record::{Entry, Key, Record, from_json, to_json};
use super::write::{Conflict, Message};
use crate::Timestamp;
use crate::error::StoreError;
use crate::execution::Execution;
use crate::store::{Accepted, New};

/// An idempotency key whose execution is not there may be had for another request after that time: whoever took it is gone, or its execution is forgotten.
const TO_ACCEPT: Duration = Duration::from_secs(60);

/// How many bytes are left free in a message for what becomes of each attempt, which is written beside the request. Of all attempts together it is no
/// more than an eighth of what a message may hold.
const FOR_AN_ATTEMPT: usize = 1024;

impl Inner {
    pub(super) async fn accept_new(&self, new: New, most_waiting: u32) -> Result<Accepted, StoreError> {
        let New { execution, idempotency_key } = new;
        let key = idempotency_key.map(|key| Key::new(&key, &execution));
        let tenant = &execution.tenant;
        // Before its key is taken: of what is too long nothing is written.
        let first = self.first_message(&execution, key.clone());
        let place =
            self.backlog.place(tenant, most_waiting, || self.view.unfinished(tenant)).and_then(|place| {
                let is_full = self.used.load(Ordering::Relaxed) >= self.size;
                if is_full { Err(StoreError::Full { bytes: self.size }) } else { Ok(place) }
            });
        let (first, _place) = match (first.and_then(|first| Ok((first, place?))), &key) {
            (Ok(first), _) => first,
            (Err(error), None) => return Err(error),
            // What is kept already is answered all the same.
            (Err(error), Some(key)) => return self.accepted_before(key, &execution).await?.ok_or(error),
        };
        if let Some(key) = &key
            && let Some(accepted) = self.take_key(key, &execution).await?
        {
            return Ok(accepted);
        }
        if self.create(first).await?.is_ok() {
            return Ok(Accepted::New);
        }
        // It is there: written by us, or by whoever has asked with the same key meanwhile, and that may be another request.
        let Some(key) = &key else { return Ok(Accepted::New) };
        match self.with_key(key, &execution).await? {
            Some(other @ Accepted::Other(_)) => Ok(other),
            Some(Accepted::New | Accepted::Before(_)) | None => Ok(Accepted::New),
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
        Ok(found.map(|found| match found.record.key.as_ref().unwrap_or(key).is_same(new) {
            true => Accepted::Before(Box::new(found.record.execution)),
            false => Accepted::Other(key.id),
        }))
    }

    /// The first message of an execution that is new, and what it says.
    ///
    /// # Errors
    ///
    /// It is too long.
    pub(super) fn first_message(
        &self,
        execution: &Execution,
        key: Option<Key>,
    ) -> Result<(Message, Record), StoreError> {
        let record = Record { execution: execution.clone(), key };
        let message = self.message(&record, &Entry::of_new(execution))?;
        let (_, bytes) = message.id_and_length();
        let longest = self.longest();
        let most = longest - (execution.options.attempts as usize * FOR_AN_ATTEMPT).min(longest / 8);
        if bytes > most {
            return Err(StoreError::TooLong { bytes, most });
        }
        Ok((message, record))
    }

    /// Writes an execution that is new.
    pub(super) async fn create(
        &self,
        (message, record): (Message, Record),
    ) -> Result<Result<(), Conflict>, StoreError> {
        let accepting = self.view.accepts(&message, record);
        let written = self.write(message, Some(0), PATIENCE).await?;
        if let Ok(sequence) = written {
            self.hears(sequence).await;
        }
        drop(accepting);
        Ok(written.map(drop))
    }

    /// Takes an idempotency key for `new`. Answers with what has become of it when there is an execution that has the key.
    async fn take_key(&self, key: &Key, new: &Execution) -> Result<Option<Accepted>, StoreError> {
        let subject = self.subjects.key(&new.tenant, &key.hash);
        let write = async |key: &Key, expected| {
            let message = Message::new(subject.clone(), HeaderMap::new()).with(to_json(key)?);
            self.write(message, Some(expected), PATIENCE).await
        };
        if write(key, 0).await?.is_ok() {
            return Ok(None);
        }
        loop {
            let Some(last) = self.last(&subject).await? else {
                match write(key, 0).await? {
                    Ok(_) => return Ok(None),
                    Err(Conflict) => continue,
                }
            };
            let before: Key = from_json(&last.payload)?;
            if let Some(accepted) = self.with_key(&before, new).await? {
                return Ok(Some(accepted));
            }
            // Somebody is about to accept it, or was and is gone. What it has written may be on its way still, however late: so it is accepted with the
            // identifier that was meant for it, and only one of the two is.
            let execution = Execution { id: before.id, ..new.clone() };
            // Of an execution that has ended and is forgotten: it would be removed in a moment, and the next one who asks would have another execution.
            let is_over = last.headers.get(NATS_MESSAGE_TTL).is_some();
            let key = if before.is_same(new) && !is_over {
                before
            } else if is_over || before.taken.after(TO_ACCEPT) < Timestamp::now() {
                let key = key.of(&execution);
                match write(&key, last.sequence).await? {
                    Ok(_) => key,
                    Err(Conflict) => continue,
                }
            } else {
                return Ok(Some(Accepted::Other(before.id)));
            };
            if self.create(self.first_message(&execution, Some(key))?).await?.is_ok() {
                return Ok(Some(Accepted::Before(Box::new(execution))));
            }
        }
    }
}
