//! What became of a send: the exit code, and what a person has to know, in words.
//!
//! Every message is one line. It never holds a password, a key, PEM text or content; texts that came from
//! outside are shortened and their control characters escaped ([`crate::shown`]).

use std::fmt;

use crate::bindings::Meta;
use crate::bindings::publisher::{
    ConnectOptions, Error, Failure, Progress, Qos, Receipt, Refusal, Transport,
};
use crate::broker::Scheme;
use crate::confidential::Message;
use crate::problem::Invalid;
use crate::publication::Remarks;
use crate::qos;
use crate::shown::{self, Shown};

/// How an execution ends, as a number. 1 to 5 (CONNACK return codes of MQTT 3.1.1) and 128 to 255 (reason
/// codes of MQTT 5) are the broker's and stand for themselves.
pub mod code {
    /// Sent: the quality of service that was asked for has been reached.
    pub const SENT: i32 = 0;
    /// A parameter is missing, unknown or wrong.
    pub const PARAMETER: i32 = 64;
    /// A certificate, key or CA file could not be read or used.
    pub const CREDENTIAL: i32 = 66;
    /// The broker's host name was not found.
    pub const HOST_NOT_FOUND: i32 = 68;
    /// The broker could not be reached.
    pub const UNREACHABLE: i32 = 69;
    /// A fault of the connector or its host.
    pub const FAULT: i32 = 70;
    /// The connection was lost before the message was sent.
    pub const LOST: i32 = 74;
    /// Timed out before the message was sent.
    pub const TIMED_OUT: i32 = 75;
    /// The broker broke the protocol.
    pub const PROTOCOL: i32 = 76;
    /// The tenant's grants or limits do not allow it.
    pub const DENIED: i32 = 77;
    /// TLS failed.
    pub const TLS: i32 = 78;
    /// Sent, but not acknowledged: it may have arrived.
    pub const UNACKNOWLEDGED: i32 = 79;
}

/// The answer to a configuration and a request that are wrong: exit code 64.
pub fn invalid(invalid: &Invalid<'_>) -> Meta {
    Meta { exit_code: code::PARAMETER, message: invalid.to_string() }
}

/// The answer when the publisher gave another number of results than it got messages: exit code 70.
pub fn wrong_count(results: usize, messages: usize) -> Meta {
    let message = format!(
        "A fault of the host: its publisher answered {results} results for {messages} messages. Whether the message was sent is not known."
    );
    Meta { exit_code: code::FAULT, message }
}

/// The answer to a request of a batch that has been passed over, which a fault of the connector would be: 70.
pub fn unanswered() -> Meta {
    Meta {
        exit_code: code::FAULT,
        message: "A fault of the connector: the request was passed over.".to_owned(),
    }
}

/// The answer of a dry run that found nothing wrong.
pub fn checked(options: &ConnectOptions, message: &Message, remarks: &Remarks) -> Meta {
    let text = format!(
        "The message would be sent with QoS {} to topic {} at {}.{}",
        qos::number(message.qos),
        Shown::quoted(&message.topic, shown::TOPIC),
        Address::new(options, remarks),
        Lowered { asked: remarks.lowered_for_aws, sent: message.qos, who: "AWS IoT has no QoS 2" },
    );
    Meta { exit_code: code::SENT, message: text }
}

/// Makes the answers to messages that were handed to the publisher over one connection.
///
/// What one answer has in common with the one before it is put into words once.
pub struct Answers<'a> {
    options: &'a ConnectOptions,
    said: Option<Said<'a>>,
}

impl<'a> Answers<'a> {
    /// Answers about messages over the connection with these options.
    pub fn new(options: &'a ConnectOptions) -> Self {
        Answers { options, said: None }
    }

    /// The answer to one message.
    pub fn published(
        &mut self,
        message: &'a Message,
        remarks: &Remarks,
        result: Result<&Receipt, &Error>,
    ) -> Meta {
        let receipt = match result {
            Ok(receipt) => receipt,
            Err(error) => return failed(self.options, message, remarks, error),
        };
        let about = About { asked: message.qos, sent: receipt.qos, remarks: *remarks };
        let mut said = match self.said.take() {
            Some(said) if said.about == about => said,
            Some(_) | None => Said::new(self.options, about, &message.topic),
        };
        let text = said.of(&message.topic, receipt.elapsed_microseconds);
        self.said = Some(said);
        Meta { exit_code: code::SENT, message: text }
    }
}

/// All that the answer to a message that was sent depends on, but for its topic and its time.
#[derive(PartialEq, Eq)]
struct About {
    asked: Qos,
    sent: Qos,
    remarks: Remarks,
}

/// The answer to a message that was sent, in pieces: `start`, the topic, `middle`, the time, `end`.
struct Said<'a> {
    about: About,
    start: String,
    topic: &'a str,
    shown_topic: String,
    middle: String,
    end: String,
}

impl<'a> Said<'a> {
    fn new(options: &ConnectOptions, about: About, topic: &'a str) -> Self {
        let About { asked, sent, remarks } = &about;
        let lowered = match remarks.lowered_for_aws {
            Some(asked) => Lowered { asked: Some(asked), sent: *sent, who: "AWS IoT has no QoS 2" },
            None if qos::number(*sent) < qos::number(*asked) => {
                Lowered { asked: Some(*asked), sent: *sent, who: "the broker has no higher one" }
            }
            None => Lowered { asked: None, sent: *sent, who: "" },
        };
        let never = if *sent == Qos::AtMostOnce { " (never acknowledged)" } else { "" };
        Said {
            start: format!("Sent with QoS {}{never} to topic ", qos::number(*sent)),
            topic,
            shown_topic: Self::shown(topic),
            middle: format!(" at {} in ", Address::new(options, remarks)),
            end: format!(" ms.{lowered}"),
            about,
        }
    }

    fn shown(topic: &str) -> String {
        Shown::quoted(topic, shown::TOPIC).to_string()
    }

    fn of(&mut self, topic: &'a str, microseconds: u64) -> String {
        if self.topic != topic {
            (self.topic, self.shown_topic) = (topic, Self::shown(topic));
        }
        let tenths = microseconds / 100;
        // By hand: `write!` takes as long as all the rest of an answer.
        let mut number = [0; 20];
        let mut digits = 0;
        let mut rest = tenths / 10;
        for digit in number.iter_mut().rev() {
            *digit = decimal(rest);
            digits += 1;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        // No byte more than needed: what leaves the component would be moved to fit.
        let around = self.start.len() + self.shown_topic.len() + self.middle.len() + self.end.len();
        let mut text = String::with_capacity(around + digits + 2);
        text.push_str(&self.start);
        text.push_str(&self.shown_topic);
        text.push_str(&self.middle);
        text.extend(number.iter().skip(number.len() - digits).copied().map(char::from));
        text.push('.');
        text.push(char::from(decimal(tenths)));
        text.push_str(&self.end);
        text
    }
}

/// The last digit of a number, as a character.
fn decimal(number: u64) -> u8 {
    b'0' + u8::try_from(number % 10).unwrap_or_default()
}

/// The broker as messages name it: `scheme://host:port`.
struct Address<'a> {
    scheme: Scheme,
    host: &'a str,
    port: u16,
}

impl<'a> Address<'a> {
    fn new(options: &'a ConnectOptions, remarks: &Remarks) -> Self {
        let (host, port) =
            options.brokers.first().map_or(("", 0), |broker| (broker.host.as_str(), broker.port));
        Address { scheme: remarks.scheme, host, port }
    }
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = (self.scheme.as_str(), self.host, self.port);
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

/// Says that the message has, or will have, a lower quality of service than was asked for, if it has.
struct Lowered {
    asked: Option<Qos>,
    sent: Qos,
    who: &'static str,
}

impl fmt::Display for Lowered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.asked {
            None => Ok(()),
            Some(asked) => {
                let (asked, sent) = (qos::number(asked), qos::number(self.sent));
                write!(f, " QoS {asked} was asked for, and {}: QoS {sent} instead.", self.who)
            }
        }
    }
}

fn failed(options: &ConnectOptions, message: &Message, remarks: &Remarks, error: &Error) -> Meta {
    let address = Address::new(options, remarks);
    let is_tls = options
        .brokers
        .iter()
        .any(|broker| matches!(broker.transport, Transport::Tls | Transport::WebsocketTls));
    let mut may_want_certificate = false;
    let (exit_code, mut text) = match error {
        Error::Denied(reason) => {
            (code::DENIED, format!("Not sent, it is not allowed: {}.", sentence(reason)))
        }
        Error::UnusableCredential(reason) => (
            code::CREDENTIAL,
            format!("Not sent, a certificate or key cannot be used: {}.", sentence(reason)),
        ),
        Error::HostNotFound(reason) => (
            code::HOST_NOT_FOUND,
            format!("Not sent, the host of the broker {address} was not found: {}.", sentence(reason)),
        ),
        Error::Unreachable(reason) => (
            code::UNREACHABLE,
            format!("Not sent, the broker {address} could not be reached: {}.", sentence(reason)),
        ),
        Error::Tls(reason) => {
            may_want_certificate = true;
            (code::TLS, format!("Not sent, TLS with the broker {address} failed: {}.", sentence(reason)))
        }
        Error::ConnectionRefused(refusal) => {
            may_want_certificate = matches!(refusal.code, 4 | 5 | 134 | 135);
            refused(&address, refusal)
        }
        Error::PublishRefused(refusal) => publish_refused(&address, refusal),
        Error::Disconnected(disconnection) => publish_refused(&address, &disconnection.refusal),
        Error::TooLarge(reason) => {
            (code::DENIED, format!("Not sent, it is too large: {}.", sentence(reason)))
        }
        Error::ConnectionLost(failure) => match failure.progress {
            Progress::NotSent => {
                may_want_certificate = is_tls;
                (
                    code::LOST,
                    format!(
                        "Not sent, the connection to the broker {address} was lost before: {}. Sending it again is safe.",
                        sentence(&failure.reason)
                    ),
                )
            }
            Progress::SentUnacknowledged => {
                perhaps(&address, message.qos, "the connection was lost", failure)
            }
        },
        Error::TimedOut(failure) => match failure.progress {
            Progress::NotSent => (
                code::TIMED_OUT,
                format!(
                    "Not sent, the time was over before, with the broker {address}: {}. Sending it again is safe.",
                    sentence(&failure.reason)
                ),
            ),
            Progress::SentUnacknowledged => perhaps(&address, message.qos, "the time was over", failure),
        },
        Error::Protocol(failure) => match failure.progress {
            Progress::NotSent => (
                code::PROTOCOL,
                format!("Not sent, the broker {address} broke the protocol: {}.", sentence(&failure.reason)),
            ),
            Progress::SentUnacknowledged => {
                perhaps(&address, message.qos, "the broker broke the protocol", failure)
            }
        },
    };
    if may_want_certificate && remarks.unused_certificate {
        text.push_str(
            " certificate and private-key were given but not used, because use-certificate is false: \
             if the broker wants them, set it to true.",
        );
    }
    Meta { exit_code, message: text }
}

/// A reason fit to stand inside a sentence: shown, and without a full stop of its own.
fn sentence(reason: &str) -> Shown<'_> {
    let reason = reason.trim().trim_end_matches('.');
    Shown::plain(if reason.is_empty() { "no reason was given" } else { reason }, shown::REASON)
}

/// The message was handed to the network, and nobody knows whether it arrived.
fn perhaps(address: &Address<'_>, qos: Qos, what: &str, failure: &Failure) -> (i32, String) {
    let again = match qos {
        Qos::AtMostOnce => "",
        Qos::AtLeastOnce => " Sending it again is safe.",
        Qos::ExactlyOnce => " Sending it again may duplicate it.",
    };
    let reason = sentence(&failure.reason);
    let text = format!(
        "Sent to the broker {address}, but not acknowledged: {what} ({reason}). It may have arrived.{again}"
    );
    (code::UNACKNOWLEDGED, text)
}

/// CONNACK with a return code of MQTT 3.1.1 (section 3.2.2.3) or a reason code of MQTT 5 (section 3.2.2.2).
fn refused(address: &Address<'_>, refusal: &Refusal) -> (i32, String) {
    let meaning = match refusal.code {
        1 => "it does not speak this version of MQTT. Look at protocol-version",
        2 => "it does not allow the client identifier. Look at client-id",
        3 => "its MQTT service is unavailable. Try again later",
        4 => "the user name or the password is wrong. Look at username and password",
        5 => "the client is not authorised to connect. Look at username, password and client-id",
        128..=u8::MAX => {
            let text = format!(
                "Not sent, the broker {address} refused the connection with reason code {}: {}.",
                refusal.code,
                sentence(&refusal.reason)
            );
            return (i32::from(refusal.code), text);
        }
        6..=127 => {
            let text = format!(
                "Not sent, the broker {address} refused the connection with return code {}, which the standard does not have.",
                refusal.code
            );
            return (code::PROTOCOL, text);
        }
        0 => {
            return (
                code::FAULT,
                "A fault of the host: it took a return code of 0 for a refusal.".to_owned(),
            );
        }
    };
    let text = format!(
        "Not sent, the broker {address} refused the connection with return code {}: {meaning}.",
        refusal.code
    );
    (i32::from(refusal.code), text)
}

/// MQTT 5: PUBACK or PUBREC with a reason code from 128 (sections 3.4.2.1 and 3.5.2.1).
fn publish_refused(address: &Address<'_>, refusal: &Refusal) -> (i32, String) {
    match refusal.code {
        128..=u8::MAX => {
            let (code, reason) = (refusal.code, sentence(&refusal.reason));
            let text = format!("The broker {address} refused the message with reason code {code}: {reason}.");
            (i32::from(code), text)
        }
        0..=127 => {
            let text =
                format!("A fault of the host: it took the reason code {} for a refusal.", refusal.code);
            (code::FAULT, text)
        }
    }
}
