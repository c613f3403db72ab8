//! [`NatsAddress`]: which servers, which stream, and how this node takes part.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use async_nats::ServerAddr;

/// Servers of a NATS cluster, and the stream that holds the executions there: `nats://a,b:4222,c?stream=NAME&replicas=3`. With `tls://` the
/// connections are TLS.
///
/// After `?` may stand, in any order, with `&` between them:
///
/// - `stream`: the stream, and the first part of its subjects. 1 to 32 letters, digits, `-` and `_`. Default: `MQTT_EXECUTIONS`.
/// - `replicas`: how many servers keep what is accepted, 1 to 5. Default: 3.
/// - `lease`: how many seconds a node may be silent before others take its place, 2 to 3600. Default: 30.
/// - `node`: the name of this node, 1 to 64 letters, digits, `-`, `_` and `.`. Whoever starts with the name of another one takes its place at once: the
///   platform sees to it that there is one process of a name, as a StatefulSet does. Default: a name that no other process has.
/// - `credentials`: a file with the credentials of a NATS user (`.creds`), or `nkey`: one with the seed of its NKEY. Read once. Default: none.
/// - `monitor`: where the servers answer over HTTP what they are like, `HOST:PORT` with commas between them; only then it can be checked whether they write
///   to disk at once. Default: nowhere.
/// - `ca`: a file with the authorities that are trusted for TLS, PEM. Default: those of the system.
/// - `certificate` and `key`: files with a certificate for TLS that this node shows, those that it was issued by behind it, and its private key, PEM. Default: none.
///
/// With `ca` or `certificate` the connections are TLS as well, and these files are read again for each connection. No secret stands in an address.
#[derive(Clone, Debug)]
pub struct NatsAddress {
    pub(super) servers: Vec<ServerAddr>,
    /// Whether nothing is said without TLS.
    pub(super) is_tls: bool,
    pub(super) stream: String,
    pub(super) replicas: usize,
    pub(super) lease: Duration,
    pub(super) node: Option<String>,
    pub(super) credentials: Option<PathBuf>,
    pub(super) nkey: Option<PathBuf>,
    pub(super) ca: Option<PathBuf>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) monitors: Vec<String>,
}

/// A text is no address of a NATS cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NatsAddressError(String);

impl NatsAddress {
    /// Whether a text is meant to be an address of a NATS cluster, and not a file.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("nats://") || text.starts_with("tls://")
    }

    /// The stream that holds the executions.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// Takes what stands behind `?`.
    fn set(&mut self, name: &str, value: &str) -> Result<(), NatsAddressError> {
        let expected = |what: &str| wrong(format!("{name} is {value:?}: it is {what}"));
        match name {
            "stream" if is_name(value, 32, "-_") => self.stream = value.to_owned(),
            "stream" => return Err(expected("1 to 32 letters, digits, - and _")),
            "node" if is_name(value, 64, "-_.") => self.node = Some(value.to_owned()),
            "node" => return Err(expected("1 to 64 letters, digits, -, _ and .")),
            "replicas" => {
                let replicas = value.parse().ok().filter(|replicas| (1..=5).contains(replicas));
                self.replicas = replicas.ok_or_else(|| expected("1 to 5"))?;
            }
            "lease" => {
                let seconds = value.parse().ok().filter(|seconds| (2..=3600).contains(seconds));
                self.lease = Duration::from_secs(seconds.ok_or_else(|| expected("2 to 3600 seconds"))?);
            }
            "credentials" if !value.is_empty() => self.credentials = Some(value.into()),
            "nkey" if !value.is_empty() => self.nkey = Some(value.into()),
            "ca" if !value.is_empty() => self.ca = Some(value.into()),
            "certificate" if !value.is_empty() => self.certificate = Some(value.into()),
            "key" if !value.is_empty() => self.key = Some(value.into()),
            "monitor" => {
                let is_place = |place: &str| {
                    let parts = place.rsplit_once(':');
                    parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
                };
                if !value.split(',').all(is_place) {
                    return Err(expected("a host and a port, as in a:8222,b:8222"));
                }
                self.monitors = value.split(',').map(str::to_owned).collect();
            }
            "credentials" | "nkey" | "ca" | "certificate" | "key" => return Err(expected("a file")),
            _ => {
                return Err(wrong(format!(
                    "{name:?} is not known: after ? may stand stream, replicas, lease, node, credentials, nkey, ca, certificate, key and \
                     monitor"
                )));
            }
        }
        Ok(())
    }
}

fn wrong(what: String) -> NatsAddressError {
    NatsAddressError(what)
}

fn server(scheme: &str, host: &str) -> Result<ServerAddr, NatsAddressError> {
    if host.contains('@') {
        return Err(wrong(
            "it has a user or a token in it, which would be seen in lists of processes and in logs: give ?credentials=FILE, or \
             NATS_USER and NATS_PASSWORD, or NATS_TOKEN, in the environment"
                .to_owned(),
        ));
    }
    let server = (!host.is_empty() && !host.contains('/')).then(|| format!("{scheme}://{host}").parse().ok());
    server.flatten().ok_or_else(|| {
        wrong(format!("the server {host:?} is not a host, or a host and a port, as in a:4222"))
    })
}

impl FromStr for NatsAddress {
    type Err = NatsAddressError;

    fn from_str(text: &str) -> Result<Self, NatsAddressError> {
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let (scheme, hosts) = address
            .split_once("://")
            .filter(|(scheme, _)| matches!(*scheme, "nats" | "tls"))
            .ok_or_else(|| wrong("it is not a NATS cluster, as in nats://a:4222,b:4222,c:4222".to_owned()))?;
        let mut parsed = Self {
            servers: hosts.split(',').map(|host| server(scheme, host)).collect::<Result<_, _>>()?,
            is_tls: scheme == "tls",
            stream: "MQTT_EXECUTIONS".to_owned(),
            replicas: 3,
            lease: Duration::from_secs(30),
            node: None,
            credentials: None,
            nkey: None,
            ca: None,
            certificate: None,
            key: None,
            monitors: Vec::new(),
        };
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            parsed.set(name, value)?;
        }
        parsed.is_tls |= parsed.ca.is_some() || parsed.certificate.is_some();
        if parsed.credentials.is_some() && parsed.nkey.is_some() {
            return Err(wrong(
                "credentials and nkey are two users of NATS: one of them has to go".to_owned(),
            ));
        }
        if parsed.certificate.is_some() != parsed.key.is_some() {
            return Err(wrong(
                "certificate and key belong together: a certificate is shown by whoever has its key"
                    .to_owned(),
            ));
        }
        Ok(parsed)
    }
}

fn is_name(text: &str, longest: usize, others: &str) -> bool {
    let is_known = |character: char| character.is_ascii_alphanumeric() || others.contains(character);
    (1..=longest).contains(&text.len()) && text.chars().all(is_known)
}

impl fmt::Display for NatsAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_tls { "tls" } else { "nats" })?;
        for (index, server) in self.servers.iter().enumerate() {
            write!(f, "{}{}:{}", if index == 0 { "://" } else { "," }, server.host(), server.port())?;
        }
        write!(f, "?stream={}", self.stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_servers_and_a_stream() {
        let plain: NatsAddress = "nats://a,b:5222".parse().unwrap();
        assert_eq!(plain.to_string(), "nats://a:4222,b:5222?stream=MQTT_EXECUTIONS");
        assert_eq!((plain.replicas, plain.lease, plain.node), (3, Duration::from_secs(30), None));
        let text =
            "tls://a?replicas=1&lease=5&node=pod-0&stream=X&credentials=/run/user.creds&ca=/run/ca.pem";
        let whole: NatsAddress = text.parse().unwrap();
        assert_eq!(
            (whole.replicas, whole.lease, whole.node.as_deref()),
            (1, Duration::from_secs(5), Some("pod-0"))
        );
        assert_eq!((whole.stream(), whole.credentials.as_deref()), ("X", Some("/run/user.creds".as_ref())));
        assert_eq!(whole.to_string(), "tls://a:4222?stream=X");
        let shown: NatsAddress =
            "nats://a?nkey=/run/seed&certificate=/run/c.pem&key=/run/k.pem".parse().unwrap();
        assert_eq!(shown.to_string(), "tls://a:4222?stream=MQTT_EXECUTIONS");
        assert_eq!(shown.nkey.as_deref(), Some("/run/seed".as_ref()));
        assert!(NatsAddress::is_meant("nats://a") && !NatsAddress::is_meant("mqtt-connector.db"));
    }

    #[test]
    fn what_is_wrong_is_said_and_no_secret_is_shown() {
        for (text, error) in [
            ("http://a", "it is not a NATS cluster, as in nats://a:4222,b:4222,c:4222"),
            (
                "nats://planted:secret@a",
                "it has a user or a token in it, which would be seen in lists of processes and in logs: give ?credentials=FILE, or \
                 NATS_USER and NATS_PASSWORD, or NATS_TOKEN, in the environment",
            ),
            ("nats://a,", "the server \"\" is not a host, or a host and a port, as in a:4222"),
            ("nats://a:x", "the server \"a:x\" is not a host, or a host and a port, as in a:4222"),
            ("nats://a?replicas=0", "replicas is \"0\": it is 1 to 5"),
            ("nats://a?lease=1", "lease is \"1\": it is 2 to 3600 seconds"),
            ("nats://a?stream=a.b", "stream is \"a.b\": it is 1 to 32 letters, digits, - and _"),
            ("nats://a?node=", "node is \"\": it is 1 to 64 letters, digits, -, _ and ."),
            ("nats://a?monitor=a", "monitor is \"a\": it is a host and a port, as in a:8222,b:8222"),
            ("nats://a?ca=", "ca is \"\": it is a file"),
            (
                "nats://a?leese=1",
                "\"leese\" is not known: after ? may stand stream, replicas, lease, node, credentials, nkey, ca, certificate, key and monitor",
            ),
            (
                "tls://a?credentials=a&nkey=b",
                "credentials and nkey are two users of NATS: one of them has to go",
            ),
            (
                "tls://a?key=b",
                "certificate and key belong together: a certificate is shown by whoever has its key",
            ),
        ] {
            assert_eq!(text.parse::<NatsAddress>().unwrap_err().to_string(), error);
        }
    }
}
