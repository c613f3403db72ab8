//! Whether a cluster is as executions need it: what an operator asks for, and what a node says when it starts.

use std::fmt;
use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, StorageType};
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::address::NatsAddress;
use super::connect::{OLDEST, connect, is_too_old};
use super::error::NatsError;
use super::login::NatsLogin;
use super::provision;
use crate::Timestamp;

/// How long a server may take to answer a question about itself.
const ANSWER: Duration = Duration::from_secs(5);

/// The longest answer.
const LONGEST: u64 = 1024 * 1024;

/// How far the clocks of two machines may be apart.
const APART: Duration = Duration::from_secs(1);

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NatsFinding {
    /// Whether it is as it has to be.
    pub verdict: NatsVerdict,
    /// What was found, and what would be right.
    pub text: String,
}

/// What is to be thought of something that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NatsVerdict {
    /// It is right.
    Right,
    /// It works, and something may be lost for that, or is not known.
    Doubtful,
    /// What is accepted is not safe.
    Wrong,
}

impl fmt::Display for NatsFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.verdict {
            NatsVerdict::Right => "ok",
            NatsVerdict::Doubtful => "doubtful",
            NatsVerdict::Wrong => "wrong",
        };
        write!(f, "{word}: {}", self.text)
    }
}

fn right(text: impl Into<String>) -> NatsFinding {
    NatsFinding { verdict: NatsVerdict::Right, text: text.into() }
}

fn doubtful(text: impl Into<String>) -> NatsFinding {
    NatsFinding { verdict: NatsVerdict::Doubtful, text: text.into() }
}

fn wrong(text: impl Into<String>) -> NatsFinding {
    NatsFinding { verdict: NatsVerdict::Wrong, text: text.into() }
}

/// Looks at a cluster without changing it: versions, the stream and its replicas, how far they are behind; with `monitor` in the address also
/// whether the servers write to disk at once, and their clocks. `login`: as [`NatsStoreBuilder::login`](super::NatsStoreBuilder::login).
///
/// # Errors
///
/// No server lets us in, or it is too old.
pub async fn check_nats(address: &NatsAddress, login: NatsLogin) -> Result<Vec<NatsFinding>, NatsError> {
    let (client, said) = connect(address, login).await?;
    let mut findings = vec![round_trip(&client).await];
    let jetstream = provision::context(client);
    let began = Instant::now();
    match jetstream.get_stream(&address.stream).await {
        Ok(stream) => findings.extend(of_stream(address, stream.cached_info())),
        Err(error) => {
            let what = match error.kind() {
                GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                    "it is not there yet: a service makes it when it starts".to_owned()
                }
                GetStreamErrorKind::JetStream(error) => format!("it cannot be read: NATS answers: {error}"),
                GetStreamErrorKind::Request
                | GetStreamErrorKind::EmptyName
                | GetStreamErrorKind::InvalidStreamName => {
                    let why = said.why("$JS.API.STREAM.INFO.", began);
                    format!("it cannot be read: {}", why.as_deref().unwrap_or("JetStream does not answer"))
                }
            };
            findings.push(doubtful(format!("stream {}: {what}", address.stream)));
        }
    }
    findings.extend(of_servers(address).await);
    Ok(findings)
}

async fn round_trip(client: &Client) -> NatsFinding {
    let info = client.server_info();
    let before = Instant::now();
    match tokio::time::timeout(ANSWER, client.flush()).await {
        Ok(Ok(())) => right(format!(
            "server {}: version {}, answers in {:.1} ms",
            info.server_name,
            info.version,
            before.elapsed().as_secs_f64() * 1000.0
        )),
        Ok(Err(_)) | Err(_) => wrong(format!("server {}: it does not answer", info.server_name)),
    }
}

/// Whether a stream that was made, or lost a server, a moment ago has a leader again, and each replica that is there has heard of all.
pub(super) fn is_settled(info: &Info) -> bool {
    info.cluster.as_ref().is_none_or(|cluster| {
        cluster.leader.is_some() && cluster.replicas.iter().all(|peer| peer.current || peer.offline)
    })
}

/// What stands in the description of the stream.
pub(super) fn of_stream(address: &NatsAddress, info: &Info) -> Vec<NatsFinding> {
    let name = &info.config.name;
    let mut findings = vec![right(format!(
        "stream {name}: {} messages, {} bytes, up to sequence {}",
        info.state.messages, info.state.bytes, info.state.last_sequence
    ))];
    findings.push(match info.config.num_replicas {
        replicas if replicas >= 3 => right(format!("stream {name}: {replicas} replicas")),
        replicas => doubtful(format!(
            "stream {name}: {replicas} replicas: what is accepted is lost with one disk; replicas=3 needs three servers"
        )),
    });
    if info.config.num_replicas < address.replicas {
        findings.push(doubtful(format!(
            "stream {name}: the address asks for {} replicas; a service makes them when it starts",
            address.replicas
        )));
    }
    findings.extend(of_limits(&info.config));
    if let Some(cluster) = &info.cluster {
        match &cluster.leader {
            Some(leader) => findings.push(right(format!("stream {name}: its leader is {leader}"))),
            None => {
                findings.push(wrong(format!("stream {name}: it has no leader, so nothing can be accepted")));
            }
        }
        for peer in &cluster.replicas {
            let what = format!("stream {name}: the replica at {}", peer.name);
            findings.push(match (peer.offline, peer.current, peer.lag) {
                (true, _, _) => wrong(format!("{what} is not there")),
                (false, true, None | Some(0)) => right(format!("{what} has everything")),
                (false, false, None | Some(0)) => {
                    doubtful(format!("{what} has not said yet that it has everything"))
                }
                (false, _, Some(lag)) => doubtful(format!("{what} is {lag} messages behind")),
            });
        }
    }
    findings
}

/// What an administrator may have set, by which something that was accepted is removed.
fn of_limits(config: &Config) -> Vec<NatsFinding> {
    let name = &config.name;
    let mut findings = Vec::new();
    if !config.max_age.is_zero() {
        findings.push(wrong(format!(
            "stream {name}: max_age is {} s: an execution that waits for longer is removed, and never carried out; it has to be 0, as what has \
             ended has a time of its own",
            config.max_age.as_secs_f64()
        )));
    }
    if config.max_bytes > 0 || config.max_messages > 0 {
        findings.push(wrong(format!(
            "stream {name}: max_bytes or max_msgs is set: when it is full, what waits in it cannot be carried out either; both have to be -1, and \
             --store-size says how much is accepted"
        )));
    }
    if config.discard != DiscardPolicy::New {
        findings.push(wrong(format!(
            "stream {name}: when it is full, it removes what waits: discard has to be new; a service sets it when it starts"
        )));
    }
    if config.storage != StorageType::File {
        findings.push(wrong(format!(
            "stream {name}: it is in the memory of the servers, and lost with their power: it has to be made again with files, which a service \
             does when there is none"
        )));
    }
    findings
}

/// What servers say of themselves, where the address says where to ask them.
pub(super) async fn of_servers(address: &NatsAddress) -> Vec<NatsFinding> {
    if address.monitors.is_empty() {
        return vec![doubtful(
            "whether the servers write to disk at once (sync_interval: always) and what their clocks say is not known: \
             monitor=HOST:PORT,… in the address says where they answer over HTTP (http: in their configuration)",
        )];
    }
    let mut findings = Vec::new();
    for monitor in &address.monitors {
        match ask(monitor).await {
            Some(server) => findings.extend(of_server(monitor, &server)),
            None => findings
                .push(wrong(format!("server at {monitor}: it does not answer over HTTP what it is like"))),
        }
    }
    findings
}

fn of_server(monitor: &str, server: &Varz) -> Vec<NatsFinding> {
    let Varz { server_name, version, now, jetstream } = server;
    let what = format!("server {server_name} at {monitor}, version {version}");
    let mut findings = Vec::new();
    if is_too_old(version) {
        findings.push(wrong(format!("{what}: it has to have {}.{} or later", OLDEST.0, OLDEST.1)));
    }
    findings.push(match &jetstream.config {
        None => wrong(format!("{what}: it has no JetStream (jetstream in its configuration)")),
        Some(JetStreamConfig { sync_always: true }) => right(format!("{what}: what it acknowledges is on its disk")),
        Some(JetStreamConfig { sync_always: false }) => wrong(format!(
            "{what}: what it acknowledges is on its disk minutes later, and lost with its power: sync_interval: always belongs into its \
             configuration, within jetstream"
        )),
    });
    if let Ok(time) = now.parse::<Timestamp>() {
        let apart = time.milliseconds().abs_diff(Timestamp::now().milliseconds());
        findings.push(if Duration::from_millis(apart) <= APART {
            right(format!("{what}: its clock and that of this machine are {apart} ms apart"))
        } else {
            doubtful(format!(
                "{what}: its clock and that of this machine are {apart} ms apart: executions that wait for a time begin by the clock of the node \
                 that has them"
            ))
        });
    }
    findings
}

/// The part of `/varz` that matters.
#[derive(Deserialize)]
struct Varz {
    server_name: String,
    version: String,
    now: String,
    #[serde(default)]
    jetstream: JetStream,
}

#[derive(Default, Deserialize)]
struct JetStream {
    config: Option<JetStreamConfig>,
}

#[derive(Deserialize)]
struct JetStreamConfig {
    #[serde(default)]
    sync_always: bool,
}

async fn ask(monitor: &str) -> Option<Varz> {
    let answer = tokio::time::timeout(ANSWER, async {
        let mut connection = TcpStream::connect(monitor).await.ok()?;
        // The server closes the connection of HTTP/1.0 behind its answer (RFC 1945, section 1.3).
        let question = format!("GET /varz HTTP/1.0\r\nHost: {monitor}\r\n\r\n");
        connection.write_all(question.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        connection.take(LONGEST).read_to_end(&mut answer).await.ok()?;
        Some(answer)
    });
    let answer = answer.await.ok()??;
    let body = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    serde_json::from_slice(&answer[body + 4..]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_too_old_is_wrong_whichever_a_node_is_connected_to() {
        for (version, wanted) in [("2.11.11", true), ("2.12.0", false), ("3.0.0-dev", false), ("", true)] {
            let varz = format!(
                r#"{{"server_name": "a", "version": "{version}", "now": "2026-01-01T00:00:00Z", "jetstream": {{"config": {{"sync_always": true}}}}}}"#
            );
            let findings = of_server("a:8222", &serde_json::from_str(&varz).unwrap());
            let said = wrong(format!("server a at a:8222, version {version}: it has to have 2.12 or later"));
            assert_eq!(findings.contains(&said), wanted, "{findings:?}");
        }
    }
}
