//! Why a message was not acknowledged, and what is suspicious about one that can be sent.

#[cfg(feature = "wasmtime")]
use wasmtime::component::{ComponentType, Lift, Lower};

/// Whether the message can have reached the broker: what a retry has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(enum))]
#[repr(u8)]
pub enum Progress {
    /// The broker cannot have the whole message.
    #[cfg_attr(feature = "wasmtime", component(name = "not-sent"))]
    NotSent,
    /// The whole message was handed to the network: the broker may have it.
    #[cfg_attr(feature = "wasmtime", component(name = "sent-unacknowledged"))]
    SentUnacknowledged,
}

/// The broker said no.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct Refusal {
    /// Which of the brokers, counted from 0.
    pub broker: u32,
    /// The return code (MQTT 3.1.1) or reason code (MQTT 5.0).
    pub code: u8,
    /// The broker's own words, or what the host knows besides the code; may be empty.
    pub reason: String,
    /// The other server that the broker names (MQTT 5.0, section 4.11). Redirects are not followed.
    #[cfg_attr(feature = "wasmtime", component(name = "server-reference"))]
    pub server_reference: Option<String>,
}

/// Something broke on the way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct Failure {
    /// Which of the brokers, counted from 0; the last one that was tried.
    pub broker: u32,
    /// Whether the message may have arrived.
    pub progress: Progress,
    /// What broke, and while waiting for what.
    pub reason: String,
}

/// The broker ended the connection and said why (MQTT 5.0, section 3.14).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct Disconnection {
    /// Whether the message may have arrived.
    pub progress: Progress,
    /// What the broker said.
    pub refusal: Refusal,
}

/// Why a message was not acknowledged. Every text names what was wrong and never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(variant))]
pub enum Error {
    /// The tenant's grants or limits do not allow it.
    #[cfg_attr(feature = "wasmtime", component(name = "denied"))]
    Denied(String),
    /// A certificate, key or CA could not be read or used; names the parameter and the file.
    #[cfg_attr(feature = "wasmtime", component(name = "unusable-credential"))]
    UnusableCredential(String),
    /// The name look-up gave no address.
    #[cfg_attr(feature = "wasmtime", component(name = "host-not-found"))]
    HostNotFound(String),
    /// No address of the broker accepted a connection.
    #[cfg_attr(feature = "wasmtime", component(name = "unreachable"))]
    Unreachable(String),
    /// The handshake failed or the server could not be verified.
    #[cfg_attr(feature = "wasmtime", component(name = "tls"))]
    Tls(String),
    /// CONNACK with a return code other than 0 (3.1.1: 1 to 5; 5.0: a reason code from 128).
    #[cfg_attr(feature = "wasmtime", component(name = "connection-refused"))]
    ConnectionRefused(Refusal),
    /// MQTT 5: PUBACK or PUBREC with a reason code from 128, or what CONNACK rules out before anything is sent: 149, a
    /// packet larger than Maximum Packet Size; 154, a message to retain where Retain Available is 0.
    #[cfg_attr(feature = "wasmtime", component(name = "publish-refused"))]
    PublishRefused(Refusal),
    /// MQTT 5: DISCONNECT with a reason code from 128 in place of an acknowledgement.
    #[cfg_attr(feature = "wasmtime", component(name = "disconnected"))]
    Disconnected(Disconnection),
    /// The connection ended before the message was settled.
    #[cfg_attr(feature = "wasmtime", component(name = "connection-lost"))]
    ConnectionLost(Failure),
    /// The timeout was over before the message was settled.
    #[cfg_attr(feature = "wasmtime", component(name = "timed-out"))]
    TimedOut(Failure),
    /// The message is larger than the host or the tenant allows.
    #[cfg_attr(feature = "wasmtime", component(name = "too-large"))]
    TooLarge(String),
    /// The broker broke the protocol.
    #[cfg_attr(feature = "wasmtime", component(name = "protocol"))]
    Protocol(Failure),
    /// The host's machine has too little of something, which was found out before anything was sent. The text goes on
    /// after "this machine has", as in "too few file descriptors left (see ulimit -n), while connecting to the broker".
    #[cfg_attr(feature = "wasmtime", component(name = "shortage"))]
    Shortage(String),
}

/// A parameter that names certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(enum))]
#[repr(u8)]
pub enum CertificateParameter {
    /// The client's certificate and its intermediates: of several, the one whose time is over first.
    #[cfg_attr(feature = "wasmtime", component(name = "certificate"))]
    Certificate,
    /// The trust anchors: of several, the one whose time is over last.
    #[cfg_attr(feature = "wasmtime", component(name = "root-ca-crt"))]
    RootCaCrt,
}

/// How far a certificate is from the beginning or the end of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(record))]
pub struct CertificateTime {
    /// The parameter that names the certificate.
    pub parameter: CertificateParameter,
    /// How far, in seconds.
    pub seconds: u64,
}

/// What is suspicious and not wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "wasmtime", derive(ComponentType, Lift, Lower), component(variant))]
pub enum Remark {
    /// The certificate is valid in so many seconds, and not before.
    #[cfg_attr(feature = "wasmtime", component(name = "not-yet-valid"))]
    NotYetValid(CertificateTime),
    /// The certificate expires in so many seconds, which are 30 days at most.
    #[cfg_attr(feature = "wasmtime", component(name = "expires"))]
    Expires(CertificateTime),
    /// The certificate expired so many seconds ago.
    #[cfg_attr(feature = "wasmtime", component(name = "expired"))]
    Expired(CertificateTime),
    /// The tenant's limit gives the call so many milliseconds, which are fewer than the retry policy asks for.
    #[cfg_attr(feature = "wasmtime", component(name = "timeout-capped"))]
    TimeoutCapped(u32),
    /// Anything else, as a sentence without its full stop.
    #[cfg_attr(feature = "wasmtime", component(name = "other"))]
    Other(String),
}
