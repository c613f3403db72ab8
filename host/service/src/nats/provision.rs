//! The connection, and the stream: made where it is not there, brought to what this version needs, checked.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{self, Context, ErrorCode};
use async_nats::{Client, ConnectOptions};
use std::collections::HashMap;

use super::address::NatsAddress;
use super::record::Subjects;

/// The oldest server: messages that the server removes after a time of their own work in clusters from there on.
const OLDEST: (u64, u64) = (2, 12);

/// What this version writes, in the metadata of the stream.
const VERSION: u64 = 1;
const VERSION_NAME: &str = "mqtt-connector-version";

/// How long it is waited for an answer of one server.
const ANSWER: Duration = Duration::from_secs(3);

/// How long a cluster may take to make a stream.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a store in NATS cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// The credentials, or the certificates, cannot be read.
    #[error("the file of credentials or certificates cannot be read: {0}")]
    Credentials(std::io::Error),
    /// No server could be reached, or none lets us in.
    #[error("{address}: no server of NATS lets us in: {reason}")]
    Connect {
        /// The servers.
        address: String,
        /// Why not.
        reason: String,
    },
    /// The server is too old.
    #[error("{address}: the server of NATS has version {version}: it has to have {}.{} or later", OLDEST.0, OLDEST.1)]
    TooOld {
        /// The servers.
        address: String,
        /// The version.
        version: String,
    },
    /// The stream cannot be made or changed.
    #[error("{address}: the stream cannot be made or changed: {reason}")]
    Stream {
        /// The servers, and the stream.
        address: String,
        /// Why not.
        reason: String,
    },
    /// The stream has a later version.
    #[error(
        "{address}: the stream has version {version}, of a later mqtt-connector: this one knows {VERSION}"
    )]
    TooNew {
        /// The servers, and the stream.
        address: String,
        /// Its version.
        version: String,
    },
    /// Another process has the name of this node, and is there.
    #[error(
        "{address}: this node could not get a lease: another process has its name, or NATS has no majority of its servers"
    )]
    NoLease {
        /// The servers, and the stream.
        address: String,
    },
}

pub(super) async fn connect(
    address: &NatsAddress,
    user: Option<(String, String)>,
) -> Result<Client, NatsError> {
    let mut options = ConnectOptions::new()
        .name("mqtt-connector")
        .connection_timeout(ANSWER)
        .request_timeout(Some(ANSWER))
        .ping_interval(Duration::from_secs(5))
        .max_reconnects(None)
        .reconnect_delay_callback(|attempts| {
            Duration::from_millis(50 * u64::try_from(attempts.min(20)).unwrap_or(20))
        });
    if let Some(file) = &address.credentials {
        options = options.credentials_file(file).await.map_err(NatsError::Credentials)?;
    } else if let Some((user, password)) = user {
        options = options.user_and_password(user, password);
    }
    if let Some(file) = &address.ca {
        options = options.add_root_certificates(file.clone());
    }
    let connected = options.connect(&address.servers[..]).await;
    let client = connected.map_err(|error| NatsError::Connect {
        address: address.to_string(),
        reason: format!("{:?}", error.kind()),
    })?;
    let version = client.server_info().version;
    if parse(&version).is_none_or(|version| version < OLDEST) {
        return Err(NatsError::TooOld { address: address.to_string(), version });
    }
    Ok(client)
}

/// Major and minor.
fn parse(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

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
pub(super) async fn provision(jetstream: &Context, address: &NatsAddress) -> Result<Stream, NatsError> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let reason = match try_provision(jetstream, address).await {
            Ok(stream) => return Ok(stream),
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Perhaps(reason)) => reason,
        };
        if tokio::time::Instant::now() >= deadline {
            return Err(NatsError::Stream { address: address.to_string(), reason });
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
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
                    kind => Failure::Perhaps(format!("{kind:?}")),
                });
            }
            kind => return Err(Failure::Perhaps(format!("{kind:?}"))),
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
            kind => Failure::Perhaps(format!("{kind:?}")),
        })?;
    }
    Ok(stream)
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
