//! Compare-and-set of a subject, and what its last message is: also while the stream has no leader, and when an answer is lost.

use std::error::Error as _;
use std::time::{Duration, Instant};

use async_nats::header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_ID, NATS_MESSAGE_TTL};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{RawMessageError, RawMessageErrorKind};
use async_nats::{HeaderMap, jetstream};
use bytes::Bytes;

use super::Inner;
use super::said::silent;
use crate::error::StoreError;
use crate::execution::Id;

/// How long it is waited between tries.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// How long a read may take: as long as a cluster takes to find another leader.
const TO_READ: Duration = Duration::from_secs(15);

/// A message to be written.
pub(super) struct Message {
    /// By which it is known again.
    id: String,
    subject: String,
    headers: HeaderMap,
    payload: Bytes,
}

/// The subject has another last message than the one that was expected.
pub(super) struct Conflict;

impl Message {
    pub(super) fn new(subject: String, headers: HeaderMap) -> Self {
        Self { id: Id::new().to_string(), subject, headers, payload: Bytes::new() }
    }

    /// Its identifier, and the length of what it holds.
    pub(super) fn id_and_length(&self) -> (&str, usize) {
        (&self.id, self.payload.len())
    }

    pub(super) fn with(self, payload: Vec<u8>) -> Self {
        Self { payload: payload.into(), ..self }
    }

    /// The server removes it after that time, in whole seconds: not before.
    pub(super) fn kept_for(mut self, time: Duration) -> Self {
        let seconds = time.as_millis().div_ceil(1000).max(1);
        self.headers.insert(NATS_MESSAGE_TTL, seconds.to_string());
        self
    }
}

/// What has become of one try.
enum Tried {
    Written(u64),
    /// Something else stands there, or was on its way there.
    Refused,
    /// Perhaps it was written.
    Unknown,
}

impl Inner {
    /// Writes a message durably, if the sequence of the last one of its subject is `expected` (0: there is none), and answers with its own. Tries for
    /// `patience`.
    ///
    /// # Errors
    ///
    /// The store has no room for it; or NATS has not answered, and it may have been written.
    pub(super) async fn write(
        &self,
        message: Message,
        expected: Option<u64>,
        patience: Duration,
    ) -> Result<Result<u64, Conflict>, StoreError> {
        let written = self.write_patiently(message, expected, patience).await;
        match &written {
            Ok(Ok(_)) => self.health.written(Instant::now()),
            // NATS could have written another one.
            Ok(Err(Conflict)) | Err(StoreError::TooLong { .. }) => {}
            Err(error) => self.health.failed(error, Instant::now()),
        }
        written
    }

    async fn write_patiently(
        &self,
        message: Message,
        expected: Option<u64>,
        patience: Duration,
    ) -> Result<Result<u64, Conflict>, StoreError> {
        let Message { id, subject, mut headers, payload } = message;
        let began = Instant::now();
        headers.insert(NATS_MESSAGE_ID, &*id);
        if let Some(expected) = expected {
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        }
        if payload.len() > self.longest() {
            return Err(self.too_long(payload.len()));
        }
        let deadline = began + patience;
        let mut answered = None;
        loop {
            let tried = match self.try_write(&subject, headers.clone(), payload.clone()).await? {
                Tried::Written(sequence) => return Ok(Ok(sequence)),
                tried @ (Tried::Refused | Tried::Unknown) => tried,
            };
            if let Some(expected) = expected {
                match self.try_last(&subject).await {
                    Ok(last) => {
                        let last_id = last.as_ref().and_then(|last| last.headers.get(NATS_MESSAGE_ID));
                        let sequence = last.as_ref().map_or(0, |last| last.sequence);
                        if last_id.is_some_and(|last_id| last_id.as_str() == id) {
                            return Ok(Ok(sequence));
                        }
                        if sequence != expected && matches!(tried, Tried::Refused) {
                            return Ok(Err(Conflict));
                        }
                    }
                    Err(error) => answered = self.said.answered(&error),
                }
            }
            let below = self.subjects.all();
            if self.said.denied(&below, began).is_some() || Instant::now() >= deadline {
                return Err(self.unanswered(&below, began, answered));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// How long what a message holds may be: by what the servers take, and what the stream took when this node started.
    pub(super) fn longest(&self) -> usize {
        // Less than nothing is how NATS says that the stream has no bound of its own.
        let of_stream = usize::try_from(self.stream.cached_info().config.max_message_size).ok();
        let most = of_stream.filter(|most| *most > 0).unwrap_or(usize::MAX).min(self.client.max_payload());
        most.saturating_sub(TO_HEADERS)
    }

    fn too_long(&self, bytes: usize) -> StoreError {
        StoreError::TooLong { bytes, most: self.longest().min(bytes.saturating_sub(1)) }
    }

    async fn try_write(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Tried, StoreError> {
        let length = payload.len();
        let published = self.jetstream.publish_with_headers(subject.to_owned(), headers, payload).await;
        let acknowledged = match published {
            Ok(acknowledgement) => acknowledgement.await,
            Err(error) => Err(error),
        };
        let error = match acknowledged {
            Ok(acknowledgement) => return Ok(Tried::Written(acknowledgement.sequence)),
            Err(error) => error,
        };
        match error.kind() {
            PublishErrorKind::WrongLastSequence => Ok(Tried::Refused),
            PublishErrorKind::MaxPayloadExceeded => Err(self.too_long(length)),
            PublishErrorKind::Other => match answer(&error).map(jetstream::Error::error_code) {
                Some(ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT) => Ok(Tried::Refused),
                Some(ErrorCode::STREAM_STORE_FAILED) if is_bounded(&error) => {
                    Err(StoreError::Unusable(BOUNDED.to_owned()))
                }
                Some(
                    ErrorCode::STORAGE_RESOURCES_EXCEEDED
                    | ErrorCode::INSUFFICIENT_RESOURCES
                    | ErrorCode::STREAM_STORE_FAILED,
                ) => Err(StoreError::NoRoom),
                Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM) => Err(self.too_long(length)),
                _ => Ok(Tried::Unknown),
            },
            PublishErrorKind::StreamNotFound
            | PublishErrorKind::WrongLastMessageId
            | PublishErrorKind::TimedOut
            | PublishErrorKind::BrokenPipe
            | PublishErrorKind::MaxAckPending => Ok(Tried::Unknown),
        }
    }

    /// The last message of a subject, which may have wildcards.
    pub(super) async fn last(&self, subject: &str) -> Result<Option<StreamMessage>, StoreError> {
        self.read_patiently(|| self.try_last(subject)).await
    }

    /// The message with this sequence, if it is still there.
    pub(super) async fn at(&self, sequence: u64) -> Result<Option<StreamMessage>, StoreError> {
        self.read_patiently(|| async { found(self.stream.get_raw_message(sequence).await) }).await
    }

    async fn read_patiently<F: Future<Output = Result<Option<StreamMessage>, RawMessageError>>>(
        &self,
        attempt: impl Fn() -> F,
    ) -> Result<Option<StreamMessage>, StoreError> {
        let (below, began) = (self.subjects.api("STREAM.MSG.GET"), Instant::now());
        let read = patiently(TO_READ, attempt, || self.said.denied(&below, began).is_some()).await;
        read.map_err(|error| self.unanswered(&below, began, self.said.answered(&error)))
    }

    /// Why nothing was answered that was asked below `subject` after `since`; or what was `answered`, if that says it.
    pub(super) fn unanswered(&self, subject: &str, since: Instant, answered: Option<String>) -> StoreError {
        self.said.why(subject, since).or(answered).map_or_else(silent, StoreError::Unusable)
    }

    // From the leader: another server could answer with what was there before.
    async fn try_last(&self, subject: &str) -> Result<Option<StreamMessage>, RawMessageError> {
        found(self.stream.get_last_raw_message_by_subject(subject).await)
    }

    /// Has this node know the last message of a subject before the stream delivers it; or that there is none any more.
    pub(super) async fn hear_last(&self, subject: &str) -> Result<(), StoreError> {
        match self.last(subject).await? {
            Some(last) => self.view.hear(&self.subjects, &last.subject, &last.headers, last.sequence),
            None => self.view.forget(&self.subjects, subject),
        }
        Ok(())
    }

    /// Waits until this node has heard what it has written.
    pub(super) async fn hears(&self, sequence: u64) {
        self.view.hears(sequence).await;
    }
}

/// Tries until it is done, or `patience` is over, or it is in vain: then the last error is the answer.
pub(super) async fn patiently<T, E, F: Future<Output = Result<T, E>>>(
    patience: Duration,
    attempt: impl Fn() -> F,
    is_in_vain: impl Fn() -> bool,
) -> Result<T, E> {
    let deadline = Instant::now() + patience;
    loop {
        match attempt().await {
            Err(_) if Instant::now() < deadline && !is_in_vain() => tokio::time::sleep(PAUSE).await,
            answer => return answer,
        }
    }
}

/// What the headers of a message need at most.
const TO_HEADERS: usize = 2048;

fn found(message: Result<StreamMessage, RawMessageError>) -> Result<Option<StreamMessage>, RawMessageError> {
    match message {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is said of a stream that an administrator has bounded.
const BOUNDED: &str = "the stream has as much as its max_bytes or max_msgs allow; they have to be -1, and --store-size says how much is accepted";

fn answer(error: &PublishError) -> Option<&jetstream::Error> {
    error.source()?.downcast_ref()
}

/// Whether the stream is full by its own configuration: "maximum bytes exceeded", "maximum messages exceeded". A disk that is full has the same code.
fn is_bounded(error: &PublishError) -> bool {
    answer(error).is_some_and(|answer| answer.to_string().contains("maximum"))
}
