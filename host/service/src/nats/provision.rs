//! The stream: made where it is not there, brought to what this version needs.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{self, Context, ErrorCode};

use super::address::NatsAddress;
use super::connect::ANSWER;
use super::error::NatsError;
use super::record::Subjects;
use super::said::Said;
use super::write::PAUSE;

/// What this version writes, in the metadata of the stream.
pub(super) const VERSION: u64 = 1;
const VERSION_NAME: &str = "mqtt-connector-version";

/// How long a cluster may take to make a stream.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn context(client: Client) -> Context {
    jetstream::context::ContextBuilder::new().timeout(ANSWER).ack_timeout(ANSWER).build(client)
}

/// The stream, as this version needs it.
pub(super) fn config(address: &NatsAddress) -> Config {
    Config {
        name: address.stream.clone(),
        description: Some("Executions of mqtt-connector".to_owned()),
        subjects: vec![Subjects::new(&address.stream).all()],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        max_messages_per_subject: 1,
        storage: StorageType::File,
        num_replicas: address.replicas,
        allow_message_ttl: true,
        // Each is asked of the leader, which knows what was written last.
        allow_direct: false,
        duplicate_window: Duration::from_secs(120),
        metadata: HashMap::from([(VERSION_NAME.to_owned(), VERSION.to_string())]),
        ..Config::default()
    }
}

/// Makes the stream, or brings it to what this version needs.
pub(super) async fn provision(
    jetstream: &Context,
    address: &NatsAddress,
    said: &Said,
) -> Result<Stream, NatsError> {
    let began = Instant::now();
    loop {
        let reason = match try_provision(jetstream, address).await {
            Ok(stream) => return Ok(stream),
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Perhaps(reason)) => reason,
        };
        let denied = said.denied("$JS.API.STREAM.", began);
        if denied.is_some() || began.elapsed() >= PATIENCE {
            let reason = denied.or_else(|| said.why("$JS.API.STREAM.", began)).unwrap_or(reason);
            return Err(NatsError::Stream { address: address.to_string(), reason });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

enum Failure {
    Final(NatsError),
    /// It may be another one in a moment: a cluster that has just started has no leader.
    Perhaps(String),
}

async fn try_provision(jetstream: &Context, address: &NatsAddress) -> Result<Stream, Failure> {
    let wanted = config(address);
    let stream = match jetstream.get_stream(&wanted.name).await {
        Ok(stream) => stream,
        Err(error) => match error.kind() {
            jetstream::context::GetStreamErrorKind::JetStream(error)
                if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                let created = jetstream.create_stream(wanted).await;
                return created.map_err(|error| match error.kind() {
                    jetstream::context::CreateStreamErrorKind::JetStream(error) => refused(address, &error),
                    _ => unanswered(),
                });
            }
            jetstream::context::GetStreamErrorKind::JetStream(error) => return Err(refused(address, &error)),
            _ => return Err(unanswered()),
        },
    };
    let found = &stream.cached_info().config;
    let version = found.metadata.get(VERSION_NAME).cloned().unwrap_or_default();
    if version.parse().unwrap_or(0) > VERSION {
        return Err(Failure::Final(NatsError::TooNew { address: address.to_string(), version }));
    }
    // What else an operator has set (placement, compression, limits) stays.
    let updated = Config {
        subjects: wanted.subjects,
        discard: wanted.discard,
        max_messages_per_subject: wanted.max_messages_per_subject,
        num_replicas: wanted.num_replicas.max(found.num_replicas),
        allow_message_ttl: wanted.allow_message_ttl,
        allow_direct: wanted.allow_direct,
        metadata: found.metadata.clone().into_iter().chain(wanted.metadata).collect(),
        ..found.clone()
    };
    if updated != *found {
        jetstream.update_stream(updated).await.map_err(|error| match error.kind() {
            jetstream::context::UpdateStreamErrorKind::JetStream(error) => refused(address, &error),
            _ => unanswered(),
        })?;
    }
    Ok(stream)
}

fn unanswered() -> Failure {
    Failure::Perhaps("JetStream does not answer: there is none, or no majority of its servers".to_owned())
}

fn refused(address: &NatsAddress, error: &jetstream::Error) -> Failure {
    let code = error.error_code();
    if code == ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED {
        let reason = format!(
            "replicas={} needs a cluster of that many servers, and this server stands alone: replicas=1 is for development, and loses what was \
             accepted with its one disk",
            address.replicas
        );
        return Failure::Final(NatsError::Stream { address: address.to_string(), reason });
    }
    Failure::Perhaps(format!("NATS answers: {error}"))
}
