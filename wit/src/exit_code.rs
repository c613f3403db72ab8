//! How a send ended, as a number: the one table of the exit codes.
//!
//! The component answers with them, its host believes no others, and the README, the help of the command line and whoever
//! sends again go by [`TABLE`].

pub mod reason_code;

use Delivery::{NotSent, Reached, Uncertain};
use Retry::{Later, No, Yes};
use reason_code::NAMES;

/// The message reached its quality of service.
pub const SENT: i32 = 0;
/// A parameter is missing, unknown or wrong, or the command line is.
pub const PARAMETER: i32 = 64;
/// A file, or what stands in its place, cannot be read or used.
pub const UNUSABLE_FILE: i32 = 66;
/// The broker's host name was not found.
pub const HOST_NOT_FOUND: i32 = 68;
/// The broker could not be reached.
pub const UNREACHABLE: i32 = 69;
/// A fault of the connector or its host.
pub const FAULT: i32 = 70;
/// The machine has too little of something.
pub const SHORTAGE: i32 = 71;
/// The connection was lost before the message was sent.
pub const CONNECTION_LOST: i32 = 74;
/// Timed out before the message was sent, or ended by somebody.
pub const TIMED_OUT: i32 = 75;
/// The broker broke the protocol before the message was sent.
pub const PROTOCOL: i32 = 76;
/// The tenant's grants or limits do not allow it.
pub const DENIED: i32 = 77;
/// TLS failed.
pub const TLS: i32 = 78;
/// The message may have arrived.
pub const UNCERTAIN: i32 = 79;

/// What is known about one exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitCode {
    /// The number: 0 to 255, so that it can be the exit status of a process.
    pub code: i32,
    /// A name of few words. Of the broker's own codes it is the standard's.
    pub name: &'static str,
    /// What it means, in words that begin small and have no full stop.
    pub meaning: &'static str,
    /// What became of the message, as far as the code alone tells.
    pub delivery: Delivery,
    /// Whether to send the message again.
    pub retry: Retry,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// It reached its quality of service: written to the socket (QoS 0), PUBACK (QoS 1), PUBCOMP (QoS 2).
    Reached,
    /// It was not delivered, and will not be.
    NotSent,
    /// It may have been delivered. That holds for each reason code that DISCONNECT may have: such a code alone does not tell
    /// whether the broker ended the connection before the message was sent or after.
    Uncertain,
}

impl Delivery {
    /// The word for it: `reached`, `not-sent` or `uncertain`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::NotSent => "not-sent",
            Self::Uncertain => "uncertain",
        }
    }
}

/// Whether to send a message again that was not delivered. One that may have been ([`Delivery::Uncertain`]) may arrive twice
/// then, whatever this says, which QoS 1 allows and QoS 2 does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// It would end the same way until somebody changes something.
    No,
    /// It may end better at once.
    Yes,
    /// It may end better after a while, without anybody changing anything.
    Later,
}

impl Retry {
    /// The word for it: `no`, `yes` or `later`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Yes => "yes",
            Self::Later => "later",
        }
    }
}

impl ExitCode {
    /// What is known about this exit code; `None` when there is none with this number.
    #[must_use]
    pub fn find(code: i32) -> Option<&'static ExitCode> {
        let index = TABLE.binary_search_by_key(&code, |known| known.code).ok()?;
        TABLE.get(index)
    }

    const fn new(
        code: i32,
        name: &'static str,
        delivery: Delivery,
        retry: Retry,
        meaning: &'static str,
    ) -> Self {
        ExitCode { code, name, meaning, delivery, retry }
    }

    /// A reason code of MQTT 5, which has the standard's name.
    const fn of(code: u8, delivery: Delivery, retry: Retry, meaning: &'static str) -> Self {
        let name = NAMES[(code - reason_code::FIRST) as usize];
        ExitCode { code: code as i32, name, meaning, delivery, retry }
    }
}

/// Every exit code, by number: those of the connector; CONNACK return codes of MQTT 3.1.1 (section 3.2.2.3), 1 to 5; and
/// reason codes of MQTT 5 that say no (section 2.4), 128 to 162.
pub static TABLE: [ExitCode; 53] = [
    ExitCode::new(
        SENT,
        "sent",
        Reached,
        No,
        "sent: written to the socket (QoS 0), PUBACK (QoS 1), PUBCOMP (QoS 2)",
    ),
    ExitCode::new(
        1,
        "unacceptable protocol version",
        NotSent,
        No,
        "the broker does not speak this version of MQTT",
    ),
    ExitCode::new(
        2,
        "client identifier rejected",
        NotSent,
        No,
        "the broker does not allow the client identifier",
    ),
    ExitCode::new(3, "server unavailable", NotSent, Later, "the broker's MQTT service is unavailable"),
    ExitCode::new(4, "bad user name or password", NotSent, No, "the user name or the password is wrong"),
    ExitCode::new(5, "not authorised", NotSent, No, "the client is not authorised to connect"),
    ExitCode::new(
        PARAMETER,
        "wrong parameter",
        NotSent,
        No,
        "a parameter is missing, unknown or wrong, or the command line is",
    ),
    ExitCode::new(
        UNUSABLE_FILE,
        "unusable file",
        NotSent,
        No,
        "a certificate, key or CA file could not be read or used, or a file that the command line names (a `--component` \
         that is not one: 70)",
    ),
    ExitCode::new(HOST_NOT_FOUND, "host not found", NotSent, Later, "the broker's host name was not found"),
    ExitCode::new(
        UNREACHABLE,
        "unreachable",
        NotSent,
        Later,
        "the broker could not be reached, or its proxy could not or would not",
    ),
    ExitCode::new(
        FAULT,
        "fault of the connector",
        Uncertain,
        No,
        "a fault of the connector itself: a trap, a limit hit by the component, a broken invariant; the message says whether \
         something was sent before",
    ),
    ExitCode::new(
        SHORTAGE,
        "shortage",
        NotSent,
        Later,
        "this machine has too few descriptors or threads left, or too little memory: the message says which",
    ),
    ExitCode::new(
        CONNECTION_LOST,
        "connection lost",
        NotSent,
        Yes,
        "the connection was lost before the message was sent",
    ),
    ExitCode::new(TIMED_OUT, "timed out", NotSent, Yes, "timed out before the message was sent"),
    ExitCode::new(
        PROTOCOL,
        "protocol broken",
        NotSent,
        No,
        "the broker broke the protocol before the message was sent",
    ),
    ExitCode::new(DENIED, "not allowed", NotSent, No, "the tenant's grants or limits do not allow it"),
    ExitCode::new(TLS, "TLS failed", NotSent, No, "TLS failed: the handshake, or the server's certificate"),
    ExitCode::new(
        UNCERTAIN,
        "uncertain",
        Uncertain,
        No,
        "sent, but not acknowledged: it may have arrived, and sent again it may arrive twice, which QoS 1 allows",
    ),
    ExitCode::of(128, Uncertain, No, "the broker gives no reason"),
    ExitCode::of(129, Uncertain, No, "the broker could not read a packet"),
    ExitCode::of(130, Uncertain, No, "the broker did not expect a packet, or what it holds"),
    ExitCode::of(131, Uncertain, No, "the broker has a reason of its own, which its words may tell"),
    ExitCode::of(132, NotSent, No, "the broker does not speak MQTT 5"),
    ExitCode::of(133, NotSent, No, "the broker does not allow the client identifier"),
    ExitCode::of(134, NotSent, No, "the broker does not accept the user name or the password"),
    ExitCode::of(135, Uncertain, No, "the client may not connect, or not publish to the topic"),
    ExitCode::of(136, NotSent, Later, "the broker's MQTT service is unavailable"),
    ExitCode::of(137, Uncertain, Later, "the broker is busy"),
    ExitCode::of(138, NotSent, No, "the broker's administrator has banned the client"),
    ExitCode::of(139, Uncertain, Later, "the broker is shutting down"),
    ExitCode::of(140, NotSent, No, "the broker wants another way to authenticate"),
    ExitCode::of(141, Uncertain, Later, "the broker has heard nothing from the client for too long"),
    ExitCode::of(142, Uncertain, No, "another client came with the same client identifier"),
    ExitCode::of(143, Uncertain, No, "the broker does not accept a topic filter"),
    ExitCode::of(144, Uncertain, No, "the broker does not accept the topic"),
    ExitCode::of(145, NotSent, No, "the packet identifier is in use in the session"),
    ExitCode::of(146, Uncertain, No, "the broker does not know the packet identifier"),
    ExitCode::of(147, Uncertain, No, "the broker was sent more messages at a time than it allows"),
    ExitCode::of(148, Uncertain, No, "the broker does not accept a topic alias"),
    ExitCode::of(149, Uncertain, No, "the packet is larger than the broker allows"),
    ExitCode::of(150, Uncertain, Later, "the client sends more often than the broker allows"),
    ExitCode::of(151, Uncertain, Later, "a quota of the broker is used up"),
    ExitCode::of(152, Uncertain, No, "the broker's administrator has ended the connection"),
    ExitCode::of(153, Uncertain, No, "the content is not what payload-format-indicator says"),
    ExitCode::of(154, Uncertain, No, "the broker keeps no messages for later subscribers"),
    ExitCode::of(155, Uncertain, No, "the broker does not have the quality of service"),
    ExitCode::of(156, Uncertain, No, "the client is to use another server for now"),
    ExitCode::of(157, Uncertain, No, "the client is to use another server from now on"),
    ExitCode::of(158, Uncertain, No, "the broker has no shared subscriptions"),
    ExitCode::of(159, Uncertain, Later, "clients connect to the broker more often than it allows"),
    ExitCode::of(160, Uncertain, Later, "the connection has lasted as long as the broker allows"),
    ExitCode::of(161, Uncertain, No, "the broker has no subscription identifiers"),
    ExitCode::of(162, Uncertain, No, "the broker has no subscriptions with wildcards"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_each_code_once_and_can_be_searched() {
        let own = [
            SENT,
            PARAMETER,
            UNUSABLE_FILE,
            HOST_NOT_FOUND,
            UNREACHABLE,
            FAULT,
            SHORTAGE,
            CONNECTION_LOST,
            TIMED_OUT,
            PROTOCOL,
            DENIED,
            TLS,
            UNCERTAIN,
        ];
        let mut all: Vec<i32> = own.into_iter().chain(1..=5).chain(128..=162).collect();
        all.sort_unstable();
        assert!(TABLE.iter().map(|known| known.code).eq(all.iter().copied()));
        for code in i32::from(u8::MIN) - 1..=i32::from(u8::MAX) + 1 {
            assert_eq!(ExitCode::find(code).map(|known| known.code), all.contains(&code).then_some(code));
        }
        assert_eq!(ExitCode::find(i32::MAX), None);
    }

    #[test]
    fn what_was_delivered_or_may_have_been_is_known_from_the_code() {
        let with =
            |delivery| TABLE.iter().filter(move |known| known.delivery == delivery).map(|known| known.code);
        assert!(with(Reached).eq([0]));
        // MQTT 5.0, section 3.14.2.1: the reason codes that the server's DISCONNECT may have; 128 is the first that says no.
        // 146 may come for PUBREL (section 3.6.2.1), when the message has arrived perhaps.
        let disconnect =
            [128..=131, 135..=135, 137..=137, 139..=139, 141..=144, 146..=162].into_iter().flatten();
        assert!(with(Uncertain).eq([70, 79].into_iter().chain(disconnect)));
    }

    #[test]
    fn what_may_pass_by_itself_is_sent_again() {
        let with = |retry| TABLE.iter().filter(move |known| known.retry == retry).map(|known| known.code);
        assert!(with(Yes).eq([74, 75]));
        assert!(with(Later).eq([3, 68, 69, 71, 136, 137, 139, 141, 150, 151, 159, 160]));
    }
}
